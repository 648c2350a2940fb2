"""Where a report lies."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files of one processor-day's report."""

    json: Path
    csv: Path
    xlsx: Path
    html: Path

    def by_kind(self) -> dict[str, Path]:
        """Every file, by the name of its kind."""
        return {kind: getattr(self, kind) for kind in self.__slots__}


def report_files(reports_dir: Path, *, processor: str, business_date: date) -> ReportFiles:
    """`{processor}_{date}/reconciliation_report_{processor}_{date}.json`, `.csv`, `.xlsx` and `.html`."""
    day = f"{processor}_{business_date.isoformat()}"
    stem = reports_dir / day / f"reconciliation_report_{day}"
    return ReportFiles(
        json=stem.with_suffix(".json"),
        csv=stem.with_suffix(".csv"),
        xlsx=stem.with_suffix(".xlsx"),
        html=stem.with_suffix(".html"),
    )


def raw_files_page(reports_dir: Path, *, processor: str, business_date: date) -> Path:
    """`{processor}_{date}/raw_files_{processor}_{date}.html`, beside the report."""
    folder = report_files(reports_dir, processor=processor, business_date=business_date).html.parent
    return folder / raw_files_name(processor=processor, business_date=business_date)


def raw_files_name(*, processor: str, business_date: date) -> str:
    """`raw_files_{processor}_{date}.html`."""
    return f"raw_files_{processor}_{business_date.isoformat()}.html"
