"""`python -m recon_assets.cli` is `recon`."""

from recon_assets.cli import main

main()
