"""`recon`: the product from a terminal. A module or folder per group of commands; heavy imports wait for their use."""

import sys

import typer

from recon_assets.cli import (
    archive,
    audit,
    check_feed,
    dagster_sync,
    database,
    demo,
    doctor,
    explain,
    init_processor,
    metrics,
    notify,
    retention,
    run,
    show,
    simulate,
    ui,
)
from recon_assets.cli.backfilling import command as backfill
from recon_assets.cli.many_values import spread
from recon_assets.cli.verifying import command as verify
from recon_assets.domain.errors import ConfigurationError, ReconError

app = typer.Typer(
    name="recon",
    help="Reconcile payment processors with the internal ledger: exact, proven, and never falsely green.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
run.register(app)
backfill.register(app)
show.register(app)
explain.register(app)
simulate.register(app)
notify.register(app)
doctor.register(app)
metrics.register(app)
database.register(app)
dagster_sync.register(app)
audit.register(app)
retention.register(app)
demo.register(app)
ui.register(app)
init_processor.register(app)
check_feed.register(app)
verify.register(app)
archive.register(app)


def main() -> None:
    """Entry point. A known error is one sentence and exit code 1; a wrong configuration or usage is exit code 2."""
    try:
        app(spread(sys.argv[1:]))
    except ConfigurationError as error:
        typer.secho(f"recon: {error}", fg="red", err=True)
        sys.exit(2)
    except ReconError as error:
        typer.secho(f"recon: {error}", fg="red", err=True)
        sys.exit(1)
