"""Where files of evidence lie: one path per processor, day and attempt, and the handle of the latest attempt."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.settings import Settings

Handle = TypeVar("Handle")
"""One of the dataclasses of `recon_assets.assets.handles`, or a `RawFeed`."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The folders of a deployment. An attempt is one Dagster run."""

    root: Path
    reports: Path
    archive: Path
    duckdb_memory_limit: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "Storage":
        """The folders that the settings name."""
        return cls(
            root=settings.storage_root,
            reports=settings.reports_dir,
            archive=settings.data_dir / "archive",
            duckdb_memory_limit=settings.duckdb_memory_limit,
        )

    def attempt_folder(self, *, processor: str, business_date: date, attempt: str, stage: str) -> str:
        """Folder of one stage of one attempt, relative to `root`."""
        return f"{processor}/{business_date.isoformat()}/{attempt}/{stage}"

    def save_handle(self, handle: object, *, processor: str, day: str, stage: str) -> None:
        """Replace the handle of `stage`; a reader sees the old one or the new one."""
        with replaced_whole(self.handle_file(processor=processor, day=day, stage=stage)) as unfinished:
            unfinished.write_bytes(msgspec.json.encode(handle))

    def load_handle(self, kind: type[Handle], *, processor: str, day: str, stage: str) -> Handle:
        """What `stage` last handed over for this day.

        Raises `FeedNotUnderstood` when it was not materialised, or by a version that this one can't read.
        """
        path = self.handle_file(processor=processor, day=day, stage=stage)
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError as error:
            raise FeedNotUnderstood(
                f"{processor}/{stage} was not materialised for {day}",
                where=path.name,
                remedy=f"Materialise {processor}/{stage} for {day} first, or run `recon run`.",
            ) from error
        except msgspec.ValidationError as error:
            raise FeedNotUnderstood(
                f"what {processor}/{stage} left for {day} is of another version of this program",
                where=path.name,
                remedy=f"Materialise {processor}/{stage} for {day} again.",
            ) from error

    def handle_file(self, *, processor: str, day: str, stage: str) -> Path:
        """The handle of the latest attempt that finished `stage`."""
        return self.root / processor / day / "latest" / f"{stage}.json"
