"""The database as earlier versions of the program left it: the first N of today's migrations, and rows in its tables.

The rows are written in SQL, as all those versions could: tables that came later are empty.
"""

import shutil
from collections import Counter
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets_tests.conftest import PROJECT

SQL = PROJECT / "sql"
LATEST = len(list((SQL / "migrations").glob("*.sql")))
FIRST_WITH_AUDIT = 2
"""What was written before is in no event: verification says so, for ever."""
UNWRITTEN = "no event speaks of"
FIRST_TABLES = (
    "reconciliation_runs",
    "reconciliation_proofs",
    "discrepancies",
    "data_quality_checks",
    "system_health",
    "system_configuration",
)
"""Those of migration 0001, all filled by `insert_days`."""
VIEWS_OF_VERSION_3 = Path(__file__).parent / "views_of_version_3"
FIRST_WITHOUT_OLD_VIEWS = 4
NOT_COMPARED = ("schema_migrations", "audit_seals")
"""The program's own, which grow when it migrates and seals."""

ANSWER = "00000000-0000-4000-8000-00000000000b"
_DAYS = """
    -- from version 13 on each month has a partition
    DO $$ BEGIN
        IF to_regproc('ensure_month') IS NOT NULL THEN PERFORM ensure_month('2025-09-30'); END IF;
    END $$;
    -- a first answer and its correction, which supersedes it
    INSERT INTO reconciliation_runs (id, processor_name, run_date, version, status, idempotency_key, start_time)
    VALUES
        ('00000000-0000-4000-8000-00000000000a', 'stripe', '2025-09-30', 1, 'running', 'first', '2025-10-01 02:00+0'),
        ('00000000-0000-4000-8000-00000000000b', 'stripe', '2025-09-30', 2, 'running', 'second', '2025-10-01 03:00+0'),
        ('00000000-0000-4000-8000-00000000000c', 'stripe', '2025-09-29', 1, 'running', 'third', '2025-09-30 02:00+0');
    INSERT INTO discrepancies (
        id, run_id, discrepancy_id, processor_name, business_date, class, outcome, priority, side, transaction_id,
        occurrence, currency, exponent, amount_minor, processor_seq, occurred_at, fee_minor
    ) SELECT gen_random_uuid(), id, gen_random_uuid(), 'stripe', run_date, 'missing_in_ledger', 'discrepancy', 3,
        'processor', CASE version WHEN 1 THEN 'a' ELSE 'b' END, 1, 'USD', 2, 399, 0, '2025-09-30 12:00:00.123456+0', 7
    FROM reconciliation_runs WHERE run_date = '2025-09-30';
    INSERT INTO reconciliation_proofs (
        run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor, ledger_total_minor,
        signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) SELECT id, 'USD', 2, 1, 0, 399, 0, 399, 1, 399, 399 FROM reconciliation_runs WHERE run_date = '2025-09-30';
    INSERT INTO data_quality_checks (
        dagster_run_id, run_id, asset_key, processor_name, business_date, check_name, passed, severity, description,
        rows_checked, failed_rows
    ) SELECT 'd', id, 'a', 'stripe', run_date, 'check_' || version, TRUE, 'WARN', 'x', 1, 0 FROM reconciliation_runs;
    UPDATE reconciliation_runs SET
        status = 'completed', is_current = TRUE, end_time = '2025-10-02', verdict = 'discrepancies',
        processor_transactions = 1, internal_transactions = 0, matched_count = 0, discrepancy_count = 1,
        missing_transaction_count = 1, risk_level = 'LOW', compliance_status = 'COMPLIANT', currency = 'USD',
        total_volume_processed = 3.99, total_discrepancy_amount = 3.99 -- and what later versions demand
    WHERE idempotency_key = 'first';
    UPDATE reconciliation_runs SET
        is_current = FALSE, superseded_by = '00000000-0000-4000-8000-00000000000b', superseded_at = '2025-10-03'
    WHERE idempotency_key = 'first';
    UPDATE reconciliation_runs SET
        status = 'completed', is_current = TRUE, end_time = '2025-10-03', verdict = 'discrepancies',
        processor_transactions = 1, internal_transactions = 0, matched_count = 0, discrepancy_count = 1,
        missing_transaction_count = 1, risk_level = 'LOW', compliance_status = 'COMPLIANT', currency = 'USD',
        total_volume_processed = 3.99, total_discrepancy_amount = 3.99 -- and what later versions demand
    WHERE idempotency_key = 'second';
    -- and a day that failed
    UPDATE reconciliation_runs SET status = 'failed', end_time = '2025-10-01', failure_reason = 'the feed was gone'
    WHERE idempotency_key = 'third';
    INSERT INTO system_health (component, status) VALUES ('database', 'healthy');
    INSERT INTO system_configuration (key, value) VALUES ('limit', '1');
    UPDATE system_configuration SET value = '2';
"""

Rows = dict[str, list[dict[str, object]]]


def sql_of_version(version: int, folder: Path) -> Path:
    """The folder `sql` with the first migrations only, and no views: today's may need what came later."""
    (folder / "views").mkdir(parents=True)
    (folder / "migrations").mkdir()
    for path in sorted((SQL / "migrations").glob("*.sql"))[:version]:
        shutil.copy(path, folder / "migrations")
    return folder


def make_views_of_version(version: int, connection: psycopg.Connection) -> None:
    """Views of their owner, the superuser, as there were before roles: today's take their place."""
    if version < FIRST_WITHOUT_OLD_VIEWS:
        for view in sorted(VIEWS_OF_VERSION_3.iterdir()):
            connection.execute(view.read_bytes())


def insert_days(connection: psycopg.Connection) -> None:
    """Two answers of one day, of which the later stands, a failed day, and a row in each other of `FIRST_TABLES`."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(DEFAULT_TENANT_ID)])
        knows_rules = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'reconciliation_runs'::regclass"
            " AND attname = 'rule_version')"
        ).fetchone()
        demanded = ", pending_count = 0, rule_version = repeat('4', 64)" if knows_rules == (True,) else ""
        connection.execute(_DAYS.replace("-- and what later versions demand", demanded).encode())


def rows_of_tables(connection: psycopg.Connection) -> Rows:
    """Every row of every table of the record, as JSON."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relispartition AND relname <> ALL(%s)",
        [list(NOT_COMPARED)],
    ).fetchall()
    with connection.cursor(row_factory=dict_row) as cursor:
        return {
            table: [row["value"] for row in cursor.execute(f"SELECT to_jsonb(t) AS value FROM {table} AS t".encode())]
            for (table,) in tables
        }


def lost_rows(before: Rows, after: Rows) -> list[tuple[str, dict[str, object]]]:
    """Rows of before that are not there any more as they were; columns that came later do not count."""
    lost = []
    for table, rows in before.items():
        columns = set().union(*rows)
        left = Counter(_comparable(row, columns) for row in after.get(table, []))
        for row in rows:
            key = _comparable(row, columns)
            if not left[key]:
                lost.append((table, row))
            left[key] -= 1
    return lost


def _comparable(row: dict[str, object], columns: set[str]) -> str:
    return repr(sorted((name, value) for name, value in row.items() if name in columns))
