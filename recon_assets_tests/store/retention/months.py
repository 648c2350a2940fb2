"""Answers for days of any month, and the retirement of such a month."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.month_archive import ArchivedMonth
from recon_assets.store.publication import PublishedRun
from recon_assets.store.retention import Month, MonthState, one_apply_at_a_time, plan_retention, retire
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.store.builders import conclusion, publish

OLD_DAY = date(2019, 3, 14)
OLD = "discrepancies_2019_03"
TODAY = date(2025, 10, 1)
KEPT_MONTHS = 13
STRANGE = 'a "quote", a comma\nand a line feed'


def publish_on(
    connection: TenantConnection, folder: Path, *, day: date, key: str, rows: Sequence[dict[str, object]]
) -> PublishedRun:
    return publish(connection, folder, key=key, rows=rows, answer=conclusion(rows, day=day))


def plan(connection: TenantConnection, keep: int | None = KEPT_MONTHS) -> dict[str, Month]:
    """By name of the table."""
    return {
        f"{'retired.' if month.file else ''}{month.name}": month
        for month in plan_retention(connection, keep_attached_months=keep, today=TODAY)
    }


def apply(connection: TenantConnection, archive: Path) -> list[ArchivedMonth]:
    with one_apply_at_a_time(connection):
        return [
            retire(connection, month, archive=archive)
            for month in plan(connection).values()
            if month.state is MonthState.DUE
        ]


def problems(migrator: TenantConnection) -> tuple[list[str], list[str]]:
    """Of Python's verification and of the database's own."""
    found = verify_audit(migrator, sql_dir=PROJECT / "sql")
    return [problem.what for problem in found.problems], [problem.what for problem in verify_inside(migrator)]
