"""The beginning of a file nobody has described yet: its form, column names and some values, as far as they are clear.

Used to propose a description. Not used to read a feed: that goes by the description alone.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.files.propose_names import COLUMN_NAMES, our_word

SAMPLE_BYTES: Final = 1024 * 1024
MAX_HEADER_LINE: Final = 30
MAX_RECORDS: Final = 5_000
_DELIMITERS: Final = (",", ";", "\t", "|")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(slots=True)
class Sample:
    """What was found. `values` are by column name; `undecided` says what is not clear, by the place in the YAML."""

    format: str
    names: list[str]
    values: dict[str, list[str]]
    encoding: str = "utf-8"
    delimiter: str = ","
    header_line: int = 1
    records_path: str | None = None
    undecided: dict[str, str] = field(default_factory=dict)


def sample_of(path: Path) -> Sample:
    """Look at the beginning of a file. Raises `FeedNotUnderstood` when it holds neither CSV nor JSON records."""
    try:
        with path.open("rb") as file:
            data = file.read(SAMPLE_BYTES)
            is_whole = not file.read(1)
    except OSError as error:
        raise FeedNotUnderstood(
            f"the file can't be read: {error.strerror}", where=str(path), remedy="Check the path and its permissions."
        ) from error
    undecided: dict[str, str] = {}
    text, encoding = _decoded(data, undecided)
    start = text.lstrip()
    if not start:
        raise FeedNotUnderstood("the file is empty", where=str(path), remedy="Give a file with some records.")
    if start[0] == "<":
        raise FeedNotUnderstood("the file is HTML or XML", where=str(path), remedy="Give a CSV or JSON file.")
    found = _json(path, start, is_whole=is_whole) if start[0] in "{[" else _csv(path, text)
    found.encoding = encoding
    found.undecided |= undecided
    return found


def _decoded(data: bytes, undecided: dict[str, str]) -> tuple[str, str]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return codecs.getincrementaldecoder(encoding)("replace").decode(data).lstrip("\ufeff"), encoding
    try:
        return codecs.getincrementaldecoder("utf-8")("strict").decode(data), "utf-8"
    except UnicodeError:
        undecided["csv.encoding"] = "the file is not UTF-8: cp1252, iso8859-1 or another"
        return data.decode("cp1252", errors="replace"), "utf-8"


def _csv(path: Path, text: str) -> Sample:
    """The line and delimiter that hold the most names we know; the widest where there are none."""
    best: tuple[int, int, str, int, list[list[str]]] | None = None
    for delimiter in _DELIMITERS:
        records = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
        for at, row in enumerate(records[:MAX_HEADER_LINE]):
            known = sum(our_word(name, COLUMN_NAMES) is not None for name in row)
            if len(row) > 1 and (best is None or (known, len(row)) > best[:2]):
                best = (known, len(row), delimiter, at, records)
    if best is None:
        raise FeedNotUnderstood(
            "no line has several values", where=str(path), remedy="Give a CSV file with a header, or JSON."
        )
    known, width, delimiter, at, records = best
    names = [name.strip() for name in records[at]]
    rows = [row for row in records[at + 1 : at + 1 + MAX_RECORDS] if len(row) == width]
    values = {name: [row[index].strip() for row in rows if row[index].strip()] for index, name in enumerate(names)}
    found = Sample("csv", names, values, delimiter=delimiter, header_line=at + 1)
    if not known:
        found.undecided["columns"] = "no name of the header is known"
    return found


def _json(path: Path, text: str, *, is_whole: bool) -> Sample:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        records = [_loaded(line) for line in (lines if is_whole else lines[:-1])]
    except ValueError:
        records = []
    are_objects = bool(records) and all(isinstance(record, dict) for record in records)
    if are_objects and (len(records) > 1 or not list(_lists(records[0]))):
        return _of_records("json_lines", records, None)
    try:
        document = _loaded(text)
    except ValueError as error:
        raise FeedNotUnderstood(
            "the file is neither JSON lines nor a JSON document of at most 1 MiB",
            where=str(path),
            remedy="Give a smaller sample, or check that it is complete.",
        ) from error
    lists = list(_lists(document))
    if not lists:
        raise FeedNotUnderstood("the document holds no list of records", where=str(path), remedy="Give another sample.")
    where, records = lists[0]
    found = _of_records("json", records, where or None)
    if len(lists) > 1:
        found.undecided["document.records"] = "one of " + ", ".join(place for place, _ in lists)
    return found


def _loaded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _lists(node: Any, where: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Paths of the lists of objects, down to three keys."""
    if isinstance(node, list):
        if node and all(isinstance(item, dict) for item in node):
            yield where, node
    elif isinstance(node, dict) and depth < 3:
        for key, value in node.items():
            yield from _lists(value, f"{where}.{key}" if where else key, depth + 1)


def _of_records(form: str, records: list[Any], where: str | None) -> Sample:
    values: dict[str, list[str]] = {}
    for record in records[:MAX_RECORDS]:
        for name, text in _texts(record):
            values.setdefault(name, []).append(text)
    return Sample(form, list(values), values, records_path=where)


def _texts(record: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{before}{key}.")
        elif isinstance(value, str | int | Decimal) and not isinstance(value, bool) and str(value).strip():
            yield f"{before}{key}", str(value)
