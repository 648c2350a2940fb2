"""What the reports of a very bad day cost: 200,000 discrepancies, each file written in a process of its own.

    python -m recon_assets_tests.benchmarks.reports [discrepancies]

Wall and CPU seconds without Python's start, peak memory of the whole process, size of the file. Fails when CSV or JSON
takes more than 2 s, or when the peak of XLSX grows by more than half from a tenth of the rows to all of them.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.business_day import business_day
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.records import Side
from recon_assets.domain.risk import RiskThresholds
from recon_assets.domain.verdict import FeedState
from recon_assets.matching.causes import DiagnosedDay, find_causes
from recon_assets.matching.conclude import conclude_day
from recon_assets.matching.engine import Day, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.reports.agreement import differences
from recon_assets.reports.all_reports import write_reports
from recon_assets.reports.csv_report import write_csv_report
from recon_assets.reports.html_report import write_html_report
from recon_assets.reports.json_report import ReportOrigin, write_json_report
from recon_assets.reports.paths import report_files
from recon_assets.reports.surroundings import Surroundings
from recon_assets.reports.xlsx_report import write_xlsx_report
from recon_assets.schemas.frames import FRAME_SCHEMA, agreement_code

DISCREPANCIES: Final = 200_000
LIMIT_S: Final = 2.0
GROWTH: Final = 1.5
DATE: Final = date(2025, 9, 30)
ORIGIN: Final = ReportOrigin("run", 1, "dagster-run", "https://processor.example", "https://ledger.example")
NOTHING: Final = Surroundings()


def main() -> None:
    if len(sys.argv) == 4:
        print(json.dumps(measured(sys.argv[2], Path(sys.argv[3]))))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DISCREPANCIES
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for rows in (count // 10, count):
            day = Path(folder) / str(rows)
            write_day(day, rows)
            for name in WRITERS:
                found = in_a_process(name, day)
                peaks[name, rows] = found["peak_mib"]
                print(
                    f"{rows:>8,} {name:<10} {found['wall_s']:6.2f} s {found['cpu_s']:6.2f} CPU s"
                    f" {found['peak_mib']:5.0f} MiB peak {found['bytes'] / 2**20:7.1f} MiB written"
                )
                if rows == count and name in {"csv", "json"} and found["wall_s"] > LIMIT_S:
                    failed.append(f"{name} takes more than {LIMIT_S} s")
        if peaks["xlsx", count] > GROWTH * peaks["xlsx", count // 10]:
            failed.append("the memory of XLSX grows with the rows")
    if failed:
        sys.exit("; ".join(failed))


def in_a_process(name: str, day: Path) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, "one", name, str(day)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measured(name: str, day: Path) -> dict[str, float]:
    conclusion = msgspec.json.decode((day / "conclusion.json").read_bytes(), type=Conclusion)
    files = report_files(day / "reports", processor="stripe", business_date=DATE)
    discrepancies = day / "matched" / "discrepancies.parquet"
    wall, cpu = time.perf_counter(), time.process_time()
    WRITERS[name](files, conclusion, discrepancies)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_mib": peak_mib(),
        "bytes": getattr(files, name).stat().st_size if hasattr(files, name) else 0,
    }


def peak_mib() -> float:
    """Of this process alone: `getrusage` counts what the process that started it had."""
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


WRITERS: Final[dict[str, Callable[..., object]]] = {
    "csv": lambda files, _, rows: write_csv_report(files.csv, discrepancies=rows),
    "json": lambda files, answer, rows: write_json_report(
        files.json, conclusion=answer, origin=ORIGIN, discrepancies=rows
    ),
    "xlsx": lambda files, answer, rows: write_xlsx_report(
        files.xlsx, conclusion=answer, origin=ORIGIN, surroundings=NOTHING, discrepancies=rows
    ),
    "html": lambda files, answer, rows: write_html_report(
        files, conclusion=answer, origin=ORIGIN, surroundings=NOTHING, discrepancies=rows
    ),
    "all": lambda files, answer, rows: write_reports(
        files, conclusion=answer, origin=ORIGIN, surroundings=NOTHING, discrepancies=rows
    ),
    "agreement": lambda files, answer, _: differences(files, answer),
}


def write_day(folder: Path, discrepancies: int) -> None:
    """Six tenths missing in the ledger, three tenths with another amount, one tenth missing at the processor."""
    folder.mkdir(parents=True)
    missing, other = discrepancies * 6 // 10, discrepancies * 3 // 10
    extra = discrepancies - missing - other
    both = discrepancies + 20_000
    transactions = frame(folder / "transactions.parquet", range(both), less=0)
    entries = frame(folder / "ledger_entries.parquet", range(missing, both + extra), less=1, until=missing + other)
    matching = match_day(
        Day(processor="stripe", business_date=DATE, transactions=transactions, ledger_entries=entries),
        MatchingRules(),
        into=folder / "matched",
    )
    window = business_day("stripe", DATE)
    started = time.perf_counter()
    causes = find_causes(matching, DiagnosedDay(window, "UTC", transactions, entries))
    print(f"{discrepancies:>8,} causes     {time.perf_counter() - started:6.2f} s, {len(causes)} found")
    feeds = [FeedState(side=side, rows=1, rejected={}, says_empty=False, problems=()) for side in Side]
    conclusion = conclude_day(
        processor="stripe",
        business_date=DATE,
        matching=matching,
        feeds=(feeds[0], feeds[1]),
        thresholds=RiskThresholds(),
        causes=causes,
    )
    assert conclusion.discrepancy_count == discrepancies
    (folder / "conclusion.json").write_bytes(msgspec.json.encode(conclusion))


def frame(path: Path, numbers: range, *, less: int, until: int = 0) -> Path:
    """Records with these numbers; those before `until` have an amount that is lower by `less`."""
    start = datetime(2025, 9, 30, tzinfo=UTC)
    columns = {
        "seq": list(range(len(numbers))),
        "raw_file": [f"page-{number // 1000:05}.json" for number in numbers],
        "record_number": [number % 1000 + 1 for number in numbers],
        "transaction_id": [f"txn_{md5(str(number).encode()).hexdigest()[:24]}" for number in numbers],
        "reference_number": [str(10**15 + number * 7919) for number in numbers],
        "merchant_id": [f"MERCHANT_{number % 97:03}" for number in numbers],
        "transaction_type": ["charge"] * len(numbers),
        "amount_minor": [1_000 + number * 37 % 90_000 - (less if number < until else 0) for number in numbers],
        "currency": ["USD"] * len(numbers),
        "fee_minor": [59 + number % 400 for number in numbers],
        "status": ["completed"] * len(numbers),
        "occurred_at": [start + timedelta(milliseconds=number * 389 % 86_400_000) for number in numbers],
        "agreement_code": [agreement_code("USD", "completed")] * len(numbers),
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(len(numbers), field.type)
        for field in FRAME_SCHEMA
    ]
    pq.write_table(pa.Table.from_arrays(arrays, schema=FRAME_SCHEMA), path, compression="zstd")
    return path


if __name__ == "__main__":
    main()
