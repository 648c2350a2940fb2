"""Parsed chunks of one feed to one finished frame: validated, numbered, in Parquet, whole or not at all.

What belongs here: holding rows against the contract and writing them. Not here: parsing, and facts about the whole
day. Memory is bounded by a few row groups, however many rows come and however small the chunks are.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.frame import Frame
from recon_assets.schemas.frames import (
    FRAME_FILE_OF_SIDE,
    FRAME_SCHEMA,
    FRAME_WRITING,
    PARSED_SCHEMA,
    ROW_GROUP_ROWS,
    WORD,
    agreement_codes,
)
from recon_assets.schemas.models import validate_chunk

REJECTED_FILE: Final = "rejected.parquet"
REJECTED_SCHEMA: Final = pa.schema(
    [
        pa.field("raw_file", WORD, nullable=False),
        pa.field("record_number", pa.int64(), nullable=False),
        pa.field("column", WORD, nullable=False),
        pa.field("reason", WORD, nullable=False),
    ]
)

_REJECTED_BUFFER_ROWS: Final = 20_000
_HASH_BYTES: Final = 1024 * 1024


def write_frame(
    chunks: Iterable[ParsedChunk], *, side: Side, storage_root: Path, folder: str, row_group_rows: int = ROW_GROUP_ROWS
) -> Frame:
    """Write the frame of one side into `folder`, which appears whole or not at all and replaces what was there.

    Every row of every chunk is either in the frame or in the rejected file. Equal input gives equal bytes.
    """
    with _FrameWriter(side=side, storage_root=storage_root, folder=folder, row_group_rows=row_group_rows) as writer:
        for chunk in chunks:
            writer.add(chunk)
        return writer.finish()


class _FrameWriter:
    """Two buffers: parsed rows until there are enough to validate at a time, good rows until a row group is full."""

    def __init__(self, *, side: Side, storage_root: Path, folder: str, row_group_rows: int) -> None:
        self._side, self._folder, self._group_rows = side, folder, row_group_rows
        self._target = storage_root / folder
        self._unfinished = self._target.with_name(f".{self._target.name}.{os.getpid()}")
        self._parsed: list[pa.Table] = []
        self._parsed_rows = 0
        self._good: list[pa.Table] = []
        self._rejected: list[RejectedRow] = []
        self._rows = self._rejected_rows = 0
        self._rule_failures: Counter[str] = Counter()
        self._reject_reasons: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def __enter__(self) -> Self:
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        name = FRAME_FILE_OF_SIDE[self._side]
        self._frame_file = pq.ParquetWriter(self._unfinished / name, FRAME_SCHEMA, **FRAME_WRITING)
        self._rejected_file = pq.ParquetWriter(
            self._unfinished / REJECTED_FILE, REJECTED_SCHEMA, compression=FRAME_WRITING["compression"]
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._frame_file.close()
            self._rejected_file.close()
        finally:  # closing writes, which fails on a full disk
            shutil.rmtree(self._unfinished, ignore_errors=True)

    def add(self, chunk: ParsedChunk) -> None:
        """Take one chunk; write what has become enough."""
        assert chunk.rows.schema.equals(PARSED_SCHEMA), "an adapter hands over PARSED_SCHEMA"
        self._reject(chunk.rejected)
        self._left_out.update(chunk.left_out)
        self._parsed.append(chunk.rows)
        self._parsed_rows += chunk.rows.num_rows
        if self._parsed_rows >= self._group_rows:
            self._validate()
            self._write_groups()

    def finish(self) -> Frame:
        """Write the rest, put the folder in place and say what is in it."""
        self._validate()
        self._write_groups(the_rest_too=True)
        self._write_rejected()
        self._frame_file.close()
        self._rejected_file.close()
        name = FRAME_FILE_OF_SIDE[self._side]
        sha256, size_bytes = _synced(self._unfinished / name)
        _synced(self._unfinished / REJECTED_FILE)
        shutil.rmtree(self._target, ignore_errors=True)
        self._unfinished.rename(self._target)
        return Frame(
            folder=self._folder,
            file=name,
            rejected_file=REJECTED_FILE,
            rows=self._rows,
            rejected_rows=self._rejected_rows,
            rule_failures=dict(sorted(self._rule_failures.items())),
            reject_reasons=dict(sorted(self._reject_reasons.items())),
            sha256=sha256,
            size_bytes=size_bytes,
            left_out=dict(sorted(self._left_out.items())),
        )

    def _validate(self) -> None:
        """Sort the buffered rows into good and rejected."""
        if not self._parsed_rows:
            return
        table = _joined(self._parsed).combine_chunks()
        self._parsed, self._parsed_rows = [], 0
        outcome = validate_chunk(table, self._side)
        self._rule_failures.update(outcome.failures)
        self._good.append(outcome.good)
        if outcome.broken:
            broken = table.select(["raw_file", "record_number"]).take([row.row for row in outcome.broken]).to_pylist()
            self._reject(
                [
                    RejectedRow(where["raw_file"], where["record_number"], rule.column, rule.rule)
                    for where, rule in zip(broken, outcome.broken, strict=True)
                ]
            )

    def _write_groups(self, *, the_rest_too: bool = False) -> None:
        """Write full row groups, and at the end the one that is not full."""
        if _rows(self._good) < self._group_rows and not the_rest_too:
            return
        table = _joined(self._good) if self._good else PARSED_SCHEMA.empty_table()
        start = 0
        while table.num_rows - start >= self._group_rows or (the_rest_too and start < table.num_rows):
            self._write_group(table.slice(start, self._group_rows))
            start += self._group_rows
        self._good = [table.slice(start)] if start < table.num_rows else []

    def _write_group(self, rows: pa.Table) -> None:
        columns = {name: _in_one_piece(rows.column(name)) for name in rows.column_names}
        columns |= {
            field.name: _in_order_of_words(columns[field.name]) for field in PARSED_SCHEMA if field.type == WORD
        }
        columns["seq"] = pa.array(np.arange(self._rows, self._rows + rows.num_rows, dtype=np.int64))
        columns["agreement_code"] = agreement_codes(columns["currency"], columns["status"])
        group = pa.table([columns[name] for name in FRAME_SCHEMA.names], schema=FRAME_SCHEMA)
        self._frame_file.write_table(group, row_group_size=self._group_rows)
        self._rows += rows.num_rows

    def _reject(self, rows: Sequence[RejectedRow]) -> None:
        self._rejected.extend(rows)
        self._rejected_rows += len(rows)
        self._reject_reasons.update(row.reason for row in rows)
        if len(self._rejected) >= _REJECTED_BUFFER_ROWS:
            self._write_rejected()

    def _write_rejected(self) -> None:
        if self._rejected:
            columns = [[getattr(row, name) for row in self._rejected] for name in REJECTED_SCHEMA.names]
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, REJECTED_SCHEMA, strict=True)]
            self._rejected_file.write_table(pa.table(arrays, schema=REJECTED_SCHEMA))
            self._rejected = []


def _rows(tables: Iterable[pa.Table]) -> int:
    return sum(table.num_rows for table in tables)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """One table, of as many pieces as they have: nothing is copied."""
    return pa.concat_tables(tables).unify_dictionaries()


def _in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    """Copied only if it has several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _in_order_of_words(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same values, their words sorted: the order in which words came, of pages for one, is in no byte.

    Without words that no row has: those of rejected rows may be no currency and no status at all.
    """
    if column.null_count == len(column):
        return pa.nulls(len(column), WORD)
    words = column.dictionary
    nothing = len(words)
    if nothing == 1 and not column.null_count:
        return column
    indices = pc.fill_null(column.indices, nothing).to_numpy()
    used = np.bincount(indices, minlength=nothing + 1) > 0
    in_order = pc.sort_indices(words).to_numpy()
    kept = in_order[used[in_order]]
    new_index = np.zeros(nothing + 1, dtype=np.int32)
    new_index[kept] = np.arange(len(kept), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(new_index[indices], mask=indices == nothing), words.take(pa.array(kept))
    )


def _synced(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file that is on disk for certain."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_BYTES):
            digest.update(chunk)
        os.fsync(file.fileno())
        return digest.hexdigest(), file.tell()
