"""Runs stages on DuckDB with bounded memory; beyond it DuckDB spills into a folder next to the result.

What belongs here: all that is DuckDB's own. Not here: which stages run, which is the engine's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recon_assets.domain.errors import LimitExceeded
from recon_assets.matching.runner import difference_too_large, stage_text

if TYPE_CHECKING:
    import duckdb

NO_CHECKPOINT: Final = "1TB"
"""Of changes before DuckDB compresses its tables: those of a matching live for a second, it would be for nothing."""

TENTHS_FOR_BUFFERS: Final = 9
"""Of the memory limit: DuckDB counts its buffers, and the process needs some beside them for libraries and readers."""


class DuckDBRunner:
    """One connection with the tables and views of one matching."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def frame(self, name: str, paths: Sequence[Path]) -> None:
        """A view over Parquet files of one schema."""
        files = ", ".join(quoted(path) for path in paths)
        self.view(name, f"SELECT * FROM read_parquet([{files}])")  # noqa: S608 - paths of ours, quoted

    def view(self, name: str, query: str) -> None:
        """A view, or another in its place."""
        self._run(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")

    def table(self, name: str, query: str) -> None:
        """A table with the rows of a query, or another in its place."""
        self._run(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {query}")

    def stage(self, name: str) -> None:
        """Run one file of `stages/`. Raises `LimitExceeded` when a difference of amounts does not fit in 64 bits."""
        import duckdb

        try:
            for statement in _statements(name):
                self._run(statement)
        except duckdb.OutOfRangeException:
            raise difference_too_large(name) from None

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a small query."""
        found: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return found

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


@contextmanager
def duckdb_runner(*, spill: Path, memory_limit: str) -> Iterator[DuckDBRunner]:
    """A runner of its own; `spill` is a folder for what does not fit in `memory_limit`, gone afterwards.

    The limit is meant for the process, so DuckDB's buffers get nine tenths of it.
    """
    import duckdb

    with duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(spill),
            "preserve_insertion_order": "false",
            "checkpoint_threshold": NO_CHECKPOINT,
        }
    ) as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        asked = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
        ((limit,),) = connection.execute(asked).fetchall()
        connection.execute(f"SET memory_limit = '{limit * TENTHS_FOR_BUFFERS // 10}B'").fetchall()
        yield DuckDBRunner(connection)
    if spill.exists():
        spill.rmdir()


def quoted(path: Path) -> str:
    """A path as an SQL string: DuckDB takes no parameter in these places."""
    return "'" + str(path).replace("'", "''") + "'"


@cache
def _statements(stage: str) -> tuple[str, ...]:
    import duckdb

    return tuple(statement.query for statement in duckdb.extract_statements(stage_text(stage)))
