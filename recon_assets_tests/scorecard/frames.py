"""Writes the frames of a generated day, and its truth, from DuckDB queries over integers. Memory does not grow with it.

What belongs here: turning rows of a generator into files. Not here: what happened on the day, which is `keyed_day` and
`keyless_day`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import gcd
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recon_assets.matching.duckdb_runner import quoted
from recon_assets.matching.engine import OPEN_RECORDS_FILE, Day
from recon_assets.schemas.frames import FRAME_SCHEMA, FRAME_WRITING, ROW_GROUP_ROWS, agreement_code

BUSINESS_DATE: Final = date(2025, 9, 30)
DAY_BEFORE: Final = BUSINESS_DATE - timedelta(days=1)
EXPONENTS: Final = {"JPY": 0, "USD": 2, "KWD": 3}
TRUTH_FILE: Final = "truth.parquet"
PAIRS_FILE: Final = "pairs.parquet"
MATCHED_DAY_BEFORE: Final = "day_before/matched"
MEMORY_LIMIT: Final = "4GB"
"""For what generates and what judges; beyond it DuckDB goes on in files."""


class Frame(StrEnum):
    """The frames of a generated day: its two sides, what the processor said when it was concluded, the day before."""

    PROCESSOR = "processor"
    LEDGER = "ledger"
    CONCLUDED = "concluded"
    PROCESSOR_BEFORE = "processor_before"
    LEDGER_BEFORE = "ledger_before"


FILE_OF_FRAME: Final = {
    Frame.PROCESSOR: "transactions.parquet",
    Frame.LEDGER: "ledger_entries.parquet",
    Frame.CONCLUDED: "concluded_transactions.parquet",
    Frame.PROCESSOR_BEFORE: "day_before/transactions.parquet",
    Frame.LEDGER_BEFORE: "day_before/ledger_entries.parquet",
}
_JUDGED: Final = (Frame.PROCESSOR, Frame.LEDGER, Frame.CONCLUDED)
_STRIDES: Final = (2_654_435_761, 2_860_486_313, 3_267_000_013, 3_644_798_167, 4_093_082_899)
"""Primes, one for each frame: every number of the day comes once, in an order that tells nothing and needs no sort."""
_DERIVED: Final = """
    CAST(0 AS BIGINT) AS seq, CAST('page-00001.json' AS VARCHAR) AS raw_file, CAST(0 AS BIGINT) AS record_number,
    CAST(NULL AS VARCHAR) AS record_id, CAST(NULL AS VARCHAR) AS order_id, CAST(NULL AS VARCHAR) AS payout_id,
    amount_minor - fee_minor AS net_minor,
    CASE movement WHEN 'refund' THEN 'refund' ELSE 'charge' END AS transaction_type
