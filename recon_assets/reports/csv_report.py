"""The CSV report: every row of the answer, of every outcome, with every detail; a header even when there is none."""

from pathlib import Path
from typing import Final

from recon_assets.atomic_files import replaced_whole
from recon_assets.reports.rows import report_rows

_FREE_TEXT: Final = ("transaction_id", "merchant_id", "reference_number", "processor_raw_file", "ledger_raw_file")
"""Columns that a feed fills: a cell that a spreadsheet would take for a formula gets an apostrophe."""


def write_csv_report(path: Path, *, discrepancies: Path) -> None:
    """Write the rows of one processor-day. Amounts stay plain numbers, negative ones too."""
    harmless = ", ".join(
        f"CASE WHEN regexp_matches({name}, '^\\s*[=+\\-@\\t\\r]') THEN '''' || {name} ELSE {name} END AS {name}"
        for name in _FREE_TEXT
    )
    with report_rows(discrepancies) as connection, replaced_whole(path) as unfinished:
        connection.execute(
            f"COPY (SELECT * REPLACE ({harmless}) FROM report_rows)"  # noqa: S608 - our own column names
            f" TO '{str(unfinished).replace(chr(39), chr(39) * 2)}' (FORMAT csv, HEADER)"
        ).fetchall()
