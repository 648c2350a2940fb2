"""Square's payments, refunds and payouts of one business day, as an `Adapter`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.http import described_url
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.square.api import Access
from recon_assets.processors.square.day import Asked, store_day
from recon_assets.processors.square.paging import LOCATIONS, PAYMENTS, decode_page, location_names
from recon_assets.processors.square.records import Rules, chunks_of


@dataclass(frozen=True, slots=True)
class SquareAdapter:
    """Safe to repeat; holds no connection, and no token but one that was given to it."""

    kind: str
    access: Access
    asked: Asked
    keep_outside_square: bool
    limits: HttpLimits

    @property
    def source(self) -> str:
        """The address, and which locations."""
        locations = self.asked.locations
        which = f"{len(locations)} location(s)" if locations else "all locations"
        what = "payments, refunds and payouts" if self.asked.payouts else "payments and refunds"
        return f"{described_url(self.access.base_url)} ({what} of {which})"

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store every page of `day`. Raises like `Adapter.fetch`, and `ConfigurationError` for a token of no use."""
        with self.access.client(self.limits) as client:
            store_day(client, self.access, day=day, asked=self.asked, into=into)

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Rows by time and id. Raises `FeedNotUnderstood` when names are wanted and locations were not asked for."""
        names = self._names(raw, folder) if self.asked.names else None
        rules = Rules(day, keep_outside_square=self.keep_outside_square, names=names)
        return chunks_of([folder / file.name for file in raw.files], rules=rules)

    @staticmethod
    def _names(raw: RawFeed, folder: Path) -> dict[str, str]:
        name = f"{LOCATIONS}.json"
        if name not in {file.name for file in raw.files}:
            raise FeedNotUnderstood(
                "the raw feed was fetched without the locations, whose names `merchant_id: location_name` wants",
                where=raw.folder,
                remedy="Run the day again from its raw feed.",
            )
        return location_names((folder / name).read_bytes())

    def probe(self) -> None:
        """Ask for one payment and understand the answer."""
        url = self.access.url(PAYMENTS)
        with self.access.client(self.limits) as client:
            body = client.get(url, {"limit": 1})
        decode_page(body, PAYMENTS, described_url(url))
