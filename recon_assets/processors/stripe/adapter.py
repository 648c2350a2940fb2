"""Stripe's balance transactions of one business day, as an `Adapter`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.http import described_url
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.stripe.api import Access
from recon_assets.processors.stripe.paging import decode_list, store_pages
from recon_assets.processors.stripe.records import MetadataKeys, chunks_of


@dataclass(frozen=True, slots=True)
class StripeAdapter:
    """Safe to repeat; holds no connection and no key."""

    kind: str
    access: Access
    page_size: int
    keys: MetadataKeys
    limits: HttpLimits

    @property
    def source(self) -> str:
        """The address, whose account, and whether the key that is configured for is a test key."""
        account = f", account {self.access.account}" if self.access.account else ""
        return f"{described_url(self.access.url)} ({self.access.mode} mode{account})"

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store every page of `day`. Raises like `Adapter.fetch`, and `ConfigurationError` for a key of no use."""
        with self.access.client(self.limits) as client:
            store_pages(
                client,
                self.access.url,
                day=day,
                page_size=self.page_size,
                expand=bool(self.keys.named),
                into=into,
            )

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """Rows by time and id."""
        del day
        return chunks_of([folder / file.name for file in raw.files], self.keys)

    def probe(self) -> None:
        """Ask for one record and understand the answer."""
        with self.access.client(self.limits) as client:
            body = client.get(self.access.url, {"limit": 1})
        decode_list(body, self.source)
