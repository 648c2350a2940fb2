"""The live matches between records of different days, replaced when a day is published.

Not here: which records match (the matching), and what it means for discrepancies of other days (`lifecycle`). The
database holds what is written here against the answers of both days (sql/migrations/0020).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import StoreRefused
from recon_assets.store.staging import ACROSS_COLUMNS, copy_into_stage, create_stage
from recon_assets.store.tenancy import TenantConnection

_STAGE: Final = "staged_across_days"

_IN_SCOPE: Final = """
    m.processor_name = %(processor)s AND m.ended_by IS NULL AND (
        (m.processor_date BETWEEN %(since)s AND %(until)s AND m.ledger_date BETWEEN %(since)s AND %(until)s)
        OR m.processor_date = %(date)s OR m.ledger_date = %(date)s
    )
"""
_SAME: Final = """
    m.processor_date = s.processor_date AND m.processor_discrepancy_id = s.processor_discrepancy_id::uuid
    AND m.ledger_date = s.ledger_date AND m.ledger_discrepancy_id = s.ledger_discrepancy_id::uuid
    AND m.currency = s.currency AND m.amount_minor = s.amount_minor AND m.pass = s.pass
"""
_GONE: Final = f"{_IN_SCOPE} AND NOT EXISTS (SELECT 1 FROM {_STAGE} AS s WHERE {_SAME})"  # noqa: S608 (texts of ours)
_NEW: Final = f"""
    NOT EXISTS (
        SELECT 1 FROM prior_day_matches AS m
        WHERE m.processor_name = %(processor)s AND m.ended_by IS NULL AND {_SAME}
    )
"""  # noqa: S608 (texts of ours)

_STAND: Final = f"""
    SELECT NOT EXISTS (SELECT 1 FROM prior_day_matches AS m WHERE {_GONE})
        AND NOT EXISTS (SELECT 1 FROM {_STAGE} AS s WHERE {_NEW})
"""  # noqa: S608 (texts of ours)
_END: Final = f"""
    UPDATE prior_day_matches AS m SET ended_by = %(run_id)s, ended_at = clock_timestamp() WHERE {_GONE}
"""  # noqa: S608 (texts of ours)
_ADD: Final = f"""
    INSERT INTO prior_day_matches (
        processor_name, processor_date, processor_discrepancy_id, ledger_date, ledger_discrepancy_id, currency,
        amount_minor, pass, rule_version, found_by
    )
    SELECT
        %(processor)s, s.processor_date, s.processor_discrepancy_id::uuid, s.ledger_date,
        s.ledger_discrepancy_id::uuid, s.currency, s.amount_minor, s.pass, %(rule_version)s, %(run_id)s
    FROM {_STAGE} AS s WHERE {_NEW}
"""  # noqa: S608 (texts of ours)


@dataclass(frozen=True, slots=True)
class AcrossDays:
    """`file` is the matching's Parquet file (`staging.ACROSS_COLUMNS`): every match between records of different days
    from `since` to `until`, both included. The day that is published is one of them."""

    file: Path
    since: date
    until: date


def stage_across_days(connection: TenantConnection, across_days: AcrossDays | None) -> None:
    """Copy the matches into a temporary table, which ends with the transaction; without any it stays empty.

    Raises `StoreRefused` when the file has other columns, or a match that reaches beyond its days.
    """
    create_stage(connection, _STAGE, ACROSS_COLUMNS)
    if across_days is None:
        return
    copy_into_stage(connection, _STAGE, ACROSS_COLUMNS, across_days.file)
    # else each live match would be looked for in all of them
    connection.execute(f"CREATE INDEX ON {_STAGE} ((processor_discrepancy_id::uuid))".encode())
    connection.execute(f"ANALYZE {_STAGE}".encode())
    beyond = connection.execute(
        f"""
        SELECT count(*) FROM {_STAGE} AS s
        WHERE (s.processor_date BETWEEN %(since)s AND %(until)s AND s.ledger_date BETWEEN %(since)s AND %(until)s)
            IS NOT TRUE
        """.encode(),  # noqa: S608 (name of ours)
        {"since": across_days.since, "until": across_days.until},
    ).fetchone()
    if beyond != (0,):
        raise StoreRefused(
            "a match across days lies beyond the days that the file speaks of",
            where=across_days.file.name,
            remedy="Nothing was published; run the day again, and report it if it repeats.",
        )


def across_days_stand(connection: TenantConnection, conclusion: Conclusion, across_days: AcrossDays | None) -> bool:
    """Whether the live matches are those staged already."""
    row = connection.execute(_STAND.encode(), _scope(conclusion, across_days)).fetchone()
    return row == (True,)


def replace_across_days(
    connection: TenantConnection, *, run_id: UUID, conclusion: Conclusion, across_days: AcrossDays | None
) -> None:
    """End the live matches that are not staged, keep equal ones, add new ones.

    It is about those whose days both lie from `since` to `until`, and all others that touch the day of `conclusion`:
    rules with a narrower window do not find them again. Without `across_days` all that touch the day end. The rows of
    the run are in the database already: its guards look for them.
    """
    facts = _scope(conclusion, across_days) | {"run_id": run_id, "rule_version": conclusion.rule_version}
    connection.execute(_END.encode(), facts)
    connection.execute(_ADD.encode(), facts)


def _scope(conclusion: Conclusion, across_days: AcrossDays | None) -> dict[str, object]:
    day = conclusion.business_date
    since, until = (across_days.since, across_days.until) if across_days else (day, day)
    assert since <= day <= until, "the day is one of those that the matches are of"
    return {"processor": conclusion.processor, "date": day, "since": since, "until": until}
