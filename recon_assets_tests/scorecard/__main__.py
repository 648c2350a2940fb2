"""`make scorecard`: how much is found, how exactly, and at what cost, beside the limits and other tools.

    python -m recon_assets_tests.scorecard [--sizes 10k,100k,1M,10M] [--peers all|none|NAME,NAME] [--write FILE]

The charts are written beside the file, into `images`. Peers are installed once, each into an environment of its own
below data/scorecard. Ends with 1 when ours is not what the issue asks for: precision and recall 1 of every class and
residual 0; without ids 0.995 and 0.99.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from recon_assets_tests.scorecard.charts import write_charts
from recon_assets_tests.scorecard.environments import PEERS, Peer, install
from recon_assets_tests.scorecard.report import markdown
from recon_assets_tests.scorecard.runs import OURS, KeyedRun, KeylessRun, keyed_runs, keyless_runs

CACHE: Final = Path("data/scorecard/peers")
SIZES: Final = "10k,100k,1M"
IMAGES: Final = "images"
UNITS: Final = {"k": 1_000, "M": 1_000_000}
CONFIRMED_PRECISION: Final = 0.995
SUGGESTED_RECALL: Final = 0.99


def main() -> int:
    asked = _arguments()
    peers = _peers(asked.peers)
    not_installed = {peer.name: f"not installed: {why}" for peer in peers if (why := install(peer, CACHE.absolute()))}
    ready = [peer for peer in peers if peer.name not in not_installed]
    with tempfile.TemporaryDirectory(prefix="recon-scorecard-", dir="/var/tmp") as name:
        folder = Path(name)
        keyless = list(keyless_runs(ready, folder=folder, cache=CACHE.absolute()))
        keyed: list[KeyedRun] = []
        for run in keyed_runs(asked.sizes, ready, folder=folder, cache=CACHE.absolute()):
            keyed.append(run)
            text = markdown(keyed, keyless, peers=peers, not_installed=not_installed, machine=_machine(), images=IMAGES)
            if asked.write:  # after each day: a long run that is stopped has told something
                asked.write.write_text(text)
                write_charts(keyed, asked.write.parent / IMAGES)
    print(text)
    return _missed(keyed, keyless)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m recon_assets_tests.scorecard")
    parser.add_argument("--sizes", type=sizes_of, default=SIZES, help=f"rows a side, by comma, such as {SIZES}")
    parser.add_argument("--peers", default="all", help="all, none, or parts of names by comma")
    parser.add_argument("--write", type=Path, help="the Markdown file to write")
    return parser.parse_args()


def sizes_of(text: str) -> list[int]:
    """Rows, of `10k,1M,2500`. Raises `ValueError` for what is no size."""
    return [
        int(size[:-1]) * UNITS[size[-1]] if size[-1:] in UNITS else int(size)  # `int` says what is no number
        for size in text.split(",")
    ]


def _peers(asked: str) -> Sequence[Peer]:
    if asked == "none":
        return ()
    return [peer for peer in PEERS if asked == "all" or any(word in peer.name for word in asked.split(","))]


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Machine: {os.cpu_count()} cores,\n{memory_gib:.0f} GiB, Python {platform.python_version()},"
        f" DuckDB {duckdb.__version__}; load {os.getloadavg()[2]:.1f} meanwhile."
    )


def _missed(keyed: Sequence[KeyedRun], keyless: Sequence[KeylessRun]) -> int:
    missed = [
        f"{run.rows:,} rows, {run.percent} %: {word} is {score.counts}"
        for run in keyed
        for word, score in {**run.scores[OURS], "pairs": run.pairs}.items()
        if not score.found == score.right == score.true
    ]
    missed += [
        f"{run.rows:,} rows, {run.percent} %: a residual" for run in keyed if any(run.told["residuals"].values())
    ]
    for one in keyless:
        ours = one.scores[OURS]
        if (ours.confirmed.precision or 0) < CONFIRMED_PRECISION or (
            ours.with_suggestions.recall or 0
        ) < SUGGESTED_RECALL:
            missed.append(f"{one.rows:,} rows without ids: {ours.confirmed.counts}, {ours.with_suggestions.counts}")
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
