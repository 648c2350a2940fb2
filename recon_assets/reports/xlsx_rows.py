"""The sheet of all rows of the answer, in a batch at a time; more than a sheet holds go on in a further one."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from recon_assets.reports.rows import AMOUNTS, BATCH_ROWS, COUNTS
from recon_assets.reports.xlsx_cells import LAST_ROW, Book, Sheet

if TYPE_CHECKING:
    import duckdb

SHEET: Final = "discrepancies"
_DATES: Final = ("due_on", "counterpart_date")
_WIDTHS: Final = {
    "discrepancy_id": 38, "class": 22, "transaction_id": 30, "occurred_at": 24, "merchant_id": 20,
    "reference_number": 20, "processor_raw_file": 24, "ledger_raw_file": 24,
}  # fmt: skip
_WIDTH: Final = 14


def write_rows(book: Book, connection: "duckdb.DuckDBPyConnection", *, last_row: int = LAST_ROW) -> None:
    """Every row of the answer. `connection` is one of `rows.report_rows`; `last_row` is that of a sheet."""
    rows = connection.sql("SELECT * FROM spreadsheet_rows")
    columns: Sequence[str] = rows.columns
    sheet = _sheet(book, columns, number=1)
    writers = [_writer(sheet, name) for name in columns]
    sheets = 1
    for batch in rows.to_arrow_reader(BATCH_ROWS):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if sheet.rows == last_row:
                sheet.filter()
                sheets += 1
                sheet = _sheet(book, columns, number=sheets)
                writers = [_writer(sheet, name) for name in columns]
            row = sheet.rows
            for place, value in enumerate(values):
                if value is not None:
                    writers[place](row, place, value)
            sheet.rows = row + 1
    sheet.filter()


def _sheet(book: Book, columns: Sequence[str], *, number: int) -> Sheet:
    name = SHEET if number == 1 else f"{SHEET} {number}"
    sheet = book.sheet(name, widths=[_WIDTHS.get(column, _WIDTH) for column in columns])
    sheet.frozen_header(columns)
    return sheet


def _writer(sheet: Sheet, column: str) -> Callable[[int, int, Any], object]:
    """What writes a value of the column at a row and a place of the sheet."""
    if column in AMOUNTS:
        return sheet.amount_texts()
    if column in COUNTS:
        return sheet.plain_numbers
    if column in _DATES:
        return lambda _, place, text: sheet.day(place, date.fromisoformat(text))
    if column == "occurred_at":
        return lambda _, place, text: sheet.instant(place, datetime.fromisoformat(text))
    return sheet.plain_texts
