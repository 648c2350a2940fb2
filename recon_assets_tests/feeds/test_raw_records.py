"""A record's number leads to its text, counted as the adapters count, for every kind of file."""

import json
from pathlib import Path

import pytest

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.files.records import batches_of
from recon_assets.feeds.raw_records import (
    MAX_SHOWN_CHARACTERS,
    RawRecord,
    csv_row,
    line_record,
    listed_record,
    record_of_file,
)
from recon_assets_tests.feeds.files.building import described


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "raw"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_page_gives_the_record_as_it_came(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff{"total": 2, "data": [{"id":"a"},{"id":  "b", "amount": 1.50}]}')

    assert listed_record(path, 2, list_field="data") == RawRecord('{"id":  "b", "amount": 1.50}')


def test_json_lines_are_counted_without_blank_ones(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "a"}\r\n\n  \n{"id": "b"}\n')

    assert line_record(path, 2).text == '{"id": "b"}'
    assert record_of_file(path, 1, described(format="json_lines")).text == '{"id": "a"}'


@pytest.mark.parametrize(("place", "text"), [(None, "[1, 22]"), ("result.rows", '{"result": {"rows": [1, 22]}}')])
def test_a_document_gives_the_record_of_its_list(tmp_path: Path, place: str | None, text: str) -> None:
    description = described(format="json", document={"records": place} if place else {})

    assert record_of_file(written(tmp_path, text), 2, description).text == "22"


TRICKY = (
    "report of a day\n"
    "id,amount,currency,status,at\r\n"
    "a,1.00,USD,completed,2025-09-30T10:00:00Z\r\n"
    "\r\n"
    "ragged,1\r\n"
    'b,"2.00",USD,"completed\r\n",2025-09-30T10:00:00Z\r\n'
    "c,3.00,USD,completed,2025-09-30T10:00:00Z"
)


def test_csv_records_are_counted_as_they_are_read(tmp_path: Path) -> None:
    """With a blank line, one of too few fields, a value over two lines, and no end of line at the end."""
    path, description = written(tmp_path, TRICKY), described(csv={"skip_lines": 1})
    ids = {
        number: transaction_id
        for batch in batches_of(path, description)
        for number, transaction_id in zip(
            batch.record_numbers.tolist(), batch.columns["transaction_id"].to_pylist(), strict=True
        )
    }

    assert ids == {1: "a", 3: "b", 4: "c"}
    found = {number: record_of_file(path, number, description) for number in ids}
    assert {number: record.text.split(",")[0] for number, record in found.items()} == ids
    assert found[3].text == 'b,"2.00",USD,"completed\r\n",2025-09-30T10:00:00Z'
    assert found[3].header == "id,amount,currency,status,at"


def test_csv_of_another_encoding_is_shown_as_text(tmp_path: Path) -> None:
    text = "id;amount;currency;status;created\nä;1;EUR;completed;2025-09-30T10:00:00Z\n"
    description = described(csv={"delimiter": ";", "encoding": "cp1252"})

    assert record_of_file(written(tmp_path, text.encode("cp1252")), 1, description).text.startswith("ä;1;EUR")


def test_rows_of_one_kind_are_counted_alone(tmp_path: Path) -> None:
    path = written(tmp_path, '"RH",1\n"CH","id"\n"SB","a"\n"SF",1\n"SB","b"\n')

    assert csv_row(path, 2, is_record=lambda cells: cells[0] == "SB").text == '"SB","b"'


def test_a_record_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedNotUnderstood, match="the file has no record 3"):
        listed_record(written(tmp_path, json.dumps({"data": [1, 2]})), 3, list_field="data")
    with pytest.raises(FeedNotUnderstood, match="is no list at rows"):
        record_of_file(written(tmp_path, '{"other": []}'), 1, described(format="json", document={"records": "rows"}))


def test_csv_that_python_can_not_read_is_refused_without_its_values(tmp_path: Path) -> None:
    huge = f"id,amount,currency,status,at\n{'s3cret' * 30_000},1,USD,completed,x\n"

    with pytest.raises(FeedNotUnderstood, match="can't be read as CSV") as refused:
        record_of_file(written(tmp_path, huge), 1, described())
    assert "s3cret" not in str(refused.value)


def test_a_very_long_record_is_cut_and_says_so(tmp_path: Path) -> None:
    shown = line_record(written(tmp_path, "x" * (MAX_SHOWN_CHARACTERS + 1)), 1).text

    assert shown == "x" * MAX_SHOWN_CHARACTERS + "… (cut)"
