"""Files in a place as a feed: which files belong to a day, their bytes brought over, and read again later."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded, ReconError
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.files.controls import Read, problems_of, read_file, trailer_problems
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.late import LateFiles
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.files.places import (
    OpenPlace,
    Place,
    PlacedFile,
    brought,
    fits,
    note_repeats,
    place_at,
    used_once,
)
from recon_assets.feeds.files.records import batches_of, records_of
from recon_assets.feeds.raw import RawFeed, RawFeedWriter, RawFile

MAX_FILES: Final = 1_000
MAX_FILE_BYTES: Final = 32 * 1024**3
MAX_NAME_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class FilesAdapter:
    """Implements `recon_assets.feeds.adapter.Adapter` for one side of one processor."""

    processor: str
    side: Side
    description: FilesDescription
    feeds_dir: Path
    credentials: Credentials = ENVIRONMENT

    @property
    def kind(self) -> str:
        """Always `files`."""
        return "files"

    @property
    def place(self) -> Place:
        """Where the files are: `folder` of the description."""
        return place_at(
            self.description.folder,
            feeds_dir=self.feeds_dir,
            login=self.description.sftp,
            credentials=self.credentials,
        )

    @property
    def source(self) -> str:
        """Place and pattern."""
        return f"{self.place.address}/{self.description.pattern}"

    @property
    def late_files(self) -> LateFiles:
        """How long, and how, the feed is looked at for files that come late."""
        return self.description.late_files

    def listed(self, files: OpenPlace, business_date: date) -> list[PlacedFile]:
        """The files that `fetch` would bring for a day, trailers last. Raises as the place does, or `LimitExceeded`."""
        found, trailers = self._found(files, business_date)
        return [*found, *trailers] if found else []

    def probe(self) -> None:
        """Raise as `fetch` would when the place can't be reached or may not be listed."""
        self.place.probe()

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Bring the files of the day, byte for byte. No file, an empty one, or one still being written is a problem."""
        with self.place.opened() as files:
            found, trailers = self._found(files, day.business_date)
            if not found:
                pattern = self.description.pattern_of(day.business_date)
                into.note_problem(f"no file for {day.text} yet: looked for {pattern} in {self.place.address}")
                return
            brought_files = _brought(files, [*found, *trailers], into)
        trailer_paths = {file.path for file in trailers}
        used = note_repeats([file for file in brought_files if file.source not in trailer_paths], into)
        self._judge_emptiness(used, into)
        if self.description.states_totals and len(brought_files) == len(found) + len(trailers):
            self._check_totals(used, [file for file in brought_files if file.source in trailer_paths], day, into)

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Parse the stored files in order. Which day a row belongs to is judged later, on all rows."""
        parser = BatchParser(self.description)
        trailer = self.description.trailer_pattern_of(day.business_date)
        files = [file for file in raw.files if not (trailer and fits(file.source, trailer))]
        for file in used_once(files):
            if file.size_bytes:
                yield from (parser.parse(batch) for batch in batches_of(folder / file.name, self.description))

    def _found(self, files: OpenPlace, business_date: date) -> tuple[list[PlacedFile], list[PlacedFile]]:
        """Files with records, and trailers."""
        trailer_pattern = self.description.trailer_pattern_of(business_date)
        trailers = [] if trailer_pattern is None else files.listing(trailer_pattern)
        found = [file for file in files.listing(self.description.pattern_of(business_date)) if file not in trailers]
        if len(found) > MAX_FILES:
            raise LimitExceeded(
                f"{len(found)} files for one day, the limit is {MAX_FILES}",
                where=self.source,
                remedy="Make `pattern` narrower, or join the files.",
            )
        return found, trailers

    def _check_totals(
        self, found: list[RawFile], trailers: list[RawFile], day: BusinessDay, into: RawFeedWriter
    ) -> None:
        """Hold what the files say of themselves, and what their trailer says, against their records."""
        whole = Read()
        for file in found:
            try:
                read = read_file(into.path_of(file), self.description)
            except (ReconError, UnicodeError, OSError):
                return  # for `read` to refuse: by then its bytes are kept
            whole.and_also(read)
            if file.size_bytes:
                for problem in problems_of(file.source, read, self.description):
                    into.note_problem(problem)
        if self.description.trailer is None:
            return
        if not trailers:
            into.note_problem(
                f"no trailer for {day.text} yet: looked for {self.description.trailer_pattern_of(day.business_date)}"
            )
        for file in trailers:
            name = PurePosixPath(file.source).name
            for problem in trailer_problems(into.path_of(file), name, whole, self.description):
                into.note_problem(problem)

    def _judge_emptiness(self, found: list[RawFile], into: RawFeedWriter) -> None:
        """Say what files without records mean."""
        with_records, empty = False, list[str]()
        for file in found:
            if not file.size_bytes and self.description.format == "csv":
                into.note_problem(f"{file.source} is empty, not even a header")
            elif self._has_records(into.path_of(file)):
                with_records = True
            else:
                empty.append(file.source)
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


def _brought(files: OpenPlace, wanted: list[PlacedFile], into: RawFeedWriter) -> list[RawFile]:
    names = _plain_names(file.path for file in wanted)
    every = [
        brought(files, file, name, max_bytes=MAX_FILE_BYTES, into=into)
        for file, name in zip(wanted, names, strict=True)
    ]
    return [file for file in every if file is not None]


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
