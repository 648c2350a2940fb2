"""What is late by the record: days that are over without a conclusion, and open records whose time to wait is over.

Nobody writes these when they happen, since nothing happens: they are looked for, and each is told once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.messages import (
    Amounts,
    DiscrepancyOverdue,
    FeedLate,
    MessageKind,
    Money,
    plain,
    plain_sentences,
)
from recon_assets.store.errors import translated_errors
from recon_assets.store.history import Run, latest_attempts
from recon_assets.store.outbox import put_message
from recon_assets.store.tenancy import TenantConnection

_OVERDUE: Final = """
    SELECT o.business_date, o.class, o.due_on, o.currency, max(scale(o.amount)), count(*),
        sum(abs(o.amount_minor::numeric))
    FROM v_open_items AS o
    WHERE o.processor_name = %(processor)s AND o.business_date BETWEEN %(oldest)s AND %(until)s
        AND o.due_on BETWEEN %(since)s AND %(until)s
    GROUP BY o.business_date, o.class, o.due_on, o.currency
    ORDER BY o.business_date, o.class, o.due_on, o.currency
"""


@dataclass(frozen=True, slots=True)
class EndedDay:
    """A business date and the instant at which it was over."""

    business_date: date
    ended_at: datetime


def tell_late_days(
    connection: TenantConnection, processor: str, days: Sequence[EndedDay], *, allowance_hours: int
) -> int:
    """Put a message about each of `days` that has no conclusion; returns how many have none.

    `days` are those whose allowance is over. A day that had ended before the processor was run for the first time is
    nobody's to run.
    """
    if not days:
        return 0
    since, until = min(day.business_date for day in days), max(day.business_date for day in days)
    states = {
        state.latest.business_date: state
        for state in latest_attempts(connection, processors=[processor], since=since, until=until)
    }
    late = 0
    with translated_errors("looking for late days"), connection.transaction():
        ((first,),) = connection.execute(
            "SELECT min(start_time) FROM reconciliation_runs WHERE processor_name = %s", [processor]
        ).fetchall()
        for day in days:
            state = states.get(day.business_date)
            if (
                first is None
                or day.ended_at < first
                or (state and state.current and state.current.status == _CONCLUDED)
            ):
                continue
            late += 1
            message = FeedLate(
                processor,
                day.business_date,
                allowance_hours,
                state=state.latest.status if state else _NEVER_RUN,
                reasons=_reasons(state.latest) if state else (),
            )
            put_message(
                connection,
                MessageKind.FEED_LATE,
                run_id=state.latest.id if state else None,
                dedupe_key=f"{processor}:{day.business_date}",
                payload=msgspec.to_builtins(message),
            )
    return late


def tell_overdue(
    connection: TenantConnection, processor: str, *, since: date, until: date, longest_grace: timedelta
) -> int:
    """Put a message about each day and class with open records whose `due_on` was from `since` to `until`, once.

    `until` is a day that is over; records more than `longest_grace` older than `since` are not looked at, since the
    rows of a day are found by day. Returns how many such groups there are.
    """
    groups: defaultdict[tuple[date, str, date], Amounts] = defaultdict(Amounts)
    with translated_errors("looking for what is overdue"), connection.transaction():
        found = connection.execute(
            _OVERDUE, {"processor": processor, "since": since, "until": until, "oldest": since - longest_grace}
        ).fetchall()
        for business_date, word, due_on, currency, exponent, count, minor in found:
            before = groups[business_date, word, due_on]
            money = Money(currency, exponent, int(minor))
            groups[business_date, word, due_on] = Amounts(before.count + count, (*before.money, money))
        for (business_date, word, due_on), open_items in groups.items():
            message = DiscrepancyOverdue(processor, business_date, DiscrepancyClass(word), due_on, open_items)
            put_message(
                connection,
                MessageKind.DISCREPANCY_OVERDUE,
                run_id=None,
                dedupe_key=f"{processor}:{business_date}:{_side_of(word)}:{due_on}",
                payload=msgspec.to_builtins(message),
            )
    return len(groups)


_CONCLUDED: Final = "completed"
_NEVER_RUN: Final = "never run"


def _side_of(word: str) -> str:
    """Pending and missing are the same records, before and after their day is run again."""
    return word.partition("_")[2]


def _reasons(run: Run) -> tuple[str, ...]:
    return plain_sentences(run.incomplete_reasons) or ((plain(run.failure_reason),) if run.failure_reason else ())
