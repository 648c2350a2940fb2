"""`recon dagster-sync`: tell Dagster what the record knows, after its storage was emptied or replaced."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import business_date, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon_assets.configuration import Configuration
    from recon_assets.settings import Settings

DAYS_AT_ONCE: Final = 200
"""Of one processor, oldest first: some 1,400 materialisations and 3,000 evaluations are in memory."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dagster-sync")(dagster_sync)


def dagster_sync(
    processors: Annotated[
        list[str] | None, typer.Option("--processors", help="One or several; all configured ones if left out.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="First business date; all if left out.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last business date; the newest if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Report also what Dagster knows already.")] = False,
) -> None:
    """Report every current answer's assets and checks to Dagster again, from the record: nothing is run.

    For a storage of Dagster's that is new, was emptied or restored from an older copy. What Dagster knows already is
    left as it is. The record is only read.
    """
    from recon_assets.cli.run import refuse
    from recon_assets.configuration import Configuration

    settings = load_settings()
    configuration = Configuration.load(settings)
    names = list(dict.fromkeys(processors or sorted(configuration.processors)))
    unknown = [name for name in names if name not in configuration.processors]
    if unknown:
        refuse(f"unknown processor: {', '.join(unknown)}. Configured: {', '.join(sorted(configuration.processors))}")
    first, last = (business_date(text) if text else None for text in (since, until))
    if first and last and first > last:
        refuse(f"--from {first} is after --to {last}")
    _sync(settings, _chunks(configuration, names, first, last), force=force)


def _chunks(
    configuration: "Configuration", names: list[str], first: date | None, last: date | None
) -> list[tuple[str, date, date]]:
    """Parts of the range, oldest first, that are done one at a time."""
    chunks = []
    for name in names:
        config = configuration.processors[name]
        since = max(first or config.start_date, config.start_date)
        until = min(last or date.max, config.last_ended_business_date(datetime.now(UTC)))
        while since <= until:
            end = min(since + timedelta(days=DAYS_AT_ONCE - 1), until)
            chunks.append((name, since, end))
            since = end + timedelta(days=1)
    return chunks


def _sync(settings: "Settings", chunks: list[tuple[str, date, date]], *, force: bool) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from recon_assets.automation.syncing import Synced, Syncing
    from recon_assets.cli.console import open_console
    from recon_assets.cli.dagster_runs import dagsters_own_instance
    from recon_assets.resources.storage import Storage
    from recon_assets.store.current_answers import current_answers
    from recon_assets.store.database import open_database

    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    total = Synced()
    with (
        open_database(settings) as database,
        dagsters_own_instance(settings) as instance,
        Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress,
    ):
        syncing = Syncing(instance, Storage.from_settings(settings).archive)
        task = progress.add_task("reading", total=len(chunks))
        say: Callable[[str], None] = progress.console.print if terminal.is_terminal else typer.echo
        for name, since, until in chunks:
            progress.update(task, description=f"{name} {since}")
            with database.connect(read_only=True) as connection:
                answers = current_answers(connection, processors=[name], since=since, until=until)
            synced = syncing.report(answers, force=force)
            total += synced
            progress.advance(task)
            if synced.answers:
                say(f"{name} {since} to {until}: {synced}")
    open_console().print(f"Told Dagster: {total}", highlight=False, soft_wrap=True)
