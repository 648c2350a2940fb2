"""The sheet of all rows of the answer, in a batch at a time; more than a sheet holds go on in a further one."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
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
    sheets = 1
    writers = [_writer(name) for name in columns]
    for batch in rows.to_arrow_reader(BATCH_ROWS):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if sheet.rows == last_row:
                sheet.filter()
                sheets += 1
                sheet = _sheet(book, columns, number=sheets)
            for place, (write, value) in enumerate(zip(writers, values, strict=True)):
                if value is not None:
                    write(sheet, place, value)
            sheet.rows += 1
    sheet.filter()


def _sheet(book: Book, columns: Sequence[str], *, number: int) -> Sheet:
    name = SHEET if number == 1 else f"{SHEET} {number}"
    sheet = book.sheet(name, widths=[_WIDTHS.get(column, _WIDTH) for column in columns])
    sheet.frozen_header(columns)
    return sheet


def _writer(column: str) -> Callable[[Sheet, int, Any], None]:
    if column in AMOUNTS:
        return lambda sheet, place, text: sheet.amount(place, Decimal(text))
    if column in COUNTS:
        return Sheet.count
    if column in _DATES:
        return lambda sheet, place, text: sheet.day(place, date.fromisoformat(text))
    if column == "occurred_at":
        return lambda sheet, place, text: sheet.instant(place, datetime.fromisoformat(text))
    return Sheet.text
