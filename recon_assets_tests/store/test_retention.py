"""Retiring months: what the plan says, what is archived and detached, and that nothing is lost or unseen after it."""

import csv
import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.errors import RowsRetired, StoreRefused, StoreUnavailable
from recon_assets.store.audit import last_seal, seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.database import Database
from recon_assets.store.history import discrepancies_of
from recon_assets.store.migrations import migrate
from recon_assets.store.month_archive import archive_month
from recon_assets.store.retention import MonthState, first_kept_month, one_apply_at_a_time, retire
from recon_assets.store.roles import embedded_login
from recon_assets.store.runs import begin_run, record_failure
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import PROJECT, settings_on
from recon_assets_tests.store.builders import STARTED, missing
from recon_assets_tests.store.months import OLD, OLD_DAY, apply, plan, publish_on

STRANGE = 'a "quote", a comma\nand a line feed'
OTHER_TENANT = UUID(int=2)


@pytest.fixture
def migrator(database: Database) -> Iterator[TenantConnection]:
    with database.connect_as_migrator() as connected:
        yield connected


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def old_run(connection: TenantConnection, tmp_path: Path) -> UUID:
    """A run of an old month with two discrepancies, and one of a young month."""
    publish_on(connection, tmp_path, day=date(2025, 9, 30), key="young", rows=[missing("y")])
    rows = [missing("a", merchant_id=""), missing(STRANGE, fee_minor=-7)]
    return publish_on(connection, tmp_path, day=OLD_DAY, key="old", rows=rows).run_id


def problems(migrator: TenantConnection) -> tuple[list[str], list[str]]:
    """Of Python's verification and of the database's own."""
    found = verify_audit(migrator, sql_dir=PROJECT / "sql")
    return [problem.what for problem in found.problems], [problem.what for problem in verify_inside(migrator)]


def tamper(superuser: psycopg.Connection, statement: str) -> None:
    """Change a retired month and put its trigger back."""
    superuser.execute(f"ALTER TABLE recon_retired.{OLD} DISABLE TRIGGER refuse_change".encode())
    superuser.execute(statement.encode())
    superuser.execute(f"ALTER TABLE recon_retired.{OLD} ENABLE ALWAYS TRIGGER refuse_change".encode())


@pytest.mark.parametrize(
    ("keep", "today", "first"),
    [
        (13, date(2025, 10, 1), date(2024, 10, 1)),
        (13, date(2025, 1, 31), date(2024, 1, 1)),
        (13, date(2024, 12, 31), date(2023, 12, 1)),
        (36, date(2026, 2, 28), date(2023, 3, 1)),
    ],
)
def test_the_month_of_today_is_one_of_those_kept(keep: int, today: date, first: date) -> None:
    assert first_kept_month(keep_attached_months=keep, today=today) == first


def test_the_plan_shows_every_month_and_changes_nothing(migrator, old_run) -> None:
    months = plan(migrator)
    assert plan(migrator) == months
    assert (months[OLD].rows, months[OLD].state) == (2, MonthState.DUE)
    assert months[OLD].size_bytes > 0
    assert (months["discrepancies_2025_09"].rows, months["discrepancies_2025_09"].state) == (1, MonthState.KEPT)
    assert {month.state for month in plan(migrator, keep=None).values()} == {MonthState.KEPT}


def test_a_retired_month_is_a_file_that_says_everything_and_a_table_beside(migrator, old_run, archive) -> None:
    (done,) = apply(migrator, archive)
    folder = archive / "retired" / OLD
    packed = (folder / "discrepancies.csv.gz").read_bytes()
    text = gzip.decompress(packed)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(packed).hexdigest()
    assert manifest["text_sha256"] == hashlib.sha256(text).hexdigest()
    rows = list(csv.DictReader(text.decode().splitlines(keepends=True)))
    assert {row["transaction_id"] for row in rows} == {"a", STRANGE}
    assert [column["name"] for column in manifest["columns"]] == list(rows[0])
    assert (manifest["row_count"], manifest["table"], manifest["month"]) == (2, OLD, "2019-03")
    said = migrator.execute("SELECT seq FROM audit_log WHERE action = 'BULK_INSERT' AND run_id = %s", [old_run])
    digests = migrator.execute(
        "SELECT seq FROM audit_log WHERE action = 'BULK_INSERT' AND table_name = 'discrepancies' AND run_id = %s",
        [old_run],
    ).fetchall()
    assert said.rowcount > len(digests) == 1
    assert [(seq,) for seq in manifest["digest_events"]] == digests
    newest = last_seal(migrator)
    assert manifest["seal"] == {"seal_no": newest.seal_no, "seal_hash": newest.seal_hash.hex()}
    assert newest.to_seq >= digests[0][0]
    event = migrator.execute(
        "SELECT actor, table_name, row_count, new_value FROM audit_log WHERE action = 'RETIRE'"
    ).fetchall()
    assert event == [("postgres", "discrepancies", 2, done.event | {"table": f"recon_retired.{OLD}"})]
    assert done.event["manifest_sha256"] == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    months = plan(migrator)
    assert OLD not in months
    assert months[f"retired.{OLD}"].state is MonthState.RETIRED
    assert months[f"retired.{OLD}"].file == f"retired/{OLD}/discrepancies.csv.gz"


