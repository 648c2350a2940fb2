"""PayPal's Transaction Search of one business day, as an `Adapter`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.http import QueryParameters, described_url
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.paypal.documents import decode_page, entry_of
from recon_assets.processors.paypal.entries import Entry, chunk_of
from recon_assets.processors.paypal.session import TRANSACTIONS_PATH, Credentials, NotAvailableYet, PayPalSession
from recon_assets.processors.paypal.windows import DayDownload, Window, kept

_PROBED: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PayPalApiAdapter:
    """Safe to repeat; holds no connection and no credential."""

    base_url: str
    page_size: int
    fields: str
    limits: HttpLimits
    credentials: Credentials

    @property
    def kind(self) -> str:
        """Always `paypal_api`."""
        return "paypal_api"

    @property
    def source(self) -> str:
        """The address without credentials."""
        return described_url(f"{self.base_url}{TRANSACTIONS_PATH}")

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store every page of `day`."""
        with self._session() as session:
            download = DayDownload(session, into, day, fields=self.fields, page_size=self.page_size)
            download.fetch(now=datetime.now(UTC))

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:  # noqa: ARG002
        """One chunk per window, sorted by time and id, however PayPal ordered its pages.

        A window has at most `windows.MAX_ITEMS` records: PayPal refuses larger ones.
        """
        for window, files in groupby(sorted(file.name for file in raw.files), key=Window.of_file):
            yield _chunk(window, [(name, (folder / name).read_bytes()) for name in files])

    def probe(self) -> None:
        """Ask for one record of an hour two days ago and understand the answer."""
        starts_at = (datetime.now(UTC) - _PROBED).replace(minute=0, second=0, microsecond=0)
        query: QueryParameters = {
            "start_date": f"{starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "end_date": f"{starts_at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "page_size": 1,
            "page": 1,
        }
        with self._session() as session:
            try:
                body = session.transactions(query)
            except NotAvailableYet:
                return  # that, too, is an answer
        decode_page(body, where=self.source)

    def _session(self) -> PayPalSession:
        return PayPalSession(self.base_url, limits=self.limits, credentials=self.credentials)


def _chunk(window: Window, pages: list[tuple[str, bytes]]) -> ParsedChunk:
    entries: list[Entry] = []
    rejected: list[RejectedRow] = []
    for name, body in pages:
        for number, detail in kept(decode_page(body, where=name).details, window):
            try:
                if isinstance(detail, FieldRefused):
                    raise detail
                entries.append(entry_of(detail, raw_file=name, record_number=number))
            except FieldRefused as refusal:
                rejected.append(RejectedRow(name, number, refusal.column, refusal.reason))
    entries.sort(key=_order)
    return chunk_of(entries, rejected, seen=Counter())


def _order(entry: Entry) -> tuple[object, ...]:
    """By time and content: on which page a record came decides nothing, not even the numbers of equal ones."""
    return (
        entry.occurred_at,
        entry.transaction_id,
        entry.event_code,
        entry.amount_minor,
        entry.currency,
        entry.fee_minor is None,
        entry.fee_minor or 0,
        entry.status,
        entry.reference_number or "",
        entry.order_id or "",
        entry.merchant_id or "",
        entry.raw_file,
        entry.record_number,
    )
