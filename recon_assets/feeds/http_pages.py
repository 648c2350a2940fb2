"""Feeds of JSON records that come in pages over HTTP: `limit`, `skip` and a `total`.

What belongs here: paging, its control total, and the adapter that every such feed shares. A feed's own module says
only its address, its parameters and what one record means.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import NotRequired, TypedDict

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedRefused
from recon_assets.domain.records import Movement, RejectedRow, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.http import HttpClient, QueryParameters, Refusal, described_url
from recon_assets.feeds.http_budget import Budget
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.json_records import FieldRefused, JsonFields, Page, decode_page, decode_record
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.feeds.record_tables import TIME_AND_CONTENT, chunk_of_pages, chunks_in_order, records_of


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
    time_field: str = ""
    """Where a record says its time, if it does: pages that do not overlap in time are then not held together."""
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
        """Rows by time and content: in which order the server lists them, and on which pages, makes no difference.

        What is held is what overlaps in time, and a page is bounded by `HttpLimits.page_max_bytes`.
        """
        return chunks_in_order(
            ((self._earliest(folder / file.name), folder / file.name) for file in raw.files),
            read=lambda file: self._records(file, day),
            chunk_of=_chunk_of,
            by=TIME_AND_CONTENT,
        )

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

    def _page(self, file: Path) -> Page:
        return decode_page(file.read_bytes(), record_list_field=self.record_list_field, where=file.name)

    def _earliest(self, file: Path) -> int:
        """The first second of a page; 0 where its records say none: then it is read first."""
        seconds: list[int] = []
        for text in self._page(file).records if self.time_field else ():
            with suppress(FieldRefused):  # a rejected row, later
                at = decode_record(text).instant(self.time_field)
                seconds.append(int(at.replace(microsecond=0).timestamp()))
        return min(seconds, default=0)

    def _records(self, file: Path, day: BusinessDay) -> PageOfRecords[ParsedRecord]:
        numbers: list[int] = []
        records: list[ParsedRecord] = []
        rejected: list[RejectedRow] = []
        for number, text in enumerate(self._page(file).records, start=1):
            try:
                records.append(self.parse(decode_record(text), day))
                numbers.append(number)
            except FieldRefused as refusal:
                rejected.append(RejectedRow(file.name, number, refusal.column, refusal.reason))
        return PageOfRecords(file.name, numbers, records, tuple(rejected))


def _chunk_of(pages: Sequence[PageOfRecords[ParsedRecord]]) -> ParsedChunk:
    records = records_of(pages)
    return chunk_of_pages(
        pages, {name: [record.get(name) for record in records] for name in ParsedRecord.__annotations__}
    )
