"""What a whole frame says of itself: how many rows, how many share an id, how many lie outside their day."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.small_duckdb import is_small, small_instance

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import numpy.typing as npt

_BATCH_ROWS: Final = 122_880
_MOST_HASHED_ROWS: Final = 10_000_000
"""80 MB of hashes. Of more rows DuckDB counts the ids themselves, within its limit of memory."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Counts of rows. `repeated_ids` are rows beyond the first of their transaction id."""

    rows: int
    repeated_ids: int
    outside_day: int


def measure_frame(frame: Path, day: BusinessDay) -> FrameFacts:
    """Of one frame (`FRAME_SCHEMA`); of a large one the ids are read apart."""
    small = is_small(frame)
    repeated = f"count(*) - count({'DISTINCT' if small else ''} transaction_id)"  # an id that is not there is none
    with (small_instance() if small else _instance()).cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        rows, repeated_rows, outside = connection.execute(
            f"""
            SELECT count(*), {repeated}, count(*) FILTER (WHERE occurred_at < ? OR occurred_at >= ?)
            FROM read_parquet(?)
            """,  # noqa: S608 - SQL of ours
            [day.starts_at, day.ends_at, str(frame)],
        ).fetchall()[0]
        if not small:
            repeated_rows += repeated_ids(connection, frame, rows)
    return FrameFacts(rows=rows, repeated_ids=repeated_rows, outside_day=outside)


def repeated_ids(
    connection: "duckdb.DuckDBPyConnection", frame: Path, rows: int, *, most_hashed_rows: int = _MOST_HASHED_ROWS
) -> int:
    """Rows beyond the first of their id, exactly, without a table of all ids.

    Ids whose hashes differ are different: only of rows whose hash comes again the ids themselves are compared. Sorting
    8 bytes a row takes a third of the time of a table of the ids, and a tenth of its memory.
    """
    of_repeated = ""
    if rows <= most_hashed_rows:
        suspicious = _repeated_hashes(connection, frame, rows)
        if not len(suspicious):
            return 0
        connection.register("suspicious", {"id_hash": suspicious})
        of_repeated = "SEMI JOIN suspicious ON hash(transaction_id) = id_hash"
    ((repeated,),) = connection.execute(
        "SELECT count(transaction_id) - count(DISTINCT transaction_id)"  # noqa: S608 - SQL of ours
        f" FROM read_parquet(?) {of_repeated}",
        [str(frame)],
    ).fetchall()
    return int(repeated)


def _repeated_hashes(connection: "duckdb.DuckDBPyConnection", frame: Path, rows: int) -> "npt.NDArray[np.uint64]":
    """Each hash that more than one row's id has."""
    import numpy as np

    hashes = np.empty(rows, dtype=np.uint64)
    filled = 0
    found = connection.from_parquet(str(frame)).project("hash(transaction_id)")
    for batch in found.to_arrow_reader(_BATCH_ROWS):
        hashes[filled : filled + batch.num_rows] = batch.column(0).to_numpy()
        filled += batch.num_rows
    assert filled == rows, "every row has a hash"
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


@cache
def _instance() -> "duckdb.DuckDBPyConnection":
    """Of this process, for frames that all threads are worth."""
    import duckdb

    return duckdb.connect()
