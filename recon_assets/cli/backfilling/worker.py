"""A process of `recon backfill` that runs the days it is given, one after the other, until there are none."""

import os
from multiprocessing.connection import Connection

from recon_assets.cli.backfilling.plan import DayToRun
from recon_assets.settings import Settings


def work(settings: Settings, days: Connection) -> None:
    """Take a day, say each of its stages, give its outcome; None ends it, and so does the other side's end.

    A `StoreUnavailable` is given as the exception. Ctrl-C is the other side's to answer: in a session of its own this
    process gets none from the terminal. To ignore it is not enough, since Dagster ends a step by a handler of its own.
    """
    os.setsid()

    from recon_assets.assets.progress import listening
    from recon_assets.cli.collector import collect_rarely
    from recon_assets.cli.dagster_runs import Runner, dagster_instance
    from recon_assets.cli.outcome import outcome_of
    from recon_assets.domain.errors import StoreUnavailable
    from recon_assets.store.database import open_database

    collect_rarely()

    def tell_stage(processor: str, stage: str) -> None:
        days.send((processor, stage))

    try:
        with (
            open_database(settings, with_schema=False) as database,
            dagster_instance(settings) as instance,
            listening(tell_stage),
        ):
            runner = Runner(settings, instance)
            while (day := _next(days)) is not None:
                finished = runner.run(day.processor, day.business_date, in_backfill=True)
                days.send(outcome_of(database, settings, day.processor, day.business_date, finished))
    except StoreUnavailable as error:
        days.send(str(error))
    except BrokenPipeError:
        return  # nobody is there to hear it; the record has it


def _next(days: Connection) -> DayToRun | None:
    try:
        day = days.recv()
    except EOFError:
        return None
    assert day is None or isinstance(day, DayToRun), "days are given, and None at the end"
    return day
