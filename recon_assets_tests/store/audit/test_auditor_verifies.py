"""The record verified by a login that may only read: it sees what the superuser sees, or says that it does not."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.errors import StoreRefused
from recon_assets.settings import Settings
from recon_assets.store import roles
from recon_assets.store.audit_findings import Verification
from recon_assets.store.audit_verification import verify_audit
from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import session_as_superuser, settings_on
from recon_assets_tests.store.audit.tampering import SQL, as_superuser
from recon_assets_tests.store.builders import missing
from recon_assets_tests.store.retention.months import OLD, OLD_DAY, apply, publish_on
from recon_assets_tests.store.tenants import A, B, fill

TAMPERED_WITH = {
    "an amount": ("discrepancies", "UPDATE discrepancies SET amount_minor = amount_minor + 1"),
    "a row of the second tenant": (
        "reconciliation_proofs",
        f"UPDATE reconciliation_proofs SET volume_minor = 0 WHERE tenant_id = '{B}'",
    ),
    "a row that may change": ("outbox", "UPDATE outbox SET payload = '{}' WHERE id = (SELECT id FROM outbox LIMIT 1)"),
    "an event": ("audit_log", "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"),
    "an event removed": ("audit_log", "DELETE FROM audit_log WHERE seq = 2"),
    "a seal": ("audit_seals", "UPDATE audit_seals SET seal_hash = sha256('') WHERE seal_no = 1"),
}
FORGED_RUN = """
    INSERT INTO reconciliation_runs (processor_name, run_date, version, status, idempotency_key, start_time)
    VALUES ('stripe', '2025-09-30', 77, 'running', 'forged', now())
"""
HIDDEN_BY = {
    "a policy that hides": (
        "CREATE POLICY blind ON reconciliation_runs AS RESTRICTIVE TO recon_auditor USING (version <> 77)",
        "policy blind on public.reconciliation_runs is not of this release",
    ),
    "a policy that hides everything": (
        "CREATE POLICY blind ON reconciliation_runs AS RESTRICTIVE USING (false)",
        "policy blind on public.reconciliation_runs is not of this release",
    ),
    "a policy that shows less": (
        "ALTER POLICY all_rows ON reconciliation_runs USING (idempotency_key <> 'forged')",
        "policy all_rows on public.reconciliation_runs is not as this release makes it",
    ),
    "a policy for others": (
        "ALTER POLICY all_rows ON reconciliation_runs TO recon_sealer",
        "policy all_rows on public.reconciliation_runs is not as this release makes it",
    ),
    "a policy dropped": (
        "DROP POLICY all_rows ON reconciliation_runs",
        "policy all_rows on public.reconciliation_runs is gone",
    ),
    "row-level security on the log": (
        "ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY",
        "table public.audit_log is not as this release makes it",
    ),
    "a policy of a retired month": (
        f"DROP POLICY all_rows ON recon_retired.{OLD}",
        "policy all_rows on recon_retired.discrepancies_(retired) is gone",
    ),
}


@pytest.fixture(scope="module")
def written(server, new_database, tmp_path_factory) -> str:
    """The name of a database with the record of two tenants and a retired month, to be copied."""
    folder, name = tmp_path_factory.mktemp("written"), new_database(is_template=True)
    database = Database.from_settings(settings_on(server, folder, name=name))
    for tenant in (A, B):
        fill(database, tenant, folder)
    with database.connect() as connection, database.connect_as_migrator() as migrator:
        publish_on(connection, folder, day=date(2025, 9, 30), key="young", rows=[missing("y")])
        publish_on(connection, folder, day=OLD_DAY, key="old", rows=[missing("a"), missing("b")])
        apply(migrator, folder / "archive")
        roles.admit(migrator, user=roles.EMBEDDED_AUDITOR.user, groups=(roles.AUDITOR,))
    return name


@pytest.fixture
def settings(server, new_database, written, tmp_path) -> Settings:
    """A copy of one's own."""
    return settings_on(server, tmp_path, name=new_database(template=written))


@pytest.fixture
def superuser(settings: Settings) -> Iterator[TenantConnection]:
    with session_as_superuser(Database.from_settings(settings)) as connection:
        yield connection


@pytest.fixture
def auditor(settings: Settings) -> Iterator[TenantConnection]:
    """As a service connects that has the auditor's login and not the migrator's."""
    given = settings.model_copy(update={"db_migration_user": None, "db_auditor_user": roles.EMBEDDED_AUDITOR.user})
    with Database.from_settings(given).connect_to_verify() as connection:
        yield connection


