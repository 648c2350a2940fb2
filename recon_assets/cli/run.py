"""`recon run`: reconcile processors for a day."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from recon_assets.cli.options import WRONG_USAGE, business_date, load_settings, yesterday

if TYPE_CHECKING:
    from recon_assets.cli.outcome import DayOutcome
    from recon_assets.configuration import Configuration
    from recon_assets.settings import Settings

STAGES = 7


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    processors: Annotated[
        list[str] | None, typer.Option("--processors", help="One or several; all configured ones if left out.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", help="Business date, YYYY-MM-DD; yesterday in UTC if left out.")
    ] = None,
) -> None:
    """Reconcile processors for one business date.

    Exit code 0: every processor has a conclusion (reconciled, or discrepancies found and named); 1: one failed or is
    incomplete; 2: wrong usage.
    """
    from recon_assets.configuration import Configuration

    settings = load_settings()
    configuration = Configuration.load(settings)
    wanted = business_date(day) if day else yesterday()
    names = checked_processors(processors or sorted(configuration.processors), configuration, wanted, wanted)
    outcomes = run_days(settings, [(name, wanted) for name in names])
    raise typer.Exit(0 if all(outcome.has_conclusion for outcome in outcomes) else 1)


def run_days(settings: "Settings", days: list[tuple[str, date]]) -> "list[DayOutcome]":
    """Run processor-days in order, show progress and the table. One that fails does not stop the others."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from recon_assets.assets.progress import listening
    from recon_assets.cli.console import open_console
    from recon_assets.cli.dagster_runs import Runner, dagster_instance
    from recon_assets.cli.outcome import outcome_of, print_outcomes
    from recon_assets.store.database import open_database

    console = open_console()
    outcomes: list[DayOutcome] = []
    terminal = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress,
        open_database(settings) as database,
        dagster_instance(settings) as instance,
    ):
        task = progress.add_task("loading", total=STAGES * len(days))

        def show_stage(processor: str, stage: str) -> None:
            progress.update(task, description=f"{processor}: {stage.replace('_', ' ')}", advance=1)

        runner = Runner(settings, instance)
        with listening(show_stage):
            for number, (processor, day) in enumerate(days, start=1):
                finished = runner.run(processor, day)
                outcomes.append(outcome_of(database, settings, processor, day, finished))
                progress.update(task, completed=STAGES * number)
    print_outcomes(console, outcomes)
    return outcomes


def checked_processors(names: list[str], configuration: "Configuration", since: date, until: date) -> list[str]:
    """Each processor once, in the order given; unknown ones, and days not begun or not over, are wrong usage."""
    unknown = [name for name in names if name not in configuration.processors]
    if unknown:
        refuse(f"unknown processor: {', '.join(unknown)}. Configured: {', '.join(sorted(configuration.processors))}")
    now = datetime.now(UTC)
    for config in (configuration.processors[name] for name in names):
        last = config.last_ended_business_date(now)
        if until > last:
            refuse(f"{until} is not over yet at {config.name}; the last finished day is {last}")
        if since < config.start_date:
            refuse(f"{config.name} starts on {config.start_date}; for earlier days change start_date in its YAML")
    return list(dict.fromkeys(names))


def refuse(sentence: str) -> NoReturn:
    """Say why it is wrong usage and end with its exit code."""
    typer.secho(f"recon: {sentence}.", fg="red", err=True)
    raise typer.Exit(WRONG_USAGE)
