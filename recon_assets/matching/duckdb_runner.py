"""Runs stages on DuckDB with bounded memory; beyond it DuckDB spills into a folder next to the result.

What belongs here: all that is DuckDB's own. Not here: which stages run, which is the engine's.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from recon_assets.domain.errors import LimitExceeded
from recon_assets.matching.runner import Table, difference_too_large, tables_of

if TYPE_CHECKING:
    import duckdb

NO_CHECKPOINT: Final = "1TB"
"""Of changes before DuckDB compresses its tables: those of a matching live for a second, it would be for nothing."""

FREED_AT_ONCE: Final = "32MB"
"""What one statement lets go of goes back to the system: kept for later, it would be there beside what is counted."""

SETTINGS: Final = {
    "preserve_insertion_order": "false",
    "checkpoint_threshold": NO_CHECKPOINT,
    "allocator_flush_threshold": FREED_AT_ONCE,
    "allocator_bulk_deallocation_flush_threshold": FREED_AT_ONCE,
}

GROUPS_IN_A_FIELD: Final = "17"
"""In bits: so many numbers from the least to the largest, and DuckDB groups by them without hashing."""

BESIDE_BUFFERS_BYTES: Final = 128 * 2**20
"""Of the memory limit, where that is no more than a quarter: DuckDB counts its buffers, and the process needs some
beside them for libraries and readers."""

SMALL_BYTES: Final = 2_000_000
"""Of Parquet, some ten thousand records a side: what needs neither the disk nor a second thread."""


class DuckDBRunner:
    """One connection with the tables and views of one matching."""

    stops_at_limit: ClassVar = True

    def __init__(self, connection: "duckdb.DuckDBPyConnection", *, is_small: bool = False) -> None:
        self._connection, self._is_small = connection, is_small

    def frame(self, name: str, paths: Sequence[Path]) -> None:
        """The rows of Parquet files of one schema: small ones read once, others by every query that needs them."""
        files = ", ".join(quoted(path) for path in paths)
        named = self.table if self._is_small else self.view
        named(name, f"SELECT * FROM read_parquet([{files}])")  # noqa: S608 - paths of ours, quoted

    def view(self, name: str, query: str) -> None:
        """A view, or another in its place."""
        self._run(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")

    def table(self, name: str, query: str) -> None:
        """A table with the rows of a query, or another in its place.

        Raises `LimitExceeded` when a difference of amounts does not fit in 64 bits.
        """
        with _difference_fits(name):
            self._run(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {query}")

    def stage(self, name: str) -> None:
        """All tables of one file of `stages/`, each in its turn."""
        for table in tables_of(name):
            self.table(table.name, table.query)

    def derived(self, name: str, parts: Sequence[Table]) -> None:
        """A table with the rows of the last of `parts`, each of which may read those before it: one statement.

        What goes from part to part of a statement costs a fifth of what is written into a table and read again.
        """
        self.table(name, _in_one(parts))

    def derived_file(self, name: str, parts: Sequence[Table], *, order: str, file: Path) -> None:
        """As `derived`, and the same rows as a Parquet file in an order: the file alone, which is read from then on."""
        with _difference_fits(name):
            self.write(f"SELECT * FROM ({_in_one(parts)}) AS derived ORDER BY {order}", file)  # noqa: S608 - columns of ours
        self.frame(name, [file])

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a small query."""
        result = self._connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def write(self, query: str, file: Path) -> None:
        """The rows of a query as Parquet, in the query's order."""
        self._run(f"COPY ({query}) TO {quoted(file)} (FORMAT parquet, COMPRESSION zstd)")

    def _run(self, statement: str) -> None:
        """Run it; where memory does not suffice, again by one thread: what each thread holds is not spilled."""
        import duckdb

        try:
            self._connection.execute(statement).fetchall()
        except duckdb.OutOfMemoryException:
            self._run_by_one_thread(statement)

    def _run_by_one_thread(self, statement: str) -> None:
        import duckdb

        ((threads,),) = self._connection.execute("SELECT current_setting('threads')").fetchall()
        self._connection.execute("SET threads = 1").fetchall()
        try:
            self._connection.execute(statement).fetchall()
        except duckdb.OutOfMemoryException:
            raise LimitExceeded(
                "the matching does not fit into its limit of memory, although it goes to disk beyond it",
                where="RECON_DUCKDB_MEMORY_LIMIT",
                remedy="Raise it: with 1 GiB ten million records a side were matched, with 2 GB fifty million.",
            ) from None
        finally:
            self._connection.execute(f"SET threads = {threads}").fetchall()


def is_small(files: Iterable[Path]) -> bool:
    """Whether all that a runner is to read is so small that `duckdb_runner` needs no instance of its own for it."""
    return sum(file.stat().st_size for file in files) <= SMALL_BYTES


@contextmanager
def duckdb_runner(*, spill: Path, memory_limit: str, reads: Iterable[Path] | None = None) -> Iterator[DuckDBRunner]:
    """A runner of its own; `spill` is a folder for what does not fit in `memory_limit`, gone afterwards.

    The limit is meant for the process, so DuckDB's buffers do not get all of it. Where `reads` names all files that
    are read and they are small, the runner is of an instance that stays, has one thread and no folder.
    """
    import duckdb

    if reads is not None and is_small(reads):
        with _kept_instance(memory_limit).cursor() as connection:
            connection.execute("SET TimeZone = 'UTC'").fetchall()
            yield DuckDBRunner(connection, is_small=True)
        return
    of_run = {"memory_limit": memory_limit, "temp_directory": str(spill), "perfect_ht_threshold": GROUPS_IN_A_FIELD}
    with duckdb.connect(config={**SETTINGS, **of_run}) as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        _limit_buffers(connection)
        yield DuckDBRunner(connection)
    if spill.exists():
        spill.rmdir()


@cache
def _kept_instance(memory_limit: str) -> "duckdb.DuckDBPyConnection":
    """Of this process: making one takes longer than many a statement of a small day.

    Its cursors have temporary tables and views of their own, gone with them; nothing is ever made beside these.
    """
    import duckdb

    instance = duckdb.connect(config={**SETTINGS, "memory_limit": memory_limit, "temp_directory": "", "threads": 1})
    _limit_buffers(instance)
    return instance


def _limit_buffers(connection: "duckdb.DuckDBPyConnection") -> None:
    asked = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
    ((limit,),) = connection.execute(asked).fetchall()
    beside = max(limit // 10, min(BESIDE_BUFFERS_BYTES, limit // 4))
    connection.execute(f"SET memory_limit = '{limit - beside}B'").fetchall()


def _in_one(parts: Sequence[Table]) -> str:
    *before, last = parts
    named = ",\n".join(f"{part.name} AS (\n{part.query}\n)" for part in before)
    return f"WITH {named}\n{last.query}" if named else last.query


@contextmanager
def _difference_fits(table: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.OutOfRangeException:
        raise difference_too_large(table) from None


def quoted(path: Path) -> str:
    """A path as an SQL string: DuckDB takes no parameter in these places."""
    return "'" + str(path).replace("'", "''") + "'"
