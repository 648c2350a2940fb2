"""Row-level security on a real server: what a transaction of one tenant sees and writes, and what it does not."""

import random
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store import roles
from recon_assets.store.database import Database
from recon_assets.store.history import current_run, recent_runs
from recon_assets.store.runs import processor_day_lock
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.store.builders import DAY
from recon_assets_tests.store.tenants import TABLES, VIEWS, A, B, fill

POOLED_TRANSACTIONS = 2_000


@pytest.fixture(scope="module")
def shared(server, new_database, tmp_path_factory) -> Database:
    folder = tmp_path_factory.mktemp("tenants")
    database = Database.from_settings(settings_on(server, folder, name=new_database()))
    for tenant in (A, B):
        fill(database, tenant, folder)
    with database.connect_as_migrator() as superuser:
        roles.admit(superuser, user=roles.EMBEDDED_AUDITOR.user, groups=(roles.AUDITOR,))
    return replace(database, auditor=roles.EMBEDDED_AUDITOR)


@pytest.fixture
def as_a(shared: Database):
    with replace(shared, tenant=A).connect() as connection:
        yield connection


def tenants_in(connection: psycopg.Connection, relation: str) -> list[UUID]:
    return [row[0] for row in connection.execute(f"SELECT DISTINCT tenant_id FROM {relation}".encode()).fetchall()]


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
@pytest.mark.parametrize("role", [roles.APPLICATION, roles.READER])
def test_a_transaction_sees_the_rows_of_its_tenant_only(shared: Database, relation: str, role: str) -> None:
    for tenant in (A, B):
        with replace(shared, tenant=tenant).connect(role=role) as connection, connection.transaction():
            assert tenants_in(connection, relation) == [tenant]
    with replace(shared, tenant=UUID(int=9)).connect(role=role) as connection, connection.transaction():
        assert tenants_in(connection, relation) == []


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
def test_without_a_tenant_there_are_no_rows_and_garbage_is_an_error(shared: Database, relation: str) -> None:
    with replace(shared, tenant=A).connect(autocommit=True) as connection:
        assert tenants_in(connection, relation) == [], "never set"
        with connection.transaction():
            assert tenants_in(connection, relation) == [A]
        assert connection.execute("SHOW app.tenant_id").fetchone() == ("",)
        assert tenants_in(connection, relation) == [], "ended with the transaction"
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(A)])
        connection.execute("RESET app.tenant_id")
        assert tenants_in(connection, relation) == [], "empty after RESET"
        for garbage in ("*", "' OR true --", f"{A},{B}", "null"):
            connection.execute("SELECT set_config('app.tenant_id', %s, false)", [garbage])
            with pytest.raises(errors.InvalidTextRepresentation):  # and never rows
                tenants_in(connection, relation)


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
def test_the_auditor_reads_all_tenants(shared: Database, relation: str) -> None:
    with shared.connect(role=roles.AUDITOR, autocommit=True) as connection:
        assert sorted(tenants_in(connection, relation)) == [A, B]


def test_the_urls_for_other_clients_read_one_tenant_or_all(shared: Database) -> None:
    with psycopg.connect(replace(shared, tenant=A).dsn) as client:
        assert tenants_in(client, "discrepancies") == [A]
        with pytest.raises(errors.InsufficientPrivilege):
            client.execute("INSERT INTO system_configuration (key, value) VALUES ('x', '1')")
    with psycopg.connect(shared.auditor_dsn) as client:
        assert sorted(tenants_in(client, "discrepancies")) == [A, B]
        assert client.execute("SELECT count(*) > 0 FROM audit_log").fetchone() == (True,)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO system_configuration (tenant_id, key, value) VALUES (%(b)s, 'x', '1')",
        "INSERT INTO system_health (tenant_id, component, status) VALUES (%(b)s, 'x', 'healthy')",
        (
            "INSERT INTO reconciliation_runs (tenant_id, processor_name, run_date, version, status, idempotency_key, "
            "start_time) VALUES (%(b)s, 'stripe', '2025-01-01', 1, 'running', 'x', now())"
        ),
        (
            "INSERT INTO data_quality_checks (tenant_id, dagster_run_id, asset_key, processor_name, business_date, "
            "check_name, passed, severity, description, rows_checked, failed_rows) "
            "VALUES (%(b)s, 'x', 'x', 'stripe', '2025-01-01', 'x', true, 'WARN', 'x', 0, 0)"
        ),
        (
            "INSERT INTO reconciliation_proofs (tenant_id, run_id, currency, exponent, processor_transactions, "
            "ledger_entries, processor_total_minor, ledger_total_minor, signed_discrepancies_minor, discrepancy_count, "
            "discrepancy_amount_minor, volume_minor) VALUES (%(b)s, %(run)s, 'EUR', 2, 0, 0, 0, 0, 0, 0, 0, 0)"
        ),
        (
            "INSERT INTO discrepancies (tenant_id, id, run_id, discrepancy_id, processor_name, business_date, class, "
            "outcome, priority, side, occurrence, currency, exponent, amount_minor, ledger_seq) VALUES (%(b)s, "
            "%(run)s, %(run)s, %(run)s, 'stripe', '2025-09-30', 'missing_in_ledger', 'ok', 1, 'ledger', 1, 'USD', 2, "
            "1, 1)"
        ),
        "UPDATE system_configuration SET tenant_id = %(b)s",
    ],
)
def test_rows_of_another_tenant_are_not_written(as_a, shared: Database, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege), as_a.transaction():
        as_a.execute(statement.encode(), {"b": B, "run": run_of(shared, B)})


