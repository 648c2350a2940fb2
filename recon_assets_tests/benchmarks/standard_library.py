"""The way of the standard library's json through pages of records, for comparison: dictionaries, record by record.

Every page is read twice, as by our adapters (its earliest time first), under the same rules and to the same order.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.record_tables import BATCH_ROWS
from recon_assets.schemas.frames import PARSED_SCHEMA

PAGE_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class PagesByTime:
    """`list_of` names the list in a file of that name, `time_of` is a record's second, `row_of` makes a row."""

    list_of: Callable[[str], str]
    time_of: Callable[[dict[str, Any]], float]
    row_of: Callable[[dict[str, Any], str, int], dict[str, Any]]

    def chunks(self, files: Sequence[Path]) -> Iterator[ParsedChunk]:
        """All rows by time and id."""
        earliest = sorted((int(min(map(self.time_of, self._records(file)))), file.name, file) for file in files)
        held: list[dict[str, Any]] = []
        for place, (_, name, file) in enumerate(earliest, start=1):
            held.extend(self.row_of(record, name, number) for number, record in enumerate(self._records(file), start=1))
            if len(held) >= BATCH_ROWS or place == len(earliest):
                held.sort(key=itemgetter("occurred_at", "record_id"))
                end = earliest[place][0] if place < len(earliest) else math.inf
                ready = [row for row in held if row["occurred_at"].timestamp() < end]
                yield ParsedChunk(rows=pa.Table.from_pylist(ready, schema=PARSED_SCHEMA), rejected=())
                held = held[len(ready) :]

    def _records(self, file: Path) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(file.read_bytes())[self.list_of(file.name)]
        return listed
