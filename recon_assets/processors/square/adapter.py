"""Square's payments and refunds of one business day, as an `Adapter`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.http import HttpLimits, described_url
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.square.api import Access
from recon_assets.processors.square.paging import PAYMENTS, decode_page, store_day
from recon_assets.processors.square.records import chunks_of


@dataclass(frozen=True, slots=True)
class SquareAdapter:
    """Safe to repeat; holds no connection, and no token but one that was given to it."""

    kind: str
    access: Access
    locations: tuple[str, ...]
    page_size: int
    keep_outside_square: bool
    limits: HttpLimits

    @property
    def source(self) -> str:
        """The address, and which locations."""
        which = f"{len(self.locations)} location(s)" if self.locations else "all locations"
        return f"{described_url(self.access.base_url)} (payments and refunds of {which})"

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store every page of `day`. Raises like `Adapter.fetch`, and `ConfigurationError` for a token of no use."""
        with self.access.client(self.limits) as client:
            store_day(client, self.access, day=day, locations=self.locations, page_size=self.page_size, into=into)

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Rows by time and id."""
        files = [folder / file.name for file in raw.files]
        return chunks_of(files, day=day, keep_outside_square=self.keep_outside_square)

    def probe(self) -> None:
        """Ask for one payment and understand the answer."""
        url = self.access.url(PAYMENTS)
        with self.access.client(self.limits) as client:
            body = client.get(url, {"limit": 1})
        decode_page(body, PAYMENTS, described_url(url))
