"""Files in a folder as a feed: which files belong to a day, their bytes brought over, and read again later."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import (
    ConfigurationError,
    FeedNotUnderstood,
    FeedRefused,
    FeedUnavailable,
    LimitExceeded,
)
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.files.csv_records import CsvRecords
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.json_records import JsonRecords
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.raw import RawFeed, RawFeedWriter, RawFile

MAX_FILES: Final = 1_000
MAX_FILE_BYTES: Final = 32 * 1024**3
MAX_NAME_LENGTH: Final = 200
_COPY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FilesAdapter:
    """Implements `recon_assets.feeds.adapter.Adapter` for one side of one processor."""

    processor: str
    side: Side
    description: FilesDescription
    feeds_dir: Path

    @property
    def kind(self) -> str:
        """Always `files`."""
        return "files"

    @property
    def folder(self) -> Path:
        """Where the files are; `folder` of the description, relative to the feeds folder unless absolute."""
        return self.feeds_dir / self.description.folder

    @property
    def source(self) -> str:
        """Folder and pattern."""
        return f"{self.folder}/{self.description.pattern}"

    def probe(self) -> None:
        """Raise as `fetch` would when the folder is not there or may not be listed."""
        if not self.folder.is_dir():
            raise ConfigurationError(
                f"the feed folder of {self.processor} ({self.side}) does not exist",
                where=str(self.folder),
                remedy="Create it, or correct `folder` in the description or RECON_FEEDS_DIR.",
            )
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise FeedRefused(
                "the feed folder may not be read", where=str(self.folder), remedy="Give our user access to it."
            )

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Copy the files of the day, byte for byte. No file, or an empty one, is noted as a problem.

        Raises `FeedUnavailable` for a file that is still being written.
        """
        self.probe()
        pattern = self.description.pattern_of(day.business_date)
        found = sorted(path for path in self.folder.glob(pattern) if path.is_file())
        if not found:
            into.note_problem(f"no file for {day.text} yet: looked for {pattern} in {self.folder}")
            return
        if len(found) > MAX_FILES:
            raise LimitExceeded(
                f"{len(found)} files for one day, the limit is {MAX_FILES}",
                where=self.source,
                remedy="Make `pattern` narrower, or join the files.",
            )
        names = _plain_names([path.relative_to(self.folder).as_posix() for path in found])
        copied = [
            into.add_file(name, source=str(path.relative_to(self.folder)), chunks=_bytes_of(path))
            for path, name in zip(found, names, strict=True)
        ]
        self._judge_emptiness(found, copied, into)

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:  # noqa: ARG002
        """Parse the stored files in order. Which day a row belongs to is judged later, on all rows."""
        parser = BatchParser(self.description)
        for file in raw.files:
            if file.size_bytes:
                yield from (parser.parse(batch) for batch in self._records(folder / file.name))

    def _records(self, path: Path) -> CsvRecords | JsonRecords:
        kind = CsvRecords if self.description.format == "csv" else JsonRecords
        return kind(path, self.description)

    def _judge_emptiness(self, found: list[Path], copied: list[RawFile], into: RawFeedWriter) -> None:
        """Say what files without records mean, and refuse to count the same bytes twice."""
        with_records: dict[str, str] = {}
        empty: list[str] = []
        for path, file in zip(found, copied, strict=True):
            if not file.size_bytes and self.description.format == "csv":
                into.note_problem(f"{file.source} is empty, not even a header")
            elif not self._has_records(path):
                empty.append(file.source)
            elif file.sha256 in with_records:
                into.note_problem(f"{file.source} has the same bytes as {with_records[file.sha256]}")
            else:
                with_records[file.sha256] = file.source
        if with_records or not empty:
            return
        if self.description.empty_file_means_no_movements:
            into.say_empty()
            return
        into.note_problem(
            f"{empty[0]} has no records; if that means that nothing happened, "
            "set `empty_file_means_no_movements` in the description"
        )

    def _has_records(self, path: Path) -> bool:
        """A file that is not understood is for `read` to refuse: by then its bytes are kept."""
        try:
            return self._records(path).are_there()
        except (FeedNotUnderstood, UnicodeError, OSError):
            return True


def _bytes_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file that nobody is writing. Raises `FeedUnavailable` when it changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > MAX_FILE_BYTES:
                raise LimitExceeded(
                    f"a file is larger than {MAX_FILE_BYTES} bytes", where=str(path), remedy="Split the file."
                )
            while chunk := file.read(_COPY_BYTES):
                yield chunk
            after, at_path = os.fstat(file.fileno()), path.stat()
    except OSError as error:
        raise FeedUnavailable(
            "a file could not be read to its end", where=str(path), remedy="Try again; check the disk or share."
        ) from error
    if not (_version(before) == _version(after) == _version(at_path)):
        raise FeedUnavailable(
            "a file changed while it was copied", where=str(path), remedy="Try again when its writer has finished."
        )


def _version(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns


def _plain_names(relative_paths: Iterable[str]) -> list[str]:
    """A name for each file that is safe on every store, unique, and still recognisable."""
    names: list[str] = []
    for path in relative_paths:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path).lstrip(".")[-MAX_NAME_LENGTH:] or "file"
        name, number = plain, 1
        while name.lower() in {taken.lower() for taken in names}:
            number += 1
            name = f"{number}_{plain}"
        names.append(name)
    return names
