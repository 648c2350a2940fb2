"""Settlement reports (STL) of one business day, as an `Adapter`.

What belongs here: which files are a day's report. Not here: what is in them (`settlement_report`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import ConfigurationError, LimitExceeded
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.files.late import LateFiles
from recon_assets.feeds.files.places import (
    OpenPlace,
    Place,
    PlacedFile,
    brought,
    note_repeats,
    used_once,
)
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.paypal.entries import Entry, chunk_of
from recon_assets.processors.paypal.settlement_feed import DATE
from recon_assets.processors.paypal.settlement_report import SettlementReport

CHUNK_ROWS: Final = 20_000
MAX_FILES: Final = 100
"""Of one day. PayPal begins a new one after a million rows."""

MAX_FILE_BYTES: Final = 4 * 1024**3
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True, slots=True)
class PayPalSettlementAdapter:
    """Safe to repeat."""

    processor: str
    place: Place
    pattern: str
    late_files: LateFiles
    whole_unit_currencies: frozenset[str]

    @property
    def kind(self) -> str:
        """Always `paypal_settlement`."""
        return "paypal_settlement"

    @property
    def source(self) -> str:
        """Place and pattern."""
        return f"{self.place.address}/{self.pattern}"

    def probe(self) -> None:
        """Raise as `fetch` would when the place can't be reached or may not be listed."""
        self.place.probe()

    def listed(self, files: OpenPlace, business_date: date) -> list[PlacedFile]:
        """The files that `fetch` would bring for a day. Raises as the place does, or as `fetch` for too many."""
        return self._checked(files.listing(self._pattern_of(business_date)))

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Bring the day's files and hold their footers against their rows: what differs is a noted problem.

        So is a file that is still being written. Raises `FeedNotUnderstood` for a file of another kind.
        """
        with self.place.opened() as files:
            found = self.listed(files, day.business_date)
            if not found:
                pattern = self._pattern_of(day.business_date)
                into.note_problem(
                    f"no settlement report for {day.text} yet: looked for {pattern} in {self.place.address}; PayPal "
                    "delivers it by noon of the next day, in the first time zone of its window"
                )
                return
            every = [brought(files, file, file.path, max_bytes=MAX_FILE_BYTES, into=into) for file in found]
        whole = [file for file in every if file is not None]
        report = self._report()
        for file in note_repeats(whole, into):
            for _ in report.read(into.path_of(file)):
                pass
        if len(whole) < len(found):  # footers of a report with a hole say nothing
            return
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
        taken = (row for file in used_once(raw.files) for row in report.read(folder / file.name))
        while rows := list(islice(taken, CHUNK_ROWS)):
            yield _chunk(rows, seen)

    def _report(self) -> SettlementReport:
        return SettlementReport(whole_unit_currencies=self.whole_unit_currencies)

    def _pattern_of(self, business_date: date) -> str:
        return self.pattern.replace(DATE, f"{business_date:%Y%m%d}")

    def _checked(self, found: list[PlacedFile]) -> list[PlacedFile]:
        if len(found) > MAX_FILES:
            raise LimitExceeded(
                f"{len(found)} files for one day, the limit is {MAX_FILES}",
                where=self.source,
                remedy="Make `pattern` narrower.",
            )
        for file in found:
            if not _PLAIN_NAME.fullmatch(file.path):
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
