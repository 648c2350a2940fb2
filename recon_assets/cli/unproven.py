"""`recon status --unproven`: business days that are due and have no conclusion, also those that nobody ever ran."""

from itertools import groupby
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from recon_assets.configuration import Configuration
    from recon_assets.settings import Settings
    from recon_assets.store.unproven import UnprovenDay

SHOWN_DAYS: Final = 100


def print_unproven(settings: "Settings", configuration: "Configuration") -> None:
    """The newest of each processor, how many there are, and how to do them. Exit code 1 when there is any."""
    from rich.markup import escape

    from recon_assets.cli.console import open_console

    found = unproven_of(settings, configuration)
    console = open_console()
    if not found:
        console.print("Every business day that is due has a conclusion.")
        return
    by_processor = sorted(found, key=lambda day: (day.processor, day.business_date))
    for processor, days in groupby(by_processor, key=lambda day: day.processor):
        of_processor = list(days)
        console.print(f"[bold]{processor}[/]: {len(of_processor):,} day(s) without a conclusion", highlight=False)
        for day in of_processor[-SHOWN_DAYS:]:
            reason = f": {escape(day.reason)}" if day.reason else ""
            console.print(f"  {day.business_date} {day.why}{reason}", highlight=False, soft_wrap=True)
        if len(of_processor) > SHOWN_DAYS:
            console.print(f"  and {len(of_processor) - SHOWN_DAYS:,} older ones: v_unproven_days has all")
        first, last = of_processor[0].business_date, of_processor[-1].business_date
        console.print(
            f"  To do them: recon backfill --processors {processor} --from {first} --to {last}",
            highlight=False,
            soft_wrap=True,
        )
    raise typer.Exit(1)


def unproven_of(settings: "Settings", configuration: "Configuration") -> "list[UnprovenDay]":
    """Of every configured processor, oldest first; their calendars are written down as the configuration has them."""
    from recon_assets.store.database import open_database
    from recon_assets.store.unproven import Calendar, keep_calendars, unproven_days

    configs = configuration.processors.values()
    with open_database(settings) as database, database.connect() as connection:
        keep_calendars(
            connection,
            [Calendar(config.name, config.start_date, config.time_zone, config.day_starts_at) for config in configs],
        )
        return unproven_days(connection, [config.name for config in configs])
