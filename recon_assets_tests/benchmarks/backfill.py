"""A range of small days by `recon backfill`, beside a process a day, as Dagster's daemon and as a timer start them.

    python -m recon_assets_tests.benchmarks.backfill [days] [single runs]
    python -m recon_assets_tests.benchmarks.backfill a-year-of-three

Days of 30 records a side by files, one of which is not in the ledger; all on one embedded server that is up already. The
single runs are on the days after the range, half of them before it and half after. "dagster" is what the daemon's run
worker does: `dagster asset materialize` of the partition, Dagster's own storage; its queue, code server and polling,
some seconds a day, are left out. The day in the middle of the range can't be read: it alone is named, and when its
file is right the next backfill does one day. Prints seconds a day; CPU without PostgreSQL's. Fails when a dagster
process does not need six times the CPU of a day of the range, or a day has another answer than expected.

`a-year-of-three`: 365 days of three processors by one command, as many processes as it takes by itself.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from recon_assets_tests.benchmarks.whole_line import CONFIG, Measured, measured

DAYS: Final = 90
SINGLE_RUNS: Final = 4
RECORDS: Final = 30
FIRST: Final = date(2025, 9, 1)
LEAST_RATIO: Final = 6.0
YEAR: Final = 365
THREE: Final = ("one", "three", "two")
VERDICTS: Final = (
    "SELECT count(*) AS days, min(discrepancy_count), max(discrepancy_count) FROM reconciliation_runs WHERE is_current"
)


def main() -> None:
    if sys.argv[1:] == ["a-year-of-three"]:
        a_year_of_three()
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    singles = int(sys.argv[2]) if len(sys.argv) > 2 else SINGLE_RUNS
    days = [FIRST + timedelta(days=number) for number in range(count + 2 * singles)]
    with place(days) as (folder, environment):
        range_ = ["backfill", "--processors", "big", "--from", str(days[0]), "--to", str(days[count - 1])]
        middle = days[count // 2]
        broken = folder / "data" / "feeds" / "processor" / f"big_{middle}.csv"
        right = broken.read_text()
        broken.write_text("no,header,of,ours\n1,2,3,4\n")
        of_dagster, of_recon = days[count : count + singles], days[count + singles :]
        half = singles // 2
        alone = [by_dagster(day, environment) for day in of_dagster[:half]]
        by_timer = [by_recon(day, environment) for day in of_recon[:half]]
        backfill = measured([*RECON, *range_], environment, exit_code=1)
        by_timer += [by_recon(day, environment) for day in of_recon[half:]]
        alone += [by_dagster(day, environment) for day in of_dagster[half:]]
        broken.write_text(right)
        left = measured([*RECON, *range_], environment)
        again = measured([*RECON, *range_], environment)
        found = measured([*RECON, "sql", VERDICTS, "--format", "csv"], environment).output
    assert f"big {middle}: " in backfill.output, "the day that can't be read is named"
    assert f"{count - 1} concluded" in backfill.output, "and it alone has no conclusion"
    assert f"1 concluded (1 discrepancies), {count - 1} proven already" in left.output, "it alone is left to do"
    assert f"{len(days)},1,1" in found, f"the answers are not those that were put in: {found}"
    print(backfill.output.splitlines()[-1])
    print(f"{'':40}{'wall s a day':>14}{'CPU s a day':>14}{'days a s':>10}   ({os.cpu_count()} cores, load {load()})")
    wall_s, cpu_s = backfill.wall_s / count, backfill.cpu_s / count
    told(f"recon backfill, {count} days", wall_s, cpu_s)
    told(f"recon run, {singles} processes", *each(by_timer))
    told(f"dagster, {singles} processes", *each(alone))
    print(f"the day that was left: {left.wall_s:.1f} s, {left.cpu_s:.1f} CPU s; again: {again.wall_s:.1f} s")
    alone_s, alone_cpu_s = each(alone)
    ratio = alone_cpu_s / cpu_s
    print(f"a dagster process a day needs {alone_s / wall_s:.1f} times the time, {ratio:.1f} times the CPU")
    assert ratio >= LEAST_RATIO, "a warm process is to be worth it"


RECON: Final = [sys.executable, "-m", "recon_assets.cli"]


def by_recon(day: date, environment: dict[str, str]) -> Measured:
    return measured([*RECON, "run", "--processors", "big", "--date", str(day)], environment)


def by_dagster(day: date, environment: dict[str, str]) -> Measured:
    command = ["-m", "dagster", "asset", "materialize", "-m", "recon_assets.definitions", "--select", "*"]
    return measured([sys.executable, *command, "--partition", str(day)], environment, errors=subprocess.STDOUT)


def each(runs: list[Measured]) -> tuple[float, float]:
    """Wall and CPU seconds of one."""
    return sum(run.wall_s for run in runs) / len(runs), sum(run.cpu_s for run in runs) / len(runs)


def told(what: str, wall_s: float, cpu_s: float) -> None:
    print(f"{what:40}{wall_s:>14.2f}{cpu_s:>14.2f}{1 / wall_s:>10.2f}")


def a_year_of_three() -> None:
    days = [FIRST + timedelta(days=number) for number in range(YEAR)]
    with place(days) as (folder, environment):
        processors = folder / "config" / "processors"
        text = (processors / "big.yaml").read_text()
        for name in THREE:
            other = text.replace("name: big", f"name: {name}").replace("title: Big", f"title: {name.title()}")
            (processors / f"{name}.yaml").write_text(other)
        range_ = ["--processors", *THREE, "--from", str(days[0]), "--to", str(days[-1])]
        print(f"load before it {load()}, {os.cpu_count()} cores")
        backfill = measured([*RECON, "backfill", *range_], environment)
        found = measured([*RECON, "sql", VERDICTS, "--format", "csv"], environment).output
    count = len(THREE) * len(days)
    assert f"{count},1,1" in found, f"the answers are not those that were put in: {found}"
    print(backfill.output.splitlines()[-1])
    print(f"{count:,} processor-days: {backfill.wall_s:.0f} s, {backfill.cpu_s:.0f} CPU s, load after it {load()}")


@contextmanager
def place(days: list[date]) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the files of these days and a server that is up, and the environment that points at them."""
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = prepared(folder, days)
        measured([*RECON, "db", "start"], environment)
        try:
            yield folder, environment
        finally:
            measured([*RECON, "db", "stop"], environment)


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
        "DAGSTER_HOME": str(Path(__file__).parents[2]),
    }


if __name__ == "__main__":
    main()
