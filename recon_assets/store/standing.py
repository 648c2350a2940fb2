"""How each processor-day of a range stands: whether its newest attempt left a conclusion, by which rules.

What belongs here: one statement for any number of days, without figures. Not here: the answers (`history`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

_STANDING: Final = """
    WITH newest AS (
        SELECT DISTINCT ON (processor_name, run_date) processor_name, run_date, status
        FROM reconciliation_runs
        WHERE processor_name = ANY(%(processors)s) AND run_date BETWEEN %(since)s AND %(until)s
        ORDER BY processor_name, run_date, version DESC
    )
    SELECT n.processor_name AS processor, n.run_date AS business_date, n.status AS newest_status, c.id AS run_id,
        coalesce(c.status = 'completed', FALSE) AS is_concluded, c.rule_version,
        c.manifest_sha256 IS NOT NULL AS is_archived
    FROM newest AS n
    LEFT JOIN reconciliation_runs AS c
        ON c.processor_name = n.processor_name AND c.run_date = n.run_date AND c.is_current
    ORDER BY n.run_date, n.processor_name
"""


@dataclass(frozen=True, slots=True)
class StandingDay:
    """An attempted processor-day. `run_id` is its current answer, None while there is none.

    `newest_status` is that of the newest attempt, which may have failed while an older answer stands.
    """

    processor: str
    business_date: date
    newest_status: str
    run_id: UUID | None
    is_concluded: bool
    rule_version: str | None
    is_archived: bool


def standing_days(
    connection: TenantConnection, *, processors: Sequence[str], since: date, until: date
) -> dict[tuple[date, str], StandingDay]:
    """Every attempted day from `since` to `until` (both included), by date and processor."""
    with (
        translated_errors("reading how days stand"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(StandingDay)) as cursor,
    ):
        found = cursor.execute(_STANDING, {"processors": list(processors), "since": since, "until": until}).fetchall()
    return {(day.business_date, day.processor): day for day in found}
