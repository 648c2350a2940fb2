"""From the matching's Parquet files to temporary tables: binary batches of bounded size, no Python loop over rows."""

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
        ("pass", pa.string()),
        ("differs", pa.string()),
        ("due_on", pa.date32()),
        ("counterpart_date", pa.date32()),
        ("fee_difference_minor", pa.int64()),
    ]
)
"""What the matching hands over: every row, of whatever outcome. Strings may be dictionaries; others are ignored."""

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


ACROSS_COLUMNS: Final = pa.schema(
    [
        ("processor_date", pa.date32()),
        ("processor_discrepancy_id", pa.string()),
        ("ledger_date", pa.date32()),
        ("ledger_discrepancy_id", pa.string()),
        ("currency", pa.string()),
        ("amount_minor", pa.int64()),
        ("pass", pa.string()),
    ]
)
"""One row per match of a transaction with a ledger entry of another day."""


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
    create_stage(connection, "staged_discrepancies", MATCHING_COLUMNS)
    digest = copy_into_stage(connection, "staged_discrepancies", MATCHING_COLUMNS, file)
    counts = connection.execute("SELECT class, count(*) FROM staged_discrepancies GROUP BY class").fetchall()
    return Staged(Counter(dict(counts)), digest)


def digest_of(file: Path) -> str:
    """What `Staged.digest` would be, without a database."""
    digest = hashlib.sha256()
    for part in _binary_copy(file, MATCHING_COLUMNS):
        digest.update(part)
    return digest.hexdigest()


def create_stage(connection: TenantConnection, name: str, columns: pa.Schema) -> None:
    """An empty temporary table, which ends with the transaction."""
    ddl = pgpq.ArrowToPostgresBinaryEncoder(columns).schema().ddl(name, temp_table=True)
    connection.execute(f"{ddl.rstrip(';')} ON COMMIT DROP".encode())


def copy_into_stage(connection: TenantConnection, name: str, columns: pa.Schema, file: Path) -> str:
    """Copy those columns of the file into the table; returns the SHA-256 of what was sent, in hex."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)".encode()) as copy:
        for part in _binary_copy(file, columns):
            digest.update(part)
            copy.write(part)
    return digest.hexdigest()


def _binary_copy(file: Path, columns: pa.Schema) -> Iterator[bytes]:
    """The file in PostgreSQL's binary COPY format, in parts of bounded size."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(columns)
    yield encoder.write_header()
    for batch in _batches(file, columns):
        yield encoder.write_batch(batch)
    yield encoder.finish()


def _batches(file: Path, columns: pa.Schema) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file) as parquet:
        missing = set(columns.names) - set(parquet.schema_arrow.names)
        if missing:
            raise _not_ours(file, f"lacks {', '.join(sorted(missing))}")
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns.names):
            try:
                yield _without_nul(batch.select(columns.names).cast(columns))
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
        f"the file of the matching {what}",
        where=file.name,
        remedy="It was written by another version of the program: run the day again.",
    )
