"""The rows of a month as a file that anybody can read: CSV below gzip, and a manifest that says what it holds.

Written whole, synced and read back. Not here: which months, and what becomes of them in the database (`retention`).
"""

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql

from recon_assets.domain.errors import StoreRefused
from recon_assets.store.tenancy import TenantConnection

FOLDER: Final = "retired"
"""Below the archive's root; in it one folder for each retired month, named as its table."""

ROWS_FILE: Final = "discrepancies.csv.gz"
MANIFEST: Final = "manifest.json"
FORMAT: Final = "recon-retired-month-v1"
STATEMENT_TIMEOUT_S: Final = 3_600
READ_BYTES: Final = 1 << 20

_SNAPSHOT: Final[Mapping[str, str]] = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "row_security": "off",  # who may not see every tenant's rows is refused, not shown a part
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
}
_COLUMNS: Final = """
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_DIGEST_EVENTS: Final = sql.SQL("""
    SELECT e.seq FROM public.audit_log AS e
    WHERE e.action = 'BULK_INSERT' AND e.table_name = 'discrepancies'
    AND e.run_id IN (SELECT r.run_id FROM public.{} AS r)
    ORDER BY e.seq
""")
_HEAD: Final = """
    SELECT seal_no, encode(seal_hash, 'hex') FROM public.audit_seals ORDER BY seal_no DESC LIMIT 1
"""
_ROWS: Final = sql.SQL("""
    COPY (SELECT * FROM public.{} ORDER BY tenant_id, business_date, run_id, id) TO STDOUT (FORMAT csv, HEADER)
""")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file, with the type that PostgreSQL has for it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class SealHead:
    """The last seal when the month was read: the events of its rows lie below it."""

    seal_no: int
    seal_hash: str


@dataclass(frozen=True, slots=True)
class MonthManifest:
    """What `manifest.json` says. `sha256` is of the file as it lies there, `text_sha256` of the CSV inside.

    `digest_events` are the numbers (seq) of the audit events that hold the digests of these rows.
    """

    format: str
    month: str
    table: str
    file: str
    row_count: int
    size_bytes: int
    sha256: str
    text_sha256: str
    columns: tuple[Column, ...]
    digest_events: tuple[int, ...]
    seal: SealHead | None
    exported_at: datetime


@dataclass(frozen=True, slots=True)
class ArchivedMonth:
    """`name` is that of the folder, and of the retired table; `file` is relative to the archive's root."""

    name: str
    file: str
    manifest: MonthManifest
    manifest_sha256: str

    @property
    def event(self) -> dict[str, Any]:
        """What the audit log is to remember."""
        return {
            "month": self.manifest.month,
            "file": self.file,
            "row_count": self.manifest.row_count,
            "sha256": self.manifest.sha256,
            "text_sha256": self.manifest.text_sha256,
            "manifest_sha256": self.manifest_sha256,
        }


def archive_month(
    connection: TenantConnection, *, partition: str, month: date, root: Path, taken: frozenset[str]
) -> ArchivedMonth:
    """Write the rows of `partition`, those of every tenant, below `root/retired/{name}`.

    The name is the partition's, with `_2` and so on where it is in `taken` or holds other rows: no archive is ever
    overwritten. What a killed attempt left whole and no retired table has is taken over when its rows are these.
    Raises `StoreRefused` when what is read back is not what was written.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f".{partition}.*"):
        shutil.rmtree(left_over)
    unfinished = folder / f".{partition}.{os.getpid()}"
    unfinished.mkdir()
    try:
        manifest = _export(connection, partition, month, unfinished / ROWS_FILE)
        for name in _names(partition):
            if name in taken:
                continue
            if (folder / name).exists():
                if _text_sha256(folder / name) != manifest.text_sha256:
                    continue
                return _read_back(root, name)
            manifest = msgspec.structs.replace(manifest, table=name) if False else manifest
            _write_synced(unfinished / MANIFEST, _encoded(manifest, table=name))
            _sync_folder(unfinished)
            unfinished.rename(folder / name)
            _sync_folder(folder)
            return _read_back(root, name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    raise AssertionError("there is always another name")
