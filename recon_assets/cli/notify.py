"""`recon notify`: one round of notifications, for cron or by hand; the Dagster sensor does the same by itself."""

from typing import Annotated

import typer

from recon_assets.cli.options import load_settings

LONGEST_S = 600.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(notify)


def notify(
    again: Annotated[
        bool, typer.Option("--again", help="First put once more what was given up in the last seven days.")
    ] = False,
) -> None:
    """Tell people what is to be told: e-mail, chat, paging. Exit code 1 when something did not arrive.

    What did not arrive stays in the outbox and is tried again by the next round that is due. Several rounds at once
    send nothing twice.
    """
    from contextlib import closing

    from recon_assets.automation.notifications import summary
    from recon_assets.configuration import Configuration
    from recon_assets.resources.notifications import Notifier
    from recon_assets.resources.record import Record

    settings = load_settings()
    configuration = Configuration.load(settings)
    with closing(Record(settings)) as record:
        notifier = Notifier(settings, record, configuration)
        if again:
            typer.echo(f"{notifier.put_again()} put again.")
        told = notifier.round(longest_s=LONGEST_S)
    typer.echo(summary(told.round))
    if told.skipped_line:
        typer.echo(told.skipped_line)
    raise typer.Exit(1 if told.round.failed else 0)