def verified(connection: TenantConnection) -> Verification:
    return verify_audit(connection, sql_dir=SQL)


def test_it_sees_every_row_that_the_superuser_sees(auditor, superuser) -> None:
    assert auditor.execute("SELECT session_user::text, current_user::text").fetchone() == (
        roles.EMBEDDED_AUDITOR.user,
        roles.AUDITOR,
    )
    auditor.commit()

    found = verified(auditor)

    assert (found.problems, found.unsealed) == ([], verified(superuser).unsealed)
    assert found.checked == verified(superuser).checked
    assert found.checked["retired months"] == 1
    assert min(found.checked.values()) > 0


@pytest.mark.parametrize("what", TAMPERED_WITH)
def test_it_finds_what_the_superuser_finds(auditor, superuser, what: str) -> None:
    table, statement = TAMPERED_WITH[what]
    as_superuser(superuser, [table], statement)

    found = verified(auditor).problems

    assert found
    assert found == verified(superuser).problems


@pytest.mark.parametrize("what", HIDDEN_BY)
def test_what_hides_rows_from_it_is_a_finding(auditor, superuser, what: str) -> None:
    """Of a row that no event speaks of, nothing else could tell when it is not seen."""
    statement, said = HIDDEN_BY[what]
    as_superuser(superuser, ["reconciliation_runs"], FORGED_RUN)
    superuser.execute(statement.encode())
    superuser.commit()

    assert said in [problem.what for problem in verified(auditor).problems if problem.check == "schema"]


@pytest.mark.parametrize("table", ["audit_log", "discrepancies", f"recon_retired.{OLD}"])
def test_a_table_that_it_may_not_read_is_refused_and_not_left_out(auditor, superuser, table: str) -> None:
    superuser.execute(f"REVOKE SELECT ON {table} FROM recon_auditor".encode())
    superuser.commit()

    with pytest.raises(StoreRefused, match=r"the database refused verifying the record.*42501"):
        verified(auditor)


def test_a_policy_that_is_being_made_is_waited_for_and_found(auditor, superuser, settings: Settings) -> None:
    """The snapshot is taken when nothing can hide rows any more: one from before would not show the policy."""
    superuser.execute(b"CREATE POLICY blind ON discrepancies AS RESTRICTIVE USING (false)")
    found: list[Verification] = []
    verifying = threading.Thread(target=lambda: found.append(verified(auditor)))
    verifying.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    with session_as_superuser(Database.from_settings(settings), autocommit=True) as observer:
        while verifying.is_alive() and observer.execute(waiting, [auditor.info.backend_pid]).fetchone() != (1,):
            pass
    superuser.commit()
    verifying.join()

    said = [problem.what for problem in found[0].problems]
    assert "policy blind on public.discrepancies is not of this release" in said


@pytest.mark.parametrize("group", [roles.APPLICATION, roles.READER])
def test_who_is_shown_a_part_of_the_rows_is_refused(settings: Settings, group: str) -> None:
    with (
        replace(Database.from_settings(settings), tenant=A).connect(role=group) as connection,
        pytest.raises(StoreRefused, match="the database refused verifying the record"),
    ):
        verified(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO system_configuration (key, value) VALUES ('a', '1')",
        "UPDATE discrepancies SET amount_minor = 1",
        "DELETE FROM audit_log",
        "TRUNCATE audit_seals",
        "SELECT * FROM seal_audit(0)",
        "SELECT * FROM verify_audit()",
        "SET ROLE recon_app",
        "CREATE TABLE notes ()",
    ],
)
def test_it_may_only_read(auditor: psycopg.Connection, statement: str) -> None:
    auditor.read_only = False
    with pytest.raises(errors.InsufficientPrivilege):
        auditor.execute(statement.encode())


def test_the_login_that_migrates_comes_first_and_of_another_server_no_login_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    given = settings.model_copy(update={"db_auditor_user": "nobody_has_made_it"})
    database = Database.from_settings(given)
    assert database.auditor == roles.embedded_login("nobody_has_made_it")
    assert not database.verifies_as_auditor
    assert not database.is_embedded

    database.prepare(sql_dir=SQL)

    with database.connect_to_verify() as connection:
        assert connection.execute("SELECT current_user::text").fetchone() == ("postgres",)
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'nobody_has_made_it'").fetchall() == []
    embedded = Database.from_settings(Settings(_env_file=None, RECON_DATA_DIR=tmp_path))
    assert embedded.is_embedded
    assert not embedded.verifies_as_auditor