"""
_TRUTH_SCHEMA: Final = pa.schema(
    [
        ("side", pa.string()),
        ("seq", pa.int64()),
        ("key", pa.int64()),
        ("pair", pa.int64()),
        ("transaction_id", pa.string()),
        ("class", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """A folder with the frames, `truth.parquet` and `pairs.parquet` (both seqs).

    The truth has a row for each record of both sides, and one, on the side `concluded`, for each that was restated.
    """

    folder: Path

    @property
    def day(self) -> Day:
        """The day as the engine takes it: the first time, with what the day before left open."""
        left_open = self.folder / MATCHED_DAY_BEFORE / OPEN_RECORDS_FILE
        return Day(
            processor="generated",
            business_date=BUSINESS_DATE,
            transactions=self.file(Frame.PROCESSOR),
            ledger_entries=self.file(Frame.LEDGER),
            neighbours={DAY_BEFORE: left_open} if left_open.exists() else {},
        )

    @property
    def day_before(self) -> Day:
        """The day before, alone."""
        return Day(
            processor="generated",
            business_date=DAY_BEFORE,
            transactions=self.file(Frame.PROCESSOR_BEFORE),
            ledger_entries=self.file(Frame.LEDGER_BEFORE),
        )

    @property
    def truth(self) -> Path:
        return self.folder / TRUTH_FILE

    @property
    def pairs(self) -> Path:
        return self.folder / PAIRS_FILE

    def file(self, frame: Frame) -> Path:
        """The Parquet file of a frame."""
        return self.folder / FILE_OF_FRAME[frame]


def write_day(folder: Path, *, records: str, numbers: int, frames: Sequence[Frame], seed: int) -> GeneratedDay:
    """`records` is a query over `numbers (i)`, which has 0 to `numbers` in another order for each frame.

    It gives frame, key, pair, class, and the columns of a frame that it says. `pair` is null for a record alone; else
    the two records of one key with the same pair belong together.
    """
    generated = GeneratedDay(folder)
    with bounded(folder) as connection, pq.ParquetWriter(generated.truth, _TRUTH_SCHEMA, compression="zstd") as truth:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")  # so that rows come in the order of the numbers
        connection.execute(_codes())
        for frame in frames:
            connection.execute(_numbers(frame, numbers, seed))
            generated.file(frame).parent.mkdir(exist_ok=True)
            _write_frame(connection, records, frame, generated.file(frame), truth if frame in _JUDGED else None)
    with bounded(folder) as connection:
        query = (
            f"SELECT p.seq AS processor_seq, l.seq AS ledger_seq FROM read_parquet({quoted(generated.truth)}) AS p"
            f" INNER JOIN read_parquet({quoted(generated.truth)}) AS l ON p.key = l.key AND p.pair = l.pair"
            " WHERE p.side = 'processor' AND l.side = 'ledger' ORDER BY 1"
        )
        connection.execute(f"COPY ({query}) TO {quoted(generated.pairs)} (FORMAT parquet)")
    return generated


@contextmanager
def bounded(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that stays within `MEMORY_LIMIT` and spills into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"temp_directory": str(folder / "spill"), "threads": 2, "memory_limit": MEMORY_LIMIT}
    with duckdb.connect(config=config) as connection:
        yield connection


def _codes() -> str:
    values = ", ".join(
        f"('{currency}', '{status}', {agreement_code(currency, status)})"
        for currency in EXPONENTS
        for status in ("completed", "pending")
    )
    return f"CREATE TEMPORARY TABLE codes AS SELECT * FROM (VALUES {values}) AS v (currency, status, agreement_code)"


def _numbers(frame: Frame, numbers: int, seed: int) -> str:
    stride = _STRIDES[list(Frame).index(frame)]
    assert gcd(stride, numbers) == 1, "every number comes once"
    return (
        f"CREATE OR REPLACE TEMPORARY VIEW numbers AS SELECT (n * {stride} + {seed}) % {numbers} AS i"
        f" FROM range({numbers}) AS r (n)"
    )


def _write_frame(
    connection: duckdb.DuckDBPyConnection, records: str, frame: Frame, file: Path, truth: pq.ParquetWriter | None
) -> None:
    columns = ", ".join([*FRAME_SCHEMA.names, "key", "pair", "class"])
    batches = connection.sql(
        f"SELECT {columns} FROM (SELECT *, {_DERIVED} FROM ({records}) INNER JOIN codes USING (currency, status)"
        f" WHERE frame = '{frame}')"
    ).to_arrow_reader(ROW_GROUP_ROWS)
    written = 0
    with pq.ParquetWriter(file, FRAME_SCHEMA, **FRAME_WRITING) as writer:
        for batch in batches:
            seq = pa.array(range(written, written := written + len(batch)), pa.int64())
            rows = pa.Table.from_batches([batch])
            rows = rows.set_column(rows.column_names.index("seq"), "seq", seq)
            record_number = pc.add(seq, 1)
            rows = rows.set_column(rows.column_names.index("record_number"), "record_number", record_number)
            writer.write_table(rows.select(FRAME_SCHEMA.names).cast(FRAME_SCHEMA), row_group_size=ROW_GROUP_ROWS)
            if truth is not None:
                rows = rows.append_column("side", pa.array([str(frame)] * len(rows), pa.string()))
                if frame is Frame.CONCLUDED:
                    rows = rows.filter(pc.equal(rows["class"], "restated"))
                truth.write_table(rows.select(_TRUTH_SCHEMA.names).cast(_TRUTH_SCHEMA))
