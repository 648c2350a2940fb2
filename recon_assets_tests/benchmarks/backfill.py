"""A range of small days by `recon backfill`, beside a process of `recon run` for each day, as a timer would start them.

    python -m recon_assets_tests.benchmarks.backfill [days] [single runs]

Days of 30 records a side by files, one of which is not in the ledger; both ways on one embedded server that is up
already, the single runs on the days after the range. Prints seconds a day and days a second; CPU without PostgreSQL's.
Then the same range again, of which nothing is to do. Fails when a process a day does not need twice the CPU of a day of
the range, or a day has another answer than expected.
"""

import os
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from recon_assets_tests.benchmarks.whole_line import CONFIG, measured

DAYS: Final = 30
SINGLE_RUNS: Final = 5
RECORDS: Final = 30
FIRST: Final = date(2025, 9, 1)
LEAST_RATIO: Final = 2.0
VERDICTS: Final = "SELECT count(*) AS days, min(discrepancy_count), max(discrepancy_count) FROM reconciliation_runs"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    singles = int(sys.argv[2]) if len(sys.argv) > 2 else SINGLE_RUNS
    days = [FIRST + timedelta(days=number) for number in range(count + singles)]
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = prepared(folder, days)
        recon = [sys.executable, "-m", "recon_assets.cli"]
        measured([*recon, "db", "start"], environment)
        range_ = ["--processors", "big", "--from", str(days[0]), "--to", str(days[count - 1])]
        backfill = measured([*recon, "backfill", *range_], environment)
        single = [
            measured([*recon, "run", "--processors", "big", "--date", str(day)], environment) for day in days[count:]
        ]
        again = measured([*recon, "backfill", *range_], environment)
        found = measured([*recon, "sql", VERDICTS, "--format", "csv"], environment).output
        measured([*recon, "db", "stop"], environment)
    assert f"{len(days)},1,1" in found, f"the answers are not those that were put in: {found}"
    print(backfill.output.splitlines()[-1])
    alone_s, alone_cpu_s = (
        sum(figures) / singles for figures in zip(*((s.wall_s, s.cpu_s) for s in single), strict=True)
    )
    print(f"{'':40}{'wall s a day':>14}{'CPU s a day':>14}{'days a s':>10}   ({os.cpu_count()} cores, load {load()})")
    for what, wall_s, cpu_s in (
        (f"recon backfill, {count} days", backfill.wall_s / count, backfill.cpu_s / count),
        (f"recon run, {singles} processes", alone_s, alone_cpu_s),
    ):
        print(f"{what:40}{wall_s:>14.2f}{cpu_s:>14.2f}{1 / wall_s:>10.2f}")
    print(f"the same range again, nothing to do: {again.wall_s:.1f} s, {again.cpu_s:.1f} CPU s, imports included")
    ratio = alone_cpu_s / (backfill.cpu_s / count)
    print(f"a process a day needs {alone_s / (backfill.wall_s / count):.1f} times the time, {ratio:.1f} times the CPU")
    assert ratio >= LEAST_RATIO, "a warm process is to be worth it"


def load() -> str:
    """Of the last minute: whether something else was at work."""
    return f"{os.getloadavg()[0]:.0f}"


def prepared(folder: Path, days: list[date]) -> dict[str, str]:
    """Write configuration and files; the environment that points `recon` at them."""
    processors = folder / "config" / "processors"
    processors.mkdir(parents=True)
    (processors / "big.yaml").write_text(CONFIG)
    for side, records in (("processor", RECORDS), ("ledger", RECORDS - 1)):
        (folder / "data" / "feeds" / side).mkdir(parents=True)
        for day in days:
            rows = [
                f"{day}-{number},R{number},M{number % 3},{number}.25,USD,0.30,completed,{day}T10:00:00Z"
                for number in range(records)
            ]
            text = "\n".join(["id,reference,merchant,amount,currency,fee,status,created", *rows, ""])
            (folder / "data" / "feeds" / side / f"big_{day}.csv").write_text(text)
    return dict(os.environ) | {
        "RECON_DATA_DIR": str(folder / "data"),
        "RECON_CONFIG_DIR": str(folder / "config"),
        "LOCAL_REPORTS_DIR": str(folder / "reports"),
    }


if __name__ == "__main__":
    main()
