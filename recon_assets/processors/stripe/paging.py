"""Cursor paging through one business day: every page kept as it came, and what does not add up noted.

What belongs here: `starting_after`, `has_more`, and the pages that repeat or never end. Not here: requests (`api`) and
the meaning of a record (`records`). Of a record only its id and its time are looked at.
"""

import math
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import msgspec

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.http import HttpClient, described_url
from recon_assets.feeds.http_answers import raise_html
from recon_assets.feeds.http_budget import Budget
from recon_assets.feeds.raw import RawFeedWriter

_MAX_CURSOR_CHARACTERS: Final = 255


class _Listed(msgspec.Struct, gc=False):
    """Of any type: a record that is not what it should be is a rejected row later, and no reason to stop."""

    id: object = None
    created: object = None


class ListPage(msgspec.Struct):
    """Stripe's list envelope."""

    object: str
    data: list[_Listed]
    has_more: bool


_PAGE: Final = msgspec.json.Decoder(ListPage)


def decode_list(body: bytes, where: str) -> ListPage:
    """Raises `FeedNotUnderstood` for anything but a list of objects as Stripe serves it."""
    if body.lstrip()[:1] == b"<":
        raise_html(where)
    try:
        page = _PAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_understood("the answer is not a list in Stripe's shape", where) from error
    if page.object != "list":
        raise _not_understood("the answer is an object of Stripe's, but no list", where)
    return page


def store_pages(
    client: HttpClient, url: str, *, day: BusinessDay, page_size: int, expand: bool, into: RawFeedWriter
) -> None:
    """Store every page of `day` as `page-00001.json`, ..., newest first as Stripe serves them.

    An empty list that says there is no more is Stripe's own statement that nothing happened. A page that repeats, a
    cursor that leads nowhere and records of another day are noted problems.
    Raises what `HttpClient.get` and `decode_list` raise, and `LimitExceeded` for too much.
    """
    seconds = _Window.of(day)
    query: dict[str, str | int] = {
        "created[gte]": seconds.start,
        "created[lt]": seconds.end,
        "limit": page_size,
        **({"expand[]": "data.source"} if expand else {}),
    }
    budget = Budget(client.limits, page_size=page_size, url=url)
    seen, outside = _Seen(), 0
    for number in count(1):
        budget.begin_page()
        where = described_url(url, query)
        body = client.get(url, query)
        budget.add_bytes(len(body))
        page = decode_list(body, where)
        budget.add_records(len(page.data))
        name = f"page-{number:05}.json"
        into.add_file(name, source=where, chunks=(body,))
        outside += sum(not seconds.holds(record.created) for record in page.data)
        problem = seen.problem_with(page)
        if problem:
            into.note_problem(f"{name}: {problem}")
        if problem or not page.has_more:
            break
        query["starting_after"] = seen.cursor
    if outside:
        into.note_problem(f"the feed served {outside} record(s) that were not created within the business day")
    if number == 1 and not page.data and not page.has_more:
        into.say_empty()


@dataclass(frozen=True, slots=True)
class _Window:
    """The business day in whole Unix seconds, half open: adjacent days neither overlap nor leave a gap."""

    start: int
    end: int

    @classmethod
    def of(cls, day: BusinessDay) -> "_Window":
        return cls(math.ceil(day.starts_at.timestamp()), math.ceil(day.ends_at.timestamp()))

    def holds(self, created: object) -> bool:
        """True also for what is no time: that is a rejected row, and counted there."""
        return not isinstance(created, int) or self.start <= created < self.end


@dataclass(slots=True)
class _Seen:
    """What earlier pages were. `cursor` is the id that the next page starts after."""

    cursor: str = ""
    _cursors: set[str] = field(default_factory=set)
    _last_ids: frozenset[str] = frozenset()

    def problem_with(self, page: ListPage) -> str | None:
        """Why paging can't go on after `page`, if so."""
        ids = [record.id for record in page.data if isinstance(record.id, str)]
        if not self._last_ids.isdisjoint(ids):
            return "the feed served records of the page before again"
        if not page.has_more:
            return None
        if not page.data:
            return "the feed says that there is more and served no record"
        cursor = page.data[-1].id
        if not isinstance(cursor, str) or not 0 < len(cursor) <= _MAX_CURSOR_CHARACTERS:
            return "the last record has no id, so the next page can't be asked for"
        if cursor in self._cursors:
            return "the feed served an earlier page again: its cursor leads in a circle"
        self._cursors.add(cursor)
        self.cursor, self._last_ids = cursor, frozenset(ids)
        return None


def _not_understood(what: str, where: str) -> FeedNotUnderstood:
    return FeedNotUnderstood(what, where=where, remedy="Check that base_url is Stripe's API.")
