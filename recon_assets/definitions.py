"""What Dagster loads: the code location of this deployment, assembled in `recon_assets.assembly`, nothing else."""

from recon_assets.assembly import build_definitions
from recon_assets.observability import logs, traces
from recon_assets.settings import Settings

_settings = Settings()
logs.install(_settings.log_format)
traces.install(_settings.otlp_endpoint)
defs = build_definitions(_settings)
