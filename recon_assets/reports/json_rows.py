"""Rows as JSON documents, written by DuckDB: as many rows as a bad day has are too many for dictionaries of Python."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import Outcome
from recon_assets.reports.rows import AMOUNTS, BATCH_ROWS, COUNTS, FREE_TEXT

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FEW_ROWS: Final = 2_000
"""A megabyte or two of documents."""

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


def declare_documents(connection: "duckdb.DuckDBPyConnection", conclusion: Conclusion) -> None:
    """Make `row_documents`: of each of the `report_rows` its document, and the one of a missing transaction's list.

    Amounts are numbers with all their digits. In front of each document are a comma and a line end. Of few rows the
    documents are made once, as a table: each list would plan what makes them again, which takes longer.
    """
    kind = "TABLE" if sum(conclusion.count_by_class.values()) <= FEW_ROWS else "VIEW"
    day = {"{processor}": _quoted(conclusion.processor), "{business_date}": _quoted(str(conclusion.business_date))}
    row = _document({name: name for name in connection.table("report_rows").columns})
    missing = _document({name: day.get(column, column) for name, column in _OF_MISSING.items()})
    connection.execute(
        f"CREATE OR REPLACE TEMPORARY {kind} row_documents AS SELECT outcome, class, {row} AS document,"  # noqa: S608
        f" CASE WHEN class = 'missing_in_ledger' THEN {missing} END AS of_missing FROM report_rows"
    ).fetchall()


def row_documents(connection: "duckdb.DuckDBPyConnection", *, outcome: Outcome) -> Iterator[memoryview]:
    """In batches those of an outcome."""
    yield from _documents(connection, "document", where=f"outcome = '{outcome}'")


def missing_documents(connection: "duckdb.DuckDBPyConnection") -> Iterator[memoryview]:
    """The same of the missing transactions."""
    yield from _documents(connection, "of_missing", where="class = 'missing_in_ledger'")


def _document(columns: Mapping[str, str]) -> str:
    keys = (f"'{',' if place else _SEPARATOR + '{'}\"{name}\":'" for place, name in enumerate(columns))
    parts = ", ".join(
        f"{key}, {_json(name, column)}" for key, (name, column) in zip(keys, columns.items(), strict=True)
    )
    return f"concat({parts}, '}}')"  # one call: a chain of || copies what it has at every step


def _documents(connection: "duckdb.DuckDBPyConnection", column: str, *, where: str) -> Iterator[memoryview]:
    rows = connection.sql(f"SELECT {column} FROM row_documents WHERE {where}")  # noqa: S608 - SQL of ours
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
