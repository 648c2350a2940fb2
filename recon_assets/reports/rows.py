"""The rows of the answer, of every outcome, as report rows, read from their Parquet file in bounded batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.schemas.currencies import exponents

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS: Final = 20_000
AMOUNTS: Final = ("amount", "processor_amount", "ledger_amount", "fee", "fee_difference")
"""Columns of `report_rows` that hold exact decimal text."""

_ROWS_SQL: Final = Path(__file__).with_name("rows.sql")


@contextmanager
def report_rows(discrepancies: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection with the view `report_rows` over one Parquet file of discrepancies."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        connection.execute("CREATE TABLE currencies (currency VARCHAR, exponent INTEGER)").fetchall()
        connection.executemany("INSERT INTO currencies VALUES (?, ?)", [list(item) for item in exponents().items()])
        connection.from_parquet(str(discrepancies)).create_view("discrepancies")
        for statement in duckdb.extract_statements(_ROWS_SQL.read_text()):
            connection.execute(statement).fetchall()
        yield connection


def iterate_rows(connection: "duckdb.DuckDBPyConnection", *, where: str = "true") -> Iterator[dict[str, Any]]:
    """The rows of `report_rows` as dictionaries. `where` is our own SQL, never a user's."""
    reader = connection.sql(f"SELECT * FROM report_rows WHERE {where}").to_arrow_reader(BATCH_ROWS)  # noqa: S608
    for batch in reader:
        yield from batch.to_pylist()
