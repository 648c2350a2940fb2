"""Reads back what `xlsx_report` wrote, and nothing else: a row at a time, only the columns that are asked for.

A file that somebody saved again is made differently: its cells are not found, and what is missing disagrees.
"""

import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Final
from xml.sax.saxutils import unescape
from zipfile import ZipFile

_CHUNK_BYTES: Final = 1 << 20
_SHEET: Final = re.compile(r'<sheet name="([^"]*)"')
_ROW_END: Final = "</row>"
_CELL: Final = r'<c r="({columns})[0-9]+"[^>]*>(?:<is><t[^>]*>(.*?)</t></is>|<v>(.*?)</v>)</c>'
_ANY_COLUMN: Final = "[A-Z]+"


def sheet_names(path: Path) -> list[str]:
    """The sheets in their order."""
    with ZipFile(path) as book:
        return _SHEET.findall(book.read("xl/workbook.xml").decode())


def rows_of(path: Path, sheet: str, *, columns: Collection[str] = ()) -> Iterator[dict[str, str | Decimal]]:
    """Each row as its cells by the column's letters: text, or the number that the cell shows with all its digits.

    `columns` are the letters that are wanted, all if empty.
    """
    number = sheet_names(path).index(sheet) + 1
    cell = re.compile(_CELL.format(columns="|".join(columns) or _ANY_COLUMN), re.DOTALL)
    with ZipFile(path) as book, book.open(f"xl/worksheets/sheet{number}.xml") as opened:
        for row in _rows(opened):
            yield {
                letters: _number(digits) if digits else unescape(text) for letters, text, digits in cell.findall(row)
            }


def _rows(opened: IO[bytes]) -> Iterator[str]:
    left = ""
    while chunk := opened.read(_CHUNK_BYTES):
        *rows, left = (left + _text(chunk, opened)).split(_ROW_END)
        yield from rows


def _text(chunk: bytes, opened: IO[bytes]) -> str:
    """The chunk, and as much more as its last character needs."""
    while True:
        try:
            return chunk.decode()
        except UnicodeDecodeError as error:
            more = opened.read(1) if error.end >= len(chunk) - 3 else b""
            if not more:
                raise
            chunk += more


def _number(digits: str) -> Decimal:
    """The shortest decimal of the double: what was written, since no more than 15 digits are written as a number."""
    return Decimal(repr(float(digits))) if "." in digits or "E" in digits else Decimal(digits)
