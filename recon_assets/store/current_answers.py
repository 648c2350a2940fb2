"""The current answers of a range with their figures and check outcomes: all that another history can be rebuilt from.

Not here: how days stand (`standing`), and single runs in full (`history`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

_ANSWERS: Final = """
    SELECT r.id AS run_id, r.processor_name AS processor, r.run_date AS business_date, r.version, r.verdict,
        r.dagster_run_id, r.end_time AS answered_at, r.processor_transactions,
        r.internal_transactions AS ledger_entries, r.matched_count AS matched, r.discrepancy_count AS discrepancies,
        r.manifest_sha256, a.folder AS archive_folder,
        coalesce((
            SELECT jsonb_object_agg(p.currency, amount_from_minor(p.discrepancy_amount_minor, p.exponent)::text)
            FROM reconciliation_proofs AS p WHERE p.tenant_id = r.tenant_id AND p.run_id = r.id
        ), '{}') AS at_stake
    FROM reconciliation_runs AS r
    LEFT JOIN archives AS a ON a.tenant_id = r.tenant_id AND a.run_id = r.id
    WHERE
        r.is_current AND r.verdict IS NOT NULL AND r.processor_name = ANY(%(processors)s)
        AND r.run_date BETWEEN %(since)s AND %(until)s
    ORDER BY r.processor_name, r.run_date
"""

_OUTCOMES: Final = """
    SELECT DISTINCT ON (c.run_id, c.asset_key, c.check_name)
        c.run_id, c.asset_key, c.check_name, c.passed, c.severity, c.description, c.rows_checked, c.failed_rules,
        c.facts, c.checked_at, c.dagster_run_id
    FROM data_quality_checks AS c
    INNER JOIN reconciliation_runs AS r
        ON
            r.tenant_id = c.tenant_id AND r.id = c.run_id AND r.processor_name = c.processor_name
            AND r.run_date = c.business_date
    WHERE
        r.is_current AND r.processor_name = ANY(%(processors)s) AND r.run_date BETWEEN %(since)s AND %(until)s
        AND c.processor_name = ANY(%(processors)s) AND c.business_date BETWEEN %(since)s AND %(until)s
    ORDER BY c.run_id, c.asset_key, c.check_name, c.checked_at DESC
"""


@dataclass(frozen=True, slots=True)
class AnsweredCheck:
    """The newest outcome of one check of an answer. `asset_key` as Dagster writes it for people."""

    run_id: UUID
    asset_key: str
    check_name: str
    passed: bool
    severity: str
    description: str
    rows_checked: int
    failed_rules: Mapping[str, int]
    facts: Mapping[str, int | str]
    checked_at: datetime
    dagster_run_id: str


@dataclass(frozen=True, slots=True)
class CurrentAnswer:
    """The answer of a processor-day that stands. `at_stake` are gross amounts in the currency's own unit.

    `manifest_sha256` and `archive_folder` (below the archive) are None while it is not archived.
    """

    run_id: UUID
    processor: str
    business_date: date
    version: int
    verdict: str
    dagster_run_id: str | None
    answered_at: datetime
    processor_transactions: int
    ledger_entries: int
    matched: int
    discrepancies: int
    manifest_sha256: str | None
    archive_folder: str | None
    at_stake: Mapping[str, Decimal]

    def __post_init__(self) -> None:
        """Amounts come as text in JSON, where a number would be a float."""
        exact = {currency: Decimal(amount) for currency, amount in self.at_stake.items()}
        object.__setattr__(self, "at_stake", exact)


def current_answers(
    connection: TenantConnection, *, processors: Sequence[str], since: date, until: date
) -> list[tuple[CurrentAnswer, list[AnsweredCheck]]]:
    """Every current answer from `since` to `until` (both included), by processor and date, and what its checks found.

    Keep the range to a year or so: all of it is in memory, some 15 outcomes a day.
    """
    said = {"processors": list(processors), "since": since, "until": until}
    with translated_errors("reading current answers"), connection.transaction():
        with connection.cursor(row_factory=class_row(CurrentAnswer)) as cursor:
            answers = cursor.execute(_ANSWERS, said).fetchall()
        with connection.cursor(row_factory=class_row(AnsweredCheck)) as cursor:
            outcomes = cursor.execute(_OUTCOMES, said).fetchall()
    by_answer: defaultdict[UUID, list[AnsweredCheck]] = defaultdict(list)
    for outcome in outcomes:
        by_answer[outcome.run_id].append(outcome)
    return [(answer, by_answer[answer.run_id]) for answer in answers]
