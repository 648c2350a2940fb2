"""JSON records as columns of text. Numbers keep the digits they came with: none passes through a float.

What belongs here: one object a line, and one document that holds a list. Not here: what the texts mean.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.collector import collector_off
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.text import WHOLE_RECORD, TextBatch, open_as_utf8

BATCH_RECORDS: Final = 10_000
MAX_LINE_BYTES: Final = 1024 * 1024
MAX_DOCUMENT_BYTES: Final = 256 * 1024 * 1024
"""A document is held in memory as a whole; a larger feed is JSON lines."""

NOT_AN_OBJECT: Final = "not a JSON object"
NOT_A_TEXT: Final = "neither text nor number"


class JsonRecords:
    """The records of one file of JSON objects, one a line. Blank lines are no records and are not counted."""

    def __init__(self, path: Path, description: FilesDescription) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(float_hook=str)
        self._columns = _TextColumns(path.name, description)

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
                        remedy="Set `format: json` for an array, or look at what was put into the folder.",
                    )
                with collector_off():
                    columns = self._columns.batch(map(self._decoded, batch), first_number)
                first_number += len(batch)
                yield columns

    def _decoded(self, line: bytes) -> Any:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return None

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


class JsonDocument:
    """The records of one JSON document: those of the list at `document.records`."""

    def __init__(self, path: Path, description: FilesDescription) -> None:
        self._path, self._options = path, description.document
        self._columns = _TextColumns(path.name, description)

    def are_there(self) -> bool:
        """Whether the list has any record. Raises `FeedNotUnderstood` when there is no list."""
        return bool(self._records(self._document()))

    def __iter__(self) -> Iterator[TextBatch]:
        with collector_off():
            document = self._document()
            records = self._records(document)
            footers = self._stated(document)
            for start in range(0, max(len(records), 1), BATCH_RECORDS):
                part = records[start : start + BATCH_RECORDS]
                yield self._columns.batch(part, start + 1, () if start else footers)

    def _document(self) -> Any:
        if self._path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise LimitExceeded(
                f"the document is larger than {MAX_DOCUMENT_BYTES} bytes",
                where=self._path.name,
                remedy="Ask for JSON lines, or for several files.",
            )
        with open_as_utf8(self._path) as stream:
            try:
                return msgspec.json.Decoder(float_hook=str).decode(stream.read())
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                raise FeedNotUnderstood(
                    "the file is no JSON document",
                    where=self._path.name,
                    remedy="It may have been cut short; where it has one object a line, set `format: json_lines`.",
                ) from None  # its text quotes the document

    def _records(self, document: Any) -> list[Any]:
        found = document
        for key in self._options.records.split(".") if self._options.records else ():
            found = found.get(key) if isinstance(found, dict) else None
        where = f"at {self._options.records!r}" if self._options.records else "as a whole"
        if self._options.holds == "one_record":
            if not isinstance(found, dict):
                raise FeedNotUnderstood(
                    f"the document is no record {where}",
                    where=self._path.name,
                    remedy="Correct `document.records`, or leave out `document.holds` where it is a list.",
                )
            return [found]
        if not isinstance(found, list):
            keys = f"; its keys: {', '.join(list(document)[:40])}" if isinstance(document, dict) else ""
            raise FeedNotUnderstood(
                f"the document is no list {where}{keys}",
                where=self._path.name,
                remedy="Correct `document.records`, the path to the list of records.",
            )
        return found

    def _stated(self, document: Any) -> tuple[Mapping[str, str | None], ...]:
        if self._options.totals is None:
            return ()
        places = self._options.totals.given().items()
        stated = {word: text_at(document, tuple(str(path).split("."))) for word, path in places}
        return ({word: None if text == NO_TEXT else text for word, text in stated.items()},)


class _TextColumns:
    """Decoded records to columns of text. A record that is no object, or has no text where one is, is rejected."""

    def __init__(self, file: str, description: FilesDescription) -> None:
        self._file = file
        self._paths = {
            ours: [tuple(name.split(".")) for name in names] for ours, names in description.sources().items()
        }

    def batch(
        self, records: Iterable[Any], first_number: int, footers: tuple[Mapping[str, str | None], ...] = ()
    ) -> TextBatch:
        values: dict[str, list[str | None]] = {ours: [] for ours in self._paths}
        numbers: list[int] = []
        rejected: list[RejectedRow] = []
        for number, record in enumerate(records, start=first_number):
            if not isinstance(record, dict):
                rejected.append(RejectedRow(self._file, number, WHOLE_RECORD, NOT_AN_OBJECT))
                continue
            texts = [_first_text(record, paths) for paths in self._paths.values()]
            if NO_TEXT in texts:
                column = list(self._paths)[texts.index(NO_TEXT)]
                rejected.append(RejectedRow(self._file, number, column, NOT_A_TEXT))
                continue
            numbers.append(number)
            for ours, text in zip(values, texts, strict=True):
                values[ours].append(text or None)
        return TextBatch(
            raw_file=self._file,
            record_numbers=np.array(numbers, dtype=np.int64),
            columns={ours: pa.array(texts, type=pa.string()) for ours, texts in values.items()},
            rejected=tuple(rejected),
            footers=footers,
        )


NO_TEXT: Final = "\x00no text"
"""A value that is a list, an object, true or false where text is expected."""


def _first_text(record: dict[str, Any], paths: list[tuple[str, ...]]) -> str | None:
    """The text at the first of the paths that leads to any."""
    for path in paths:
        text = text_at(record, path)
        if text is not None:
            return text
    return None


def text_at(record: Any, path: tuple[str, ...]) -> str | None:
    """The text at a path of keys; None where a key is absent or null."""
    value: Any = record
    for key in path:
        if not isinstance(value, dict):
            return NO_TEXT
        value = value.get(key)
        if value is None:
            return None
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else NO_TEXT
