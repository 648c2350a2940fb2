"""The rows of the answer, of every outcome, as report rows, read from their Parquet file in bounded batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from recon_assets.reports.masks import declare_shown
from recon_assets.schemas.currencies import exponents
from recon_assets.small_duckdb import MEMORY_LIMIT, is_small, small_instance

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS: Final = 20_000
AMOUNTS: Final = ("amount", "processor_amount", "ledger_amount", "fee", "fee_difference")
"""Columns of `report_rows` that hold exact decimal text."""

COUNTS: Final = ("priority", "occurrence", "processor_record_number", "ledger_record_number")
"""Columns of `report_rows` that hold integers."""

FREE_TEXT: Final = ("transaction_id", "merchant_id", "reference_number", "processor_raw_file", "ledger_raw_file")
"""Columns that a feed fills: what may be the number of a card is masked in them."""

DECIMAL_PLACES: Final = 5
"""Of an amount before what its currency does not have is cut off (`report_rows.sql`)."""

Discrepancies: TypeAlias = "Path | duckdb.DuckDBPyConnection"
"""The matching's Parquet file, or what `report_rows` made of it: opening it takes longer than writing a small day."""


@contextmanager
def report_rows(discrepancies: Discrepancies) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection with the views `report_rows` and `spreadsheet_rows` over one Parquet file of discrepancies.

    One that has them already is given back, and stays open.
    """
    import duckdb

    if isinstance(discrepancies, duckdb.DuckDBPyConnection):
        yield discrepancies
        return
    with _connection(discrepancies) as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        _declare_currencies(connection)
        small = is_small(discrepancies)
        kind = "TABLE" if small else "VIEW"
        connection.execute(
            f"CREATE TEMPORARY {kind} discrepancies AS FROM read_parquet({_quoted(discrepancies)})"
        ).fetchall()
        declare_shown(connection, "discrepancies", columns=FREE_TEXT)
        for view in ("report_rows", "spreadsheet_rows"):
            connection.execute(_sql(view)).fetchall()
            if small:  # made once: each of a dozen questions would plan and do it again, which is most of their time
                connection.execute(f"CREATE TEMPORARY TABLE kept_{view} AS FROM {view}").fetchall()
                connection.execute(f"CREATE OR REPLACE TEMPORARY VIEW {view} AS FROM kept_{view}").fetchall()
        yield connection


def _declare_currencies(connection: "duckdb.DuckDBPyConnection") -> None:
    """Make the table `currencies`: of each its unit, and how many of the five places of an amount are too many.

    Of a currency without places the point is too much as well. One statement: row by row takes 25 times as long.
    """
    known = exponents()
    assert max(known.values()) < DECIMAL_PLACES, "the last place is always cut off"
    units = [f"1e-{places}" for places in known.values()]
    surplus = [DECIMAL_PLACES - places if places else DECIMAL_PLACES + 1 for places in known.values()]
    connection.execute(
        "CREATE TEMPORARY TABLE currencies AS SELECT unnest(?) AS currency,"
        f" CAST(unnest(?) AS DECIMAL({DECIMAL_PLACES + 1}, {DECIMAL_PLACES})) AS unit, unnest(?) AS surplus",
        [list(known), units, surplus],
    ).fetchall()


@contextmanager
def _connection(discrepancies: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Of a small file on an instance that stays: making one takes longer than writing a small day's report."""
    import duckdb

    if is_small(discrepancies):
        with small_instance().cursor() as connection:
            yield connection
        return
    with (
        TemporaryDirectory(prefix="recon-reports-") as spill,
        duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": spill}) as connection,
    ):
        yield connection


@cache
def _sql(view: str) -> str:
    """The statements that make a view, of a file beside this one."""
    return Path(__file__).with_name(f"{view}.sql").read_text(encoding="utf-8")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def iterate_rows(
    connection: "duckdb.DuckDBPyConnection", *, of: str = "report_rows", where: str = "true", tail: str = ""
) -> Iterator[dict[str, Any]]:
    """The rows of a view as dictionaries, to be read before the next question. `where` and `tail` are our own SQL."""
    result = connection.execute(f"SELECT * FROM {of} WHERE {where} {tail}")  # noqa: S608
    names = [column[0] for column in result.description]
    while batch := result.fetchmany(BATCH_ROWS):
        for row in batch:
            yield dict(zip(names, row, strict=True))
