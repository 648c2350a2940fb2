"""What one aggregate says of a frame."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.quality.checks import ids_are_unique, records_lie_in_the_business_day
from recon_assets.quality.facts import FrameFacts, measure_frame, repeated_ids
from recon_assets.small_duckdb import is_small
from recon_assets_tests.matching.frames import Record, write_frame_file

UTC_DAY = business_day("stripe", date(2025, 9, 30))


def facts(folder: Path, records: list[Record], day: BusinessDay = UTC_DAY) -> FrameFacts:
    return measure_frame(write_frame_file(folder / "transactions.parquet", records), day)


def test_an_empty_frame_has_no_rows_and_nothing_wrong(tmp_path: Path) -> None:
    assert facts(tmp_path, []) == FrameFacts(rows=0, repeated_ids=0, outside_day=0)


def test_rows_beyond_the_first_of_their_id_are_repeated(tmp_path: Path) -> None:
    records = [Record(name) for name in ("a", "a", "a", "b", "c", "c", "A", " a")]

    assert facts(tmp_path, records) == FrameFacts(rows=8, repeated_ids=3, outside_day=0)


def large(folder: Path, ids: list[str | None]) -> Path:
    """A frame file that is not small, of rows that differ in their ids alone."""
    one = pq.read_table(write_frame_file(folder / "one.parquet", [Record("a")]))
    rows = one.take(pa.array(np.zeros(len(ids), dtype=np.int64)))
    rows = rows.set_column(rows.schema.get_field_index("transaction_id"), "transaction_id", pa.array(ids, pa.string()))
    pq.write_table(rows, folder / "transactions.parquet", compression="none", use_dictionary=False)
    assert not is_small(folder / "transactions.parquet")
    return folder / "transactions.parquet"


@pytest.mark.parametrize(
    ("more", "repeated"),
    [
        ([], 0),
        (["id 1", "id 1", "id 2"], 3),
        ([None], 1),
        ([None, None, "id 7"], 3),
        ([f"id {at}" for at in range(20_000)], 20_000),
    ],
)
def test_ids_of_many_rows_are_counted_as_those_of_few(tmp_path: Path, more: list[str | None], repeated: int) -> None:
    ids = [*(f"id {at}" for at in range(30_000)), *more]

    assert measure_frame(large(tmp_path, ids), UTC_DAY) == FrameFacts(len(ids), repeated, outside_day=0)


def test_ids_are_compared_themselves_where_their_hashes_are_equal(tmp_path: Path) -> None:
    frame = write_frame_file(tmp_path / "transactions.parquet", [Record(name) for name in ("a", "b", "b", "c")])
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO hash(text) AS CAST(7 AS UBIGINT)").fetchall()

        assert connection.execute("SELECT hash('a') = hash('b')").fetchall() == [(True,)]
        assert repeated_ids(connection, frame, 4) == 1


def test_of_too_many_rows_the_ids_themselves_are_counted(tmp_path: Path) -> None:
    frame = write_frame_file(tmp_path / "transactions.parquet", [Record(name) for name in ("a", "b", "b", "c", "b")])
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO hash(text) AS error('not asked')").fetchall()

        assert repeated_ids(connection, frame, 5, most_hashed_rows=4) == 2


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
def test_a_day_begins_with_its_first_instant_and_ends_before_the_next(tmp_path: Path, zone: str) -> None:
    day = business_day("stripe", date(2025, 11, 2), time_zone=zone)
    tick = timedelta(microseconds=1)
    instants = [day.starts_at - tick, day.starts_at, day.ends_at - tick, day.ends_at]

    measured = facts(tmp_path, [Record(str(at), occurred_at=at) for at in instants], day)

    assert measured == FrameFacts(rows=4, repeated_ids=0, outside_day=2)


def test_a_row_that_is_repeated_and_of_another_day_counts_in_both(tmp_path: Path) -> None:
    late = Record("a", occurred_at=datetime(2025, 10, 1, tzinfo=UTC))

    assert facts(tmp_path, [Record("a"), late]) == FrameFacts(rows=2, repeated_ids=1, outside_day=1)


def test_outcomes_made_of_facts_hold_neither_ids_nor_amounts_nor_times(tmp_path: Path) -> None:
    late = Record("secret-id", 8675309, occurred_at=datetime(2031, 1, 2, tzinfo=UTC), merchant_id="secret-shop")

    measured = facts(tmp_path, [late, late])

    told = repr([ids_are_unique(measured), records_lie_in_the_business_day(measured)])
    assert not [value for value in ("secret", "8675309", "86753.09", "2031") if value in told]


def test_a_file_that_is_no_frame_is_an_error_and_no_fact(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")

    with pytest.raises(duckdb.Error):
        measure_frame(tmp_path / "broken.parquet", UTC_DAY)
