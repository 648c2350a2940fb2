"""The CSV report: every row of the answer, of every outcome, with every detail; a header even when there is none."""

from pathlib import Path

from recon_assets.atomic_files import replaced_whole
from recon_assets.reports.rows import Discrepancies, report_rows


def write_csv_report(path: Path, *, discrepancies: Discrepancies) -> None:
    """Write the rows of one processor-day. Amounts stay plain numbers, negative ones too.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    with report_rows(discrepancies) as connection, replaced_whole(path) as unfinished:
        connection.execute(
            f"COPY (SELECT * FROM spreadsheet_rows)"  # noqa: S608 - a path of ours, quoted
            f" TO '{str(unfinished).replace(chr(39), chr(39) * 2)}' (FORMAT csv, HEADER)"
        ).fetchall()
