"""Stripe-shaped JSON in pages of 100 to a checked Parquet, beside the standard library's json on the same way.

    python -m recon_assets_tests.benchmarks.feeds [rows]

Each reading is a process of its own. Both read every page twice (its earliest time first), keep the same rules and
write by the same code, contract included; what differs is how JSON becomes columns. One page is read before the clock
starts. Prints CPU seconds (median of `REPEATS`, taken in turns) and peak memory, and fails when the standard library
takes less than `WANTED_RATIO` times the CPU, when the two frames differ, or when the memory of a fifth of the rows is
much smaller than that of all.
"""

import hashlib
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.business_day import business_day
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.record_tables import BATCH_ROWS
from recon_assets.processors.stripe.currencies import places
from recon_assets.processors.stripe.movements import movement_of
from recon_assets.processors.stripe.records import MetadataKeys, chunks_of
from recon_assets.schemas.frames import PARSED_SCHEMA

ROWS: Final = 1_000_000
PAGE_ROWS: Final = 100
REPEATS: Final = 3
WANTED_RATIO: Final = 3.0
MEMORY_GROWTH_MIB: Final = 100.0
"""How much more a million rows may take than a fifth of them. The writer holds two row groups of 122,880 rows, which a
fifth does not fill, and the growth ends there (20 MiB from 500,000 rows to a million); the rows alone are 500 MiB."""
DAY: Final = business_day("stripe", date(2025, 9, 30))

_RECORD: Final = (
    '{"id":"txn_%024d","object":"balance_transaction","amount":%d,"available_on":%d,"balance_type":"payments",'
    '"created":%d,"currency":"%s","description":"Subscription update, order %d","exchange_rate":null,"fee":%d,'
    '"fee_details":[{"amount":%d,"application":null,"currency":"%s","description":"Stripe processing fees",'
    '"type":"stripe_fee"}],"net":%d,"reporting_category":"%s","source":"%s_%024d","status":"%s","type":"%s"}'
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One process."""

    cpu_s: float
    peak_mib: float
    digest: str


def main() -> None:
    if len(sys.argv) > 2:
        _child(sys.argv[1], Path(sys.argv[2]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        pages, fewer = Path(name) / "pages", Path(name) / "fewer"
        _write_pages(pages, rows)
        _write_pages(fewer, rows // 5)
        runs = [(_measured("ours", pages), _measured("stdlib", pages)) for _ in range(REPEATS)]
        small = _measured("ours", fewer)
    ours, stdlib = (_median(list(side)) for side in zip(*runs, strict=True))
    ratio = stdlib.cpu_s / ours.cpu_s
    print(f"{rows} rows in pages of {PAGE_ROWS}: CPU s and peak MiB")
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


def _measured(reader: str, pages: Path) -> Measured:
    command = [sys.executable, "-m", "recon_assets_tests.benchmarks.feeds", reader, str(pages)]
    return Measured(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _child(reader: str, pages: Path) -> None:
    files = sorted(pages.iterdir())

    def chunks_from(some: list[Path]) -> Iterator[ParsedChunk]:
        return chunks_of(some, MetadataKeys()) if reader == "ours" else _by_standard_library(some)

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


def _by_standard_library(files: list[Path]) -> Iterator[ParsedChunk]:
    """The same way with `json` and dictionaries: types, ranges, currencies, movements, order."""
    earliest = sorted((min(r["created"] for r in json.loads(f.read_bytes())["data"]), f.name, f) for f in files)
    held: list[dict[str, Any]] = []
    for place, (_, name, file) in enumerate(earliest, start=1):
        records = json.loads(file.read_bytes())["data"]
        held.extend(_row(record, name, number) for number, record in enumerate(records, start=1))
        if len(held) >= BATCH_ROWS or place == len(earliest):
            held.sort(key=itemgetter("occurred_at", "record_id"))
            end = earliest[place][0] if place < len(earliest) else math.inf
            ready = [row for row in held if row["occurred_at"].timestamp() < end]
            yield ParsedChunk(rows=pa.Table.from_pylist(ready, schema=PARSED_SCHEMA), rejected=())
            held = held[len(ready) :]


def _row(record: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    for name in ("amount", "fee", "net", "created"):
        if type(record[name]) is not int or abs(record[name]) > MAX_MINOR:
            raise TypeError(name)
    for name in ("id", "currency", "type", "status"):
        if type(record[name]) is not str:
            raise TypeError(name)
    if record["status"] not in {"available", "pending"}:
        raise ValueError("status")
    parts = record["fee_details"]
    if any(type(part["amount"]) is not int or part["currency"] != record["currency"] for part in parts):
        raise TypeError("fee_details")
    if sum(part["amount"] for part in parts) != record["fee"]:
        raise ValueError("fee_details")
    currency = record["currency"].upper()
    at_stripe, iso = places()[currency]
    assert at_stripe == iso, "no currency of the benchmark is converted"
    movement = movement_of(category=record["reporting_category"], type_=record["type"])
    return {
        "raw_file": file,
        "record_number": number,
        "transaction_id": record["source"] or record["id"],
        "record_id": record["id"],
        "transaction_type": record["type"],
        "movement": movement.value,
        "amount_minor": record["amount"],
        "currency": currency,
        "fee_minor": record["fee"],
        "net_minor": record["net"],
        "status": "completed",
        "occurred_at": datetime.fromtimestamp(record["created"], UTC),
    }


def _digest_of(frame: Path) -> str:
    """Of the values of a frame: how words are numbered in a file is no part of them."""
    digest = hashlib.sha256()
    for batch in pq.ParquetFile(frame).iter_batches(BATCH_ROWS):
        digest.update(repr(batch.to_pydict()).encode())
    return digest.hexdigest()


def _write_pages(folder: Path, rows: int) -> None:
    """Newest first, as Stripe serves them: one charge in twenty is a refund, one in ten is not available yet."""
    folder.mkdir()
    start, seconds = int(DAY.starts_at.timestamp()), int((DAY.ends_at - DAY.starts_at).total_seconds())
    for page in range(-(-rows // PAGE_ROWS)):
        numbers = range(rows - 1 - page * PAGE_ROWS, max(rows - 1 - (page + 1) * PAGE_ROWS, -1), -1)
        listed = ",".join(_record(number, start + number * seconds // rows) for number in numbers)
        more = "true" if (page + 1) * PAGE_ROWS < rows else "false"
        text = f'{{"object":"list","data":[{listed}],"has_more":{more},"url":"/v1/balance_transactions"}}'
        (folder / f"page-{page + 1:05}.json").write_text(text)


def _record(number: int, created: int) -> str:
    is_refund = number % 20 == 7
    kind, prefix = ("refund", "re") if is_refund else ("charge", "ch")
    amount = (number * 7919 % 500_000 + 50) * (-1 if is_refund else 1)
    fee = 0 if is_refund else amount * 29 // 1000 + 30
    currency = ("usd", "eur", "gbp", "jpy")[number % 4]
    status = "pending" if number % 10 == 3 else "available"
    return _RECORD % (
        number, amount, created + 172_800, created, currency, number, fee, fee, currency, amount - fee, kind, prefix,
        number, status, kind,
    )  # fmt: skip


if __name__ == "__main__":
    main()
