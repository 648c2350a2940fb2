"""Pages of typed records as tables of `PARSED_SCHEMA`, column by column, in an order that pages do not decide.

What belongs here: addresses, columns that a feed does not fill, leaving out rows that break a rule of whole columns,
and the order of time. Not here: decoding (`record_structs`) and what a column holds (the adapter).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.collector import collector_off
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.schemas.frames import PARSED_SCHEMA, WORD

Columns = Mapping[str, "pa.Array | Sequence[Any]"]

BATCH_ROWS: Final = 20_000
"""Records that are on their way to columns at a time."""

TIME_AND_ID: Final = ("occurred_at", "record_id")
TIME_AND_CONTENT: Final = (
    "occurred_at",
    "transaction_id",
    *(
        name
        for name in PARSED_SCHEMA.names
        if name not in {"raw_file", "record_number", "occurred_at", "transaction_id"}
    ),
)
"""For feeds whose ids may come twice: rows that are equal in all of it are the same but for their address."""

_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows where `is_bad`, by one rule of whole columns."""

    column: str
    reason: str
    is_bad: npt.NDArray[np.bool_]


def chunk_of_pages(
    pages: Sequence[PageOfRecords[Any]], columns: Columns, bad_rows: Sequence[BadRows] = ()
) -> ParsedChunk:
    """One chunk of the records of `pages`: `columns` in their order, null where a feed has no such column.

    A row that is bad by several rules is rejected by the first of them. What `pages` rejected goes with it.
    """
    table = pa.table([_column(field, columns.get(field.name), pages) for field in PARSED_SCHEMA], schema=PARSED_SCHEMA)
    rejected = [row for page in pages for row in page.rejected]
    keep = np.ones(table.num_rows, dtype=np.bool_)
    for rule in bad_rows:
        rows = np.flatnonzero(rule.is_bad & keep)
        if len(rows):
            where = table.select(["raw_file", "record_number"]).take(pa.array(rows)).to_pylist()
            rejected += [RejectedRow(at["raw_file"], at["record_number"], rule.column, rule.reason) for at in where]
            keep[rows] = False
    return ParsedChunk(rows=table if keep.all() else table.filter(pa.array(keep)), rejected=tuple(rejected))


def words(values: Sequence[str | None]) -> pa.DictionaryArray:
    """A column of few different words."""
    return pa.array(values, type=pa.string()).dictionary_encode()


def replaced_words(column: pa.DictionaryArray, new_word_of: Mapping[str, str | None]) -> pa.DictionaryArray:
    """`column` with each word replaced by another or null; a word that is not in `new_word_of` stays.

    The cost is that of the different words, not of the rows.
    """
    new = pa.array([new_word_of.get(word, word) for word in column.dictionary.to_pylist()], type=pa.string())
    return new.take(column.indices).dictionary_encode()


def instants_of_seconds(seconds: Sequence[int]) -> pa.Array:
    """Unix seconds as `occurred_at`."""
    return pa.array(np.array(seconds, dtype=np.int64) * _MICROSECONDS).cast(PARSED_SCHEMA.field("occurred_at").type)


class TimeOrder:
    """Sorts rows by time and then by the feed's own id, holding only those that something earlier may precede.

    The same rows give the same order however they were paged; rows that are equal in `by` stay in the order they came.
    With pages that overlap little, memory is that of one batch.
    """

    def __init__(self, by: Sequence[str] = TIME_AND_ID) -> None:
        assert by[0] == "occurred_at", "what is held is decided by time"
        self._by = by
        self._held = PARSED_SCHEMA.empty_table()

    def rows_before(self, new: pa.Table, second: int | None) -> pa.Table:
        """Take `new`; give, in order, all rows that happened before `second` (Unix time). None: all that are left."""
        table = (
            pa.concat_tables([self._held, new]).unify_dictionaries().combine_chunks() if self._held.num_rows else new
        )
        table = table.take(self._places(table))
        if second is None:
            self._held = PARSED_SCHEMA.empty_table()
            return table
        occurred = table["occurred_at"].cast(pa.int64()).to_numpy()
        ready = int(np.searchsorted(occurred, second * _MICROSECONDS, side="left"))
        self._held = _compact(table.slice(ready))
        return table.slice(0, ready)

    def _places(self, table: pa.Table) -> pa.Array:
        """Where the rows are in order. Arrow sorts no tables by words in dictionaries: those are written out."""
        keys = {name: table[name].cast(pa.string()) if table[name].type == WORD else table[name] for name in self._by}
        return pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in self._by])


def chunks_in_order(
    files: Iterable[tuple[int, Path]],
    *,
    read: Callable[[Path], PageOfRecords[Any]],
    chunk_of: Callable[[Sequence[PageOfRecords[Any]]], ParsedChunk],
    by: Sequence[str] = TIME_AND_ID,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[ParsedChunk]:
    """The rows of all pages in the order of `by`, whatever the order of pages and within them.

    Each of `files` is a page with its earliest second (0 where it has none: it is read first). So what is held is
    what overlaps. A chunk has the rows that are ready, and what was rejected or left out on the pages read for it.
    """
    left = deque(sorted(files, key=lambda stamped: (stamped[0], stamped[1].name)))
    order = TimeOrder(by)
    while left:
        with collector_off():
            batch, rows = list[PageOfRecords[Any]](), 0
            while left and rows < batch_rows:
                batch.append(read(left.popleft()[1]))
                rows += len(batch[-1].records)
            chunk = chunk_of(batch)
            del batch
        yield replace(chunk, rows=order.rows_before(chunk.rows, left[0][0] if left else None))


def _compact(rows: pa.Table) -> pa.Table:
    """A copy, with only the words it uses: else words of every batch before would be carried on."""
    copied = [rows[field.name].take(pa.array(np.arange(rows.num_rows))).combine_chunks() for field in PARSED_SCHEMA]
    columns = [
        column.dictionary_decode().dictionary_encode() if field.type == WORD else column
        for column, field in zip(copied, PARSED_SCHEMA, strict=True)
    ]
    return pa.table(columns, schema=PARSED_SCHEMA)


def _column(
    field: pa.Field, values: "pa.Array | Sequence[Any] | None", pages: Sequence[PageOfRecords[Any]]
) -> pa.Array:
    if field.name == "raw_file":
        counts = [len(page.records) for page in pages]
        indices = np.repeat(np.arange(len(pages), dtype=np.int32), counts)
        return pa.DictionaryArray.from_arrays(
            pa.array(indices), pa.array([p.raw_file for p in pages], type=pa.string())
        )
    if field.name == "record_number":
        numbers = [np.asarray(page.numbers, dtype=np.int64) for page in pages]
        return pa.array(np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64))
    if values is None:
        rows = sum(len(page.records) for page in pages)
        return pa.nulls(rows, pa.string()).dictionary_encode() if field.type == WORD else pa.nulls(rows, field.type)
    return values if isinstance(values, pa.Array) else pa.array(values, type=field.type)


def records_of(pages: Sequence[PageOfRecords[Any]]) -> list[Any]:
    """The records of all pages, in order."""
    return [record for page in pages for record in page.records]
