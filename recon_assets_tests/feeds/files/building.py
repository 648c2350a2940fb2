"""Small builders for the tests of file feeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.schemas.frames import PARSED_SCHEMA

DAY = business_day("adyen", date(2025, 9, 30))
HEADER = "id,amount,currency,status,at"
COLUMNS = {"transaction_id": "id", "amount": "amount", "currency": "currency", "status": "status", "occurred_at": "at"}
SIMPLE: dict[str, Any] = {
    "kind": "files",
    "folder": "adyen",
    "pattern": "settlement_{date}*",
    "format": "csv",
    "columns": COLUMNS,
}


@dataclass(frozen=True)
class Read:
    """Everything that came out of a feed."""

    raw: RawFeed
    rows: pa.Table
    rejected: tuple[RejectedRow, ...]

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        return [(row.record_number, row.column, row.reason) for row in self.rejected]


def described(**changes: Any) -> FilesDescription:
    return FilesDescription.model_validate(SIMPLE | changes)


def described_by(path: Path) -> FilesDescription:
    return FilesDescription.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def adapter_in(folder: Path, description: FilesDescription, files: Mapping[str, bytes]) -> FilesAdapter:
    """An adapter whose folder holds `files`."""
    adapter = FilesAdapter("adyen", Side.PROCESSOR, description, folder / "feeds")
    place = Path(adapter.place.address)
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place.mkdir(parents=True, exist_ok=True)
    return adapter


def fetched(folder: Path, adapter: FilesAdapter, day: BusinessDay = DAY) -> RawFeed:
    with RawFeedWriter(
        storage_root=folder / "storage", folder="raw", day=day, side=Side.PROCESSOR, feed_kind="files"
    ) as into:
        adapter.fetch(day, into)
        return into.finish()


def read(folder: Path, adapter: FilesAdapter) -> Read:
    raw = fetched(folder, adapter)
    chunks = list(adapter.read(raw, folder / "storage" / raw.folder, DAY))
    rows = pa.concat_tables([chunk.rows for chunk in chunks]) if chunks else PARSED_SCHEMA.empty_table()
    return Read(raw, rows, tuple(row for chunk in chunks for row in chunk.rejected))


def read_bytes(folder: Path, content: bytes, **changes: Any) -> Read:
    """One file of the day, fetched and read by a simple description with `changes`."""
    return read(folder, adapter_in(folder, described(**changes), {f"settlement_{DAY.text}": content}))


def read_lines(folder: Path, *lines: str, **changes: Any) -> Read:
    return read_bytes(folder, "\n".join([HEADER, *lines, ""]).encode(), **changes)
