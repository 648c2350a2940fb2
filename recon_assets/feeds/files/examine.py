"""What a description makes of one file, without keeping anything: for `recon check-feed`."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.files.controls import Read, problems_of
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.files.records import batches_of
from recon_assets.schemas.models import validate_chunk

FIRST_RECORDS: Final = 5


@dataclass(slots=True)
class Sum:
    """Of what the rows say, in minor units, and how many of them say it: absent is not zero."""

    minor: int = 0
    rows: int = 0


@dataclass(slots=True)
class Total:
    """Rows of one currency and movement."""

    rows: int = 0
    amount: Sum = field(default_factory=Sum)
    fee: Sum = field(default_factory=Sum)
    net: Sum = field(default_factory=Sum)


@dataclass(slots=True)
class Examined:
    """Everything that came out of a file. Rejections by column and rule, with the numbers of the first records."""

    read: Read = field(default_factory=Read)
    rows: int = 0
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    totals: dict[tuple[str, str], Total] = field(default_factory=dict)
    states_totals: bool = False
    problems: list[str] = field(default_factory=list)


def examine(path: Path, description: FilesDescription, side: Side) -> Examined:
    """Read one file as a day would. Raises `FeedNotUnderstood` or `LimitExceeded` like the reading itself."""
    parser, found = BatchParser(description), Examined()
    for batch in batches_of(path, description):
        chunk = parser.parse(batch)
        found.read.stated.extend(batch.footers)
        found.read.add(chunk)
        _count(chunk, side, found)
    found.states_totals = bool(found.read.stated)
    found.problems = problems_of(path.name, found.read, description)
    return found


def _count(chunk: ParsedChunk, side: Side, found: Examined) -> None:
    found.left_out.update(chunk.left_out)
    rejected = [(row.column, row.reason, row.record_number) for row in chunk.rejected]
    rows = chunk.rows
    if rows.num_rows:
        validated = validate_chunk(rows.combine_chunks(), side)
        numbers = rows["record_number"]
        rejected += [(broken.column, broken.rule, numbers[broken.row].as_py()) for broken in validated.broken]
        rows = validated.good
    for column, reason, number in sorted(rejected, key=lambda each: each[2]):
        found.rejected[column, reason] += 1
        first = found.first.setdefault((column, reason), [])
        if len(first) < FIRST_RECORDS:
            first.append(number)
    found.rows += rows.num_rows
    _sum(rows, found)


def _sum(rows: pa.Table, found: Examined) -> None:
    """Add Python's integers, which do not overflow, of each currency and movement."""
    keys = pa.table({
        "currency": rows["currency"].cast(pa.string()),
        "movement": pc.fill_null(rows["movement"].cast(pa.string()), ""),
    })  # fmt: skip
    for key in keys.group_by(["currency", "movement"]).aggregate([]).to_pylist():
        here = rows.filter(
            pc.and_(pc.equal(keys["currency"], key["currency"]), pc.equal(keys["movement"], key["movement"]))
        )
        total = found.totals.setdefault((key["currency"], key["movement"]), Total())
        total.rows += here.num_rows
        for word, its_sum in (("amount", total.amount), ("fee", total.fee), ("net", total.net)):
            said = [value for value in here[f"{word}_minor"].to_pylist() if value is not None]
            its_sum.minor += sum(said)
            its_sum.rows += len(said)
