"""JSON feeds in pages of 100 to a checked Parquet, beside the standard library's json on the same way.

    python -m recon_assets_tests.benchmarks.feeds stripe|square [rows]

Each reading is a process of its own. Both read every page twice (its earliest time first), keep the same rules and
write by the same code, contract included; what differs is how JSON becomes columns. One page is read before the clock
starts. Prints CPU seconds (median of `REPEATS`, taken in turns) and peak memory, and fails when the standard library
takes less than `WANTED_RATIO` times the CPU, when the two frames differ, or when the memory of a fifth of the rows is
much smaller than that of all.
"""

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import pyarrow.parquet as pq

from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.record_tables import BATCH_ROWS
from recon_assets_tests.benchmarks import feeds_square, feeds_stripe
from recon_assets_tests.benchmarks.standard_library import PAGE_ROWS

ROWS: Final = 1_000_000
REPEATS: Final = 3
WANTED_RATIO: Final = 3.0
MEMORY_GROWTH_MIB: Final = 100.0
"""How much more a million rows may take than a fifth of them. The writer holds two row groups of 122,880 rows, which a
fifth does not fill, and the growth ends there (20 MiB from 500,000 rows to a million); the rows alone are 500 MiB."""
PROCESSORS: Final[Mapping[str, ModuleType]] = {"stripe": feeds_stripe, "square": feeds_square}


@dataclass(frozen=True, slots=True)
class Measured:
    """One process."""

    cpu_s: float
    peak_mib: float
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("processor", choices=PROCESSORS)
    parser.add_argument("rows", type=int, nargs="?", default=ROWS)
    parser.add_argument("--reader", choices=("ours", "stdlib"), help="of the process that reads")
    parser.add_argument("--pages", type=Path, help="of the process that reads")
    asked = parser.parse_args()
    if asked.reader:
        _child(PROCESSORS[asked.processor], asked.reader, asked.pages)
    else:
        _compare(asked.processor, asked.rows)


def _compare(processor: str, rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        pages, fewer = Path(name) / "pages", Path(name) / "fewer"
        PROCESSORS[processor].write_pages(pages, rows)
        PROCESSORS[processor].write_pages(fewer, rows // 5)
        runs = [(_measured(processor, "ours", pages), _measured(processor, "stdlib", pages)) for _ in range(REPEATS)]
        small = _measured(processor, "ours", fewer)
    ours, stdlib = (_median(list(side)) for side in zip(*runs, strict=True))
    ratio = stdlib.cpu_s / ours.cpu_s
    print(f"{processor}, {rows} rows in pages of {PAGE_ROWS}: CPU s and peak MiB")
    print(f"  ours                {ours.cpu_s:6.1f}  {ours.peak_mib:6.0f}")
    print(f"  standard library    {stdlib.cpu_s:6.1f}  {stdlib.peak_mib:6.0f}   {ratio:.1f} times ours")
    print(f"  ours, {rows // 5:>7} rows {small.cpu_s:6.1f}  {small.peak_mib:6.0f}")
    assert ours.digest == stdlib.digest, "the two frames differ"
    assert ours.peak_mib - small.peak_mib < MEMORY_GROWTH_MIB, "memory grows with the rows"
    assert ratio >= WANTED_RATIO, f"only {ratio:.1f} times less CPU than the standard library"


def _median(runs: list[Measured]) -> Measured:
    assert len({run.digest for run in runs}) == 1, "the same pages gave another frame"
    cpu_s, peak = statistics.median(run.cpu_s for run in runs), max(run.peak_mib for run in runs)
    return Measured(cpu_s, peak, runs[0].digest)


def _measured(processor: str, reader: str, pages: Path) -> Measured:
    command = [sys.executable, "-m", "recon_assets_tests.benchmarks.feeds", processor]
    command += ["--reader", reader, "--pages", str(pages)]
    return Measured(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _child(processor: ModuleType, reader: str, pages: Path) -> None:
    files = sorted(pages.iterdir())

    def chunks_from(some: list[Path]) -> Iterator[ParsedChunk]:
        return processor.ours(some) if reader == "ours" else processor.by_standard_library(some)

    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        # One page first: what pandera imports when it is used for the first time is not the cost of JSON.
        write_frame(chunks_from(files[:1]), side=Side.PROCESSOR, storage_root=Path(name), folder="first")
        before = resource.getrusage(resource.RUSAGE_SELF)
        frame = write_frame(chunks_from(files), side=Side.PROCESSOR, storage_root=Path(name), folder="frame")
        used = resource.getrusage(resource.RUSAGE_SELF)
        digest = _digest_of(Path(name) / frame.folder / frame.file)
    assert frame.rejected_rows == 0, "every row of the benchmark is good"
    cpu_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu_s": cpu_s, "peak_mib": used.ru_maxrss / 1024, "digest": digest}))


def _digest_of(frame: Path) -> str:
    """Of the values of a frame: how words are numbered in a file is no part of them."""
    digest = hashlib.sha256()
    for batch in pq.ParquetFile(frame).iter_batches(BATCH_ROWS):
        digest.update(repr(batch.to_pydict()).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
