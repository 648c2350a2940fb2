"""What the record says when it is asked why: answers with their evidence, and what became of single records.

Not here: the files that evidence names, and answers as a whole (`history`). Nothing is changed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

_ANSWERS: Final = """
    SELECT id AS run_id, run_date AS business_date, version, status, verdict, rule_version,
        incomplete_reasons, discrepancy_count, pending_count, coalesce(metadata -> 'evidence', '{}') AS evidence
    FROM reconciliation_runs
    WHERE processor_name = %(processor)s AND is_current AND run_date BETWEEN %(since)s AND %(until)s
    ORDER BY run_date DESC
    LIMIT %(limit)s
"""
_EVENTS: Final = """
    SELECT e.discrepancy_id, e.business_date, e.event, e.event_time, e.old_value, e.new_value,
        r.run_date AS by_answer_of, r.version AS by_version
    FROM discrepancy_events AS e INNER JOIN reconciliation_runs AS r ON r.id = e.run_id
    WHERE e.processor_name = %(processor)s AND e.business_date = %(date)s AND e.discrepancy_id = ANY(%(ids)s)
    ORDER BY e.event_time, e.id
"""
_APPEARANCES: Final = """
    SELECT d.discrepancy_id, r.version, r.end_time AS answered_at, r.is_current, d.class AS kind, d.outcome,
        d.currency, d.exponent, d.amount_minor
    FROM reconciliation_runs AS r INNER JOIN discrepancies AS d ON d.run_id = r.id
    WHERE r.processor_name = %(processor)s AND r.run_date = %(date)s AND d.business_date = %(date)s
        AND d.discrepancy_id = ANY(%(ids)s)
    ORDER BY r.version
"""
_LIVE_MATCHES: Final = """
    SELECT m.processor_date, m.processor_discrepancy_id, m.ledger_date, m.ledger_discrepancy_id, m.currency,
        m.amount_minor, m.pass AS pass_name, m.rule_version, m.found_at
    FROM prior_day_matches AS m
    WHERE m.processor_name = %(processor)s AND m.ended_by IS NULL AND (
        (m.processor_date = %(date)s AND m.processor_discrepancy_id = ANY(%(ids)s))
        OR (m.ledger_date = %(date)s AND m.ledger_discrepancy_id = ANY(%(ids)s))
    )
    ORDER BY m.processor_date, m.ledger_date, m.processor_discrepancy_id
"""
_FIRST_DAY: Final = date.min
_LAST_DAY: Final = date.max


@dataclass(frozen=True, slots=True)
class Answer:
    """The current answer of a day. `evidence` is what it names: paths below the storage root, and hashes."""

    run_id: UUID
    business_date: date
    version: int
    status: str
    verdict: str
    rule_version: str | None
    incomplete_reasons: list[str]
    discrepancy_count: int
    pending_count: int | None
    evidence: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """What an answer did to a discrepancy that answers had before; `by_answer_of` may be another day."""

    discrepancy_id: UUID
    business_date: date
    event: str
    event_time: datetime
    old_value: Mapping[str, Any] | None
    new_value: Mapping[str, Any] | None
    by_answer_of: date
    by_version: int


@dataclass(frozen=True, slots=True)
class Appearance:
    """A discrepancy as one answer of its day had it."""

    discrepancy_id: UUID
    version: int
    answered_at: datetime
    is_current: bool
    kind: str
    outcome: str
    currency: str
    exponent: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class MatchAcrossDays:
    """A live match of two records of different days."""

    processor_date: date
    processor_discrepancy_id: UUID
    ledger_date: date
    ledger_discrepancy_id: UUID
    currency: str
    amount_minor: int
    pass_name: str
    rule_version: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class LifeOfRecords:
    """All that the record has about some discrepancies of a day, in order of time."""

    appearances: tuple[Appearance, ...]
    events: tuple[LifeEvent, ...]
    matches: tuple[MatchAcrossDays, ...]


def current_answers(
    connection: TenantConnection,
    processor: str,
    *,
    limit: int,
    since: date = _FIRST_DAY,
    until: date = _LAST_DAY,
) -> tuple[Answer, ...]:
    """The current answers from `since` to `until`, both included, the newest first; also those without conclusion."""
    with (
        translated_errors("looking for answers"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Answer)) as cursor,
    ):
        facts = {"processor": processor, "since": since, "until": until, "limit": limit}
        return tuple(cursor.execute(_ANSWERS, facts))


def life_of_records(
    connection: TenantConnection, processor: str, business_date: date, discrepancy_ids: Collection[str]
) -> LifeOfRecords:
    """What became of records of a day, by the ids of their discrepancies.

    Rows of a retired month are no longer there: their events are.
    """
    facts = {"processor": processor, "date": business_date, "ids": [UUID(text) for text in discrepancy_ids]}
    with translated_errors("reading what became of a record"), connection.transaction():
        with connection.cursor(row_factory=class_row(Appearance)) as cursor:
            appearances = tuple(cursor.execute(_APPEARANCES, facts))
        with connection.cursor(row_factory=class_row(LifeEvent)) as cursor:
            events = tuple(cursor.execute(_EVENTS, facts))
        with connection.cursor(row_factory=class_row(MatchAcrossDays)) as cursor:
            matches = tuple(cursor.execute(_LIVE_MATCHES, facts))
    return LifeOfRecords(appearances, events, matches)
