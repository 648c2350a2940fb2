"""What one small day costs beside the imports that it can't do without, in fresh processes.

    python -m recon_assets_tests.benchmarks.start [rounds] [python]

A day of 30 records a side by `recon run`, on an embedded server that is up, and in turn with it an interpreter that
imports dagster, pandas, pandera, duckdb and pyarrow and ends. Prints medians of CPU and wall seconds, start and end of
the interpreter included, CPU without PostgreSQL's, and ends with 1 when the CPU is more than `MOST_TIMES` the imports'.
`recon status`, `recon --help`, the definitions and `import dagster` are told beside it.

`python` is an interpreter with the program and what `requirements.lock` names: what developers have besides (pyspark,
hypothesis) pandera imports too. A first round, which writes bytecode, is not counted.
"""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Final

from recon_assets_tests.benchmarks.backfill import FIRST, load, place
from recon_assets_tests.benchmarks.whole_line import Measured, measured

ROUNDS: Final = 7
MOST_TIMES: Final = 1.5
FIVE: Final = "import dagster, pandas, pandera, duckdb, pyarrow"
DAGSTER: Final = "import dagster"
RUN: Final = "recon run, a day of 30 records"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    days = [FIRST + timedelta(days=number) for number in range(rounds + 1)]
    with place(days) as (_folder, environment):
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        found: dict[str, list[Measured]] = {}
        for number, day in enumerate(days):
            for name, arguments in commands(str(day)).items():
                once = measured([python, *arguments], environment)
                if number:
                    found.setdefault(name, []).append(once)
    times = told(found)
    if times > MOST_TIMES:
        print(f"the goal is {MOST_TIMES} times the imports' CPU")
        sys.exit(1)


def commands(day: str) -> dict[str, list[str]]:
    """What is measured in turn, by its name: arguments of the interpreter."""
    recon = ["-m", "recon_assets.cli"]
    return {
        FIVE: ["-c", FIVE],
        RUN: [*recon, "run", "--processors", "big", "--date", day],
        DAGSTER: ["-c", DAGSTER],
        "the definitions": ["-c", "import recon_assets.definitions"],
        "recon status": [*recon, "status"],
        "recon --help": [*recon, "--help"],
    }


def told(found: Mapping[str, list[Measured]]) -> float:
    """Print each; how many times the CPU of the five imports a run takes."""
    cpu_s = {name: median(once.cpu_s for once in each) for name, each in found.items()}
    wall_s = {name: median(once.wall_s for once in each) for name, each in found.items()}
    print(f"{'':52}{'CPU s':>8}{'wall s':>8}{'peak MiB':>10}   ({os.cpu_count()} cores, load {load()})")
    for name, each in found.items():
        print(f"{name:52}{cpu_s[name]:>8.2f}{wall_s[name]:>8.2f}{max(once.peak_mib for once in each):>10.0f}")
    times = cpu_s[RUN] / cpu_s[FIVE]
    print(f"a run takes {times:.2f} times the CPU of the five imports, {wall_s[RUN] / wall_s[FIVE]:.2f} times the time")
    print(f"the definitions take {cpu_s['the definitions'] / cpu_s[DAGSTER]:.2f} times the CPU of importing dagster")
    return times


if __name__ == "__main__":
    main()
