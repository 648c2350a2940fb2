"""Data of before the seals is migrated, sealed and verified; and the committed fingerprint is that of today."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from recon_assets.domain.errors import ConfigurationError
from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.migrations import migrate
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.audit.tampering import SQL, STRANGE, as_superuser
from recon_assets_tests.store.builders import missing, publish

LAST_WITHOUT_SEALS = 3


@pytest.fixture
def old(server: EmbeddedServer, new_database: Callable[..., str], tmp_path: Path) -> Iterator[psycopg.Connection]:
    """A database as migrations 0001 to 0003 left it."""
    sql_dir = Path(shutil.copytree(SQL, tmp_path / "sql"))
    for later in sorted((sql_dir / "migrations").iterdir())[LAST_WITHOUT_SEALS:]:
        later.unlink()
    shutil.rmtree(sql_dir / "views")
    (sql_dir / "views").mkdir()
    name = new_database(template="template0")
    with TenantConnection.connect(
        host=str(server.socket_dir), user="postgres", dbname=name, autocommit=True
    ) as connection:
        connection.tenant = DEFAULT_TENANT_ID
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(DEFAULT_TENANT_ID)])
        migrate(connection, sql_dir=sql_dir)
        yield connection


OLD_DATA = """
    INSERT INTO reconciliation_runs (processor_name, run_date, version, status, idempotency_key, start_time)
    VALUES ('stripe', '2025-09-30', 1, 'running', 'a', '2025-10-01'),
        ('paypal', '2024-02-29', 1, 'running', 'b', '2025-10-01');
    INSERT INTO discrepancies (
        id, run_id, discrepancy_id, processor_name, business_date, class, outcome, priority, side, transaction_id,
        occurrence, currency, exponent, amount_minor, processor_seq, merchant_id, occurred_at
    ) SELECT gen_random_uuid(), r.id, gen_random_uuid(), r.processor_name, r.run_date, 'missing_in_ledger',
        'discrepancy', 3, 'processor', t.id, 1, 'USD', 2, 399, 0, '', '2025-09-30 12:00:00.123456+00'
    FROM reconciliation_runs AS r CROSS JOIN unnest(%s::text[]) AS t (id);
    INSERT INTO reconciliation_proofs (
        run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor, ledger_total_minor,
        signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) SELECT r.id, c.currency, 2, 1, 0, 798, 0, 798, 2, 798, 798
    FROM reconciliation_runs AS r CROSS JOIN (VALUES ('USD'), ('JPY')) AS c (currency);
    UPDATE reconciliation_runs SET
        status = 'completed', is_current = TRUE, end_time = '2025-10-02', verdict = 'discrepancies',
        processor_transactions = 2, internal_transactions = 0, matched_count = 0, discrepancy_count = 2,
        missing_transaction_count = 2, risk_level = 'LOW', compliance_status = 'COMPLIANT';
    INSERT INTO system_configuration (key, value) VALUES ('a', '1');
"""


def test_data_of_before_the_seals_is_sealed_and_verified(old, tmp_path) -> None:
    for statement in OLD_DATA.split(";\n"):
        old.execute(statement.encode(), [["a", STRANGE]] if "%s" in statement else None)
    before = old.execute("SELECT count(*) FROM audit_log").fetchone()[0]

    migrate(old, sql_dir=SQL)
    old.autocommit = False

    assert sum(seal.row_count for seal in seal_audit(old)) == before
    found = verify_audit(old, sql_dir=SQL)
    assert (found.problems, found.unsealed) == ([], 0)
    assert verify_inside(old) == []
    publish(old, tmp_path, key="c", rows=[missing("b")])
    assert verify_audit(old, sql_dir=SQL).problems == verify_inside(old) == []
    as_superuser(old, ["discrepancies"], "UPDATE discrepancies SET priority = 1 WHERE transaction_id = 'a'")
    assert len(verify_audit(old, sql_dir=SQL).problems) == len(verify_inside(old)) == 2


def test_a_column_that_a_later_migration_adds_does_not_make_older_rows_wrong(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    for table in ("discrepancies", "reconciliation_proofs", "reconciliation_runs"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN later uuid NOT NULL DEFAULT gen_random_uuid()".encode())
    connection.commit()
    publish(connection, tmp_path, key="b", rows=[missing("b")])
    found = [problem for problem in verify_audit(connection, sql_dir=SQL).problems if problem.check != "schema"]
    assert found == verify_inside(connection) == []
    as_superuser(connection, ["discrepancies"], "UPDATE discrepancies SET later = id WHERE transaction_id = 'b'")
    assert len(verify_inside(connection)) == 1


def test_the_committed_fingerprint_is_that_of_these_migrations(connection) -> None:
    """When it is not: `python -m recon_assets.store.schema_fingerprint`."""
    assert verify_audit(connection, sql_dir=SQL).problems == []


def test_a_release_without_its_fingerprint_can_not_verify(connection, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="fingerprint"):
        verify_audit(connection, sql_dir=tmp_path)
