"""What a matching needs of an engine, and which engines there are.

What belongs here: the protocol, the values that name an engine, and what all of them say alike. Not here: anything
that is one engine's own, which is in `duckdb_runner` and `spark_runner`.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from recon_assets.domain.errors import LimitExceeded

STAGES: Final = Path(__file__).parent / "stages"

_TABLE: Final = re.compile(r"CREATE OR REPLACE TEMPORARY TABLE (\w+) AS\n")


@dataclass(frozen=True, slots=True)
class Table:
    """A name, and the query that its rows are the answer to."""

    name: str
    query: str


class Runner(Protocol):
    """The tables and views of one matching. All SQL is DuckDB's; every engine gives the same rows for it."""

    stops_at_limit: ClassVar[bool]
    """Whether a query with a LIMIT ends as soon as it has so many rows, and costs nothing more than without."""

    def frame(self, name: str, paths: Sequence[Path]) -> None:
        """The rows of Parquet files of one schema, under a name that nothing else has."""

    def view(self, name: str, query: str) -> None:
        """A view, or another in its place."""

    def table(self, name: str, query: str) -> None:
        """A table with the rows of a query, or another in its place; the query may read the one before.

        Raises `LimitExceeded` when a difference of amounts does not fit in 64 bits.
        """

    def stage(self, name: str) -> None:
        """All tables of one file of `stages/`, each in its turn."""

    def derived(self, name: str, parts: Sequence[Table]) -> None:
        """A table with the rows of the last of `parts`, each of which may read those before it.

        What the others are called is nobody else's: whether they are there afterwards, no one can tell.
        """

    def derived_file(self, name: str, parts: Sequence[Table], *, order: str, file: Path) -> None:
        """As `derived`, and the same rows as a Parquet file in an order."""

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a small query."""

    def write(self, query: str, file: Path) -> None:
        """The rows of a query as one Parquet file, in the query's order."""


@dataclass(frozen=True, slots=True)
class DuckDB:
    """In this process, with bounded memory; beyond `memory_limit` it spills to disk."""

    memory_limit: str = "1GB"


@dataclass(frozen=True, slots=True)
class Spark:
    """On Spark: `local[2]` is two threads beside this process, `sc://host:port` a cluster by Spark Connect.

    A cluster reads the frames by the paths that this process knows. The URL may hold a token, so it is not shown.
    """

    remote: str = field(default="local[2]", repr=False)


Engine = DuckDB | Spark
DEFAULT_ENGINE: Final = DuckDB()


def running(engine: Engine, *, spill: Path, reads: Iterable[Path] | None = None) -> AbstractContextManager[Runner]:
    """A runner of its own on that engine; `spill` is a folder that it may use meanwhile.

    `reads`: all files that it will read, where they are known; small ones can be read in a cheaper way.
    """
    match engine:
        case DuckDB(memory_limit):
            from recon_assets.matching.duckdb_runner import duckdb_runner

            return duckdb_runner(spill=spill, memory_limit=memory_limit, reads=reads)
        case Spark(remote):
            from recon_assets.matching.spark_runner import spark_runner

            return spark_runner(remote)


@cache
def tables_of(stage: str) -> tuple[Table, ...]:
    """The tables of one file of `stages/`: a semicolon ends a line in our files only where it ends a statement.

    DuckDB itself takes 40 ms to say so.
    """
    text = (STAGES / f"{stage}.sql").read_text(encoding="utf-8")
    statements = text.removesuffix("\n").removesuffix(";").split(";\n")
    return tuple(Table(name, query) for _, name, query in map(_TABLE.split, statements))


def difference_too_large(table: str) -> LimitExceeded:
    """Not chained to what the engine raised: its text quotes amounts."""
    return LimitExceeded(
        "the difference of two amounts does not fit in 64 bits of minor units",
        where=f"matching table {table}",
        remedy="Look for an amount near the 64-bit limit on either side: it is almost surely a misread column.",
    )
