"""One DuckDB of this process for what is small: making one takes longer than most that a small day asks of it."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

SMALL_FILE_BYTES: Final = 1_000_000
"""Of Parquet. What is made of such a file fits in `MEMORY_LIMIT` without ever needing the disk."""

MEMORY_LIMIT: Final = "512MB"


def is_small(file: Path) -> bool:
    """Whether the instance that stays is enough for this Parquet file."""
    return file.stat().st_size <= SMALL_FILE_BYTES


@cache
def small_instance() -> "duckdb.DuckDBPyConnection":
    """By one thread, without the disk. Take a cursor: it has temporary tables and views of its own, gone with it.

    Nothing is ever made or set in it beside these.
    """
    import duckdb

    return duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": "", "threads": 1})
