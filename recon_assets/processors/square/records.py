"""The stored pages of one day as rows, in the order of time and id, whatever the order of pages.

What belongs here: which page is read when, and what is left out because it is of the next day or moved no money at
Square. Not here: what a record means (`sales`, `settlement`).
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.collector import collector_off
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.feeds.record_tables import BATCH_ROWS, TimeOrder
from recon_assets.processors.square.columns import field
from recon_assets.processors.square.documents import ENTRY_STAMP_READER, PAYOUT_READER, READERS, STAMP_READERS
from recon_assets.processors.square.entry_types import SAID_ELSEWHERE
from recon_assets.processors.square.paging import ENTRIES, PAYMENTS, PAYOUTS, REFUNDS
from recon_assets.processors.square.sales import SALES, sales_chunk
from recon_assets.processors.square.settlement import (
    BEFORE_ALL,
    PayoutFacts,
    entries_chunk,
    payouts_chunk,
    said_elsewhere,
)

"""Records that are on their way to columns at a time."""

NEXT_DAY: Final = "created at the very end of the range that was asked for: it is the next business day's"
OUTSIDE_SQUARE: Final = "cash or external: written down at Square, where no money moved"

_NOT_AT_SQUARE: Final = frozenset({"CASH", "EXTERNAL"})


@dataclass(frozen=True, slots=True)
class Rules:
    """How the records of `day` become rows. With `names`, by location, the merchant is the location's name."""

    day: BusinessDay
    keep_outside_square: bool
    names: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Page:
    list_name: str
    records: PageOfRecords[Any]


def chunks_of(files: Sequence[Path], *, rules: Rules, batch_rows: int = BATCH_ROWS) -> Iterator[ParsedChunk]:
    """The rows of all pages by time and id, whatever the order of pages and within them.

    Every page is read twice: for its earliest time, and for its records. So what is held is what overlaps.
    """
    found = [(file.name.partition("-")[0], file) for file in files]
    with collector_off():
        payouts = _payout_facts([file for list_name, file in found if list_name == PAYOUTS])
        left = deque(
            sorted(
                (second, file.name, list_name, file)
                for list_name, file in found
                if list_name in READERS and (second := _earliest(file, list_name, payouts)) is not None
            )
        )
    order = TimeOrder()
    while left:
        with collector_off():
            batch, rows = list[_Page](), 0
            while left and rows < batch_rows:
                _, _, list_name, file = left.popleft()
                batch.append(_Page(list_name, READERS[list_name].read_list(file.read_bytes(), file.name)))
                rows += len(batch[-1].records.records)
            chunk = _chunk_of(batch, rules, payouts)
            del batch
        yield replace(chunk, rows=order.rows_before(chunk.rows, left[0][0] if left else None))


def _chunk_of(batch: Sequence[_Page], rules: Rules, payouts: Mapping[str, PayoutFacts]) -> ParsedChunk:
    """The records of some pages, list by list."""
    left_out: Counter[str] = Counter()
    chunks: list[ParsedChunk] = []
    for list_name in (PAYMENTS, REFUNDS, PAYOUTS, ENTRIES):
        pages = [page.records for page in batch if page.list_name == list_name]
        if not pages:
            continue
        if list_name == ENTRIES:
            left_out += said_elsewhere(pages)
            kept = [_with_only(page, [entry.type not in SAID_ELSEWHERE for entry in page.records]) for page in pages]
            chunks.append(entries_chunk(kept, payouts, rules.names))
            continue
        kept = [_kept(page, list_name, rules, left_out) for page in pages]
        chunks.append(
            payouts_chunk(kept, rules.names)
            if list_name == PAYOUTS
            else sales_chunk(kept, SALES[list_name], rules.names)
        )
    rows = pa.concat_tables([chunk.rows for chunk in chunks]).unify_dictionaries().combine_chunks()
    rejected = tuple(row for chunk in chunks for row in chunk.rejected)
    return ParsedChunk(rows=rows, rejected=rejected, left_out=dict(+left_out))


def _kept(page: PageOfRecords[Any], list_name: str, rules: Rules, left_out: Counter[str]) -> PageOfRecords[Any]:
    """Without what is left out, which is counted."""
    times, end = field(page.records, "created_at"), rules.day.ends_at
    looks_at_tender = list_name in SALES and not rules.keep_outside_square
    tenders = field(page.records, SALES[list_name].tender) if looks_at_tender else []
    if end not in times and _NOT_AT_SQUARE.isdisjoint(tenders):
        return page
    is_next = [at == end for at in times]
    is_outside = [tender in _NOT_AT_SQUARE for tender in tenders] or [False] * len(times)
    left_out[NEXT_DAY] += sum(is_next)
    left_out[OUTSIDE_SQUARE] += sum(out and not next_ for out, next_ in zip(is_outside, is_next, strict=True))
    return _with_only(page, [not (out or next_) for out, next_ in zip(is_outside, is_next, strict=True)])


def _with_only(page: PageOfRecords[Any], keep: Sequence[bool]) -> PageOfRecords[Any]:
    if all(keep):
        return page
    return PageOfRecords(
        page.raw_file, list(compress(page.numbers, keep)), list(compress(page.records, keep)), page.rejected
    )


def _payout_facts(files: Sequence[Path]) -> dict[str, PayoutFacts]:
    """By the payout's id. A day has few payouts."""
    pages = [PAYOUT_READER.read_list(file.read_bytes(), file.name) for file in files]
    return {payout.id: PayoutFacts(payout.created_at, payout.location_id) for page in pages for payout in page.records}


def _earliest(file: Path, list_name: str, payouts: Mapping[str, PayoutFacts]) -> int | None:
    """The first second of a page; 0 when it holds no record with a time: then it is read first. None: an empty page."""
    body = file.read_bytes()
    if list_name == ENTRIES:
        page: PageOfRecords[Any] = ENTRY_STAMP_READER.read_list(body, file.name)
        known = [payouts.get(entry.payout_id) for entry in page.records]
        times = [fact.created_at if fact else BEFORE_ALL for fact in known]
    else:
        page = STAMP_READERS[list_name].read_list(body, file.name)
        times = field(page.records, "created_at")
    if not times:
        return 0 if page.rejected else None
    first = min(times)
    return 0 if first is BEFORE_ALL else int(first.timestamp())
