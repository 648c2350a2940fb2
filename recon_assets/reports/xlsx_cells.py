"""A workbook that is written from top to bottom with typed cells; no row stays in memory.

What belongs here: how a value becomes a cell. Not here: which values, which is `xlsx_report`'s.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from inspect import unwrap
from pathlib import Path
from types import MethodType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from xlsxwriter.format import Format

Value = str | int | Decimal | date | datetime | None

EXACT_DIGITS: Final = 15
"""So many decimal digits a double always keeps."""

LAST_ROW: Final = 1_048_576
"""Of a sheet, counted from 1."""

_FORMULA: Final = re.compile(r"[\s\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_FIRST_YEAR: Final = 1900


def harmless(text: str) -> str:
    """With an apostrophe in front where a spreadsheet would take it for a formula; as `spreadsheet_rows.sql` does."""
    return f"'{text}" if _FORMULA.match(text) else text


def number_of(amount: Decimal) -> float | None:
    """The double that shows all digits of an amount; None when no double does."""
    return float(amount) if len(amount.as_tuple().digits) <= EXACT_DIGITS else None


class Book:
    """A workbook at `path`; what is not yet in it waits in the folder `rows_on_disk`."""

    def __init__(self, path: Path, *, rows_on_disk: str) -> None:
        import xlsxwriter

        self._workbook: xlsxwriter.Workbook = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": rows_on_disk,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._formats: dict[str, Format] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the file, also after an error: whoever asked for it puts it away then."""
        self._workbook.close()

    def sheet(self, name: str, *, widths: Sequence[int]) -> "Sheet":
        """A further sheet; the one before is finished."""
        worksheet = self._workbook.add_worksheet(name)
        for column, width in enumerate(widths):
            worksheet.set_column(column, column, width)
        return Sheet(self, worksheet)

    def cell_format(self, name: str, **properties: Any) -> "Format":
        """One format for all cells alike."""
        if name not in self._formats:
            self._formats[name] = self._workbook.add_format(properties)
        return self._formats[name]

    def amount_format(self, places: int) -> "Format":
        """Thousands apart, negative ones in red, and always the places of the currency."""
        digits = "#,##0" + (f".{'0' * places}" if places else "")
        return self.cell_format(f"amount {places}", num_format=f"{digits};[Red]-{digits}")


class Sheet:
    """One sheet, written row by row."""

    def __init__(self, book: Book, worksheet: Any) -> None:
        self._book = book
        self._worksheet = worksheet
        self._columns = 0
        self.rows = 0

    def heading(self, text: str) -> None:
        """A line in large letters."""
        self._worksheet.write_string(
            self.rows, 0, harmless(text), self._book.cell_format("heading", bold=True, font_size=14)
        )
        self.rows += 1

    def header(self, names: Sequence[str]) -> None:
        """Names of columns."""
        bold = self._book.cell_format("header", bold=True, bottom=1)
        for column, name in enumerate(names):
            self._worksheet.write_string(self.rows, column, name, bold)
        self.rows += 1

    def frozen_header(self, names: Sequence[str]) -> None:
        """Names of columns that stay in sight; `filter` puts filters on them."""
        assert self.rows == 0
        self.header(names)
        self._columns = len(names)
        self._worksheet.freeze_panes(1, 0)

    def filter(self) -> None:
        """Filters over all rows so far."""
        self._worksheet.autofilter(0, 0, max(self.rows - 1, 0), self._columns - 1)

    def row(self, values: Sequence[Value]) -> None:
        """A row, each value in a cell of its type; None is an empty cell."""
        for column, value in enumerate(values):
            if value is not None:
                self._write(column, value)
        self.rows += 1

    def _write(self, column: int, value: Value) -> None:
        match value:
            case str():
                self.plain_texts(self.rows, column, harmless(value))
            case Decimal():
                self.amount(column, value)
            case int():
                self._worksheet.write_number(
                    self.rows, column, value, self._book.cell_format("count", num_format="#,##0")
                )
            case datetime():
                self.instant(column, value)
            case date():
                self.day(column, value)

    @property
    def plain_texts(self) -> "Callable[[int, int, str], object]":
        """Writes at a row and a column a text that is harmless already. Nothing of ours is called for each cell."""
        return self._by_numbers("write_string")

    @property
    def plain_numbers(self) -> "Callable[[int, int, int], object]":
        """Writes at a row and a column an integer without a format."""
        return self._by_numbers("write_number")

    def amount_texts(self) -> "Callable[[int, int, str], object]":
        """Writes at a row and a column an amount that is decimal text, as `amount` does.

        A text of no more than `EXACT_DIGITS` characters has no more digits either: what it is is not asked.
        """
        write = self._by_numbers("write_number")
        formats: dict[int, Format] = {}

        def write_amount(row: int, column: int, text: str) -> None:
            if len(text) > EXACT_DIGITS:
                self._amount_at(row, column, Decimal(text))
                return
            point = text.find(".")
            places = len(text) - point - 1 if point >= 0 else 0
            if places not in formats:
                formats[places] = self._book.amount_format(places)
            write(row, column, float(text), formats[places])

        return write_amount

    def _by_numbers(self, method: str) -> "Callable[..., object]":
        """A method of the worksheet without what looks, at each cell, whether it is named as in `A1`."""
        return MethodType(unwrap(getattr(type(self._worksheet), method)), self._worksheet)

    def amount(self, column: int, value: Decimal) -> None:
        """A number with the places it has, or all its digits as text."""
        self._amount_at(self.rows, column, value)

    def _amount_at(self, row: int, column: int, value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        number = number_of(value)
        if number is None:
            right = self._book.cell_format("long amount", align="right")
            self._worksheet.write_string(row, column, f"{value:f}", right)
        else:
            self._worksheet.write_number(row, column, number, self._book.amount_format(-exponent))

    def day(self, column: int, value: date) -> None:
        """A date; one before Excel's calendar is text."""
        if value.year < _FIRST_YEAR:
            self.plain_texts(self.rows, column, value.isoformat())
        else:
            self._worksheet.write_datetime(
                self.rows, column, value, self._book.cell_format("day", num_format="yyyy-mm-dd")
            )

    def instant(self, column: int, value: datetime) -> None:
        """A time in UTC, to the millisecond; one before Excel's calendar is text."""
        if value.year < _FIRST_YEAR:
            self.plain_texts(self.rows, column, value.isoformat())
        else:
            in_utc = value.replace(tzinfo=None)
            self._worksheet.write_datetime(
                self.rows, column, in_utc, self._book.cell_format("instant", num_format="yyyy-mm-dd hh:mm:ss.000")
            )
