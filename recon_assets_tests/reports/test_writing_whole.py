"""A report appears whole or not at all; an error leaves the one before."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_assets.atomic_files import replaced_whole
from recon_assets.reports.csv_report import write_csv_report
from recon_assets.reports.html_report import write_html_report
from recon_assets.reports.json_report import write_json_report
from recon_assets.reports.paths import report_files
from recon_assets.reports.xlsx_report import write_xlsx_report
from recon_assets.small_duckdb import SMALL_FILE_BYTES
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import NOTHING_AROUND, ORIGIN, Day, reconciled, reported

BROKEN = (ZeroDivisionError, KeyboardInterrupt)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def spoilt(day: Day) -> Path:
    """A discrepancies file with a text that is no UTF-8: it is opened, and then fails while its rows are read.

    It is too large for its rows to be read when it is opened.
    """
    table = pa.concat_tables([pq.read_table(day.discrepancies)] * 10_000)
    broken = pa.array([b"\xff\xfe"] * table.num_rows, type=pa.binary())
    text = pa.Array.from_buffers(pa.string(), table.num_rows, broken.buffers())
    path = day.discrepancies.with_name("spoilt.parquet")
    spoiled = table.set_column(table.schema.get_field_index("pass"), "pass", text)
    pq.write_table(spoiled, path, compression="none", use_dictionary=False)
    assert path.stat().st_size > SMALL_FILE_BYTES
    return path


def test_a_report_that_fails_while_it_is_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    day = reconciled(tmp_path, [Record("a"), Record("b")], [Record("b")])
    files = reported(tmp_path, day)
    before = {path: path.read_bytes() for path in files.by_kind().values()}

    with pytest.raises(duckdb.Error):
        write_json_report(files.json, conclusion=day.conclusion, origin=ORIGIN, discrepancies=spoilt(day))
    with pytest.raises(duckdb.Error):
        write_csv_report(files.csv, discrepancies=spoilt(day))
    answer: Any = {"conclusion": day.conclusion, "origin": ORIGIN, "surroundings": NOTHING_AROUND}
    with pytest.raises(duckdb.Error):
        write_xlsx_report(files.xlsx, discrepancies=spoilt(day), **answer)
    with pytest.raises(duckdb.Error):
        write_html_report(files, discrepancies=spoilt(day), **answer)

    assert {path: path.read_bytes() for path in before} == before
    assert left_in(files.json.parent) == sorted(path.name for path in files.by_kind().values())


def test_a_first_report_that_fails_leaves_nothing(tmp_path: Path) -> None:
    day = reconciled(tmp_path, [Record("a"), Record("b")], [Record("b")])
    files = report_files(tmp_path / "out", processor="stripe", business_date=date(2025, 9, 30))

    with pytest.raises(duckdb.Error):
        write_json_report(files.json, conclusion=day.conclusion, origin=ORIGIN, discrepancies=spoilt(day))

    assert left_in(files.json.parent) == []


def test_writing_again_replaces_the_report(tmp_path: Path) -> None:
    files = reported(tmp_path, reconciled(tmp_path / "one", [Record("a"), Record("b")], [Record("b")]))
    again = reported(tmp_path, reconciled(tmp_path / "two", [Record("c"), Record("b")], [Record("b")]))

    assert again == files
    assert b'"transaction_id":"c"' in files.json.read_bytes()
    assert b'"transaction_id":"a"' not in files.json.read_bytes()
    assert left_in(files.json.parent) == sorted(path.name for path in files.by_kind().values())


@pytest.mark.parametrize("error", BROKEN)
def test_an_error_half_way_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(error), replaced_whole(path) as unfinished:  # noqa: PT012 - the error comes after half the bytes
        unfinished.write_bytes(b"half")
        raise error

    assert path.read_bytes() == b"old"
    assert left_in(tmp_path) == ["file"]


def test_until_it_is_whole_a_reader_sees_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with replaced_whole(path) as unfinished:
        unfinished.write_bytes(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert left_in(tmp_path) == ["file"]


def test_what_a_killed_process_left_does_not_spoil_the_next_file(tmp_path: Path) -> None:
    (tmp_path / f".file.{os.getpid()}").write_bytes(b"left over, and longer than what follows")

    with replaced_whole(tmp_path / "file") as unfinished:
        unfinished.write_bytes(b"new")

    assert (tmp_path / "file").read_bytes() == b"new"
    assert left_in(tmp_path) == ["file"]


def test_nothing_written_is_an_error_and_no_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replaced_whole(tmp_path / "deep" / "file"):
        pass

    assert left_in(tmp_path / "deep") == []


def test_a_report_lies_in_a_folder_of_its_processor_and_day() -> None:
    files = report_files(Path("/reports"), processor="stripe", business_date=date(2025, 9, 30))

    assert files.json == Path("/reports/stripe_2025-09-30/reconciliation_report_stripe_2025-09-30.json")
    assert files.csv == Path("/reports/stripe_2025-09-30/reconciliation_report_stripe_2025-09-30.csv")
    assert {path.suffix for path in files.by_kind().values()} == {".json", ".csv", ".xlsx", ".html"}
