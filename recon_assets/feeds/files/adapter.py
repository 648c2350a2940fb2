"""Files in a folder as a feed: which files belong to a day, their bytes brought over, and read again later."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import (
    ConfigurationError,
    FeedNotUnderstood,
    FeedRefused,
    FeedUnavailable,
    LimitExceeded,
    ReconError,
)
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.files.controls import Read, problems_of, read_file, trailer_problems
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.files.records import batches_of, records_of
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
        trailers = self._trailers(day)
        found = sorted(path for path in self.folder.glob(pattern) if path.is_file() and path not in trailers)
        if not found:
            into.note_problem(f"no file for {day.text} yet: looked for {pattern} in {self.folder}")
            return
        if len(found) > MAX_FILES:
            raise LimitExceeded(
                f"{len(found)} files for one day, the limit is {MAX_FILES}",
                where=self.source,
                remedy="Make `pattern` narrower, or join the files.",
            )
        copied = self._copied([*found, *trailers], into)
        self._judge_emptiness(found, copied[: len(found)], into)
        if self.description.states_totals:
            self._check_totals(found, trailers, day, into)

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Parse the stored files in order. Which day a row belongs to is judged later, on all rows."""
        parser = BatchParser(self.description)
        trailer = self.description.trailer_pattern_of(day.business_date)
        for file in raw.files:
            if file.size_bytes and not (trailer and PurePosixPath(file.source).match(trailer)):
                yield from (parser.parse(batch) for batch in batches_of(folder / file.name, self.description))

    def _trailers(self, day: BusinessDay) -> list[Path]:
        pattern = self.description.trailer_pattern_of(day.business_date)
        return [] if pattern is None else sorted(path for path in self.folder.glob(pattern) if path.is_file())

    def _copied(self, paths: list[Path], into: RawFeedWriter) -> list[RawFile]:
        names = _plain_names([path.relative_to(self.folder).as_posix() for path in paths])
        return [
            into.add_file(name, source=path.relative_to(self.folder).as_posix(), chunks=_bytes_of(path))
            for path, name in zip(paths, names, strict=True)
        ]

    def _check_totals(self, found: list[Path], trailers: list[Path], day: BusinessDay, into: RawFeedWriter) -> None:
        """Hold what the files say of themselves, and what their trailer says, against their records."""
        whole = Read()
        for path in found:
            try:
                read = read_file(path, self.description)
            except (ReconError, UnicodeError, OSError):
                return  # for `read` to refuse: by then its bytes are kept
            whole.and_also(read)
            if path.stat().st_size:
                for problem in problems_of(path.relative_to(self.folder).as_posix(), read, self.description):
                    into.note_problem(problem)
        if self.description.trailer is None:
            return
        if not trailers:
            into.note_problem(
                f"no trailer for {day.text} yet: looked for {self.description.trailer_pattern_of(day.business_date)}"
            )
        for path in trailers:
            for problem in trailer_problems(path, path.name, whole, self.description):
                into.note_problem(problem)

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
            return records_of(path, self.description).are_there()
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
