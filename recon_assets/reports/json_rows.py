"""Rows as JSON documents, written by DuckDB: as many rows as a bad day has are too many for dictionaries of Python."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from recon_assets.domain.conclusion import Conclusion
from recon_assets.reports.rows import AMOUNTS, BATCH_ROWS, COUNTS, FREE_TEXT

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SEPARATOR: Final = ",\n"
_OF_MISSING: Final = {
    "transaction_id": "transaction_id",
    "amount": "amount",
    "merchant_id": "merchant_id",
    "currency": "currency",
    "processor_name": "{processor}",
    "transaction_date": "{business_date}",
    "reference_number": "reference_number",
    "fee": "fee",
    "status": "processor_status",
    "occurred_at": "occurred_at",
    "discrepancy_id": "discrepancy_id",
}
"""The columns of the view `missing_transactions`, for readers of the classic report."""


def row_documents(connection: "duckdb.DuckDBPyConnection", *, where: str) -> Iterator[memoryview]:
    """Documents in batches, one for each of the `report_rows`, amounts as numbers with all their digits.

    In front of each document are a comma and a line end. `where` is our own SQL.
    """
    columns = {name: name for name in connection.table("report_rows").columns}
    yield from _documents(connection, columns, where=where)


def missing_documents(connection: "duckdb.DuckDBPyConnection", conclusion: Conclusion) -> Iterator[memoryview]:
    """The same of the missing transactions."""
    day = {"{processor}": _quoted(conclusion.processor), "{business_date}": _quoted(str(conclusion.business_date))}
    columns = {name: day.get(column, column) for name, column in _OF_MISSING.items()}
    yield from _documents(connection, columns, where="class = 'missing_in_ledger'")


def _documents(
    connection: "duckdb.DuckDBPyConnection", columns: Mapping[str, str], *, where: str
) -> Iterator[memoryview]:
    keys = (f"'{',' if place else _SEPARATOR + '{'}\"{name}\":'" for place, name in enumerate(columns))
    parts = ", ".join(
        f"{key}, {_json(name, column)}" for key, (name, column) in zip(keys, columns.items(), strict=True)
    )
    document = f"concat({parts}, '}}')"  # one call: a chain of || copies what it has at every step
    rows = connection.sql(f"SELECT {document} FROM report_rows WHERE {where}")  # noqa: S608 - SQL of ours
    for batch in rows.to_arrow_reader(BATCH_ROWS):
        yield _all_text(batch.column(0))


def _all_text(column: "pa.StringArray") -> memoryview:
    """The texts of a column one after the other, as they lie in memory."""
    _, starts, text = column.buffers()
    first, last = (memoryview(starts).cast("i")[column.offset + place] for place in (0, len(column)))
    return memoryview(text)[first:last]


def _json(name: str, column: str) -> str:
    """Amounts and counts are numbers as they are, a feed's text is quoted as JSON does, our words need no care."""
    if name in {*AMOUNTS, *COUNTS}:
        return f"coalesce(CAST({column} AS VARCHAR), 'null')"
    if name in FREE_TEXT or name == "pass":
        return f"coalesce(CAST(to_json({column}) AS VARCHAR), 'null')"
    return f"CASE WHEN {column} IS NULL THEN 'null' ELSE concat('\"', {column}, '\"') END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
