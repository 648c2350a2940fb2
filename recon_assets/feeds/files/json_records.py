"""JSON lines as columns of text. Numbers keep the digits they came with: none passes through a float."""

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.text import WHOLE_RECORD, TextBatch, open_as_utf8

BATCH_RECORDS: Final = 10_000
MAX_LINE_BYTES: Final = 1024 * 1024
NOT_AN_OBJECT: Final = "not a JSON object"
NOT_A_TEXT: Final = "neither text nor number"


class JsonRecords:
    """The records of one file of JSON objects, one a line. Blank lines are no records and are not counted."""

    def __init__(self, path: Path, description: FilesDescription) -> None:
        self._path = path
        self._paths = {ours: tuple(theirs.split(".")) for ours, theirs in description.columns.mapped().items()}
        self._decoder = msgspec.json.Decoder(float_hook=str)

    def are_there(self) -> bool:
        """Whether there is any record."""
        with open_as_utf8(self._path) as stream:
            return any(line.strip() for line in stream)

    def __iter__(self) -> Iterator[TextBatch]:
        with open_as_utf8(self._path) as stream:
            lines = self._lines(stream)
            first_number = 1
            while batch := list(islice(lines, BATCH_RECORDS)):
                if first_number == 1 and batch[0].lstrip().startswith((b"<", b"[")):
                    raise FeedNotUnderstood(
                        "the file is HTML, XML or one JSON array, not a JSON object on each line",
                        where=self._path.name,
                        remedy="Ask for JSON lines, or look at what was put into the folder.",
                    )
                with _collector_off():
                    columns = self._text_batch(batch, first_number)
                first_number += len(batch)
                yield columns

    def _lines(self, stream: io.BufferedIOBase) -> Iterator[bytes]:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise LimitExceeded(
                    f"a line is longer than {MAX_LINE_BYTES} bytes",
                    where=self._path.name,
                    remedy="Ask for one JSON object a line.",
                )
            if line.strip():
                yield line

    def _text_batch(self, lines: list[bytes], first_number: int) -> TextBatch:
        values: dict[str, list[str | None]] = {ours: [] for ours in self._paths}
        numbers: list[int] = []
        rejected: list[RejectedRow] = []
        for number, line in enumerate(lines, start=first_number):
            try:
                record = self._decoder.decode(line)
                texts = [_text_at(record, path) for path in self._paths.values()]
            except (msgspec.DecodeError, RecursionError, _NotAnObject, UnicodeError):
                rejected.append(RejectedRow(self._path.name, number, WHOLE_RECORD, NOT_AN_OBJECT))
                continue
            if _NO_TEXT in texts:
                column = list(self._paths)[texts.index(_NO_TEXT)]
                rejected.append(RejectedRow(self._path.name, number, column, NOT_A_TEXT))
                continue
            numbers.append(number)
            for ours, text in zip(values, texts, strict=True):
                values[ours].append(text or None)
        return TextBatch(
            raw_file=self._path.name,
            record_numbers=np.array(numbers, dtype=np.int64),
            columns={ours: pa.array(texts, type=pa.string()) for ours, texts in values.items()},
            rejected=tuple(rejected),
        )


class _NotAnObject(ValueError):
    """A line holds JSON, but no object."""


_NO_TEXT: Final = "\x00no text"
"""A value that is a list, an object, true or false where text is expected."""


def _text_at(record: Any, path: tuple[str, ...]) -> str | None:
    """The text at a path of keys; None where a key is absent or null."""
    if not isinstance(record, dict):
        raise _NotAnObject
    value: Any = record
    for key in path:
        if not isinstance(value, dict):
            return _NO_TEXT
        value = value.get(key)
        if value is None:
            return None
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else _NO_TEXT


@contextmanager
def _collector_off() -> Iterator[None]:
    """Python's cycle collector doubles the time of building many dictionaries, and there are no cycles in JSON."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
