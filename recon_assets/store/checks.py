"""What the data-quality checks found, as rows. Not here: the checks (`recon_assets.quality`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recon_assets.domain.checks import CheckOutcome
from recon_assets.store.errors import translated_errors
from recon_assets.store.messages import tell_check_failed
from recon_assets.store.tenancy import TenantConnection


@dataclass(frozen=True, slots=True)
class AssetOutcomes:
    """What the checks of one asset found on one partition. `asset_key` as Dagster writes it for people."""

    asset_key: str
    outcomes: Sequence[CheckOutcome]
    in_backfill: bool = False


def record_outcomes(
    connection: TenantConnection,
    checks: AssetOutcomes,
    *,
    dagster_run_id: str,
    processor: str,
    business_date: date,
) -> None:
    """Keep the outcomes of one asset's partition, and put a message about each that did not pass.

    An outcome that is there already stays as it is.
    """
    with translated_errors("recording check outcomes"), connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO data_quality_checks (
                dagster_run_id, asset_key, processor_name, business_date, check_name, passed, severity, description,
                rows_checked, failed_rows, failed_rules, facts
            ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT ON CONSTRAINT one_outcome_per_check DO NOTHING
            """,
            [
                (
                    dagster_run_id,
                    checks.asset_key,
                    processor,
                    business_date,
                    outcome.name,
                    outcome.passed,
                    str(outcome.severity),
                    outcome.description,
                    outcome.rows_checked,
                    sum(outcome.failed_rules.values()),
                    Jsonb(dict(outcome.failed_rules)),
                    Jsonb(dict(outcome.facts)),
                )
                for outcome in checks.outcomes
            ],
        )
        for outcome in checks.outcomes:
            if not outcome.passed:
                tell_check_failed(
                    connection,
                    outcome,
                    asset_key=checks.asset_key,
                    processor=processor,
                    business_date=business_date,
                    in_backfill=checks.in_backfill,
                )


def link_outcomes_to_run(
    connection: TenantConnection, *, dagster_run_id: str, processor: str, business_date: date, run_id: UUID
) -> int:
    """Say which run the outcomes of this Dagster run and processor-day belong to; returns how many were linked.

    An outcome is linked once; later calls leave it.
    """
    with translated_errors("linking check outcomes"), connection.transaction():
        return connection.execute(
            """
            UPDATE data_quality_checks SET run_id = %s
            WHERE dagster_run_id = %s AND processor_name = %s AND business_date = %s AND run_id IS NULL
            """,
            [run_id, dagster_run_id, processor, business_date],
        ).rowcount


def is_recorded(connection: TenantConnection, *, run_id: UUID, check_name: str) -> bool:
    """Whether a check of that name was made, passed or not, for the answer of a run."""
    with translated_errors("reading check outcomes"), connection.transaction():
        found = connection.execute(
            """
            SELECT EXISTS (
                SELECT 1 FROM data_quality_checks AS c
                INNER JOIN reconciliation_runs AS r
                    ON r.id = %(run_id)s AND c.processor_name = r.processor_name AND c.business_date = r.run_date
                WHERE c.run_id = %(run_id)s AND c.check_name = %(check)s
            )
            """,
            {"run_id": run_id, "check": check_name},
        ).fetchone()
        assert found is not None, "EXISTS has a row"
        return bool(found[0])


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """A check outcome as it stands in the record."""

    asset_key: str
    check_name: str
    passed: bool
    severity: str
    failed_rules: dict[str, int]


def outcomes_of(
    connection: TenantConnection, *, dagster_run_id: str, processor: str, business_date: date
) -> tuple[RecordedOutcome, ...]:
    """The outcomes of one Dagster run and processor-day, in the order in which they were found."""
    with (
        translated_errors("reading check outcomes"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(RecordedOutcome)) as cursor,
    ):
        cursor.execute(
            """
            SELECT asset_key, check_name, passed, severity, failed_rules FROM data_quality_checks
            WHERE dagster_run_id = %s AND processor_name = %s AND business_date = %s ORDER BY checked_at, check_name
            """,
            [dagster_run_id, processor, business_date],
        )
        return tuple(cursor.fetchall())


def newest_outcomes(
    connection: TenantConnection, *, run_id: UUID, check_names: Sequence[str]
) -> dict[str, RecordedOutcome]:
    """By name, the newest outcome of each check that was made for the answer of a run; the others are not in it."""
    with (
        translated_errors("reading check outcomes"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(RecordedOutcome)) as cursor,
    ):
        cursor.execute(
            """
            SELECT DISTINCT ON (c.check_name) c.asset_key, c.check_name, c.passed, c.severity, c.failed_rules
            FROM data_quality_checks AS c
            INNER JOIN reconciliation_runs AS r
                ON r.id = %s AND c.processor_name = r.processor_name AND c.business_date = r.run_date
            WHERE c.run_id = r.id AND c.check_name = ANY (%s)
            ORDER BY c.check_name, c.checked_at DESC
            """,
            [run_id, list(check_names)],
        )
        return {outcome.check_name: outcome for outcome in cursor}
