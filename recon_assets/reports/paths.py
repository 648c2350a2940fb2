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
