"""The record with retired months verifies, and tampering with them is found by both verifiers."""

from datetime import date

import psycopg
import pytest

from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.retention import MonthState
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.store.builders import missing
from recon_assets_tests.store.retention.months import OLD, apply, plan, problems, publish_on


def tamper(superuser: psycopg.Connection, statement: str) -> None:
    """Change a retired month and put its trigger back."""
    superuser.execute(f"ALTER TABLE recon_retired.{OLD} DISABLE TRIGGER refuse_change".encode())
    superuser.execute(statement.encode())
    superuser.execute(f"ALTER TABLE recon_retired.{OLD} ENABLE ALWAYS TRIGGER refuse_change".encode())


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
        "DROP INDEX recon_retired.retired_2019_03_tenant_id_transaction_id_idx",
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
