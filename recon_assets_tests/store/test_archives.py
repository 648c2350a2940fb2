"""What the record knows of archives: a hash that is set once, a chain of days, and a shipping that nobody loses."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.store.archives import (
    Archive,
    Link,
    Unshipped,
    archive_of,
    checks_of_run,
    current_archive,
    previous_day,
    previous_version,
    record_archived,
    record_shipped,
    record_waiting,
    take_unshipped,
    unshipped,
)
from recon_assets.store.outbox import MessageKind, take_messages
from recon_assets_tests.store.builders import DAY, conclusion, missing, publish
from recon_assets_tests.store.tenants import record_one_outcome

HASH, OTHER_HASH = "a" * 64, "b" * 64
REASON = "S3 could not take the archive (SlowDown)"
NOW = timedelta(0)


def published(connection, folder: Path, key: str = "key", day: date = DAY, rows: int = 1) -> UUID:
    found = [missing(f"{key} {number}") for number in range(rows)]
    return publish(connection, folder, key=key, rows=found, answer=conclusion(found, day=day)).run_id


def archived(connection, run_id: UUID, sha256: str = HASH, *, to_be_shipped: bool = True) -> Archive:
    return record_archived(
        connection,
        run_id=run_id,
        folder=f"reports/{DAY}/stripe/{run_id}",
        manifest_sha256=sha256,
        file_count=12,
        size_bytes=2**40,
        to_be_shipped=to_be_shipped,
    )


def test_the_hash_of_the_manifest_is_on_the_run_and_the_files_have_a_row(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)

    archive = archived(connection, run_id, to_be_shipped=False)

    assert archive == archive_of(connection, run_id) == current_archive(connection, "stripe", DAY)
    assert (archive.state, archive.manifest_sha256, archive.file_count, archive.size_bytes) == (
        "local",
        HASH,
        12,
        2**40,
    )
    with connection.transaction():
        on_run = connection.execute("SELECT manifest_sha256 FROM reconciliation_runs").fetchall()
    assert on_run == [(HASH,)]


def test_again_it_changes_nothing_and_another_manifest_is_refused(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    first = archived(connection, run_id, to_be_shipped=False)

    assert archived(connection, run_id, to_be_shipped=False) == first
    with pytest.raises(ArchiveUnreadable, match=r"not what the record says.*Restore the folder"):
        archived(connection, run_id, OTHER_HASH)
    assert archive_of(connection, run_id) == first


def test_a_run_that_does_not_exist_has_no_archive(connection) -> None:
    with pytest.raises(ArchiveUnreadable, match="not what the record says"):
        archived(connection, UUID(int=5))
    assert archive_of(connection, UUID(int=5)) is None
    assert current_archive(connection, "stripe", DAY) is None


def test_an_archive_names_the_day_and_the_version_before_it(connection, tmp_path) -> None:
    before, first = DAY - timedelta(days=3), published(connection, tmp_path, "first")
    assert previous_day(connection, "stripe", DAY) is None
    assert previous_version(connection, first) is None
    older = published(connection, tmp_path, "older", day=before)
    assert previous_day(connection, "stripe", DAY) is None, "it is not archived yet"
    archived(connection, older, OTHER_HASH)
    archived(connection, first)
    second = published(connection, tmp_path, "second", rows=2)

    assert previous_day(connection, "stripe", DAY) == Link(before, older, OTHER_HASH)
    assert previous_version(connection, second) == Link(DAY, first, HASH)
    assert previous_day(connection, "paypal", DAY) is None


def test_the_same_answer_again_has_the_archive_of_the_one_that_stands(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archive = archived(connection, run_id)

    again = published(connection, tmp_path)

    assert again == run_id
    assert current_archive(connection, "stripe", DAY) == archive


def test_check_outcomes_of_a_run_are_told_in_full(connection, tmp_path) -> None:
    record_one_outcome(connection)
    run_id = published(connection, tmp_path)
    with connection.transaction():
        connection.execute("UPDATE data_quality_checks SET run_id = %s", [run_id])

    (check,) = checks_of_run(connection, run_id)
    assert (check.asset_key, check.check_name, check.passed) == ("stripe/transactions", "ids_are_unique", True)
    assert (check.severity, check.description, check.rows_checked) == ("ERROR", "once", 1)


def test_what_waits_is_told_once_in_the_transaction_that_marks_it(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    assert unshipped(connection) == Unshipped(0, None), "its first upload is under way"

    for _ in range(2):
        record_waiting(connection, run_id, reason=REASON, wait=timedelta(minutes=1))

    waiting = archive_of(connection, run_id)
    assert waiting is not None
    assert (waiting.state, waiting.reason, waiting.attempts, waiting.place) == ("waiting", REASON, 2, None)
    assert unshipped(connection) == Unshipped(1, waiting.archived_at)
    (message,) = take_messages(connection, kinds=[MessageKind.ARCHIVE_WAITING], limit=9, lease=timedelta(minutes=1))
    assert message.run_id == run_id
    assert message.payload == {"processor": "stripe", "business_date": "2025-09-30", "reason": REASON}


def test_a_very_long_reason_is_cut(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    record_waiting(connection, run_id, reason="x" * 5_000, wait=NOW)
    archive = archive_of(connection, run_id)
    assert archive is not None
    assert archive.reason == "x" * 2_000


def test_what_waits_is_taken_when_it_is_due_and_leased(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    assert take_unshipped(connection, limit=9) == (), "leased to whoever archived it"
    record_waiting(connection, run_id, reason=REASON, wait=timedelta(minutes=5))
    assert take_unshipped(connection, limit=9) == (), "not due yet"
    record_waiting(connection, run_id, reason=REASON, wait=NOW)

    (taken,) = take_unshipped(connection, limit=9)

    assert (taken.run_id, taken.state, taken.attempts) == (run_id, "shipping", 2)
    assert take_unshipped(connection, limit=9) == ()


def test_a_lease_that_is_over_is_taken_by_the_next(connection, superuser, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    superuser.execute("ALTER TABLE archives DISABLE TRIGGER guard_archive")
    superuser.execute("UPDATE archives SET due_at = clock_timestamp() - interval '1 second'")
    assert unshipped(connection).count == 1, "killed while it was shipped"
    assert [archive.run_id for archive in take_unshipped(connection, limit=9)] == [run_id]


def test_one_can_ask_for_all_that_wait_and_for_those_of_before_there_was_a_bucket(connection, tmp_path) -> None:
    waits = published(connection, tmp_path, "waits")
    archived(connection, waits)
    record_waiting(connection, waits, reason=REASON, wait=timedelta(hours=6))
    local = published(connection, tmp_path, "local", day=DAY + timedelta(days=1))
    archived(connection, local, OTHER_HASH, to_be_shipped=False)

    assert [archive.run_id for archive in take_unshipped(connection, limit=9, at_once=True)] == [waits]
    assert [archive.run_id for archive in take_unshipped(connection, limit=9, with_local=True)] == [local]


def test_once_shipped_it_stays_so(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    record_waiting(connection, run_id, reason=REASON, wait=NOW)

    record_shipped(connection, run_id, place="s3://evidence")
    shipped = archive_of(connection, run_id)
    record_waiting(connection, run_id, reason=REASON, wait=NOW)
    record_shipped(connection, run_id, place="s3://elsewhere")

    assert archived(connection, run_id) == shipped == archive_of(connection, run_id)
    assert shipped is not None
    assert (shipped.state, shipped.place, shipped.reason) == ("shipped", "s3://evidence", None)
    assert take_unshipped(connection, limit=9, at_once=True, with_local=True) == ()
    assert unshipped(connection).count == 0


def test_a_local_archive_begins_to_be_shipped_once_there_is_a_bucket(connection, tmp_path) -> None:
    run_id = published(connection, tmp_path)
    assert archived(connection, run_id, to_be_shipped=False).state == "local"
    assert archived(connection, run_id).state == "shipping"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archives SET folder = 'reports/a/b/c'",
        "UPDATE archives SET size_bytes = 0",
        "UPDATE archives SET attempts = attempts - 1",
        "UPDATE archives SET state = 'local'",
        "UPDATE archives SET state = 'waiting', reason = 'x', shipped_at = NULL",
        "DELETE FROM archives",
        "TRUNCATE archives",
        "UPDATE reconciliation_runs SET manifest_sha256 = NULL",
        "UPDATE reconciliation_runs SET manifest_sha256 = repeat('c', 64)",
        """
        INSERT INTO archives (run_id, processor_name, business_date, folder, file_count, size_bytes, state)
        SELECT id, 'paypal', run_date, 'reports/a/b/c', 1, 1, 'local' FROM reconciliation_runs
        """,
    ],
)
def test_nobody_changes_what_is_archived_not_even_the_superuser(connection, superuser, tmp_path, statement) -> None:
    run_id = published(connection, tmp_path)
    archived(connection, run_id)
    record_shipped(connection, run_id, place="s3://evidence")
    before = archive_of(connection, run_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        superuser.execute(statement.encode())
    assert archive_of(connection, run_id) == before


def test_a_run_without_an_answer_is_not_archived(connection, superuser, tmp_path) -> None:
    published(connection, tmp_path)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="illegal change of run"):
        superuser.execute(
            "INSERT INTO reconciliation_runs (tenant_id, processor_name, run_date, version, status, idempotency_key,"
            " start_time, manifest_sha256) SELECT tenant_id, 'stripe', '2025-09-30', 9, 'running', 'k', now(),"
            " repeat('a', 64) FROM reconciliation_runs"
        )