def test_the_file_is_read_into_a_table_again_without_a_difference(migrator, old_run, archive) -> None:
    apply(migrator, archive)
    migrator.execute(f"CREATE TEMPORARY TABLE again (LIKE recon_retired.{OLD})".encode())
    text = gzip.decompress((archive / "retired" / OLD / "discrepancies.csv.gz").read_bytes())
    with migrator.cursor() as cursor, cursor.copy("COPY again FROM STDIN (FORMAT csv, HEADER match)") as copy:
        copy.write(text)
    for one, other in (("again", f"recon_retired.{OLD}"), (f"recon_retired.{OLD}", "again")):
        assert migrator.execute(f"TABLE {one} EXCEPT TABLE {other}".encode()).fetchall() == []


def test_every_tenants_rows_are_archived(migrator, database, old_run, archive, tmp_path) -> None:
    with replace(database, tenant=OTHER_TENANT).connect() as other:
        publish_on(other, tmp_path, day=OLD_DAY, key="other", rows=[missing("o")])
    (done,) = apply(migrator, archive)
    assert done.manifest.row_count == 3
    assert problems(migrator) == ([], [])


def test_applying_again_does_nothing(migrator, old_run, archive) -> None:
    assert len(apply(migrator, archive)) == 1
    events = migrator.execute("SELECT count(*) FROM audit_log").fetchone()
    assert apply(migrator, archive) == []
    assert migrator.execute("SELECT count(*) FROM audit_log").fetchone() == events


def test_an_old_month_without_rows_stays(migrator, connection, archive) -> None:
    with connection.transaction():
        connection.execute("SELECT ensure_month(%s)", [OLD_DAY])
    assert plan(migrator)[OLD].state is MonthState.EMPTY
    assert apply(migrator, archive) == []


def test_the_record_verifies_after_it_and_its_objects_are_those_of_the_release(migrator, old_run, archive) -> None:
    apply(migrator, archive)
    seal_audit(migrator)
    found = verify_audit(migrator, sql_dir=PROJECT / "sql")
    assert (found.problems, found.unsealed) == ([], 0)
    assert (found.checked["discrepancies rows"], found.checked["retired months"]) == (3, 1)
    assert verify_inside(migrator) == []


@pytest.mark.parametrize(
    ("statement", "said", "said_inside"),
    [
        (f"UPDATE recon_retired.{OLD} SET amount_minor = 1", "rows do not hash", "do not hash"),
        (f"DELETE FROM recon_retired.{OLD} WHERE transaction_id = 'a'", "1 rows, the", "1 rows in"),
        (f"TRUNCATE recon_retired.{OLD}", "no rows, the event says 2", "0 rows in"),
    ],
)
def test_a_changed_row_of_a_retired_month_is_found_by_both(
    migrator, superuser, old_run, archive, statement, said, said_inside
):
    apply(migrator, archive)
    tamper(superuser, statement)
    in_python, inside = problems(migrator)
    assert len(in_python) == len(inside) == 1
    assert said in in_python[0]
    assert said_inside in inside[0]


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER TABLE recon_retired.{OLD} DISABLE TRIGGER refuse_change",
        f"ALTER TABLE recon_retired.{OLD} NO FORCE ROW LEVEL SECURITY",
        f"GRANT SELECT ON recon_retired.{OLD} TO recon_reader",
        f"DROP POLICY all_rows ON recon_retired.{OLD}",
        "DROP INDEX recon_retired.retired_2019_03_tenant_id_discrepancy_id_idx",
        "CREATE VIEW recon_retired.window AS SELECT 1 AS one",
    ],
)
def test_a_retired_month_that_is_guarded_otherwise_is_found(migrator, superuser, old_run, archive, statement) -> None:
    apply(migrator, archive)
    superuser.execute(statement.encode())
    (what,) = {problem.check for problem in verify_audit(migrator, sql_dir=PROJECT / "sql").problems}
    assert what == "schema"


def test_the_second_of_two_retired_months_is_compared_with_the_first(
    migrator, superuser, connection, old_run, archive, tmp_path
) -> None:
    publish_on(connection, tmp_path, day=date(2020, 1, 1), key="2020", rows=[missing("b")])
    apply(migrator, archive)
    assert problems(migrator) == ([], [])
    superuser.execute("ALTER TABLE recon_retired.discrepancies_2020_01 DISABLE TRIGGER guard_rows")
    assert problems(migrator)[0] == ["trigger guard_rows on recon_retired.discrepancies_2020_01 is not of this release"]


