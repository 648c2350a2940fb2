"""A frame is whole or not there, holds every row or its rejection, and is the same bytes for the same input."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds import normalise
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.normalise import REJECTED_SCHEMA, write_frame
from recon_assets.schemas.frames import FRAME_SCHEMA, PARSED_SCHEMA, agreement_code

AT = datetime(2025, 9, 30, tzinfo=UTC)


def chunk(numbers: Sequence[int], *, rejected: Sequence[int] = (), **values: Any) -> ParsedChunk:
    """Rows with these record numbers; `rejected` are numbers that the adapter rejected."""
    row = {"raw_file": "a.csv", "amount_minor": 1, "currency": "USD", "status": "completed", "occurred_at": AT} | values
    rows = [row | {"record_number": number, "transaction_id": f"t{number}"} for number in numbers]
    return ParsedChunk(
        rows=pa.Table.from_pylist(rows, schema=PARSED_SCHEMA),
        rejected=tuple(RejectedRow("a.csv", number, "amount", "empty") for number in rejected),
    )


def written(
    folder: Path, *chunks: ParsedChunk, side: Side = Side.PROCESSOR, group: int = 10
) -> tuple[Frame, pa.Table, pa.Table]:
    frame = write_frame(iter(chunks), side=side, storage_root=folder, folder="stripe/day/frame", row_group_rows=group)
    return (
        frame,
        pq.read_table(folder / frame.folder / frame.file),
        pq.read_table(folder / frame.folder / frame.rejected_file),
    )


def test_rows_are_numbered_in_order_and_coded_for_the_matching(tmp_path: Path) -> None:
    frame, rows, rejected = written(tmp_path, chunk([1, 2]), chunk([3], currency="JPY", status="pending"))
    assert rows.schema.equals(FRAME_SCHEMA)
    assert rows["seq"].to_pylist() == [0, 1, 2]
    assert rows["transaction_id"].to_pylist() == ["t1", "t2", "t3"]
    assert rows["agreement_code"].to_pylist() == [
        agreement_code("USD", "completed"), agreement_code("USD", "completed"), agreement_code("JPY", "pending")
    ]  # fmt: skip
    assert (frame.rows, frame.rejected_rows, frame.rule_failures, frame.reject_reasons) == (3, 0, {}, {})
    assert rejected.num_rows == 0
    assert rejected.schema.equals(REJECTED_SCHEMA)


@pytest.mark.parametrize(("side", "name"), [(Side.PROCESSOR, "transactions"), (Side.LEDGER, "ledger_entries")])
def test_the_file_is_named_after_its_side(side: Side, name: str, tmp_path: Path) -> None:
    assert written(tmp_path, chunk([1]), side=side)[0].file == f"{name}.parquet"


def test_digest_and_size_are_those_of_the_file(tmp_path: Path) -> None:
    frame, _, _ = written(tmp_path, chunk([1]))
    data = (tmp_path / frame.folder / frame.file).read_bytes()
    assert (frame.sha256, frame.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_small_chunks_do_not_make_small_row_groups(tmp_path: Path) -> None:
    frame, rows, _ = written(tmp_path, *[chunk([number]) for number in range(1, 36)])
    metadata = pq.ParquetFile(tmp_path / frame.folder / frame.file).metadata
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [10, 10, 10, 5]
    assert rows["seq"].to_pylist() == list(range(35))


def test_rows_that_break_a_rule_are_rejected_and_leave_no_gap(tmp_path: Path) -> None:
    bad = chunk([3, 4], rejected=[5], currency="usd!", status="?")
    frame, rows, rejected = written(tmp_path, chunk([1], rejected=[2]), bad, chunk(range(6, 30)), group=4)
    assert rows["record_number"].to_pylist() == [1, *range(6, 30)]
    assert rows["seq"].to_pylist() == list(range(25))
    assert sorted(rejected.to_pylist(), key=lambda row: row["record_number"]) == [
        {"raw_file": "a.csv", "record_number": 2, "column": "amount", "reason": "empty"},
        {"raw_file": "a.csv", "record_number": 3, "column": "currency", "reason": "currency_is_of_iso_4217"},
        {"raw_file": "a.csv", "record_number": 4, "column": "currency", "reason": "currency_is_of_iso_4217"},
        {"raw_file": "a.csv", "record_number": 5, "column": "amount", "reason": "empty"},
    ]
    assert (frame.rows, frame.rejected_rows) == (25, 4)
    assert frame.rule_failures == {"currency_is_of_iso_4217": 2, "status_is_ours": 2}
    assert frame.reject_reasons == {"currency_is_of_iso_4217": 2, "empty": 2}


def test_words_of_rows_that_the_adapter_rejected_do_no_harm(tmp_path: Path) -> None:
    mixed = pa.concat_tables([chunk([1]).rows, chunk([2], currency="?", status="!").rows]).unify_dictionaries()
    _, rows, _ = written(tmp_path, ParsedChunk(mixed.combine_chunks().slice(0, 1), ()))
    assert rows["currency"].to_pylist() == ["USD"]


@pytest.mark.parametrize("chunks", [[], [chunk([])], [chunk([], rejected=[1])]])
def test_a_feed_without_good_rows_is_a_frame_too(chunks: list[ParsedChunk], tmp_path: Path) -> None:
    frame, rows, rejected = written(tmp_path, *chunks)
    assert (frame.rows, rows.num_rows) == (0, 0)
    assert rows.schema.equals(FRAME_SCHEMA)
    assert frame.rejected_rows == rejected.num_rows == sum(len(one.rejected) for one in chunks)


def test_many_rejections_are_all_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalise, "_REJECTED_BUFFER_ROWS", 3)
    _, _, rejected = written(tmp_path, *[chunk([], rejected=[number, number + 1]) for number in range(1, 21, 2)])
    assert rejected["record_number"].to_pylist() == list(range(1, 21))


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    chunks = [chunk(range(start, start + 7), currency=code) for start, code in ((1, "USD"), (8, "JPY"), (15, "USD"))]
    first, second = (written(tmp_path / name, *chunks)[0] for name in ("a", "b"))
    assert first == second


def test_a_frame_replaces_the_one_of_an_earlier_attempt(tmp_path: Path) -> None:
    written(tmp_path, chunk([1, 2, 3]))
    assert written(tmp_path, chunk([9]))[1]["record_number"].to_pylist() == [9]
    assert [path.name for path in (tmp_path / "stripe/day").iterdir()] == ["frame"]


def test_a_feed_that_breaks_off_leaves_nothing_and_harms_no_earlier_frame(tmp_path: Path) -> None:
    def breaking() -> Iterator[ParsedChunk]:
        yield chunk(range(1, 30))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        write_frame(breaking(), side=Side.LEDGER, storage_root=tmp_path, folder="day/frame", row_group_rows=10)
    assert list((tmp_path / "day").iterdir()) == []
    frame, _, _ = written(tmp_path, chunk([1]))
    with pytest.raises(ConnectionError):
        write_frame(breaking(), side=Side.PROCESSOR, storage_root=tmp_path, folder=frame.folder, row_group_rows=10)
    assert pq.read_table(tmp_path / frame.folder / frame.file).num_rows == 1


def test_a_frame_is_plain_enough_to_be_stored_as_json(tmp_path: Path) -> None:
    frame, _, _ = written(tmp_path, chunk([1], rejected=[2]))
    assert msgspec.json.decode(msgspec.json.encode(frame), type=Frame) == frame


def test_rows_of_another_schema_are_a_mistake_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        written(tmp_path, ParsedChunk(chunk([1]).rows.drop_columns("status"), ()))
