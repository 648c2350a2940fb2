"""From the matching's Parquet file to a temporary table: batches of bounded size, no Python loop over rows."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from recon_assets.domain.errors import StoreRefused
from recon_assets.schemas.currencies import exponents
from recon_assets.store.tenancy import TenantConnection

BATCH_ROWS: Final = 32_768
"""Memory for a batch is some tens of megabytes, whatever the day's size."""

MATCHING_COLUMNS: Final = pa.schema(
    [
        ("discrepancy_id", pa.string()),
        ("class", pa.string()),
        ("outcome", pa.string()),
        ("priority", pa.int32()),
        ("side", pa.string()),
        ("transaction_id", pa.string()),
        ("occurrence", pa.int32()),
        ("currency", pa.string()),
        ("amount_minor", pa.int64()),
        ("processor_amount_minor", pa.int64()),
        ("processor_currency", pa.string()),
        ("processor_status", pa.string()),
        ("processor_seq", pa.int64()),
        ("processor_raw_file", pa.string()),
        ("processor_record_number", pa.int64()),
        ("ledger_amount_minor", pa.int64()),
        ("ledger_currency", pa.string()),
        ("ledger_status", pa.string()),
        ("ledger_seq", pa.int64()),
        ("ledger_raw_file", pa.string()),
        ("ledger_record_number", pa.int64()),
        ("merchant_id", pa.string()),
        ("reference_number", pa.string()),
        ("fee_minor", pa.int64()),
        ("occurred_at", pa.timestamp("us", "UTC")),
    ]
)
"""What the matching hands over, one row per discrepancy. Strings may be dictionaries; other columns are ignored."""

STAGED_COLUMNS: Final = ", ".join(MATCHING_COLUMNS.names)

NUL: Final = "\x00"
NUL_STAND_IN: Final = "\N{REPLACEMENT CHARACTER}"
"""PostgreSQL's text can't hold a NUL. The raw file still has it."""

_CSV: Final = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")
"""Every value in quotes, null as nothing: so COPY tells null from the empty string."""

_CREATE_STAGE: Final = f"""
    CREATE TEMPORARY TABLE staged_discrepancies ON COMMIT DROP AS
    SELECT {STAGED_COLUMNS} FROM discrepancies WITH NO DATA
"""  # noqa: S608 (column names of ours)


def stage_discrepancies(connection: TenantConnection, file: Path) -> Counter[str]:
    """Copy the file into `staged_discrepancies`, with `staged_exponents` beside it; returns the rows per class.

    Both tables end with the transaction. Raises `StoreRefused` when the file lacks a column or has other types.
    """
    connection.execute(_CREATE_STAGE)
    connection.execute(
        "CREATE TEMPORARY TABLE staged_exponents (currency char(3) PRIMARY KEY, exponent smallint) ON COMMIT DROP"
    )
    connection.execute(
        "INSERT INTO staged_exponents SELECT * FROM unnest(%s::text[], %s::smallint[])",
        [list(exponents().keys()), list(exponents().values())],
    )
    copy_statement = f"COPY staged_discrepancies ({STAGED_COLUMNS}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(copy_statement.encode()) as copy:
        for batch in _batches(file):
            copy.write(_csv_of(batch))
    counts = connection.execute("SELECT class, count(*) FROM staged_discrepancies GROUP BY class").fetchall()
    return Counter(dict(counts))


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file) as parquet:
        missing = set(MATCHING_COLUMNS.names) - set(parquet.schema_arrow.names)
        if missing:
            raise _not_ours(file, f"lacks {', '.join(sorted(missing))}")
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=MATCHING_COLUMNS.names):
            try:
                yield batch.select(MATCHING_COLUMNS.names).cast(MATCHING_COLUMNS)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise _not_ours(file, "has columns of other types") from None


def _not_ours(file: Path, what: str) -> StoreRefused:
    return StoreRefused(
        f"the file of discrepancies {what}",
        where=file.name,
        remedy="It was written by another version of the program: run the day again.",
    )


def _csv_of(batch: pa.RecordBatch) -> bytes:
    columns = [
        pc.replace_substring(column, NUL, NUL_STAND_IN) if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    out = BytesIO()
    pa.csv.write_csv(pa.RecordBatch.from_arrays(columns, schema=batch.schema), out, _CSV)
    return out.getvalue()