def test_a_dropped_month_is_reported_with_the_file_that_has_its_rows(migrator, superuser, old_run, archive) -> None:
    (done,) = apply(migrator, archive)
    superuser.execute(f"DROP TABLE recon_retired.{OLD}".encode())
    gone = (
        f"the retired table recon_retired.{OLD} is gone; its 2 rows are in retired/{OLD}/discrepancies.csv.gz of the"
        f" archive, SHA-256 {done.manifest.sha256}"
    )
    in_python, inside = problems(migrator)
    assert in_python == [gone, "no rows, the event says 2"]
    assert inside == [gone, "0 rows in discrepancies, the event says 2"]
    assert plan(migrator)[f"retired.{OLD}"].state is MonthState.GONE


def test_a_table_among_the_retired_that_no_event_speaks_of_is_found(migrator, superuser, old_run) -> None:
    superuser.execute(f"CREATE TABLE recon_retired.{OLD} (LIKE discrepancies)".encode())
    for found in problems(migrator):
        assert f"no event speaks of the retired table recon_retired.{OLD}" in found


def test_a_month_detached_by_hand_is_found(migrator, superuser, old_run) -> None:
    superuser.execute(f"ALTER TABLE discrepancies DETACH PARTITION {OLD}".encode())
    for found in problems(migrator):
        assert any("the event says 2" in what for what in found)


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


def test_whoever_asks_for_a_retired_day_is_told_where_its_rows_are(migrator, connection, old_run, archive) -> None:
    (done,) = apply(migrator, archive)
    with pytest.raises(RowsRetired, match="the 2 discrepancies of 2019-03-14 are retired") as refused:
        discrepancies_of(connection, old_run, limit=9)
    assert refused.value.where == f"recon_retired.{OLD}"
    assert f"retired/{OLD}/discrepancies.csv.gz, SHA-256 {done.manifest.sha256}" in refused.value.remedy


def test_a_run_whose_rows_are_gone_never_seems_to_have_none(migrator, superuser, connection, old_run, archive) -> None:
    apply(migrator, archive)
    superuser.execute(f"DROP TABLE recon_retired.{OLD}".encode())
    with pytest.raises(StoreRefused, match="counts 2 discrepancies and the record has none"):
        discrepancies_of(connection, old_run, limit=9)


def test_an_old_day_that_is_run_again_gets_a_new_month_and_that_one_is_retired_beside_the_first(
    migrator, connection, old_run, archive, tmp_path
) -> None:
    apply(migrator, archive)
    first = (archive / "retired" / OLD / "discrepancies.csv.gz").read_bytes()
    again = publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    assert again.superseded == old_run
    assert [row.transaction_id for row in discrepancies_of(connection, again.run_id, limit=9)] == ["c"]
    assert problems(migrator) == ([], [])
    (done,) = apply(migrator, archive)
    assert (done.name, done.manifest.row_count) == (f"{OLD}_2", 1)
    assert (archive / "retired" / OLD / "discrepancies.csv.gz").read_bytes() == first
    assert problems(migrator) == ([], [])
    with pytest.raises(RowsRetired) as refused:
        discrepancies_of(connection, again.run_id, limit=9)
    assert refused.value.where == f"recon_retired.{OLD} or recon_retired.{OLD}_2"
    assert plan(migrator).keys() >= {f"retired.{OLD}", f"retired.{OLD}_2"}


def test_the_name_of_a_dropped_month_is_never_used_again(
    migrator, superuser, connection, old_run, archive, tmp_path
) -> None:
    apply(migrator, archive)
    superuser.execute(f"DROP TABLE recon_retired.{OLD}".encode())
    publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    (done,) = apply(migrator, tmp_path / "another archive")
    assert done.name == f"{OLD}_2"


def test_killed_after_the_export_it_goes_on_with_the_same_file(migrator, old_run, archive) -> None:
    before = archive_month(migrator, partition=OLD, month=date(2019, 3, 1), root=archive, taken=frozenset())
    (done,) = apply(migrator, archive)
    assert done == before
    assert [folder.name for folder in (archive / "retired").iterdir()] == [OLD]


def test_killed_after_the_export_and_rows_came_the_new_rows_get_a_file_of_their_own(
    migrator, connection, old_run, archive, tmp_path
) -> None:
    archive_month(migrator, partition=OLD, month=date(2019, 3, 1), root=archive, taken=frozenset())
    publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    (done,) = apply(migrator, archive)
    assert (done.name, done.manifest.row_count) == (f"{OLD}_2", 3)
    assert problems(migrator) == ([], [])


