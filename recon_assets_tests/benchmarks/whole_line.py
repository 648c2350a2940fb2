"""A day of a million rows a side from two CSV files through the whole line, by the command a person would type.

    python -m recon_assets_tests.benchmarks.whole_line [rows] [rounds]

Prints wall seconds, CPU seconds and peak memory of `recon run`, of PostgreSQL apart, and what a million rows cost
beyond a day of a thousand: the program's imports and its fixed work. All take turns, since what a CPU second does
changes by the minute: seconds are medians of the rounds, memory the most of them, and the ratio is the median of each
round's own. Beside them, without checks, audit, report and evidence:

- the same two files merged by pandas, reading and merging only;
- the way of a careful script of the standard library: csv, Decimal, dictionaries, and inserts in batches into the same
  PostgreSQL.

Fails when the limits of the issue (30 s, 2 GB) or the expected discrepancies are missed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Final, Self

ROWS: Final = 1_000_000
ROUNDS: Final = 3
LIMIT_S: Final = 30.0
LIMIT_MIB: Final = 2_000
SMALL_ROWS: Final = 1_000
DAY: Final = "2025-09-30"
SUM_OF_CLASSES: Final = "SELECT class, count(*) AS found FROM discrepancies GROUP BY class ORDER BY class"

CONFIG: Final = """
name: big
title: Big
owner: team:benchmark
start_date: 2025-09-01
feed: &feed
  kind: files
  folder: processor
  pattern: "big_{date}.csv"
  format: csv
  columns: {transaction_id: id, reference_number: reference, merchant_id: merchant, amount: amount,
            currency: currency, fee: fee, status: status, occurred_at: created}
  times: {format: iso8601, time_zone: UTC}
ledger:
  <<: *feed
  folder: ledger
"""

# In a thousand keys: 5 not in the ledger, 2 not at the processor, 1 amount, 1 currency, 1 status differ.
GENERATE: Final = """
COPY (
    SELECT
        'txn_' || lpad(CAST(i AS VARCHAR), 22, '0') AS id,
        'ORDER-' || CAST(i * 7919 % 10000019 AS VARCHAR) AS reference,
        'MERCHANT_' || CAST(i % 500 AS VARCHAR) AS merchant,
        CAST(CAST(i * 7919 % 500000 + CASE WHEN {ledger} AND i % 1000 = 7 THEN 1 ELSE 0 END AS DECIMAL(18, 2)) / 100
            AS DECIMAL(18, 2)) AS amount,
        CASE WHEN {ledger} AND i % 1000 = 8 THEN 'EUR' ELSE 'USD' END AS currency,
        CAST(0.30 AS DECIMAL(18, 2)) AS fee,
        CASE WHEN {ledger} AND i % 1000 = 9 THEN 'pending' ELSE 'completed' END AS status,
        strftime(TIMESTAMP '2025-09-30' + INTERVAL 1 SECOND * (i % 86400), '%Y-%m-%dT%H:%M:%SZ') AS created
    FROM range({rows}) AS t (i)
    WHERE CASE WHEN {ledger} THEN i % 1000 >= 5 ELSE i % 1000 NOT IN (5, 6) END
    ORDER BY hash(i + {seed})
) TO '{path}' (FORMAT csv, HEADER)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One child process and all its own."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rounds = [_round(rows) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)]
    print(f"{'':44}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}   ({os.cpu_count()} cores, {rows:,} rows a side)")
    line, server_mib = _of_all([one.line for one in rounds]), max(one.server_mib for one in rounds)
    shown = {LINE: line, f"recon run, {SMALL_ROWS:,} rows": _of_all([one.small for one in rounds])}
    shown |= {peer: _of_all([one.peers[peer] for one in rounds]) for peer in PEERS}
    for name, figures in shown.items():
        print(f"{name:44}{figures.wall_s:>10.1f}{figures.cpu_s:>10.1f}{figures.peak_mib:>10.0f}")
    print(f"{'PostgreSQL beside it':44}{'':>20}{server_mib:>10.0f}")
    beyond_mib = max(one.line.peak_mib - one.small.peak_mib for one in rounds)
    print(f"beyond a small day: {median(one.beyond_s for one in rounds):.1f} CPU s, {beyond_mib:.0f} MiB")
    ratios = sorted(one.peers[STANDARD_LIBRARY].cpu_s / one.beyond_s for one in rounds)
    print(
        f"{STANDARD_LIBRARY} needs {median(ratios):.1f} times the CPU seconds of that"
        f" ({ratios[0]:.1f} to {ratios[-1]:.1f} in {len(ratios)} rounds)"
    )
    if rows == ROWS:
        assert line.wall_s < LIMIT_S, f"slower than {LIMIT_S} s"
        assert line.peak_mib + server_mib < LIMIT_MIB, f"more memory than {LIMIT_MIB} MiB"


@dataclass(frozen=True, slots=True)
class _Round:
    """All, one after the other."""

    small: Measured
    line: Measured
    server_mib: float
    peers: Mapping[str, Measured]

    @property
    def beyond_s(self) -> float:
        return self.line.cpu_s - self.small.cpu_s


def _round(rows: int) -> _Round:
    small, _, _ = whole_line(SMALL_ROWS, peers={})
    return _Round(small, *whole_line(rows, peers=PEERS))


def _of_all(runs: Sequence[Measured]) -> Measured:
    return Measured(
        median(run.wall_s for run in runs), median(run.cpu_s for run in runs), max(run.peak_mib for run in runs), ""
    )


