"""Where DuckDB's threads need more memory together than there is, one of them goes on alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from recon_assets.domain.errors import LimitExceeded
from recon_assets.matching.duckdb_runner import DuckDBRunner, quoted

ROWS = 600_000
WIDE_AND_SORTED = (
    f"SELECT * FROM (SELECT repeat(md5(CAST(i AS VARCHAR)), 8) AS text FROM range({ROWS}) AS r (i)) ORDER BY text"
)
"""Each thread that writes Parquet holds a row group of 30 MB, which can't be spilled."""


@contextmanager
def connected(folder: Path, *, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    config = {"memory_limit": memory_limit, "threads": 16, "temp_directory": str(folder / "spill")}
    with duckdb.connect(config=config | {"preserve_insertion_order": "false"}) as connection:
        yield connection


def test_what_is_too_much_for_many_threads_is_done_by_one(tmp_path: Path) -> None:
    with connected(tmp_path, memory_limit="130MB") as connection:
        with pytest.raises(duckdb.OutOfMemoryException):
            connection.execute(f"COPY ({WIDE_AND_SORTED}) TO {quoted(tmp_path / 'plain')} (FORMAT parquet)").fetchall()

        DuckDBRunner(connection).write(WIDE_AND_SORTED, tmp_path / "written")

        assert connection.execute("SELECT current_setting('threads')").fetchall() == [(16,)], "the next has them all"

    counted = f"SELECT count(DISTINCT text) FROM read_parquet({quoted(tmp_path / 'written')})"
    assert duckdb.execute(counted).fetchall() == [(ROWS,)]


def test_what_is_too_much_for_one_thread_too_is_told_with_the_setting_to_raise(tmp_path: Path) -> None:
    with connected(tmp_path, memory_limit="60MB") as connection, pytest.raises(LimitExceeded) as raised:
        DuckDBRunner(connection).write(WIDE_AND_SORTED, tmp_path / "written")

    assert str(raised.value) == (
        "the matching does not fit into its limit of memory, although it goes to disk beyond it"
        " (RECON_DUCKDB_MEMORY_LIMIT). Raise it: with 1 GiB ten million records a side were matched, with 2 GB fifty"
        " million."
    )
