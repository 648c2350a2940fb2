"""Where files of evidence lie: one path per processor, day and attempt, and the handle of the latest attempt."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.matching.runner import DuckDB, Engine, Spark
from recon_assets.settings import Settings

Handle = TypeVar("Handle")
"""One of the dataclasses of `recon_assets.assets.handles`, or a `RawFeed`."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One Dagster run of one processor-day. `day` is the partition key, `dagster_run_id` names the attempt."""

    processor: str
    day: str
    dagster_run_id: str

    @property
    def folder(self) -> str:
        """Where its files lie, relative to the storage root."""
        return f"{self.processor}/{self.day}/{self.dagster_run_id}"


def matching_engine(settings: Settings) -> Engine:
    """The engine that the settings name, with what is its own."""
    if settings.matching_engine == "spark":
        return Spark(settings.spark_remote)
    return DuckDB(settings.duckdb_memory_limit)


@dataclass(frozen=True, slots=True)
class Storage:
    """The folders of a deployment."""

    root: Path
    reports: Path
    archive: Path
    duckdb_memory_limit: str
    engine: Engine
    """Which engine compares the two sides of a day."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Storage":
        """The folders that the settings name."""
        return cls(
            root=settings.storage_root,
            reports=settings.reports_dir,
            archive=settings.archive_dir,
            duckdb_memory_limit=settings.duckdb_memory_limit,
            engine=matching_engine(settings),
        )

    def save_handle(self, handle: object, *, attempt: Attempt, stage: str) -> None:
        """Keep what `stage` hands over: for the stages of this attempt, and as the latest of its day."""
        document = msgspec.json.encode(handle)
        for path in (self.root / attempt.folder / f"{stage}.json", self._latest(attempt, stage)):
            with replaced_whole(path) as unfinished:
                unfinished.write_bytes(document)

    def load_handle(self, kind: type[Handle], *, attempt: Attempt, stage: str) -> Handle:
        """What `stage` handed over in this attempt, else in the latest that had it.

        Two runs of one day at the same time therefore never see one another's files.
        Raises `FeedNotUnderstood` when it was not materialised, or by a version that this one can't read.
        """
        own = self.root / attempt.folder / f"{stage}.json"
        path = own if own.exists() else self._latest(attempt, stage)
        what = f"{attempt.processor}/{stage}"
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError as error:
            raise FeedNotUnderstood(
                f"{what} was not materialised for {attempt.day}",
                where=path.name,
                remedy=f"Materialise {what} for {attempt.day} first, or run `recon run`.",
            ) from error
        except msgspec.ValidationError as error:
            raise FeedNotUnderstood(
                f"what {what} left for {attempt.day} is of another version of this program",
                where=path.name,
                remedy=f"Materialise {what} for {attempt.day} again.",
            ) from error

    def was_attempted(self, processor: str, day: str) -> bool:
        """Whether any run of this processor-day got so far as to fetch, however it ended."""
        return (self.root / processor / day).is_dir()

    def latest_handle(self, kind: type[Handle], *, processor: str, day: str, stage: str) -> Handle | None:
        """What `stage` handed over in the latest attempt that had it; None when none had, or of another version."""
        attempt = Attempt(processor=processor, day=day, dagster_run_id="latest")
        try:
            return self.load_handle(kind, attempt=attempt, stage=stage)
        except FeedNotUnderstood:
            return None

    def _latest(self, attempt: Attempt, stage: str) -> Path:
        return self.root / attempt.processor / attempt.day / "latest" / f"{stage}.json"