def whole_line(rows: int, *, peers: Mapping[str, str]) -> tuple[Measured, float, dict[str, Measured]]:
    """One day of `rows` in a folder and a server of its own: the run, the server's peak in MiB, and the peers."""
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = prepare(folder, rows)
        recon = [sys.executable, "-m", "recon_assets.cli"]
        measured([*recon, "db", "start"], environment)
        with ServerWatch(folder) as server:
            line = measured([*recon, "run", "--processors", "big", "--date", DAY], environment)
        print(line.output)
        found = measured([*recon, "sql", SUM_OF_CLASSES, "--format", "csv"], environment).output
        print(found)
        assert f"missing_in_ledger,{rows // 1000 * 5}" in found, "the discrepancies are not those that were put in"
        assert f"missing_at_processor,{rows // 1000 * 2}" in found, "the discrepancies are not those that were put in"
        dsn = measured([*recon, "dsn"], environment).output.strip()
        beside = {
            peer: measured([sys.executable, "-c", script, str(folder), dsn], environment)
            for peer, script in peers.items()
        }
        measured([*recon, "db", "stop"], environment)
    return line, server.peak_mib, beside


PANDAS: Final = """
import sys
from decimal import Decimal
import pandas as pd
folder = sys.argv[1]
sides = [pd.read_csv(f"{folder}/data/feeds/{side}/big_2025-09-30.csv", dtype=str) for side in ("processor", "ledger")]
for side in sides:
    side["minor"] = [int(Decimal(text).scaleb(2)) for text in side["amount"]]
merged = sides[0].merge(sides[1], on="id", how="outer", indicator=True, suffixes=("_p", "_l"))
differs = merged[(merged["_merge"] != "both") | (merged["minor_p"] != merged["minor_l"])
                 | (merged["currency_p"] != merged["currency_l"]) | (merged["status_p"] != merged["status_l"])]
print(len(differs))
"""

SCRIPT: Final = """
import csv, sys
from decimal import Decimal
import psycopg
folder, dsn = sys.argv[1:]
sides = []
for side in ("processor", "ledger"):
    with open(f"{folder}/data/feeds/{side}/big_2025-09-30.csv", newline="") as lines:
        rows = csv.DictReader(lines)
        sides.append({row["id"]: row | {"amount": Decimal(row["amount"]), "fee": Decimal(row["fee"])} for row in rows})
processor, ledger = sides
found = [(key, "missing_in_ledger", row["amount"], row["currency"])
         for key, row in processor.items() if key not in ledger]
found += [(key, "missing_at_processor", -row["amount"], row["currency"])
          for key, row in ledger.items() if key not in processor]
for key, row in processor.items():
    other = ledger.get(key)
    if other is not None:
        for name in ("amount", "currency", "status"):
            if row[name] != other[name]:
                found.append((key, f"{name}_mismatch", row["amount"] - other["amount"], row["currency"]))
with psycopg.connect(dsn, options="-c default_transaction_read_only=off") as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TEMPORARY TABLE found (id text, class text, amount numeric(18, 2), currency text)")
    for start in range(0, len(found), 1000):
        cursor.executemany("INSERT INTO found VALUES (%s, %s, %s, %s)", found[start : start + 1000])
print(len(found))
"""

LINE: Final = "recon run, whole line"
STANDARD_LIBRARY: Final = "csv, Decimal, dictionaries, batched inserts"
PEERS: Final = {"pandas: read and merge only": PANDAS, STANDARD_LIBRARY: SCRIPT}


def prepare(folder: Path, rows: int) -> dict[str, str]:
    """Write both files and the configuration; the environment that points `recon` at them."""
    processors = folder / "config" / "processors"
    processors.mkdir(parents=True)
    (processors / "big.yaml").write_text(CONFIG)
    for side in ("processor", "ledger"):
        path = folder / "data" / "feeds" / side / f"big_{DAY}.csv"
        path.parent.mkdir(parents=True)
        generate_side(path, rows=rows, is_ledger=side == "ledger", seed=len(side))
    return dict(os.environ) | {
        "RECON_DATA_DIR": str(folder / "data"),
        "RECON_CONFIG_DIR": str(folder / "config"),
        "LOCAL_REPORTS_DIR": str(folder / "reports"),
    }


def generate_side(path: Path, *, rows: int, is_ledger: bool, seed: int) -> int:
    """Write the CSV file of one side, of about `rows` records in an order of `seed`; how many there are.

    By another process: what this one held when it starts one to be measured would count as that one's peak.
    """
    generate = GENERATE.format(ledger=is_ledger, rows=rows, seed=seed, path=path)
    command = [sys.executable, "-c", "import duckdb, sys; print(*duckdb.execute(sys.argv[1]).fetchone())", generate]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measured(
    command: list[str], environment: dict[str, str], *, exit_code: int = 0, errors: int | None = None
) -> Measured:
    """Run a command to its end, which is to be `exit_code`. Peak memory is that of the largest of its processes.

    What it says to standard error is shown, or goes where `errors` says, as in `subprocess`.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == exit_code, f"{command} ended with {process.returncode}\n{output}"
    return Measured(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


class ServerWatch:
    """Looks at the embedded server's processes while it is open; `peak_mib` is the largest resident sum seen.

    Shared buffers are counted once, as part of the largest process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._done, self.peak_mib = folder, Event(), 0.0
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            resident = list(self._resident())
            if resident:
                private = sum(anonymous for anonymous, _ in resident)
                self.peak_mib = max(self.peak_mib, (private + max(shared for _, shared in resident)) / 1024)

    def _resident(self) -> Iterator[tuple[int, int]]:
        """Private and shared resident KiB of each process whose working folder is the cluster."""
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                if status.with_name("cwd").readlink().is_relative_to(self._folder):
                    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                    if fields["Name"].strip() == "postgres":
                        yield int(fields["RssAnon"].split()[0]), int(fields["RssShmem"].split()[0])
            except (OSError, KeyError):
                continue


if __name__ == "__main__":
    main()