def test_a_change_of_all_rows_changes_ones_own(as_a) -> None:
    with as_a.transaction(force_rollback=True):
        assert as_a.execute("UPDATE system_configuration SET value = '2'").rowcount == 1


def test_a_row_below_another_tenants_run_is_refused_as_if_there_were_no_such_run(as_a, shared: Database) -> None:
    for run_id in (run_of(shared, B), UUID(int=1)):
        with pytest.raises(errors.ForeignKeyViolation), as_a.transaction():
            as_a.execute(
                "INSERT INTO reconciliation_proofs (run_id, currency, exponent, processor_transactions, "
                "ledger_entries, processor_total_minor, ledger_total_minor, signed_discrepancies_minor, "
                "discrepancy_count, discrepancy_amount_minor, volume_minor) "
                "VALUES (%s, 'EUR', 2, 0, 0, 0, 0, 0, 0, 0, 0)",
                [run_id],
            )


def test_a_write_without_a_tenant_is_refused(as_a) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_a.execute("INSERT INTO system_configuration (key, value) VALUES ('x', '1')")


def test_copying_into_a_table_of_tenants_is_refused_by_the_server(as_a) -> None:
    with (
        pytest.raises(errors.FeatureNotSupported),
        as_a.transaction(),
        as_a.cursor().copy("COPY system_configuration (key, value) FROM STDIN"),
    ):
        pass


def test_row_level_security_that_is_switched_off_shows_nothing(as_a) -> None:
    as_a.execute("SET LOCAL row_security = off")
    with pytest.raises(errors.InsufficientPrivilege):
        as_a.execute("SELECT * FROM discrepancies")


def test_two_tenants_hold_the_same_processor_day_at_once(as_a, shared: Database) -> None:
    with (
        replace(shared, tenant=B).connect() as as_b,
        processor_day_lock(as_a, "stripe", DAY),
        processor_day_lock(as_b, "stripe", DAY, wait_s=0.1),
    ):
        pass


def test_many_clients_of_two_tenants_on_few_connections_see_no_foreign_row(shared: Database) -> None:
    """As behind a pooler in transaction mode: each transaction gets any connection, whoever had it before."""
    choice = random.Random(20_250_930)
    connections = [shared.connect() for _ in range(3)]
    foreign = absent = 0
    for _ in range(POOLED_TRANSACTIONS):
        connection, tenant = choice.choice(connections), choice.choice((A, B))
        connection.tenant = tenant
        runs = recent_runs(connection) if choice.random() < 0.5 else (current_run(connection, "stripe", DAY),)
        with connection.transaction(force_rollback=choice.random() < 0.2):
            seen = tenants_in(connection, choice.choice((*TABLES, *VIEWS)))
        foreign += any(other != tenant for other in seen)
        absent += not all(runs) or tenant not in seen
    for connection in connections:
        connection.close()
    assert (foreign, absent) == (0, 0)


def test_who_asks_for_no_tenant_is_the_default_one(database: Database, connection) -> None:
    assert database.tenant == DEFAULT_TENANT_ID == connection.tenant


def run_of(database: Database, tenant: UUID) -> UUID:
    with replace(database, tenant=tenant).connect() as connection:
        run = current_run(connection, "stripe", DAY)
    assert run is not None
    return run.id
