"""From the matching's Parquet file to a temporary table: binary batches of bounded size, no Python loop over rows."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pgpq
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recon_assets.domain.errors import StoreRefused
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

STAGED_VALUES: Final = ", ".join(
    {"discrepancy_id": "s.discrepancy_id::uuid", "occurred_at": "s.occurred_at AT TIME ZONE 'UTC'"}.get(
        name, f"s.{name}"
    )
    for name in MATCHING_COLUMNS.names
)
"""The staged columns of a table `s`, as the types that `discrepancies` has."""


_CREATE_STAGE: Final = (
    pgpq.ArrowToPostgresBinaryEncoder(MATCHING_COLUMNS)
    .schema()
    .ddl("staged_discrepancies", temp_table=True)
    .rstrip(";")
    + " ON COMMIT DROP"
)


@dataclass(frozen=True, slots=True)
class Staged:
    """`digest` is the SHA-256 of the rows as they were sent, in hex: equal for equal files."""

    count_by_class: Counter[str]
    digest: str


def stage_discrepancies(connection: TenantConnection, file: Path) -> Staged:
    """Copy the file into the temporary table `staged_discrepancies`, which ends with the transaction.

    COPY into a table with row-level security is refused by PostgreSQL, and rows get their keys on the way from there.
    Raises `StoreRefused` when the file lacks a column or has other types.
    """
    connection.execute(_CREATE_STAGE.encode())
    digest = hashlib.sha256()
    with connection.cursor() as cursor, cursor.copy("COPY staged_discrepancies FROM STDIN (FORMAT binary)") as copy:
        for part in _binary_copy(file):
            digest.update(part)
            copy.write(part)
    counts = connection.execute("SELECT class, count(*) FROM staged_discrepancies GROUP BY class").fetchall()
    return Staged(Counter(dict(counts)), digest.hexdigest())


def digest_of(file: Path) -> str:
    """What `Staged.digest` would be, without a database."""
    digest = hashlib.sha256()
    for part in _binary_copy(file):
        digest.update(part)
    return digest.hexdigest()


def _binary_copy(file: Path) -> Iterator[bytes]:
    """The file in PostgreSQL's binary COPY format, in parts of bounded size."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(MATCHING_COLUMNS)
    yield encoder.write_header()
    for batch in _batches(file):
        yield encoder.write_batch(batch)
    yield encoder.finish()


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file) as parquet:
        missing = set(MATCHING_COLUMNS.names) - set(parquet.schema_arrow.names)
        if missing:
            raise _not_ours(file, f"lacks {', '.join(sorted(missing))}")
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=MATCHING_COLUMNS.names):
            try:
                yield _without_nul(batch.select(MATCHING_COLUMNS.names).cast(MATCHING_COLUMNS))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise _not_ours(file, "has columns of other types") from None


def _without_nul(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        pc.replace_substring(column, NUL, NUL_STAND_IN) if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _not_ours(file: Path, what: str) -> StoreRefused:
    return StoreRefused(
        f"the file of discrepancies {what}",
        where=file.name,
        remedy="It was written by another version of the program: run the day again.",
    )
