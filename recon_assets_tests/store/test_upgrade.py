"""From a database that was made before there were roles and tenants (migrations 0001 to 0003), with data in it."""

import shutil
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused
from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.history import current_run, discrepancies_of
from recon_assets.store.migrations import migrate
from recon_assets.store.roles import Login
from recon_assets_tests.conftest import PROJECT, settings_on
from recon_assets_tests.store.builders import DAY, missing, publish
from recon_assets_tests.store.tenants import TABLES

SQL = PROJECT / "sql"
OLD_VIEWS = Path(__file__).parent / "views_of_version_3"
EVENT = "seq, event_time, actor, action, table_name, row_count, run_id, old_value, new_value, context"
OLD_DATA = """
    INSERT INTO reconciliation_runs (id, processor_name, run_date, version, status, idempotency_key, start_time)
    VALUES ('00000000-0000-0000-0000-00000000000a', 'stripe', '2025-09-30', 1, 'running', 'old', '2025-10-01');
    INSERT INTO discrepancies (
        id, run_id, discrepancy_id, processor_name, business_date, class, outcome, priority, side, transaction_id,
        occurrence, currency, exponent, amount_minor, processor_seq
    ) SELECT gen_random_uuid(), id, gen_random_uuid(), 'stripe', run_date, 'missing_in_ledger', 'discrepancy', 3,
        'processor', 'txn', 1, 'USD', 2, 399, 0 FROM reconciliation_runs;
    INSERT INTO reconciliation_proofs (
        run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor, ledger_total_minor,
        signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor, volume_minor
    ) SELECT id, 'USD', 2, 1, 0, 399, 0, 399, 1, 399, 399 FROM reconciliation_runs;
    UPDATE reconciliation_runs SET
        status = 'completed', is_current = TRUE, end_time = '2025-10-02', verdict = 'discrepancies',
        processor_transactions = 1, internal_transactions = 0, matched_count = 0, discrepancy_count = 1,
        missing_transaction_count = 1, risk_level = 'LOW', compliance_status = 'COMPLIANT', currency = 'USD',
        total_volume_processed = 3.99, total_discrepancy_amount = 3.99;
    INSERT INTO data_quality_checks (
        dagster_run_id, run_id, asset_key, processor_name, business_date, check_name, passed, severity, description,
        rows_checked, failed_rows
    ) SELECT 'd', id, 'a', 'stripe', run_date, 'c', TRUE, 'WARN', 'x', 1, 0 FROM reconciliation_runs;
    INSERT INTO system_health (component, status) VALUES ('database', 'healthy');
    INSERT INTO system_configuration (key, value) VALUES ('limit', '1');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder `sql` as it was at version 3, but for the views: who migrates now makes them as an owner."""
    folder = tmp_path / "sql"
    shutil.copytree(SQL, folder)
    for path in sorted((folder / "migrations").iterdir())[3:]:
        path.unlink()
    shutil.rmtree(folder / "views")
    (folder / "views").mkdir()
    return folder


def test_the_rows_of_before_are_the_default_tenants_and_the_days_go_on(
    server, new_database, tmp_path: Path, old: Path
) -> None:
    database = Database.from_settings(settings_on(server, tmp_path, name=new_database(template="template0")))
    with database.connect_as_migrator() as connection:
        migrate(connection, sql_dir=old)
        for view in OLD_VIEWS.iterdir():
            connection.execute(view.read_bytes())
        connection.execute(OLD_DATA.encode())
        events = connection.execute(f"SELECT {EVENT} FROM audit_log ORDER BY seq".encode()).fetchall()
        database.prepare(sql_dir=SQL)
        for table in TABLES:
            tenants = connection.execute(f"SELECT tenant_id FROM {table}".encode()).fetchall()
            assert set(tenants) <= {(DEFAULT_TENANT_ID,)}
        assert connection.execute(f"SELECT {EVENT} FROM audit_log ORDER BY seq".encode()).fetchall() == events
    with database.connect() as connection:
        before = current_run(connection, "stripe", DAY)
        assert [row.transaction_id for row in discrepancies_of(connection, before.id, limit=9)] == ["txn"]
        after = publish(connection, tmp_path, key="new", rows=[missing("other")])
        assert (after.superseded, after.version) == (before.id, 2)
        with connection.transaction():
            assert connection.execute("SELECT transaction_id FROM missing_transactions").fetchall() == [("other",)]


def test_a_login_that_may_not_create_roles_is_told_what_an_administrator_must_run(tmp_path: Path) -> None:
    """A server without the roles, and a login that owns its database and nothing more."""
    folder = Path("/tmp") / f"recon-{tmp_path.parent.name}-{tmp_path.name[-8:]}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    with EmbeddedServer(folder / "data", durable=False) as server:
        where = str(server.socket_dir)
        with psycopg.connect(host=where, user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute("CREATE ROLE narrow LOGIN")
            admin.execute("CREATE DATABASE record OWNER narrow")
            admin.execute("CREATE DATABASE dagster OWNER narrow")
        narrow = Database(where, 5432, "record", "narrow", SecretStr(""), "dagster")
        with pytest.raises(
            StoreRefused, match=r"CREATE ROLE recon_owner; .*GRANT recon_owner, recon_audit_owner"
        ) as told:
            narrow.prepare(sql_dir=SQL)
        with psycopg.connect(host=where, user="postgres", dbname="record", autocommit=True) as admin:
            remedy = told.value.remedy.removeprefix("As an administrator run: ").split(". Or set")[0]
            admin.execute(remedy.replace(" (those that are missing)", "").encode())
            narrow.prepare(sql_dir=SQL)
            with narrow.connect() as connection, connection.transaction():
                assert connection.execute("SELECT current_user, session_user").fetchone() == ("recon_app", "narrow")
            # from now on an administrator's login migrates, and a login that may do less works
            admin.execute("CREATE ROLE worker LOGIN")
        separate = Database(
            where, 5432, "record", "worker", SecretStr(""), "dagster", migrator=Login("postgres", SecretStr(""))
        )
        separate.prepare(sql_dir=SQL)
        Database(where, 5432, "record", "worker", SecretStr(""), "dagster").prepare(sql_dir=SQL)
        with separate.connect() as connection, connection.transaction():
            connection.execute("INSERT INTO system_configuration (key, value) VALUES ('x', '1')")
    shutil.rmtree(folder)


def test_dagsters_database_of_before_gets_an_owner_of_its_own(own_server_settings) -> None:
    with EmbeddedServer(own_server_settings.data_dir, durable=False) as server:
        where = str(server.socket_dir)
        with psycopg.connect(host=where, user="postgres", dbname="postgres", autocommit=True) as superuser:
            superuser.execute("CREATE DATABASE dagster")
        with psycopg.connect(host=where, user="postgres", dbname="dagster") as superuser:
            superuser.execute("CREATE TABLE runs (id serial PRIMARY KEY)")
        for _ in range(2):
            with open_database(own_server_settings, with_schema=False) as database:
                pass
        with database.connect_to_dagster() as connection:
            connection.execute("INSERT INTO runs DEFAULT VALUES")
            connection.execute("ALTER TABLE runs ADD COLUMN more text")
            connection.execute("CREATE TABLE jobs ()")
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                False,
            )
