"""What one stage hands to the next: a few fields and paths below the storage root, never rows.

The bulk stays in Parquet files; these are small JSON documents that `resources.storage` keeps.
No IO manager: those of Dagster refuse an output that spans partitions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.records import Side
from recon_assets.domain.verdict import FeedState
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.raw import RawFeed

if TYPE_CHECKING:
    from recon_assets.matching.engine import Matching


@dataclass(frozen=True, slots=True)
class NormalisedFeed:
    """One side's frame and the raw feed it was read from."""

    raw: RawFeed
    frame: Frame

    @property
    def side(self) -> Side:
        """Whose records these are."""
        return self.raw.side

    def state(self) -> FeedState:
        """What came, for the verdict: a promise that was not met is a problem too."""
        read, promised = self.frame.rows + self.frame.rejected_rows, self.raw.promised_records
        kept = promised is None or promised == read
        broken = () if kept else (f"it promised {promised} records, {read} came",)
        return FeedState(
            side=self.side,
            rows=self.frame.rows,
            rejected=self.frame.reject_reasons,
            says_empty=self.raw.says_empty,
            problems=self.raw.problems + broken,
        )


@dataclass(frozen=True, slots=True)
class MatchingFiles:
    """What the matching of a day wrote, as paths below the storage root; a day without conclusion opens no records."""

    discrepancies: str
    matches: str
    candidates: str
    open_records: str | None
    across_days: str
    rules: str

    @classmethod
    def of(cls, matching: "Matching", folder: str, *, rules: str) -> Self:
        """The files of `matching`, which lie in `folder` below the storage root."""
        return cls(
            discrepancies=f"{folder}/{matching.discrepancies.name}",
            matches=f"{folder}/{matching.matches.name}",
            candidates=f"{folder}/{matching.candidates.name}",
            open_records=f"{folder}/{matching.open_records.name}" if matching.open_records else None,
            across_days=f"{folder}/{matching.across_days.name}",
            rules=f"{folder}/{rules}",
        )

    def all(self) -> tuple[str, ...]:
        """Every file there is."""
        return tuple(path for name in self.__slots__ if (path := getattr(self, name)) is not None)


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """A published run.

    `feeds` are the very inputs it was concluded from, the processor's first: what is archived is what was compared.
    """

    run_id: str
    version: int
    conclusion: Conclusion
    matching: MatchingFiles
    feeds: tuple[NormalisedFeed, NormalisedFeed]


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """A day whose reports are written and agree with the record. Paths below the reports folder."""

    day: ReconciledDay
    json: str
    csv: str
    xlsx: str
    html: str

    def all(self) -> tuple[str, ...]:
        """Every file."""
        return (self.json, self.csv, self.xlsx, self.html)


@dataclass(frozen=True, slots=True)
class ArchivedEvidence:
    """Where the evidence of a day lies, below the archive folder, and its manifest's SHA-256."""

    folder: str
    manifest_sha256: str
