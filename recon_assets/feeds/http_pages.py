"""Feeds of JSON records that come in pages over HTTP: `limit`, `skip` and a `total`.

What belongs here: paging, its control total, and the adapter that every such feed shares. A feed's own module says
only its address, its parameters and what one record means.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import AfterValidator, Field

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedRefused
from recon_assets.domain.records import Movement, RejectedRow, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.http import HttpClient, HttpLimits, QueryParameters, Refusal, described_url
from recon_assets.feeds.http_budget import Budget
from recon_assets.feeds.json_records import FieldRefused, JsonFields, Page, decode_page, decode_record
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.schemas.frames import PARSED_SCHEMA

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 10_000


class ParsedRecord(TypedDict):
    """One row of `PARSED_SCHEMA` without its address. What the feed did not say is left out or None."""

    transaction_id: str
    record_id: NotRequired[str | None]
    reference_number: NotRequired[str | None]
    order_id: NotRequired[str | None]
    payout_id: NotRequired[str | None]
    merchant_id: NotRequired[str | None]
    transaction_type: NotRequired[str | None]
    movement: NotRequired[Movement | None]
    amount_minor: int
    currency: str
    fee_minor: NotRequired[int | None]
    net_minor: NotRequired[int | None]
    status: Status
    occurred_at: datetime


RecordParser = Callable[[JsonFields, BusinessDay], ParsedRecord]
"""The meaning of one record. Raises `FieldRefused` for a record that is no transaction."""


def _plain_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must start with http:// or https:// and name a host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must not carry a query, a fragment, a user or a password")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_plain_address)]
"""An address for configuration, without credentials and without a final slash."""

PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)]


def skip_pages(
    client: HttpClient,
    url: str,
    *,
    parameters: QueryParameters,
    record_list_field: str,
    page_size: int,
    into: RawFeedWriter,
) -> None:
    """Store every page of `url` as `page-00001.json`, ... and what the feed claims about itself.

    A feed that is short, long, circular or that changes its total meanwhile is a noted problem, not an error.
    Raises what `HttpClient.get` and `decode_page` raise, and `LimitExceeded` for too much, also if only promised.
    """
    budget = Budget(client.limits, page_size=page_size, url=url)
    promised: int | None = None
    received, seen = 0, set[str]()
    for number in count(1):
        budget.begin_page()
        query = {**parameters, "limit": page_size, "skip": received}
        where = described_url(url, query)
        body = client.get(url, query)
        budget.add_bytes(len(body))
        page = decode_page(body, record_list_field=record_list_field, where=where)
        name = f"page-{number:05}.json"
        into.add_file(name, source=where, chunks=(body,))
        if promised is None:
            promised = page.total
            budget.refuse_promise(promised)
            into.promise(promised)
        received += len(page.records)
        budget.add_records(len(page.records))
        problem = _problem(page, promised=promised, received=received, seen=seen)
        if problem:
            into.note_problem(f"{name}: {problem}")
            return
        seen.add(page.records_sha256)
        if received == promised:
            if promised == 0:
                into.say_empty()
            return


def _problem(page: Page, *, promised: int, received: int, seen: set[str]) -> str | None:
    """Why paging can't go on, if so. `received` includes `page`."""
    if page.total != promised:
        return f"the feed first promised {promised} record(s) and now {page.total}"
    if page.records and page.records_sha256 in seen:
        return "the feed served an earlier page again"
    if received > promised:
        return f"the feed promised {promised} record(s) and served {received}"
    if not page.records and received < promised:
        return f"the feed promised {promised} record(s) and ended after {received}"
    return None


@dataclass(frozen=True, slots=True)
class HttpPagesAdapter:
    """An `Adapter` for `GET {url}?processor=&date=&limit=&skip=`, with a bearer token where `token_env` names one.

    Safe to repeat; holds no connection and no token.
    """

    kind: str
    url: str
    processor: str
    record_list_field: str
    page_size: int
    limits: HttpLimits
    parse: RecordParser
    token_env: str | None = None
    credentials: Credentials = ENVIRONMENT

    @property
    def source(self) -> str:
        """The address without credentials."""
        return described_url(self.url)

    def fetch(self, day: BusinessDay, into: RawFeedWriter) -> None:
        """Store every page of `day`."""
        with self._client() as client:
            skip_pages(
                client,
                self.url,
                parameters={"processor": self.processor, "date": day.text},
                record_list_field=self.record_list_field,
                page_size=self.page_size,
                into=into,
            )

    def read(self, raw: RawFeed, folder: Path, day: BusinessDay) -> Iterator[ParsedChunk]:
        """One chunk per page; a page is bounded by `HttpLimits.page_max_bytes`."""
        for file in raw.files:
            page = decode_page(
                (folder / file.name).read_bytes(), record_list_field=self.record_list_field, where=file.name
            )
            yield self._chunk(page, file.name, day)

    def probe(self) -> None:
        """Ask for one record of today and understand the answer."""
        today = datetime.now(UTC).date().isoformat()
        query: QueryParameters = {"processor": self.processor, "date": today, "limit": 1, "skip": 0}
        with self._client() as client:
            body = client.get(self.url, query)
        decode_page(body, record_list_field=self.record_list_field, where=self.source)

    def _client(self) -> HttpClient:
        if self.token_env is None:
            return HttpClient(self.limits)
        return HttpClient(self.limits, headers=self.credentials.bearer(self.token_env), explain=self._token_refused)

    def _token_refused(self, refusal: Refusal) -> FeedRefused | None:
        if refusal.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return None
        return FeedRefused(
            f"the feed refused the request with status {refusal.status}",
            where=refusal.where,
            remedy=f"Check {self.token_env}: it must be a token that may read this feed.",
        )

    def _chunk(self, page: Page, raw_file: str, day: BusinessDay) -> ParsedChunk:
        rows: list[dict[str, object]] = []
        rejected: list[RejectedRow] = []
        for record_number, text in enumerate(page.records, start=1):
            try:
                parsed = self.parse(decode_record(text), day)
            except FieldRefused as refusal:
                rejected.append(RejectedRow(raw_file, record_number, refusal.column, refusal.reason))
            else:
                rows.append({"raw_file": raw_file, "record_number": record_number, **parsed})
        return ParsedChunk(rows=pa.Table.from_pylist(rows, schema=PARSED_SCHEMA), rejected=tuple(rejected))
