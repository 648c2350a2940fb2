"""What Dagster loads: the code location of this deployment, assembled in `recon_assets.assembly`, nothing else."""

from recon_assets.assembly import build_definitions
from recon_assets.observability.logs import install
from recon_assets.settings import Settings

_settings = Settings()
install(_settings.log_format)
defs = build_definitions(_settings)
