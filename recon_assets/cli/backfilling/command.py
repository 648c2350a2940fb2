"""`recon backfill`: reconcile a range of days, each a run of its own, in warm processes."""

import os
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import business_date, load_settings
from recon_assets.cli.run import checked_processors, refuse

if TYPE_CHECKING:
    from recon_assets.cli.backfilling.plan import Plan
    from recon_assets.cli.backfilling.text import Teller
    from recon_assets.cli.outcome import DayOutcome
    from recon_assets.configuration import Configuration
    from recon_assets.settings import Settings
    from recon_assets.store.database import Database

MAX_PROCESSOR_DAYS: Final = 20_000
"""Eleven years of five processors."""

ENDED_BY_CTRL_C: Final = 130
"""As a shell says it of a program that SIGINT ended."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backfill)


def backfill(
    since: Annotated[str, typer.Option("--from", help="First business date, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option("--to", help="Last business date, YYYY-MM-DD.")],
    processors: Annotated[
        list[str] | None, typer.Option("--processors", help="One or several; all configured ones if left out.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run also the days that are proven and unchanged.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="Processes at once, at most one a processor; as many as are worth it if left out."
        ),
    ] = None,
) -> None:
    """Reconcile a range of business dates, oldest first. Days that are proven and unchanged are left as they are.

    A day is run when it has no conclusion, or when its files, its processor's configuration or its rules of matching
    are other ones by now. A day that fails stops no other. Ctrl-C ends after the current day. Exit code 0: every day of
    the range has a conclusion; 1: some failed, are incomplete or are left; 2: wrong usage; 130: Ctrl-C, days are left.
    """
    from recon_assets.cli.backfilling.between_days import STOPPED
    from recon_assets.cli.backfilling.plan import days_between
    from recon_assets.cli.backfilling.text import Teller, not_run
    from recon_assets.configuration import Configuration
    from recon_assets.store.database import open_database

    settings = load_settings()
    configuration = Configuration.load(settings)
    first, last = business_date(since), business_date(until)
    if first > last:
        refuse(f"--from {first} is after --to {last}")
    names = checked_processors(processors or sorted(configuration.processors), configuration, first, last)
    days = days_between(first, last)
    if len(names) * len(days) > MAX_PROCESSOR_DAYS:
        refuse(f"{len(names) * len(days):,} processor-days are more than {MAX_PROCESSOR_DAYS:,}: take a part at a time")
    teller = Teller()
    with open_database(settings) as database:
        plan = _plan(database, settings, configuration, names, days, force=force)
        teller.tell_plan(plan)
        outcomes, broken_off = _run(database, settings, plan, teller, workers=workers)
    left = not_run(plan, outcomes)
    teller.tell_end(plan, outcomes, broken_off=broken_off)
    if broken_off == STOPPED and left:
        raise typer.Exit(ENDED_BY_CTRL_C)
    all_concluded = not left and not plan.not_looked_at and all(outcome.has_conclusion for outcome in outcomes)
    raise typer.Exit(0 if all_concluded else 1)


def _plan(
    database: "Database",
    settings: "Settings",
    configuration: "Configuration",
    names: list[str],
    days: list[date],
    *,
    force: bool,
) -> "Plan":
    from recon_assets.cli.backfilling.plan import Answers, everything
    from recon_assets.resources.feeds import Feeds
    from recon_assets.resources.storage import Storage
    from recon_assets.store.standing import standing_days

    if force:
        return everything(names, days)
    with database.connect(read_only=True) as connection:
        standing = standing_days(connection, processors=names, since=days[0], until=days[-1])
    return Answers(configuration, Storage.from_settings(settings), Feeds(settings)).plan(names, days, standing)


def _run(
    database: "Database", settings: "Settings", plan: "Plan", teller: "Teller", *, workers: int | None
) -> "tuple[list[DayOutcome], str | None]":
    """The outcomes of the days that were run, and why it ended before the last one, if it did."""
    from recon_assets.cli.backfilling.between_days import interruption
    from recon_assets.cli.backfilling.workers import Listeners, run_at_once, workers_worth_it

    if not plan.to_run:
        return [], None
    processors = len({day.processor for day in plan.to_run})
    at_once = min(workers or workers_worth_it(plan.to_run, cores=len(os.sched_getaffinity(0))), processors)
    if at_once == 1:
        return _run_here(database, settings, plan, teller)
    tell = Listeners(teller.show_stage, teller.tell_day, teller.tell_lost, teller.tell_stopping)
    with teller.progress(len(plan.to_run)), interruption(teller.tell_stopping) as asked_to_stop:
        return run_at_once(settings, plan.to_run, workers=at_once, tell=tell, stop=lambda: asked_to_stop.asked)


def _run_here(
    database: "Database", settings: "Settings", plan: "Plan", teller: "Teller"
) -> "tuple[list[DayOutcome], str | None]":
    """The same in this process."""
    from recon_assets.cli.backfilling.between_days import STOPPED, interruption
    from recon_assets.cli.dagster_runs import Runner, dagster_instance
    from recon_assets.cli.outcome import outcome_of
    from recon_assets.domain.errors import StoreUnavailable

    outcomes: list[DayOutcome] = []
    with dagster_instance(settings) as instance, teller.progress(len(plan.to_run)):
        runner = Runner(settings, instance)
        with interruption(teller.tell_stopping) as asked_to_stop:
            for day in plan.to_run:
                if asked_to_stop.asked:
                    return outcomes, STOPPED

                def one(processor: str = day.processor, of: date = day.business_date) -> "DayOutcome":
                    return outcome_of(database, settings, processor, of, runner.run(processor, of, in_backfill=True))

                try:
                    outcomes.append(asked_to_stop.undisturbed(one))
                except StoreUnavailable as error:
                    return outcomes, str(error)
                teller.tell_day(day, outcomes[-1])
    return outcomes, None
