"""What one aggregate says of a whole frame: how many rows, how many share an id, how many lie outside their day."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recon_assets.domain.business_day import BusinessDay
from recon_assets.small_duckdb import is_small, small_instance

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Counts of rows. `repeated_ids` are rows beyond the first of their transaction id."""

    rows: int
    repeated_ids: int
    outside_day: int


def measure_frame(frame: Path, day: BusinessDay) -> FrameFacts:
    """Read one frame (`FRAME_SCHEMA`) once."""
    instance = small_instance() if is_small(frame) else _instance()
    with instance.cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        rows, repeated, outside = connection.execute(
            """
            SELECT
                count(*),
                count(*) - count(DISTINCT transaction_id),
                count(*) FILTER (WHERE occurred_at < ? OR occurred_at >= ?)
            FROM read_parquet(?)
            """,
            [day.starts_at, day.ends_at, str(frame)],
        ).fetchall()[0]
    return FrameFacts(rows=rows, repeated_ids=repeated, outside_day=outside)


@cache
def _instance() -> "duckdb.DuckDBPyConnection":
    """Of this process, for frames that all threads are worth."""
    import duckdb

    return duckdb.connect()
