"""Who may read a retired month, and who may retire one."""

import shutil
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.errors import StoreRefused
from recon_assets.store.audit_verification import verify_audit
from recon_assets.store.database import Database
from recon_assets.store.migrations import migrate
from recon_assets.store.retention import MonthState, retire
from recon_assets.store.roles import embedded_login
from recon_assets_tests.conftest import PROJECT, settings_on
from recon_assets_tests.store.retention.months import OLD, apply, plan, problems


def test_nobody_but_an_auditor_reads_a_retired_month_and_nobody_changes_it(
    migrator, database, superuser, old_run, archive
) -> None:
    apply(migrator, archive)
    for role in ("recon_app", "recon_reader"):
        with database.connect(role=role) as other, pytest.raises(errors.InsufficientPrivilege):
            other.execute(f"SELECT * FROM recon_retired.{OLD}".encode())
    superuser.execute("SET ROLE recon_auditor")
    assert superuser.execute(f"SELECT count(*) FROM recon_retired.{OLD}".encode()).fetchone() == (2,)
    superuser.execute("RESET ROLE")
    for statement in ("UPDATE {} SET amount_minor = 1", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            superuser.execute(statement.format(f"recon_retired.{OLD}").encode())


def test_the_application_can_not_retire(connection, old_run) -> None:
    for statement in (
        f"SELECT retire_month('2019-03-01', '{OLD}', '{{}}')",
        f"SELECT note_retired_month('{OLD}', 2, '{{}}')",
    ):
        with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
            connection.execute(statement.encode())


def test_a_login_that_does_not_see_every_row_is_refused(connection, migrator, old_run, archive) -> None:
    with pytest.raises(StoreRefused, match="does not see every tenant's rows"):
        plan(connection)
    with pytest.raises(StoreRefused):
        retire(connection, plan(migrator)[OLD], archive=archive)


def test_a_login_that_is_no_superuser_retires_and_verifies(database, keeper, old_run, archive) -> None:
    with replace(database, migrator=embedded_login(keeper)).connect_as_migrator() as migrator:
        assert [done.name for done in apply(migrator, archive)] == [OLD]
        assert problems(migrator) == ([], [])
        owner = migrator.execute(f"SELECT relowner::regrole::text FROM pg_class WHERE relname = '{OLD}'".encode())
        assert owner.fetchone() == ("recon_owner",)


def test_a_login_that_may_not_create_the_schema_is_told_what_an_administrator_must_run(
    server, new_database, keeper, tmp_path
) -> None:
    before = Path(shutil.copytree(PROJECT / "sql", tmp_path / "sql"))
    for path in (*sorted((before / "migrations").iterdir())[16:], *(before / "views").iterdir()):
        path.unlink()  # today's views may need what came later
    database = Database.from_settings(settings_on(server, tmp_path, name=new_database(template="template0")))
    with database.connect_as_migrator() as admin:
        migrate(admin, sql_dir=before)
        with replace(database, migrator=embedded_login(keeper)).connect_as_migrator() as migrator:
            with pytest.raises(StoreRefused, match="may not create a schema") as told:
                migrate(migrator, sql_dir=PROJECT / "sql")
            admin.execute(told.value.remedy.removeprefix("As an administrator run in this database: ").encode())
            migrate(migrator, sql_dir=PROJECT / "sql")
            assert verify_audit(migrator, sql_dir=PROJECT / "sql").problems == []


@pytest.mark.parametrize(
    ("month", "name", "archived"),
    [
        ("2019-03-01", "discrepancies_2019_04", {"file": "f", "sha256": "0" * 64}),
        ("2019-03-01", f"{OLD}_x", {"file": "f", "sha256": "0" * 64}),
        ("2019-03-01", OLD, {"file": "f", "sha256": "0"}),
        ("2019-03-01", OLD, {"sha256": "0" * 64}),
        ("2018-03-01", "discrepancies_2018_03", {"file": "f", "sha256": "0" * 64}),
        ("2019-03-01", OLD, {"file": "f", "sha256": "0" * 64}),
    ],
)
def test_a_month_is_not_retired_without_a_right_name_a_file_and_its_rows(migrator, old_run, month, name, archived):
    with pytest.raises(psycopg.Error):
        migrator.execute("SELECT retire_month(%s, %s, %s)", [month, name, psycopg.types.json.Jsonb(archived)])
    assert plan(migrator)[OLD].state is MonthState.DUE
