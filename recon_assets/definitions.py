"""What Dagster loads: the code location of this deployment, assembled in `recon_assets.assembly`, nothing else."""

from recon_assets.assembly import build_definitions
from recon_assets.settings import Settings

defs = build_definitions(Settings())