def test_killed_in_the_export_the_unfinished_folder_is_removed(migrator, old_run, archive) -> None:
    left_over = archive / "retired" / f".{OLD}.1"
    left_over.mkdir(parents=True)
    (left_over / "discrepancies.csv.gz").write_bytes(b"half")
    apply(migrator, archive)
    assert [folder.name for folder in (archive / "retired").iterdir()] == [OLD]


@pytest.mark.parametrize("damage", [b"", b"no gzip", b"cut"])
def test_a_file_that_is_not_as_it_was_written_stops_it_and_the_month_stays(migrator, old_run, archive, damage) -> None:
    archive_month(migrator, partition=OLD, month=date(2019, 3, 1), root=archive, taken=frozenset())
    file = archive / "retired" / OLD / "discrepancies.csv.gz"
    file.write_bytes(file.read_bytes()[:-9] if damage == b"cut" else damage)
    with pytest.raises(StoreRefused, match="can't be read back"):
        apply(migrator, archive)
    assert plan(migrator)[OLD].state is MonthState.DUE


def test_a_manifest_that_can_not_be_read_stops_it(migrator, old_run, archive) -> None:
    archive_month(migrator, partition=OLD, month=date(2019, 3, 1), root=archive, taken=frozenset())
    (archive / "retired" / OLD / "manifest.json").write_text("{}")
    with pytest.raises(StoreRefused, match="manifest of an archived month"):
        apply(migrator, archive)


def test_rows_that_come_between_export_and_detaching_stop_it(migrator, connection, old_run, archive, tmp_path) -> None:
    month = plan(migrator)[OLD]
    exported = archive_month(migrator, partition=OLD, month=month.month, root=archive, taken=frozenset())
    publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    with pytest.raises(errors.SerializationFailure, match="has 3 rows, the archive 2"):
        migrator.execute(
            "SELECT retire_month(%s, %s, %s)", [month.month, OLD, psycopg.types.json.Jsonb(exported.event)]
        )
    assert plan(migrator)[OLD].state is MonthState.DUE


def test_a_month_with_a_run_in_progress_stays_until_it_has_ended(migrator, connection, old_run, archive) -> None:
    begin_run(
        connection,
        processor="stripe",
        business_date=OLD_DAY,
        idempotency_key="b",
        dagster_run_id="b",
        started_at=STARTED,
    )
    with pytest.raises(StoreUnavailable, match="1 runs of the month are in progress"):
        apply(migrator, archive)
    assert plan(migrator)[OLD].state is MonthState.DUE
    record_failure(
        connection,
        processor="stripe",
        business_date=OLD_DAY,
        idempotency_key="b",
        dagster_run_id="b",
        stage="report",
        reason="x",
        started_at=STARTED,
    )
    assert [done.name for done in apply(migrator, archive)] == [OLD]


def test_a_run_that_begins_while_its_month_is_being_retired_waits_and_gets_a_new_one(
    migrator, connection, old_run, archive, tmp_path
) -> None:
    month = plan(migrator)[OLD]
    exported = archive_month(migrator, partition=OLD, month=month.month, root=archive, taken=frozenset())
    with migrator.transaction():
        migrator.execute(
            "SELECT retire_month(%s, %s, %s)", [month.month, OLD, psycopg.types.json.Jsonb(exported.event)]
        )
        connection.execute("SET lock_timeout = '50ms'")
        connection.commit()
        with pytest.raises(StoreUnavailable, match="beginning the run"):
            publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    connection.execute("SET lock_timeout = '10s'")
    connection.commit()
    again = publish_on(connection, tmp_path, day=OLD_DAY, key="again", rows=[missing("c")])
    assert len(discrepancies_of(connection, again.run_id, limit=9)) == 1


def test_one_applies_at_a_time(migrator, database, old_run, archive) -> None:
    with (
        one_apply_at_a_time(migrator),
        database.connect_as_migrator() as other,
        pytest.raises(StoreUnavailable, match="another `recon retention apply`"),
    ):
        apply(other, archive)


def test_a_login_that_does_not_see_every_row_is_refused(connection, migrator, old_run, archive) -> None:
    with pytest.raises(StoreRefused, match="does not see every tenant's rows"):
        plan(connection)
    with pytest.raises(StoreRefused):
        retire(connection, plan(migrator)[OLD], archive=archive)


@pytest.fixture
def keeper(superuser: psycopg.Connection) -> Iterator[str]:
    """A login that owns nothing, is no superuser, and may act as the owners."""
    superuser.execute("CREATE ROLE keeper LOGIN BYPASSRLS IN ROLE recon_owner, recon_audit_owner")
    yield "keeper"
    superuser.execute("DROP ROLE keeper")


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
    for path in sorted((before / "migrations").iterdir())[15:]:
        path.unlink()
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
