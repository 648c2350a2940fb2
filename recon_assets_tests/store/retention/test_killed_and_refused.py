"""Killed between the steps, beside runs in progress, with a damaged archive: nothing is lost, `apply` goes on."""

from datetime import date

import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store.discrepancies import discrepancies_of
from recon_assets.store.month_archive import archive_month
from recon_assets.store.retention import MonthState, one_apply_at_a_time
from recon_assets.store.runs import begin_run, record_failure
from recon_assets_tests.store.builders import STARTED, missing
from recon_assets_tests.store.retention.months import OLD, OLD_DAY, apply, plan, problems, publish_on


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


def test_an_archive_that_can_not_be_written_stops_it(migrator, old_run, archive) -> None:
    archive.write_bytes(b"a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="can't be written: "):
        apply(migrator, archive)
    assert plan(migrator)[OLD].state is MonthState.DUE


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
