"""Raw feeds: the bytes as they came, with their SHA-256 and what the feed claimed about itself.

What belongs here: keeping bytes and claims. Not here: fetching them (`http`, `files`) or understanding them.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import Side


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file as it came. `source` is where from, without credentials: a URL or a file name.

    `version` is what its place called this state of it; None where a place has no such word.
    """

    name: str
    source: str
    size_bytes: int
    sha256: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class RawFeed:
    """The raw feed of one side of one processor-day.

    `folder` is relative to the storage root. `promised_records` is what the feed said it holds, if it said so;
    `says_empty` is an explicit statement that nothing happened; `problems` are sentences about what did not come,
    `facts` about what came and is no problem, such as a file that came twice.
    """

    processor: str
    side: Side
    business_date: date
    folder: str
    files: tuple[RawFile, ...]
    feed_kind: str
    promised_records: int | None
    says_empty: bool
    problems: tuple[str, ...]
    fetched_at: datetime
    facts: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def sha256(self) -> str:
        """Of the names and SHA-256 of all files, in their order: equal when the same bytes came."""
        named = "".join(f"{file.sha256}  {file.name}\n" for file in self.files)
        return hashlib.sha256(named.encode()).hexdigest()


class RawFeedWriter:
    """Writes the raw files of one feed into a folder that appears whole or not at all.

    Use as a context manager; `finish` moves the finished folder into its place. A folder that is already there is
    replaced: the attempt that owns it is being repeated. Left without `finish`, nothing remains.
    """

    def __init__(self, *, storage_root: Path, folder: str, day: BusinessDay, side: Side, feed_kind: str) -> None:
        self._root, self._folder, self._day, self._side, self._kind = storage_root, folder, day, side, feed_kind
        self._target = storage_root / folder
        self._unfinished = self._target.with_name(f".{self._target.name}.{os.getpid()}")
        self._files: list[RawFile] = []
        self._problems: list[str] = []
        self._facts: list[str] = []
        self._promised: int | None = None
        self._says_empty = False

    def __enter__(self) -> Self:
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def add_file(self, name: str, *, source: str, chunks: Iterable[bytes], version: str | None = None) -> RawFile:
        """Store the bytes of one file, unchanged, and fsync them. When `chunks` raises, nothing of the file is kept."""
        assert "/" not in name and name not in {file.name for file in self._files}, (
            "raw file names are plain and unique"
        )
        digest, size, path = hashlib.sha256(), 0, self._unfinished / name
        try:
            with path.open("wb") as out:
                for chunk in chunks:
                    out.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        file = RawFile(name=name, source=source, size_bytes=size, sha256=digest.hexdigest(), version=version)
        self._files.append(file)
        return file

    def path_of(self, file: RawFile) -> Path:
        """Where the bytes of a file are until `finish`."""
        return self._unfinished / file.name

    def promise(self, records: int) -> None:
        """The feed said how many records it holds."""
        self._promised = records

    def say_empty(self) -> None:
        """The feed said, explicitly, that nothing happened on this day."""
        self._says_empty = True

    def note_problem(self, sentence: str) -> None:
        """Something did not come or does not add up: the day can't be concluded. No payment values."""
        self._problems.append(sentence)

    def note_fact(self, sentence: str) -> None:
        """Something to know about what came; the day can be concluded. No payment values."""
        self._facts.append(sentence)

    def finish(self) -> RawFeed:
        """Put the folder in place and return what is in it."""
        shutil.rmtree(self._target, ignore_errors=True)
        self._unfinished.rename(self._target)
        return RawFeed(
            processor=self._day.processor,
            side=self._side,
            business_date=self._day.business_date,
            folder=self._folder,
            files=tuple(self._files),
            feed_kind=self._kind,
            promised_records=self._promised,
            says_empty=self._says_empty,
            problems=tuple(self._problems),
            fetched_at=datetime.now(UTC),
            facts=tuple(self._facts),
        )
