"""What is wrong with a file is said with the column and the setting; what is wrong with a row is a rejected row."""

from pathlib import Path

import pytest

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded, PermanentError
from recon_assets.feeds.files import csv_records
from recon_assets.feeds.files.text import WHOLE_RECORD
from recon_assets_tests.feeds.files.building import COLUMNS, HEADER, read_bytes, read_lines

GOOD = "t1,1.00,USD,completed,2025-09-30T00:00:00Z"
WRONG = (WHOLE_RECORD, csv_records.WRONG_NUMBER_OF_FIELDS)


def good(number: int, text: str = "") -> str:
    return f"t{number},1.00,USD,completed,2025-09-30T00:00:00Z{text}"


@pytest.mark.parametrize(
    ("content", "csv", "what", "remedy"),
    [
        ("id;amount\n1;2\n", {}, "column 'id' is missing; found: id;amount", "`columns.transaction_id`"),
        ("id,currency,status,at\n", {}, "'amount' is missing; found: id, currency, status, at", "columns.amount"),
        ("id,amount,amount,currency,status,at\n", {}, "column 'amount' is there 2 times", "columns.amount"),
        ("<!DOCTYPE html><html></html>", {}, "HTML or XML", "put into the folder"),
        ("  \n\n", {}, "no header line", "csv.skip_lines"),
        (f"{HEADER}\n{GOOD}\n", {"skip_lines": 5}, "no header line", "csv.skip_lines"),
        (f"{HEADER}\r{GOOD}\r", {}, "no header line", "line ends"),
        (f"{HEADER}\n".encode("utf-16"), {}, "not encoded in utf-8", "csv.encoding"),
        (f"{HEADER}\n".encode() + b"t\xff,1,USD,completed,x\n", {}, "not encoded in utf-8", "csv.encoding"),
        (f"{HEADER}\n{GOOD}\n".encode("latin-1"), {"encoding": "utf-16"}, "not encoded in utf-16", "csv.encoding"),
        (f'{HEADER}\n{GOOD}\n"t2,1.00,USD,completed,2025\n', {}, "never closed", "cut short"),
        (f'{HEADER},note\n{GOOD},"cut', {}, "never closed", "cut short"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_described_is_refused(
    content: str | bytes, csv: dict[str, object], what: str, remedy: str, tmp_path: Path
) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(FeedNotUnderstood) as refused:
        read_bytes(tmp_path, data, csv=csv)
    assert what in refused.value.what
    assert remedy in refused.value.remedy
    assert refused.value.where == "settlement_2025-09-30"


def test_no_refusal_carries_a_value_of_a_record(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        read_bytes(tmp_path, f"{HEADER}\n".encode() + b"secret\xff,1,USD,completed,x\n")
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_record_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="longer than"):
        read_lines(tmp_path, f'"{"x" * (2 * csv_records.BLOCK_BYTES)}",1.00,USD,completed,2025-09-30T00:00:00Z')


def test_a_file_of_ragged_records_is_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "MAX_RAGGED_RECORDS", 10)
    with pytest.raises(FeedNotUnderstood, match="5 fields of the header"):
        read_lines(tmp_path, *["a,b"] * 11)


def test_ragged_records_are_rejected_and_counted_where_they_are(tmp_path: Path) -> None:
    got = read_lines(tmp_path, "short,1", good(2), "", good(3, ",long"), good(4), "x", "y")
    assert got.rows["record_number"].to_pylist() == [2, 4]
    assert got.reasons == [(1, *WRONG), (3, *WRONG), (5, *WRONG), (6, *WRONG)]


def test_record_numbers_hold_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 1_000)
    bad = {1, 2, 21, 22, 23, 24, 25, *range(300, 400), 777, 998, 999}
    lines = ["x" if number in bad else good(number) for number in range(1, 1000)]
    got = read_lines(tmp_path, *lines)
    assert [f"t{number}" for number in got.rows["record_number"].to_pylist()] == got.rows["transaction_id"].to_pylist()
    assert {row.record_number for row in got.rejected} == bad
    assert len(got.rejected) == len(bad)
    assert got.rows.num_rows + len(bad) == 999


def test_a_value_may_hold_newlines_delimiters_and_quotes(tmp_path: Path) -> None:
    got = read_lines(tmp_path, '"a,\n""b""",1.00,USD,completed,2025-09-30T00:00:00Z', good(2))
    assert got.rows["transaction_id"].to_pylist() == ['a,\n"b"', "t2"]
    assert got.rows["record_number"].to_pylist() == [1, 2]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_the_last_record_counts_with_and_without_a_line_end(ending: str, tmp_path: Path) -> None:
    assert read_bytes(tmp_path, f"{HEADER}\n{GOOD}{ending}".encode()).rows.num_rows == 1
    assert read_bytes(tmp_path, f"{HEADER}{ending}".encode()).rows.num_rows == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "iso8859-15"])
