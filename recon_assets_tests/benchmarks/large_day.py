"""Days of tens of millions of records: whether memory stays within its limit, and what a record costs.

    python -m recon_assets_tests.benchmarks.large_day [rows] [memory limit] ...

`1M 1GiB 10M 1GiB`, if nothing is said; `50M 2GB` needs some 40 GB of disk below /var/tmp. The days are the
scorecard's, 1 % with something to it, and so is the judge: every class must be found whole and alone, with residual 0.
Each is matched twice, in processes of their own: for the first time, and as a day that was concluded before, which has
all that the processor said then to be held against what it says now (`restated`). Fails when a peak is more than
`MOST_OF_LIMIT` of the limit, when a record costs more than `MOST_OF_SMALLEST` times what it costs on the first day
matched the same way, or when something is not found.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recon_assets_tests.scorecard.__main__ import sizes_of
from recon_assets_tests.scorecard.children import own, told_by
from recon_assets_tests.scorecard.keyed_day import write_keyed_day
from recon_assets_tests.scorecard.scores import Score

ASKED: Final = ("1M", "1GiB", "10M", "1GiB")
MOST_OF_LIMIT: Final = 1.1
MOST_OF_SMALLEST: Final = 1.5
TIMEOUT_S: Final = 3_600
KINDS: Final = {"keyed": "first time", "again": "concluded before"}
UNITS: Final = {"MB": 1e6, "GB": 1e9, "MiB": 2**20, "GiB": 2**30}


def main() -> int:
    asked = sys.argv[1:] or ASKED
    if len(asked) % 2:
        print(__doc__)
        return 2
    problems: list[str] = []
    a_million: dict[str, list[float]] = {kind: [] for kind in KINDS}
    print("| rows a side | limit | | wall s | CPU s | CPU s a million | peak MiB | of the limit |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for size, limit in zip(asked[::2], asked[1::2], strict=True):
        (rows,) = sizes_of(size)
        for kind, told in matched(rows, limit):
            costs = a_million[kind]
            costs.append(told["cpu_s"] / rows * 1e6)
            of_limit = told["peak_mib"] * 2**20 / in_bytes(limit)
            print(
                f"| {rows:,} | {limit} | {KINDS[kind]} | {told['wall_s']:.1f} | {told['cpu_s']:.1f} | {costs[-1]:.2f}"
                f" | {told['peak_mib']:,.0f} | {of_limit:.2f} |",
                flush=True,
            )
            day = f"{size}, {KINDS[kind]}"
            problems += [f"{day}: {problem}" for problem in not_found(told, kind)]
            if rows > 1_000_000 and of_limit > MOST_OF_LIMIT:  # libraries alone are a good part of a small day's
                problems.append(f"{day}: the peak is {of_limit:.2f} times the limit")
            if costs[-1] > MOST_OF_SMALLEST * costs[0]:
                problems.append(f"{day}: a record costs {costs[-1] / costs[0]:.2f} times what it costs at first")
    print("\n".join(problems) or "every class is found whole and alone, residual 0")
    return int(bool(problems))


def matched(rows: int, limit: str) -> Iterator[tuple[str, dict]]:
    """What the children tell of a day of so many records a side."""
    with tempfile.TemporaryDirectory(prefix="recon-large-", dir="/var/tmp") as name:
        folder = Path(name)
        began = time.monotonic()
        write_keyed_day(folder, rows=rows, discrepancies_percent=1)
        free_gb = shutil.disk_usage(folder).free / 1e9
        took = time.monotonic() - began
        print(f"{rows:,} records a side generated in {took:.0f} s, {free_gb:.0f} GB free", file=sys.stderr)
        for kind in KINDS:
            into = folder / f"matched_{kind}"
            yield kind, told_by(own("ours", folder, kind, into, limit), timeout_s=TIMEOUT_S)
            shutil.rmtree(into)


def not_found(told: dict, kind: str) -> list[str]:
    """What is not as the truth says. Nothing can be restated of a day that was never concluded."""
    scores = {word: Score(*counts) for word, counts in told["classes"].items()}
    if kind == "keyed":
        del scores["restated"]
    problems = [f"{word}: {one}" for word, one in scores.items() if (one.precision, one.recall) != (1, 1)]
    pairs = Score(*told["pairs"])
    if (pairs.precision, pairs.recall) != (1, 1):
        problems.append(f"pairs: {pairs}")
    return problems + [f"residual {left} of {currency}" for currency, left in told["residuals"].items() if left]


def in_bytes(limit: str) -> float:
    """Of a limit as DuckDB takes it."""
    number, unit = re.fullmatch(r"([\d.]+) ?([A-Za-z]+)", limit).groups()  # type: ignore[union-attr] - DuckDB took it
    return float(number) * UNITS[unit]


if __name__ == "__main__":
    sys.exit(main())
