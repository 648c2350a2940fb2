"""A reconciled day from two lists of records, and its reports, made by the real matching and the real writers."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.records import Side
from recon_assets.domain.risk import RiskThresholds
from recon_assets.domain.verdict import FeedState
from recon_assets.matching.conclude import conclude_day
from recon_assets.matching.engine import Day as MatchedDay
from recon_assets.matching.engine import match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.reports.all_reports import write_reports
from recon_assets.reports.json_report import ReportOrigin, write_json_report
from recon_assets.reports.paths import ReportFiles, report_files
from recon_assets.reports.surroundings import Surroundings
from recon_assets_tests.matching.frames import Record, write_frame_file

DATE = date(2025, 9, 30)
ORIGIN = ReportOrigin(
    run_id="0199-run",
    version=3,
    dagster_run_id="dagster-run",
    processor_feed="https://processor.example/products",
    ledger_feed="https://ledger.example/entries",
)

NOTHING_AROUND = Surroundings()


@dataclass(frozen=True)
class Day:
    conclusion: Conclusion
    discrepancies: Path


def reconciled(
    folder: Path,
    processor: list[Record],
    ledger: list[Record],
    *,
    problem: str | None = None,
    says_empty: bool = False,
    rules: MatchingRules | None = None,
) -> Day:
    """`problem` is something that the processor's feed did not bring: the day is incomplete then."""
    folder.mkdir(parents=True, exist_ok=True)
    matching = match_day(
        MatchedDay(
            processor="stripe",
            business_date=DATE,
            transactions=write_frame_file(folder / "transactions.parquet", processor),
            ledger_entries=write_frame_file(folder / "ledger_entries.parquet", ledger),
        ),
        rules or MatchingRules(),
        into=folder / "matched",
    )
    problems = {Side.PROCESSOR: (problem,) if problem else (), Side.LEDGER: ()}
    rows = {Side.PROCESSOR: len(processor), Side.LEDGER: len(ledger)}
    feeds = [
        FeedState(side=side, rows=rows[side], rejected={}, says_empty=says_empty, problems=problems[side])
        for side in (Side.PROCESSOR, Side.LEDGER)
    ]
    conclusion = conclude_day(
        processor="stripe",
        business_date=DATE,
        matching=matching,
        feeds=(feeds[0], feeds[1]),
        thresholds=RiskThresholds(),
    )
    return Day(conclusion=conclusion, discrepancies=matching.discrepancies)


def reported(
    folder: Path, day: Day, *, surroundings: Surroundings = NOTHING_AROUND, origin: ReportOrigin = ORIGIN
) -> ReportFiles:
    files = report_files(folder, processor="stripe", business_date=DATE)
    write_reports(
        files,
        conclusion=day.conclusion,
        origin=origin,
        surroundings=surroundings,
        discrepancies=day.discrepancies,
    )
    return files


def json_of(folder: Path, day: Day, *, origin: ReportOrigin = ORIGIN) -> tuple[bytes, dict]:
    """The bytes of the JSON report, and what they say."""
    path = folder / "report.json"
    write_json_report(path, conclusion=day.conclusion, origin=origin, discrepancies=day.discrepancies)
    written = path.read_bytes()
    return written, msgspec.json.decode(written)


def sample_day() -> tuple[list[Record], list[Record]]:
    """Thirty charges of 6577.50 in all, of which five of 3.99 each never reached the ledger."""
    booked = [Record(f"TXN-{number:02}", 26000 + number * 10) for number in range(24)]
    rest = 657750 - 5 * 399 - sum(record.amount_minor for record in booked)
    booked.append(Record("TXN-24", rest))
    missing = [Record(f"TXN-{number}", 399, second=number - 24, fee_minor=42) for number in range(25, 30)]
    return booked + missing, booked
