"""Writes both frames of a generated day, and its truth, from one DuckDB query over integers.

What belongs here: turning rows of a generator into files. Not here: what happened on the day, which is `keyed_day` and
`keyless_day`.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import quoted
from recon_assets.matching.engine import Day
from recon_assets.schemas.frames import FRAME_FILE_OF_SIDE, FRAME_SCHEMA, ROW_GROUP_ROWS, agreement_code

BUSINESS_DATE: Final = date(2025, 9, 30)
EXPONENTS: Final = {"JPY": 0, "USD": 2, "KWD": 3}
TRUTH_FILE: Final = "truth.parquet"
PAIRS_FILE: Final = "pairs.parquet"

_WITH_DICTIONARY: Final = ["raw_file", "transaction_type", "movement", "currency", "status"]
_DERIVED: Final = """
    CAST('page-00001.json' AS VARCHAR) AS raw_file, seq + 1 AS record_number, CAST(NULL AS VARCHAR) AS record_id,
    CAST(NULL AS VARCHAR) AS order_id, CAST(NULL AS VARCHAR) AS payout_id, amount_minor - fee_minor AS net_minor,
    CASE movement WHEN 'refund' THEN 'refund' ELSE 'charge' END AS transaction_type
"""


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """A folder with both frames, `truth.parquet` (side, seq, transaction_id, class) and `pairs.parquet` (both seqs)."""

    folder: Path

    @property
    def day(self) -> Day:
        """The day as the engine takes it."""
        return Day(
            processor="generated",
            business_date=BUSINESS_DATE,
            transactions=self.folder / FRAME_FILE_OF_SIDE[Side.PROCESSOR],
            ledger_entries=self.folder / FRAME_FILE_OF_SIDE[Side.LEDGER],
        )

    @property
    def truth(self) -> Path:
        return self.folder / TRUTH_FILE

    @property
    def pairs(self) -> Path:
        return self.folder / PAIRS_FILE


def write_day(folder: Path, *, records: str, seed: int) -> GeneratedDay:
    """`records` is a query: side, key, copy, pair, class, and the columns of a frame that it says.

    `pair` is null for a record alone; else the two records of one key with the same pair belong together. Each side is
    shuffled by the seed, so that order tells nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"temp_directory": str(folder / "spill"), "threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(_codes())
        connection.execute(
            f"CREATE TEMPORARY TABLE records AS SELECT *, row_number() OVER (PARTITION BY side ORDER BY"
            f" hash(key + {seed}, side, copy), key, copy) - 1 AS seq FROM ({records})"
        )
        for side in Side:
            _write_frame(connection, side, folder / FRAME_FILE_OF_SIDE[side])
        for file, query in (
            (TRUTH_FILE, "SELECT side, seq, transaction_id, class FROM records ORDER BY side, seq"),
            (
                PAIRS_FILE,
                (
                    "SELECT p.seq AS processor_seq, l.seq AS ledger_seq FROM records AS p INNER JOIN records AS l"
                    " ON p.key = l.key AND p.pair = l.pair WHERE p.side = 'processor' AND l.side = 'ledger' ORDER BY 1"
                ),
            ),
        ):
            connection.execute(f"COPY ({query}) TO {quoted(folder / file)} (FORMAT parquet)")
    return GeneratedDay(folder)


def _codes() -> str:
    values = ", ".join(
        f"('{currency}', '{status}', {agreement_code(currency, status)})"
        for currency in EXPONENTS
        for status in ("completed", "pending")
    )
    return f"CREATE TEMPORARY TABLE codes AS SELECT * FROM (VALUES {values}) AS v (currency, status, agreement_code)"


def _write_frame(connection: duckdb.DuckDBPyConnection, side: Side, file: Path) -> None:
    columns = ", ".join(FRAME_SCHEMA.names)
    rows = connection.sql(
        f"SELECT {columns} FROM (SELECT *, {_DERIVED} FROM records INNER JOIN codes USING (currency, status)"
        f" WHERE side = '{side}') ORDER BY seq"
    ).to_arrow_reader(ROW_GROUP_ROWS)
    with pq.ParquetWriter(file, FRAME_SCHEMA, compression="lz4", use_dictionary=_WITH_DICTIONARY) as writer:
        for batch in rows:
            writer.write_table(pa.Table.from_batches([batch]).cast(FRAME_SCHEMA), row_group_size=ROW_GROUP_ROWS)
