"""What a team writes first finds what it can find, so that its cost is that of an answer."""

from pathlib import Path

from recon_assets_tests.matching.frames import Record, write_frame_file
from recon_assets_tests.scorecard.dictionaries import compared


def test_ids_of_one_side_and_of_records_that_differ_are_found(tmp_path: Path) -> None:
    transactions = [Record("equal"), Record("near"), Record("far"), Record("status"), Record("lone")]
    entries = [
        Record("equal"),
        Record("near", amount_minor=1002),
        Record("far", amount_minor=1003),
        Record("status", status="pending"),
        Record("alone"),
    ]

    found = compared(
        write_frame_file(tmp_path / "transactions.parquet", transactions),
        write_frame_file(tmp_path / "ledger_entries.parquet", entries),
    )

    assert sorted(found) == ["alone", "far", "lone", "status"]