def test_every_described_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    content = f"{HEADER}\r\nZürich,1.00,USD,completed,2025-09-30T00:00:00Z\r\n".encode(encoding)
    described_as = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding}
    assert read_bytes(tmp_path, content, csv=described_as).rows["transaction_id"].to_pylist() == ["Zürich"]


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_stray_quote_that_joins_two_records_is_refused_and_not_a_lost_record(ending: str, tmp_path: Path) -> None:
    content = f'{HEADER},note\n{good(1)},"a\n{good(2)},"b"\n{good(3)},c{ending}'
    with pytest.raises(FeedNotUnderstood, match="not closed where its value ends, near line 2 after the header"):
        read_bytes(tmp_path, content.encode())


def test_a_feed_without_quotes_keeps_them_as_characters(tmp_path: Path) -> None:
    got = read_lines(tmp_path, '"t1,1.00,USD,completed,2025-09-30T00:00:00Z', csv={"quote": None})
    assert got.rows["transaction_id"].to_pylist() == ['"t1']


def test_a_header_may_hold_a_newline_and_blanks_and_columns_that_are_not_read_may_repeat(tmp_path: Path) -> None:
    content = '"id", amount,"cur\nrency",status,at,x,x\nt1,1.00,USD,completed,2025-09-30T00:00:00Z,1,2\n'
    got = read_bytes(tmp_path, content.encode(), columns={**COLUMNS, "currency": "cur\nrency"})
    assert got.rows["amount_minor"].to_pylist() == [100]


def test_one_column_may_serve_two_of_ours(tmp_path: Path) -> None:
    got = read_lines(tmp_path, GOOD, columns={**COLUMNS, "reference_number": "id", "net": "amount"})
    assert got.rows.select(["reference_number", "net_minor", "fee_minor"]).to_pylist() == [
        {"reference_number": "t1", "net_minor": 100, "fee_minor": None}
    ]


def test_texts_that_elsewhere_mean_nothing_are_kept_as_texts(tmp_path: Path) -> None:
    got = read_lines(tmp_path, *[f"{text},1.00,USD,completed,2025-09-30T00:00:00Z" for text in ("NULL", "NA", "nan")])
    assert got.rows["transaction_id"].to_pylist() == ["NULL", "NA", "nan"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("identifier", ["\ufeff", "\ufefft1"])
def test_a_mark_before_the_first_id_belongs_to_the_id(mark: str, identifier: str, tmp_path: Path) -> None:
    content = f"{mark}id,amount,currency,status,at\n" + f"{identifier},1.00,USD,completed,2025-09-30T00:00:00Z\n" * 2

    got = read_bytes(tmp_path, content.encode())

    assert got.rows["transaction_id"].to_pylist() == [identifier] * 2


def test_our_own_words_are_always_known_as_statuses_and_others_only_when_described(tmp_path: Path) -> None:
    lines = [f"t,1.00,USD,{status},2025-09-30T00:00:00Z" for status in ("reversed", "Settled", "Completed", "")]
    got = read_lines(tmp_path, *lines, statuses={"Settled": "completed"})
    assert got.rows["status"].to_pylist() == ["reversed", "completed"]
    assert got.reasons == [(3, "status", "unknown status: add it to `statuses`"), (4, "status", "empty")]


def test_a_row_with_several_faults_is_rejected_once_for_the_first_column(tmp_path: Path) -> None:
    got = read_lines(tmp_path, " ,x,,?,soon")
    assert got.reasons == [(1, "transaction_id", "empty")]


def test_a_constant_fills_what_the_file_has_no_column_for(tmp_path: Path) -> None:
    columns = {"transaction_id": "id", "amount": "amount", "occurred_at": "at"}
    constants = {"currency": "JPY", "status": "pending", "transaction_type": "charge", "merchant_id": "m1"}
    got = read_bytes(tmp_path, b"id,amount,at\nt1,12,2025-09-30T00:00:00Z\n", columns=columns, constants=constants)
    assert got.rows.select(["amount_minor", *constants]).to_pylist() == [{"amount_minor": 12, **constants}]


@pytest.mark.parametrize(
    ("decimal_mark", "thousands_mark", "text", "minor"),
    [
        (",", ".", "1.653,75", 165375), (",", ".", "12.50", None), (",", ".", "1.234", 123400),
        (",", "", "12.50", None), (",", "", "-12,5", -1250),
        (".", ",", "1,000.00", 100000), (".", ",", "10,00.00", None),
        (".", ",", "12,34,567.8", 123456780), (".", ",", "1,00", None), (".", "", "1,000.00", None),
        (".", " ", "1 000", 100000), (".", ",", "1000.5", 100050), (",", ".", "1,2,3", None), (",", ".", ",5", None),
    ],
)  # fmt: skip
def test_marks_must_fit_as_a_whole_and_are_never_just_dropped(
    decimal_mark: str, thousands_mark: str, text: str, minor: int | None, tmp_path: Path
) -> None:
    amounts = {"decimal_mark": decimal_mark, "thousands_mark": thousands_mark}
    content = f"id;amount;currency;status;at\nt1;{text};USD;completed;2025-09-30T00:00:00Z\n"
    got = read_bytes(tmp_path, content.encode(), amounts=amounts, csv={"delimiter": ";"})
    assert got.rows["amount_minor"].to_pylist() == ([] if minor is None else [minor])
    assert len(got.rejected) == (minor is None)
