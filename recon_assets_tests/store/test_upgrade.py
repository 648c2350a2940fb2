"""From every earlier version of the database, with data in it; what is in those versions is in `old_versions`."""

import shutil
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused
from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.database import Database, open_database
from recon_assets.store.discrepancies import discrepancies_of
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.history import current_run
from recon_assets.store.migrations import migrate
from recon_assets.store.roles import Login
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.store.builders import DAY, missing, publish
from recon_assets_tests.store.old_versions import (
    ANSWER,
    FIRST_TABLES,
    FIRST_WITH_AUDIT,
    LATEST,
    SQL,
    UNWRITTEN,
    insert_days,
    lost_rows,
    make_views_of_version,
    rows_of_tables,
    sql_of_version,
)

LAST_BEFORE_MATCHING = 18


@pytest.mark.parametrize("version", range(1, LATEST))
def test_a_day_of_any_earlier_version_stands_and_the_days_go_on(
    server, new_database, tmp_path: Path, version: int
) -> None:
    database = Database.from_settings(settings_on(server, tmp_path, name=new_database(template="template0")))
    with database.connect_as_migrator() as connection:
        migrate(connection, sql_dir=sql_of_version(version, tmp_path / "sql"))
        make_views_of_version(version, connection)
        insert_days(connection)
        before = rows_of_tables(connection)
        assert all(before[table] for table in FIRST_TABLES)

        database.prepare(sql_dir=SQL)

        assert lost_rows(before, rows_of_tables(connection)) == []
        for table in FIRST_TABLES:
            tenants = connection.execute(f"SELECT DISTINCT tenant_id FROM {table}".encode()).fetchall()
            assert tenants == [(DEFAULT_TENANT_ID,)]
        seal_audit(connection)
        assert problems(connection, version) == []

    with database.connect() as connection:
        answer = current_run(connection, "stripe", DAY)
        assert (str(answer.id), answer.version) == (ANSWER, 2)
        assert [row.transaction_id for row in discrepancies_of(connection, answer.id, limit=9)] == ["b"]
        after = publish(connection, tmp_path, key="next", rows=[missing("c")])
        assert (after.superseded, after.version) == (answer.id, 3)
        with connection.transaction():
            assert connection.execute("SELECT transaction_id FROM missing_transactions").fetchall() == [("c",)]
    with database.connect_as_migrator() as connection:
        assert problems(connection, version) == []


def test_matches_and_retired_months_of_before_the_matching_are_as_if_they_had_been_written_today(
    server, new_database, tmp_path: Path
) -> None:
    database = Database.from_settings(settings_on(server, tmp_path, name=new_database(template="template0")))
    with database.connect_as_migrator() as connection:
        migrate(connection, sql_dir=sql_of_version(LAST_BEFORE_MATCHING, tmp_path / "sql"))
        insert_days(connection)
        with connection.transaction():
            connection.execute(_MATCHES.encode())
        with connection.transaction():
            connection.execute(_RETIRE.encode(), {"name": "discrepancies_2025_09", "row_count": 2})

        database.prepare(sql_dir=SQL)

        with connection.transaction():
            found = connection.execute("SELECT match_count, processor_records, ledger_records FROM matches").fetchall()
        assert found == [(7, 7, 7)]
        publish(connection, tmp_path, key="comes back", rows=[missing("c")])
        with connection.transaction():
            connection.execute(_RETIRE.encode(), {"name": "discrepancies_2025_09_2", "row_count": 1})
        seal_audit(connection)
        assert problems(connection, LAST_BEFORE_MATCHING) == [], "both retired months are alike, whenever they were"
        assert verify_inside(connection) == []


_MATCHES = """
    INSERT INTO reconciliation_runs (id, processor_name, run_date, version, status, idempotency_key, start_time)
    VALUES ('00000000-0000-4000-8000-00000000000d', 'paypal', '2025-09-30', 1, 'running', 'm', '2025-10-01 02:00+0');
    INSERT INTO matches (run_id, pass, match_count)
    VALUES ('00000000-0000-4000-8000-00000000000d', 'transaction_id', 7);
    UPDATE reconciliation_runs SET
        status = 'completed', is_current = TRUE, end_time = '2025-10-02', verdict = 'reconciled',
        processor_transactions = 7, internal_transactions = 7, matched_count = 7, discrepancy_count = 0,
        missing_transaction_count = 0, risk_level = 'LOW', compliance_status = 'COMPLIANT'
    WHERE idempotency_key = 'm'
"""
_RETIRE = """
    SELECT retire_month('2025-09-01', %(name)s, jsonb_build_object(
        'file', 'f', 'sha256', repeat('0', 64), 'row_count', %(row_count)s::int
    ))
"""


def problems(connection: TenantConnection, version: int) -> list[str]:
    """What verification finds, but for rows that were written before there was an audit log: those, it must find."""
    found = [problem.what for problem in verify_audit(connection, sql_dir=SQL).problems]
    if version >= FIRST_WITH_AUDIT:
        return found
    assert any(UNWRITTEN in what for what in found)
    return [what for what in found if UNWRITTEN not in what]


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
