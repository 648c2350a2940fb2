"""Square's lists page by page: every page kept as it came, and what does not add up noted.

What belongs here: `cursor`, and pages that repeat or never end. Not here: which lists make a day (`day`), requests
(`api`) and the meaning of a record. Of a record only its id and its time are looked at.

Square answers `{}` where there is nothing. It says that the beginning of a range is included and not what its end is:
a record of that very instant belongs to the next day, and is no problem here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.http import HttpClient, described_url
from recon_assets.feeds.http_answers import raise_html
from recon_assets.feeds.http_budget import Budget
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets.processors.square.api import Access

PAYMENTS: Final = "payments"
REFUNDS: Final = "refunds"
PAYOUTS: Final = "payouts"
ENTRIES: Final = "payout_entries"
LOCATIONS: Final = "locations"

_MAX_CURSOR_CHARACTERS: Final = 4_096
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Listed(msgspec.Struct, gc=False):
    """Of any type: a record that is not what it should be is a rejected row later, and no reason to stop."""

    id: object = None
    created_at: object = None
    name: object = None


class ListPage(msgspec.Struct):
    """One answer; a list that is left out is empty."""

    payments: list[_Listed] | None = None
    refunds: list[_Listed] | None = None
    payouts: list[_Listed] | None = None
    payout_entries: list[_Listed] | None = None
    locations: list[_Listed] | None = None
    cursor: str | None = None

    def records(self, list_name: str) -> list[_Listed]:
        """Those of one list."""
        found: list[_Listed] | None = getattr(self, list_name)
        return found or []


_PAGE: Final = msgspec.json.Decoder(ListPage)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_page(body: bytes, list_name: str, where: str) -> ListPage:
    """Raises `FeedNotUnderstood` for anything but a list as Square serves it."""
    if body.lstrip()[:1] == b"<":
        raise_html(where)
    try:
        page = _PAGE.decode(body)
        is_list = getattr(page, list_name) is not None or set(_FIELDS.decode(body)) <= {list_name, "cursor"}
    except _NOT_JSON as error:
        raise _not_understood(f"the answer is not a list of {list_name} in Square's shape", where) from error
    if not is_list:
        raise _not_understood(f"the answer has no list of {list_name}", where)
    return page


def location_names(body: bytes) -> dict[str, str]:
    """The name of each location that has one, by its id, from a stored answer."""
    listed = decode_page(body, LOCATIONS, f"{LOCATIONS}.json").records(LOCATIONS)
    named = [(location.id, location.name) for location in listed]
    return {id_: name for id_, name in named if isinstance(id_, str) and isinstance(name, str)}


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One answer that is kept: the name of its raw file, its bytes, and that it is a list."""

    name: str
    body: bytes
    page: ListPage


class Listing:
    """All lists of one fetch, which share the limits of pages, records, bytes and time."""

    def __init__(
        self, client: HttpClient, access: Access, *, day: BusinessDay, page_size: int, into: RawFeedWriter
    ) -> None:
        self._client, self._access, self._day, self._page_size, self._into = client, access, day, page_size, into
        self._budget = Budget(client.limits, page_size=page_size, url=access.base_url)
        self.has_found_anything = False

    def locations(self) -> list[str]:
        """The ids of all locations of the account, in order; also those that are closed, which may have refunds."""
        url = self._access.url(LOCATIONS)
        body = self._client.get(url, {})
        page = decode_page(body, LOCATIONS, described_url(url))
        self._into.add_file(f"{LOCATIONS}.json", source=described_url(url), chunks=(body,))
        ids = [record.id for record in page.records(LOCATIONS) if isinstance(record.id, str) and record.id]
        if len(ids) != len(page.records(LOCATIONS)):
            raise _not_understood("a location has no id", described_url(url))
        return sorted(set(ids))

    def of_the_day(self, list_name: str, number: int, location: str | None) -> Iterator[StoredPage]:
        """Every page of one list of the day, oldest first, so that what arrives meanwhile is on its last page."""
        outside = 0
        query: dict[str, str | int] = {
            "begin_time": _rfc3339(self._day.starts_at),
            "end_time": _rfc3339(self._day.ends_at),
            "sort_order": "ASC",
            "limit": self._page_size,
            **({"location_id": location} if location is not None else {}),
        }
        for stored in self.followed(list_name, path=list_name, name=f"{list_name}-{number:03}", query=query):
            records = stored.page.records(list_name)
            outside += sum(not _is_within(record.created_at, self._day) for record in records)
            yield stored
        if outside:
            self._into.note_problem(
                f"{list_name}: the feed served {outside} record(s) that were not created within the business day"
            )

    def followed(self, list_name: str, *, path: str, name: str, query: Mapping[str, str | int]) -> Iterator[StoredPage]:
        """Every page at `path`, each stored as `{name}-00001.json`, ... before it is given."""
        url, asked = self._access.url(path), dict(query)
        seen, page_number = _Seen(), 0
        while True:
            page_number += 1
            where = described_url(url, asked)
            body = self._get(url, asked)
            page = decode_page(body, list_name, where)
            self._budget.add_records(len(page.records(list_name)))
            stored = StoredPage(f"{name}-{page_number:05}.json", body, page)
            self._into.add_file(stored.name, source=where, chunks=(body,))
            problem = seen.problem_with(page, list_name)
            if problem:
                self._into.note_problem(f"{stored.name}: {problem}")
            self.has_found_anything |= bool(problem or page.records(list_name))
            yield stored
            if problem or not page.cursor:
                return
            asked["cursor"] = page.cursor

    def _get(self, url: str, query: dict[str, str | int]) -> bytes:
        self._budget.begin_page()
        body = self._client.get(url, query)
        self._budget.add_bytes(len(body))
        return body


@dataclass(slots=True)
class _Seen:
    """What earlier pages of a list were."""

    _cursors: set[str] = field(default_factory=set)
    _last_ids: frozenset[str] = frozenset()
    _has_records: bool = False

    def problem_with(self, page: ListPage, list_name: str) -> str | None:
        """Why paging can't go on after `page`, or what it lacks at its end, if so.

        An empty page with a cursor is followed: it may only be filtered. A list that is nothing but such is none.
        """
        ids = frozenset(record.id for record in page.records(list_name) if isinstance(record.id, str))
        self._has_records |= bool(page.records(list_name))
        if not self._last_ids.isdisjoint(ids):
            return "the feed served records of the page before again"
        if not page.cursor:
            says_more = bool(self._cursors) and not self._has_records
            return "the feed said that there is more and served no record" if says_more else None
        if len(page.cursor) > _MAX_CURSOR_CHARACTERS:
            return "the cursor is too long, so the next page can't be asked for"
        if page.cursor in self._cursors:
            return "the feed served an earlier cursor again: it leads in a circle"
        self._cursors.add(page.cursor)
        self._last_ids = ids or self._last_ids
        return None


def _is_within(created_at: object, day: BusinessDay) -> bool:
    """True also for what is no time: that is a rejected row, and counted there."""
    try:
        instant = datetime.fromisoformat(created_at) if isinstance(created_at, str) else None
    except ValueError:
        return True
    return instant is None or instant.tzinfo is None or day.starts_at <= instant <= day.ends_at


def _rfc3339(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def _not_understood(what: str, where: str) -> FeedNotUnderstood:
    return FeedNotUnderstood(what, where=where, remedy="Check that base_url is Square's API.")
