"""One record of a raw file as it came, by its number: the way back from a row to the bytes.

What belongs here: finding the n-th record of each kind of file. Not here: which kind a feed's files are (who asks), and
what a record means (the adapters, whose way of counting this follows).
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar, cast

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.files.csv_header import CsvHeader
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.text import BYTE_ORDER_MARK, open_as_utf8
from recon_assets.feeds.record_structs import raw_records

MAX_SHOWN_CHARACTERS: Final = 20_000
"""Of one record. A longer one is cut, and says so."""

Value = TypeVar("Value")

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class RawRecord:
    """The text of one record, unchanged; of CSV with the names of its columns as they stand in the file."""

    text: str
    header: str | None = None


def listed_record(path: Path, number: int, *, list_field: str) -> RawRecord:
    """Of a page `{"<list_field>": [...]}`."""
    text = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    return _of_list(raw_records(text, list_field=list_field, where=path.name), number, path)


def record_of_file(path: Path, number: int, description: FilesDescription) -> RawRecord:
    """Of a file that is described. Raises `FeedNotUnderstood` when it is not as the description says."""
    match description.format:
        case "csv":
            return _csv_record(path, number, description)
        case "json":
            return _document_record(path, number, description.document.records)
        case "json_lines":
            return line_record(path, number)


def line_record(path: Path, number: int) -> RawRecord:
    """Of JSON lines: blank ones are not counted."""
    with open_as_utf8(path) as stream:
        line = _nth((line for line in stream if line.strip()), number, path)
    return RawRecord(_shown(line.rstrip(b"\r\n")))


def csv_row(path: Path, number: int, *, is_record: Callable[[Sequence[str]], bool]) -> RawRecord:
    """Of a CSV file without one header: the n-th row for which `is_record` holds."""
    with open_as_utf8(path) as stream:
        rows = (text for cells, text in _rows(stream, path.name, delimiter=",", quote='"') if is_record(cells))
        return RawRecord(_shown(_nth(rows, number, path)))


def _csv_record(path: Path, number: int, description: FilesDescription) -> RawRecord:
    options = description.csv
    with open_as_utf8(path, options.encoding) as stream:
        names = CsvHeader(path.name, description).read(stream)
        rows = (text for _, text in _rows(stream, path.name, delimiter=options.delimiter, quote=options.quote))
        return RawRecord(_shown(_nth(rows, number, path)), header=options.delimiter.join(names))


def _document_record(path: Path, number: int, place: str | None) -> RawRecord:
    with open_as_utf8(path) as stream:
        found = msgspec.Raw(stream.read())
    try:
        for key in place.split(".") if place else ():
            found = _OBJECT.decode(found)[key]
        records = _LIST.decode(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        raise FeedNotUnderstood(
            f"the document is no list at {place or 'its top'}",
            where=path.name,
            remedy="`document.records` of the description may have changed since.",
        ) from None  # its text quotes the document
    return _of_list(records, number, path)


def _rows(
    stream: io.BufferedIOBase, file: str, *, delimiter: str, quote: str | None
) -> Iterator[tuple[list[str], str]]:
    """Every row that is not blank: its values, and its text. A quoted value may go over lines."""
    taken: list[str] = []
    quoting: Final = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    try:
        with io.TextIOWrapper(
            cast("io.BufferedReader", stream), encoding="utf-8", errors="replace", newline=""
        ) as lines:
            for cells in csv.reader(_noting(lines, taken), delimiter=delimiter, quotechar=quote, quoting=quoting):
                if cells:
                    yield cells, "".join(taken).rstrip("\r\n")
                taken.clear()
    except csv.Error:
        raise FeedNotUnderstood(
            "the file can't be read as CSV", where=file, remedy="`csv` of the description may have changed since."
        ) from None  # its text may quote a value


def _noting(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _of_list(records: Sequence[msgspec.Raw], number: int, path: Path) -> RawRecord:
    return RawRecord(_shown(bytes(_nth(iter(records), number, path))))


def _nth(values: Iterator[Value], number: int, path: Path) -> Value:
    for value in islice(values, number - 1, None):
        return value
    raise FeedNotUnderstood(
        f"the file has no record {number}",
        where=path.name,
        remedy="The file or the feed's description is not what the record was read from and by.",
    )


def _shown(text: str | bytes) -> str:
    whole = text if isinstance(text, str) else text.decode(errors="replace")
    return whole if len(whole) <= MAX_SHOWN_CHARACTERS else f"{whole[:MAX_SHOWN_CHARACTERS]}… (cut)"
