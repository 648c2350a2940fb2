"""`recon`: the product from a terminal. Not here: what a command does, and which there are (`commands`)."""

import sys


def main() -> None:
    """Entry point. A known error is one sentence and exit code 1; a wrong configuration or usage is exit code 2."""
    from recon_assets.cli.collector import collect_rarely

    collect_rarely()

    import typer

    from recon_assets.cli.commands import app_for
    from recon_assets.cli.many_values import spread
    from recon_assets.domain.errors import ConfigurationError, ReconError

    try:
        app_for(sys.argv[1:])(spread(sys.argv[1:]))
    except ConfigurationError as error:
        typer.secho(f"recon: {error}", fg="red", err=True)
        sys.exit(2)
    except ReconError as error:
        typer.secho(f"recon: {error}", fg="red", err=True)
        sys.exit(1)
