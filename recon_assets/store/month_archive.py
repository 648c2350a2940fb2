"""The rows of a month as a file that anybody can read: CSV below gzip, and a manifest that says what it holds.

Written whole, synced and read back. Not here: which months, and what becomes of them in the database (`retention`).
"""

import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store.errors import translated_errors
from recon_assets.store.runs import assert_idle
from recon_assets.store.tenancy import TenantConnection

FOLDER: Final = "retired"
"""Below the archive's root; in it one folder for each retired month, named as its table."""

ROWS_FILE: Final = "discrepancies.csv.gz"
MANIFEST: Final = "manifest.json"
FORMAT: Final = "recon-retired-month-v1"
STATEMENT_TIMEOUT_S: Final = 3_600

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
    Raises `StoreRefused` when what is read back is not what was written, `StoreUnavailable` when it can't be written.
    """
    try:
        return _archive(connection, partition, month, root, taken)
    except OSError as error:
        raise StoreUnavailable(
            f"the archive of the month can't be written: {error.strerror}",
            where=str(root / FOLDER),
            remedy="Make room or mend the rights there, and apply again; the month stays attached.",
        ) from error


def _archive(
    connection: TenantConnection, partition: str, month: date, root: Path, taken: frozenset[str]
) -> ArchivedMonth:
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f".{partition}.*"):
        shutil.rmtree(left_over)
    unfinished = folder / f".{partition}.{os.getpid()}"
    unfinished.mkdir()
    try:
        manifest = _export(connection, partition, month, unfinished / ROWS_FILE)
        name = _free_name(folder, partition, manifest, taken)
        if not (folder / name).exists():
            manifest = replace(manifest, table=name)
            document = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2)
            (unfinished / MANIFEST).write_bytes(document + b"\n")
            for written in (unfinished / ROWS_FILE, unfinished / MANIFEST, unfinished):
                _sync(written)
            unfinished.rename(folder / name)
        for renamed in (folder, root):
            _sync(renamed)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _read_back(root, name)


def _free_name(folder: Path, partition: str, manifest: MonthManifest, taken: frozenset[str]) -> str:
    """The first that is free, or has these rows already."""
    for number in count(1):
        name = partition if number == 1 else f"{partition}_{number}"
        if name in taken:
            continue
        if not (folder / name).exists() or _manifest(folder / name).text_sha256 == manifest.text_sha256:
            return name
    raise AssertionError("a free number comes")


def _export(connection: TenantConnection, partition: str, month: date, file: Path) -> MonthManifest:
    """All rows of one snapshot, and what the record says about them in it."""
    table = sql.Identifier(partition)
    text = hashlib.sha256()
    with _snapshot(connection):
        columns = connection.execute(_COLUMNS, [f"public.{partition}"]).fetchall()
        (row_count,) = _one(connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(table)))
        events = connection.execute(_DIGEST_EVENTS.format(table)).fetchall()
        head = connection.execute(_HEAD).fetchone()
        with (
            file.open("xb") as target,
            gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed,  # equal rows are equal bytes
            connection.cursor() as cursor,
            cursor.copy(_ROWS.format(table)) as copy,
        ):
            for part in copy:
                text.update(part)
                packed.write(part)
    return MonthManifest(
        format=FORMAT,
        month=f"{month:%Y-%m}",
        table=partition,
        file=ROWS_FILE,
        row_count=row_count,
        size_bytes=file.stat().st_size,
        sha256=_sha256(file),
        text_sha256=text.hexdigest(),
        columns=tuple(Column(*column) for column in columns),
        digest_events=tuple(seq for (seq,) in events),
        seal=SealHead(*head) if head else None,
        exported_at=datetime.now(UTC),
    )


@contextmanager
def _snapshot(connection: TenantConnection) -> Iterator[None]:
    """One read-only snapshot of everybody's rows, with values printed in one way."""
    assert_idle(connection)
    before = connection.isolation_level, connection.read_only
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        with translated_errors("reading the month"), connection.transaction():
            for name, value in _SNAPSHOT.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])
            yield
    finally:
        if not connection.closed:
            connection.isolation_level, connection.read_only = before


def _read_back(root: Path, name: str) -> ArchivedMonth:
    """What lies there now, read from the disk again: bytes, text and number of rows as the manifest says."""
    folder = root / FOLDER / name
    manifest = _manifest(folder)
    text, lines, quotes = hashlib.sha256(), 0, 0
    try:
        with gzip.open(folder / ROWS_FILE) as unpacked:
            for line in unpacked:  # a line feed inside of quotes belongs to a value
                text.update(line)
                quotes += line.count(b'"')
                lines += quotes % 2 == 0
        found = (_sha256(folder / ROWS_FILE), text.hexdigest(), lines - 1)
    except (OSError, EOFError, zlib.error):
        found = ("", "", 0)
    if found != (manifest.sha256, manifest.text_sha256, manifest.row_count):
        raise StoreRefused(
            "the archive of the month can't be read back as it was written",
            where=str(folder),
            remedy="Check the disk, move that folder away for inspection, and apply again; the month stays attached.",
        )
    return ArchivedMonth(
        name=name, file=f"{FOLDER}/{name}/{ROWS_FILE}", manifest=manifest, manifest_sha256=_sha256(folder / MANIFEST)
    )


def _manifest(folder: Path) -> MonthManifest:
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=MonthManifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreRefused(
            "the manifest of an archived month can't be read",
            where=str(folder / MANIFEST),
            remedy="Move that folder away for inspection, and apply again.",
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """A file's bytes, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "an aggregate has one row"
    return row
