"""What every kind of feed implements, fetching raw bytes and reading them later, and what it is given for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.raw import RawFeed, RawFeedWriter


@dataclass(frozen=True, slots=True)
class ParsedChunk:
    """A bounded number of records: those that could be parsed, in `PARSED_SCHEMA`, and those that could not.

    Every record of the raw feed is in exactly one of the two, in one chunk: nothing is dropped. `left_out` counts, by
    the reason, records of which the feed or its description says that they move no money, or none of their own.
    """

    rows: pa.Table
    rejected: tuple[RejectedRow, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a deployment gives a feed beside its own configuration; a feed takes what it needs.

    A local folder is below `feeds_dir` unless absolute, a file of the configuration below `config_dir`.
    """

    processor: str
    side: Side = Side.PROCESSOR
    limits: HttpLimits = field(default_factory=HttpLimits)
    feeds_dir: Path = Path()
    config_dir: Path = Path()
    credentials: Credentials = ENVIRONMENT


class Adapter(Protocol):
    """One side of one processor, configured. Both methods are safe to repeat."""

    @property
    def kind(self) -> str:
        """The `kind` of its configuration, for evidence and messages."""
        ...

    @property
    def source(self) -> str:
        """Where records come from, for people and without credentials: a URL or a folder and pattern."""
        ...

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Bring the raw bytes of `day`, and what the feed claims about them.

        Raises `FeedUnavailable` (transient), `FeedRefused`, `FeedNotUnderstood` or `LimitExceeded`.
        A feed that is not there yet is no error: it is noted as a problem, which makes the day incomplete.
        """
        ...

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Parse the stored bytes in `folder`, in order, in chunks of bounded size. No network.

        Raises `FeedNotUnderstood` when the file as a whole is not what was described.
        """
        ...

    def probe(self) -> None:
        """Cheapest request that proves the feed is reachable; raises like `fetch`."""
        ...
