"""The feed `paypal_settlement`: settlement reports (STL) in a folder, as PayPal's SFTP server keeps them.

What belongs here: which files are a day's report. Not here: what is in them (`settlement_report`).
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, LimitExceeded
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import Adapter, ParsedChunk
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.paypal.entries import Entry, chunk_of
from recon_assets.processors.paypal.settlement_report import SettlementReport

CHUNK_ROWS: Final = 20_000
MAX_FILES: Final = 100
"""Of one day. PayPal begins a new one after a million rows."""

MAX_FILE_BYTES: Final = 4 * 1024**3
_COPY_BYTES: Final = 1024 * 1024
_DATE: Final = "{date}"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def _names_the_day(pattern: str) -> str:
    if pattern.count(_DATE) != 1 or set(pattern.replace(_DATE, "")) & set("{}/"):
        raise ValueError("must be a file name with {date}, which becomes yyyymmdd, once")
    return pattern


class PayPalSettlementFeed(BaseModel):
    """Configuration. `whole_unit_currencies`: PayPal writes these without decimals, ISO 4217 gives them two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["paypal_settlement"] = "paypal_settlement"
    folder: str
    pattern: Annotated[str, AfterValidator(_names_the_day)] = "STL-{date}.*.CSV"
    whole_unit_currencies: frozenset[str] = frozenset({"HUF", "TWD"})

    def adapter(self, *, processor: str, feeds_dir: Path) -> Adapter:
        """The feed of `processor`; `folder` is below `feeds_dir` unless absolute."""
        return PayPalSettlementAdapter(
            processor=processor,
            folder=feeds_dir / self.folder,
            pattern=self.pattern,
            whole_unit_currencies=self.whole_unit_currencies,
        )


@dataclass(frozen=True, slots=True)
class PayPalSettlementAdapter:
    """An `Adapter`. Safe to repeat."""

    processor: str
    folder: Path
    pattern: str
    whole_unit_currencies: frozenset[str]

    @property
    def kind(self) -> str:
        """Always `paypal_settlement`."""
        return "paypal_settlement"

    @property
    def source(self) -> str:
        """Folder and pattern."""
        return f"{self.folder}/{self.pattern}"

    def probe(self) -> None:
        """Raise as `fetch` would when the folder is not there or may not be listed."""
        if not self.folder.is_dir():
            raise ConfigurationError(
                f"the folder of {self.processor}'s settlement reports does not exist",
                where=str(self.folder),
                remedy="Create it, or correct `folder` in the configuration or RECON_FEEDS_DIR.",
            )
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise FeedRefused(
                "the folder of the settlement reports may not be read",
                where=str(self.folder),
                remedy="Give our user access to it.",
            )

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Copy the day's files and hold their footers against their rows: what differs is a noted problem.

        Raises `FeedUnavailable` for a file that is still being written, and `FeedNotUnderstood` for another kind.
        """
        self.probe()
        found = self._files_of(day.business_date)
        if not found:
            into.note_problem(
                f"no settlement report for {day.text} yet: looked for {self._pattern_of(day.business_date)} in "
                f"{self.folder}; PayPal delivers it by noon of the next day, in the first time zone of its window"
            )
            return
        source_of_digest: dict[str, str] = {}
        report = self._report()
        for path in found:
            file = into.add_file(path.name, source=path.name, chunks=_bytes_of(path))
            if file.sha256 in source_of_digest:
                into.note_problem(f"{path.name} has the same bytes as {source_of_digest[file.sha256]}")
            source_of_digest.setdefault(file.sha256, path.name)
            for _ in report.read(path):
                pass
        report.finish()
        for problem in report.problems:
            into.note_problem(problem)
        if report.promised is not None:
            into.promise(report.promised)
        if not report.rows and not report.problems:
            into.say_empty()

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:  # noqa: ARG002
        """Parse the stored files in the order of their names and rows."""
        report, seen = self._report(), Counter[str]()
        taken = (row for file in raw.files for row in report.read(folder / file.name))
        while rows := list(islice(taken, CHUNK_ROWS)):
            yield _chunk(rows, seen)

    def _report(self) -> SettlementReport:
        return SettlementReport(whole_unit_currencies=self.whole_unit_currencies)

    def _pattern_of(self, business_date: date) -> str:
        return self.pattern.replace(_DATE, f"{business_date:%Y%m%d}")

    def _files_of(self, business_date: date) -> list[Path]:
        found = sorted(path for path in self.folder.glob(self._pattern_of(business_date)) if path.is_file())
        if len(found) > MAX_FILES:
            raise LimitExceeded(
                f"{len(found)} files for one day, the limit is {MAX_FILES}",
                where=self.source,
                remedy="Make `pattern` narrower.",
            )
        for path in found:
            if not _PLAIN_NAME.fullmatch(path.name):
                raise ConfigurationError(
                    "the pattern finds a file whose name is not PayPal's",
                    where=self.source,
                    remedy="Names hold letters, digits, points, hyphens and underscores. Make `pattern` narrower.",
                )
        return found


def _chunk(rows: Iterable[Entry | RejectedRow], seen: Counter[str]) -> ParsedChunk:
    entries: list[Entry] = []
    rejected: list[RejectedRow] = []
    for row in rows:
        if isinstance(row, RejectedRow):
            rejected.append(row)
        else:
            entries.append(row)
    return chunk_of(entries, rejected, seen=seen)


def _bytes_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file that nobody is writing. Raises `FeedUnavailable` when it changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > MAX_FILE_BYTES:
                raise LimitExceeded(
                    f"a file is larger than {MAX_FILE_BYTES} bytes", where=str(path), remedy="Make `pattern` narrower."
                )
            while chunk := file.read(_COPY_BYTES):
                yield chunk
            after, at_path = os.fstat(file.fileno()), path.stat()
    except OSError as error:
        raise FeedUnavailable(
            "a file could not be read to its end", where=str(path), remedy="Try again; check the disk or share."
        ) from error
    if len({(state.st_ino, state.st_size, state.st_mtime_ns) for state in (before, after, at_path)}) > 1:
        raise FeedUnavailable(
            "a file changed while it was copied", where=str(path), remedy="Try again when its writer has finished."
        )
