"""The feed `paypal_api`: Transaction Search, `GET {base_url}/v1/reporting/transactions`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import Adapter, ParsedChunk, Surroundings
from recon_assets.feeds.credentials import EnvironmentName
from recon_assets.feeds.http import HttpLimits, QueryParameters, described_url
from recon_assets.feeds.http_pages import BaseUrl
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.paypal.documents import decode_page, entry_of
from recon_assets.processors.paypal.entries import Entry, chunk_of
from recon_assets.processors.paypal.session import TRANSACTIONS_PATH, Credentials, NotAvailableYet, PayPalSession
from recon_assets.processors.paypal.windows import DayDownload, Window, kept

LIVE_URL: Final = "https://api-m.paypal.com"
MAX_PAGE_SIZE: Final = 500
"""PayPal's limit."""

_PROBED: Final = timedelta(days=2)


class PayPalApiFeed(BaseModel):
    """Configuration. `fields: all` would bring names and addresses of payers into the raw files as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["paypal_api"] = "paypal_api"
    base_url: BaseUrl = LIVE_URL
    client_id_env: EnvironmentName = "PAYPAL_CLIENT_ID"
    client_secret_env: EnvironmentName = "PAYPAL_CLIENT_SECRET"  # noqa: S105 - the name of a variable
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = MAX_PAGE_SIZE
    fields: Annotated[str, Field(pattern=r"^(all|[a-z_]+(,[a-z_]+)*)$")] = "transaction_info,store_info"

    _own_login: tuple[str, SecretStr] | None = PrivateAttr(default=None)

    def with_login(self, *, base_url: str, client_id: str, client_secret: SecretStr) -> Self:
        """The same feed elsewhere, with a login that is not from the environment: for the sandbox."""
        copy = self.model_copy(update={"base_url": base_url})
        copy._own_login = (client_id, client_secret)  # noqa: SLF001 - our own
        return copy

    def adapter(self, around: Surroundings) -> Adapter:
        """Transaction Search. The processor's name is not sent: the login says whose they are."""

        def login() -> tuple[str, str]:
            if self._own_login is not None:
                return self._own_login[0], self._own_login[1].get_secret_value()
            client_id = around.credentials.value(self.client_id_env)
            return client_id.get_secret_value(), around.credentials.value(self.client_secret_env).get_secret_value()

        return PayPalApiAdapter(
            base_url=self.base_url,
            page_size=self.page_size,
            fields=self.fields,
            limits=around.limits,
            credentials=Credentials(
                names=f"{self.client_id_env} and {self.client_secret_env}",
                get=login,
            ),
        )


@dataclass(frozen=True, slots=True)
class PayPalApiAdapter:
    """An `Adapter`. Safe to repeat; holds no connection and no credential."""

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
