"""Business days that are due and have no conclusion, also those that nobody ever ran: `v_unproven_days`.

Not here: how attempted days stand (`standing`), and telling people of each late day (`lateness`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

MAX_DAYS: Final = 100_000
"""More than 90 processors have in three years."""

_KEEP: Final = """
    INSERT INTO system_configuration AS s (key, value) VALUES (%s, %s)
    ON CONFLICT ON CONSTRAINT keys_are_unique DO UPDATE SET value = excluded.value, updated_at = clock_timestamp()
    WHERE s.value <> excluded.value
"""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which business days a processor has: the first one, and where and when (wall time) its days begin."""

    processor: str
    start_date: date
    time_zone: str
    day_starts_at: time


@dataclass(frozen=True, slots=True)
class UnprovenDay:
    """A day without a conclusion. `why` is `never run` or the newest attempt's status, `reason` what that one said."""

    processor: str
    business_date: date
    why: str
    reason: str | None


def keep_calendars(connection: TenantConnection, calendars: Iterable[Calendar]) -> None:
    """Write down what the view needs of the configuration. Only a change is an event of the audit log."""
    with translated_errors("keeping the calendar of a processor"), connection.transaction():
        for calendar in calendars:
            value = {
                "processor": calendar.processor,
                "start_date": calendar.start_date.isoformat(),
                "time_zone": calendar.time_zone,
                "day_starts_at": calendar.day_starts_at.isoformat(),
            }
            connection.execute(_KEEP, [f"calendar/{calendar.processor}", Jsonb(value)])


def unproven_days(connection: TenantConnection, processors: Sequence[str]) -> list[UnprovenDay]:
    """By date, oldest first, then by processor; by the clock of the database."""
    with (
        translated_errors("looking for days without a conclusion"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(UnprovenDay)) as cursor,
    ):
        return cursor.execute(
            """
            SELECT processor_name AS processor, business_date, why, reason FROM v_unproven_days
            WHERE processor_name = ANY(%s) ORDER BY business_date, processor_name LIMIT %s
            """,
            [list(processors), MAX_DAYS],
        ).fetchall()
