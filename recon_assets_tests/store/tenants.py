"""Two tenants on one database, each with a published day, a check, a setting and a finding about its health."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.store.archives import record_archived
from recon_assets.store.checks import AssetOutcomes, record_outcomes
from recon_assets.store.database import Database
from recon_assets.store.health import HealthStatus, record_health
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY, across, conclusion, in_ledger, matched_with, missing, pair, publish

A = UUID("aaaaaaaa-0000-4000-8000-000000000000")
B = UUID("bbbbbbbb-0000-4000-8000-000000000000")
TABLES = (
    "reconciliation_runs",
    "reconciliation_proofs",
    "discrepancies",
    "matches",
    "discrepancy_events",
    "prior_day_matches",
    "archives",
    "outbox",
    "data_quality_checks",
    "system_health",
    "system_configuration",
)
VIEWS = (
    "missing_transactions",
    "v_recent_reconciliations",
    "v_high_value_missing_transactions",
    "v_daily_reconciliation_metrics",
    "v_open_discrepancies",
    "v_check_history",
    "v_open_items",
    "v_open_item_movements",
    "v_unproven_days",
)


def fill(database: Database, tenant: UUID, folder: Path) -> None:
    """Both tenants use the same keys, ids of Dagster and names: nothing of one may be in the way of the other."""
    with replace(database, tenant=tenant).connect() as connection:
        publish(connection, folder, key="older", rows=[missing("a", amount_minor=250_000), missing("resolved")])
        run = publish(connection, folder, key="key", rows=[missing("a", amount_minor=250_000)])
        record_archived(
            connection,
            run_id=run.run_id,
            folder=f"reports/{DAY}/stripe/{run.run_id}",
            manifest_sha256="a" * 64,
            file_count=1,
            size_bytes=1,
            to_be_shipped=False,
        )
        _publish_two_days_that_match(connection, folder)
        record_one_outcome(connection)
        record_health(connection, component="stripe", status=HealthStatus.HEALTHY)
        with connection.transaction():
            connection.execute("INSERT INTO system_configuration (key, value) VALUES ('limit', '1')")


def _publish_two_days_that_match(connection: TenantConnection, folder: Path) -> None:
    transaction, entry = missing("b"), in_ledger("b")
    first, second = DAY + timedelta(days=1), DAY + timedelta(days=2)
    matched = [matched_with(entry, first)]
    publish(connection, folder, key="next", rows=[transaction], answer=conclusion([transaction], day=first))
    publish(
        connection,
        folder,
        key="after",
        rows=matched,
        answer=conclusion(matched, day=second),
        across_days=across(folder, [pair(transaction, first, entry, second)]),
    )


def record_one_outcome(connection: TenantConnection, day: date = DAY) -> None:
    outcome = CheckOutcome("ids_are_unique", passed=True, severity=Severity.ERROR, description="once", rows_checked=1)
    record_outcomes(
        connection,
        AssetOutcomes("stripe/transactions", [outcome]),
        dagster_run_id="dagster",
        processor="stripe",
        business_date=day,
    )
