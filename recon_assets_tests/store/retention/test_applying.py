"""What the plan says, what a retired month is, and what becomes of its days afterwards."""

import csv
import gzip
import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from recon_assets.archive.local import AuditHead, remembered_heads
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.errors import RowsRetired, StoreRefused
from recon_assets.store.audit import last_seal
from recon_assets.store.discrepancies import discrepancies_of
from recon_assets.store.retention import MonthState, first_kept_month
from recon_assets_tests.store.builders import (
    across,
    conclusion,
    in_ledger,
    matched_with,
    missing,
    of_class,
    pair,
    publish,
)
from recon_assets_tests.store.retention.months import OLD, OLD_DAY, STRANGE, apply, plan, problems, publish_on

OTHER_TENANT = UUID(int=2)


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
    assert remembered_heads(archive) == (AuditHead(newest.seal_no, newest.seal_hash.hex()),), "verification compares it"
    event = migrator.execute(
        "SELECT actor, table_name, row_count, new_value FROM audit_log WHERE action = 'RETIRE'"
    ).fetchall()
    assert event == [("postgres", f"recon_retired.{OLD}", 2, done.event)]
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


def test_whoever_asks_for_a_retired_day_is_told_where_its_rows_are(migrator, connection, old_run, archive) -> None:
    (done,) = apply(migrator, archive)
    with pytest.raises(RowsRetired, match="the 2 discrepancies of 2019-03-14 are retired") as refused:
        discrepancies_of(connection, old_run, limit=9)
    assert refused.value.where == f"recon_retired.{OLD}"
    assert f"retired/{OLD}/discrepancies.csv.gz, SHA-256 {done.manifest.sha256}" in refused.value.remedy


def test_rows_that_wait_are_missed_too_when_their_month_is_retired(migrator, connection, archive, tmp_path) -> None:
    waits = of_class(missing("a"), DiscrepancyClass.PENDING_IN_LEDGER, due_on=OLD_DAY + timedelta(days=3))
    run = publish_on(connection, tmp_path, day=OLD_DAY, key="waits", rows=[waits])
    apply(migrator, archive)
    with pytest.raises(RowsRetired, match="the 1 discrepancies of 2019-03-14 are retired"):
        discrepancies_of(connection, run.run_id, limit=9)


def test_a_retired_day_is_matched_with_its_neighbour_by_its_conclusion_alone(
    migrator, connection, archive, tmp_path
) -> None:
    """Its rows can't be looked at any more, and get no events."""
    retired, neighbour, entry = date(2019, 3, 31), date(2019, 4, 1), in_ledger("a")
    publish_on(connection, tmp_path, day=retired, key="retired", rows=[missing("a")])
    apply(migrator, archive)
    matched = [matched_with(entry, retired)]
    found = replace(across(tmp_path, [pair(missing("a"), retired, entry, neighbour)]), since=retired, until=neighbour)
    answer = conclusion(matched, day=neighbour)
    publish(connection, tmp_path, key="neighbour", rows=matched, answer=answer, across_days=found)
    with connection.transaction():
        assert connection.execute("SELECT count(*) FROM prior_day_matches").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM discrepancy_events").fetchone() == (0,)
    assert problems(migrator) == ([], [])


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
