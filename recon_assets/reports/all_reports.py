"""All files of a day's report."""

from pathlib import Path

from recon_assets.domain.conclusion import Conclusion
from recon_assets.reports.csv_report import write_csv_report
from recon_assets.reports.html_report import write_html_report
from recon_assets.reports.json_report import ReportOrigin, write_json_report
from recon_assets.reports.paths import ReportFiles
from recon_assets.reports.rows import report_rows
from recon_assets.reports.surroundings import Surroundings
from recon_assets.reports.xlsx_report import write_xlsx_report


def write_reports(
    files: ReportFiles, *, conclusion: Conclusion, origin: ReportOrigin, surroundings: Surroundings, discrepancies: Path
) -> None:
    """Write every file, each whole or not at all. `discrepancies` is a Parquet file, opened once."""
    with report_rows(discrepancies) as rows:
        write_json_report(files.json, conclusion=conclusion, origin=origin, discrepancies=rows)
        write_csv_report(files.csv, discrepancies=rows)
        write_xlsx_report(
            files.xlsx, conclusion=conclusion, origin=origin, surroundings=surroundings, discrepancies=rows
        )
        write_html_report(files, conclusion=conclusion, origin=origin, surroundings=surroundings, discrepancies=rows)
