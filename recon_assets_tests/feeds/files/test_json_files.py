"""JSON lines: what is wrong with a line is a rejected row, what is wrong with the file is refused."""

import gc
from pathlib import Path

import pytest

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.feeds.files import json_records
from recon_assets_tests.feeds.files.building import Read, read_bytes

LINE = '{{"id":"t{}","amount":{},"currency":"USD","status":"completed","at":"2025-09-30T00:00:00Z"}}'
NOT_AN_OBJECT = ("record", json_records.NOT_AN_OBJECT)


def read_json(folder: Path, *lines: str | bytes) -> Read:
    data = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return read_bytes(folder, data, format="json_lines")


@pytest.mark.parametrize("line", ["{", "[]", "1", '"x"', "null", "{}{}", '{"id": NaN}', b'{"id": "\xff"}', "[" * 5000])
def test_a_line_that_is_no_object_is_rejected(line: str | bytes, tmp_path: Path) -> None:
    got = read_json(tmp_path, LINE.format(1, 1), line, LINE.format(3, 1))
    assert got.reasons == [(2, *NOT_AN_OBJECT)]
    assert got.rows["record_number"].to_pylist() == [1, 3]


@pytest.mark.parametrize("content", ["<html>", "[\n{}\n]"])
def test_another_kind_of_file_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(FeedNotUnderstood, match="not a JSON object on each line"):
        read_json(tmp_path, content)


def test_a_line_longer_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_LINE_BYTES", 100)
    with pytest.raises(LimitExceeded, match="longer than 100 bytes"):
        read_json(tmp_path, LINE.format("x" * 100, 1))


@pytest.mark.parametrize(
    ("number", "minor"),
    [("90071992547409.93", 9007199254740993), ("0.1", 10), ("-0", 0), ("1.10", 110), ("1", 100), ('"1.1"', 110)],
)
def test_a_number_keeps_its_digits(number: str, minor: int, tmp_path: Path) -> None:
    assert read_json(tmp_path, LINE.format(1, number)).rows["amount_minor"].to_pylist() == [minor]


def test_numbers_hold_over_many_batches_and_the_collector_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "BATCH_RECORDS", 7)
    lines = ["" if number % 5 == 0 else "x" if number % 3 == 0 else LINE.format(number, 1) for number in range(1, 100)]
    got = read_json(tmp_path, *lines)
    assert got.rows.num_rows + len(got.rejected) == sum(bool(line) for line in lines)
    assert sorted([*got.rows["record_number"].to_pylist(), *[row.record_number for row in got.rejected]]) == list(
        range(1, 81)
    )
    assert gc.isenabled()


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert read_json(tmp_path, b"\xef\xbb\xbf" + LINE.format(1, 1).encode()).rows.num_rows == 1
