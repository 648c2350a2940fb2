"""The same day matched by DuckDB and by Spark: whether the answers are equal, and what each costs.

    python -m recon_assets_tests.benchmarks.spark [rows] [times]

A million rows a side, if nothing is said, of which one in a hundred has something to it. Each engine runs `times` (2)
times; of Spark the first time pays for compiling. Fails when an answer differs.
"""

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import DuckDB, Engine, Spark, running
from recon_assets.schemas.frames import ROW_GROUP_ROWS, agreement_code
from recon_assets_tests.matching.engine_days import differences

ROWS: Final = 1_000_000
TIMES: Final = 2
ENGINES: Final[Mapping[str, Engine]] = {"DuckDB": DuckDB("1GB"), "Spark": Spark("local[2]")}

# Of a thousand keys: 5 not in the ledger, 2 not at the processor, 1 amount, 1 currency, 1 status differ.
GENERATE: Final = """
COPY (
    SELECT
        row_number() OVER (ORDER BY {order}) - 1 AS seq,
        'feed.csv' AS raw_file,
        i + 1 AS record_number,
        'txn_' || lpad(CAST(hash(i) AS VARCHAR), 20, '0') AS transaction_id,
        CAST(NULL AS VARCHAR) AS record_id,
        'ORDER-' || CAST(i // 3 AS VARCHAR) AS reference_number,
        CAST(NULL AS VARCHAR) AS order_id,
        CAST(NULL AS VARCHAR) AS payout_id,
        'MERCHANT_' || CAST(i % 500 AS VARCHAR) AS merchant_id,
        'charge' AS transaction_type,
        'payment' AS movement,
        CAST(i * 7919 % 500000 + CASE WHEN {ledger} AND i % 1000 = 7 THEN 1 ELSE 0 END AS BIGINT) AS amount_minor,
        CASE WHEN {ledger} AND i % 1000 = 8 THEN 'EUR' ELSE 'USD' END AS currency,
        CAST(30 AS BIGINT) AS fee_minor,
        CAST(NULL AS BIGINT) AS net_minor,
        CASE WHEN {ledger} AND i % 1000 = 9 THEN 'pending' ELSE 'completed' END AS status,
        TIMESTAMPTZ '2025-09-30 00:00:00+00' + INTERVAL 1 SECOND * (i % 86400) AS occurred_at,
        CASE
            WHEN {ledger} AND i % 1000 = 8 THEN CAST({eur} AS INTEGER)
            WHEN {ledger} AND i % 1000 = 9 THEN CAST({pending} AS INTEGER)
            ELSE CAST({usual} AS INTEGER)
        END AS agreement_code
    FROM range({rows}) AS t (i)
    WHERE i % 1000 {kept}
) TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group})
"""


@dataclass(frozen=True)
class Measured:
    engine: str
    wall_s: float
    cpu_s: float
    peak_mib: int

    def __str__(self) -> str:
        return f"{self.engine}: {self.wall_s:.1f} s, {self.cpu_s:.1f} CPU s, peak {self.peak_mib:,} MiB"


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    times = int(sys.argv[2]) if len(sys.argv) > 2 else TIMES
    with tempfile.TemporaryDirectory() as folder:
        day = generated_day(Path(folder), rows)
        answers = {name: [measured(name, day, Path(folder) / name) for _ in range(times)][-1] for name in ENGINES}
        differ = differences(*answers.values())
    print(f"different: {', '.join(differ)}" if differ else "equal")
    return 1 if differ else 0


def generated_day(folder: Path, rows: int) -> Day:
    def write(file: Path, *, ledger: bool, order: str, kept: str) -> Path:
        statement = GENERATE.format(
            rows=rows,
            file=file,
            ledger=ledger,
            order=order,
            kept=kept,
            row_group=ROW_GROUP_ROWS,
            eur=agreement_code("EUR", "completed"),
            pending=agreement_code("USD", "pending"),
            usual=agreement_code("USD", "completed"),
        )
        with duckdb.connect() as connection:
            connection.execute(statement).fetchall()
        return file

    return Day(
        processor="big",
        business_date=date(2025, 9, 30),
        transactions=write(folder / "transactions.parquet", ledger=False, order="i", kept="NOT IN (5, 6)"),
        ledger_entries=write(folder / "entries.parquet", ledger=True, order="hash(i * 7)", kept=">= 5"),
    )


def measured(name: str, day: Day, into: Path) -> Matching:
    """The answer; what it cost is printed, with what starting the engine costs apart."""
    started = time.perf_counter()
    with running(ENGINES[name], spill=into / "spill"):
        starting_s = time.perf_counter() - started
    cpu_s, started = cpu_of_family(), time.perf_counter()
    matching = match_day(day, MatchingRules(), into=into, engine=ENGINES[name])
    wall_s = time.perf_counter() - started
    print(Measured(name, wall_s, cpu_of_family() - cpu_s, peak_mib_of_family()), f"(started in {starting_s:.1f} s)")
    return matching


def family() -> list[Path]:
    """This process and those that it started: Spark is a Java beside it."""
    own = str(os.getpid())
    children = [path.parent for path in Path("/proc").glob("[0-9]*/stat") if _fields(path)[1] == own]
    return [Path("/proc/self"), *children]


def cpu_of_family() -> float:
    ticks = sum(int(_fields(process / "stat")[11]) + int(_fields(process / "stat")[12]) for process in family())
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mib_of_family() -> int:
    peaks = (
        line.split()[1] for one in family() for line in (one / "status").read_text().splitlines() if "VmHWM" in line
    )
    return sum(int(kib) for kib in peaks) // 1024


def _fields(stat: Path) -> list[str]:
    """What /proc says after the name of the process: state, parent, ..."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return ["", "", *["0"] * 50]


if __name__ == "__main__":
    sys.exit(main())
