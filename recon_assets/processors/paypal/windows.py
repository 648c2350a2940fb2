"""A business day of Transaction Search: windows that are halved until PayPal answers, and all pages of each.

What belongs here: which requests are made, and whether their answers are complete. Not here: the token (`session`) and
the meaning of a record (`documents`).

PayPal's range includes both its ends, so neighbouring windows share an instant. A window therefore keeps a record only
if `starts_at <= t < ends_at`, where `t` is the record's initiation, or its last update where only that one is in the
range: whichever of the two PayPal selects by, each record is in exactly one window.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final, Self

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.http import QueryParameters, described_url
from recon_assets.feeds.http_budget import Budget
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets.processors.paypal.documents import Detail, Page, decode_page, instant_of
from recon_assets.processors.paypal.session import NotAvailableYet, PayPalSession, ResultTooLarge

MAX_SPAN: Final = timedelta(days=31)
"""PayPal's limit of one request."""

APPEARS_AFTER: Final = timedelta(hours=3)
"""How long PayPal takes, at most, until a movement can be found."""

MAX_ITEMS: Final = 10_000
"""PayPal's limit of one window."""

_SHORTEST: Final = timedelta(seconds=1)
_NAME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_QUERY_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


class Position(Enum):
    """Whose record it is. `NOBODYS` was not asked for; it is kept as a row, and the day is incomplete."""

    OURS = auto()
    THE_NEXT_WINDOWS = auto()
    NOBODYS = auto()


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for at once: whole seconds, in UTC."""

    starts_at: datetime
    ends_at: datetime

    @property
    def text(self) -> str:
        """For file names, and `of_file` reads it there. Names sort as the windows follow each other."""
        return f"{self.starts_at:{_NAME_FORMAT}}_{self.ends_at:{_NAME_FORMAT}}"

    @classmethod
    def of_file(cls, name: str) -> Self:
        """The window of a stored page."""
        starts_at, ends_at, _ = name.split("_")
        return cls(*(datetime.strptime(text, _NAME_FORMAT).replace(tzinfo=UTC) for text in (starts_at, ends_at)))

    def halves(self) -> "tuple[Window, Window] | None":
        """Two windows that share an instant; None for a window of a second."""
        span = self.ends_at - self.starts_at
        if span <= _SHORTEST:
            return None
        middle = self.starts_at + timedelta(seconds=int(span.total_seconds()) // 2)
        return Window(self.starts_at, middle), Window(middle, self.ends_at)

    def position(self, detail: Detail | FieldRefused) -> Position:
        """Whose record it is. One whose time can't be read is ours: it becomes a rejected row."""
        if isinstance(detail, FieldRefused):
            return Position.OURS
        info = detail.transaction_info
        for field in ("transaction_initiation_date", "transaction_updated_date"):
            text = getattr(info, field)
            try:
                at = instant_of(text, field) if text else None
            except FieldRefused:
                return Position.OURS
            if at is not None and self.starts_at <= at <= self.ends_at:
                return Position.OURS if at < self.ends_at else Position.THE_NEXT_WINDOWS
        return Position.NOBODYS


class DayDownload:
    """Stores every page of one business day, and what does not add up."""

    def __init__(
        self, session: PayPalSession, into: RawFeedWriter, day: BusinessDay, *, fields: str, page_size: int
    ) -> None:
        assert day.ends_at - day.starts_at <= MAX_SPAN, "a business day is 25 hours at most"
        self._session, self._into, self._day, self._fields, self._page_size = session, into, day, fields, page_size
        self._budget = Budget(session.limits, page_size=page_size, url=session.url)
        self._pages = self._promised = 0
        self._is_complete = True
        self._said_late = False

    def fetch(self, *, now: datetime) -> None:
        """All windows of the day, in order. Raises what `PayPalSession.transactions` and `decode_page` raise.

        Data that is not there yet, or not complete, is a noted problem.
        """
        pending = [Window(self._day.starts_at, self._day.ends_at)]
        while pending:
            window = pending.pop()
            try:
                self._fetch_window(window, now)
            except ResultTooLarge:
                halves = window.halves()
                if halves is None:
                    self._note(f"more than {MAX_ITEMS} movements in one second: PayPal gives none of them")
                else:
                    pending.extend(reversed(halves))
            except NotAvailableYet:
                self._note_not_available(now)
                break  # the windows that are left start even later
        if self._pages:
            self._into.promise(self._promised)
        if self._is_complete and self._promised == 0:
            self._into.say_empty()

    def _fetch_window(self, window: Window, now: datetime) -> None:
        first: Page | None = None
        received, seen = 0, set[str]()
        number = 1
        while first is None or number <= first.total_pages:
            name, page = self._fetch_page(window, number)
            if first is None:
                first = page
                self._promised += page.total_items
                self._judge_freshness(page, now)
            received += len(page.details)
            positions = Counter(window.position(detail) for detail in page.details)
            self._promised -= positions[Position.THE_NEXT_WINDOWS]
            if positions[Position.NOBODYS]:
                self._note(f"{name}: {positions[Position.NOBODYS]} record(s) of a time that was not asked for")
            problem = _problem(page, number=number, first=first, seen=seen)
            if problem:
                self._note(f"{name}: {problem}")
                return
            seen.add(page.digest)
            if not page.details:
                break
            number += 1
        if received != first.total_items:
            self._note(f"PayPal promised {first.total_items} record(s) and served {received}")

    def _fetch_page(self, window: Window, number: int) -> tuple[str, Page]:
        query: QueryParameters = {
            "start_date": f"{window.starts_at:{_QUERY_FORMAT}}",
            "end_date": f"{window.ends_at:{_QUERY_FORMAT}}",
            "fields": self._fields,
            "balance_affecting_records_only": "Y",
            "page_size": self._page_size,
            "page": number,
        }
        where = described_url(self._session.url, query)
        self._budget.begin_page()
        body = self._session.transactions(query)
        self._pages += 1
        self._budget.add_bytes(len(body))
        page = decode_page(body, where=where)
        self._budget.add_records(len(page.details))
        name = f"{window.text}_page-{number:05}.json"
        self._into.add_file(name, source=where, chunks=(body,))
        return name, page

    def _judge_freshness(self, page: Page, now: datetime) -> None:
        """A page says how far PayPal's data goes; one that does not is judged by the clock."""
        complete_until = page.last_refreshed_at or now - APPEARS_AFTER
        if complete_until < self._day.ends_at and not self._said_late:
            self._said_late = True
            self._note(
                f"PayPal's data goes only to {complete_until:%Y-%m-%d %H:%M:%S} UTC; "
                f"the whole day is there by {self._available_at()}"
            )

    def _note_not_available(self, now: datetime) -> None:
        if now < self._day.ends_at + APPEARS_AFTER:
            self._note(f"PayPal has no data for this day yet; it is there by {self._available_at()}")
        else:
            self._note(
                "PayPal says that it has no data for this day, which should have been there by "
                f"{self._available_at()}; it keeps three years"
            )

    def _available_at(self) -> str:
        return f"{self._day.ends_at + APPEARS_AFTER:%Y-%m-%d %H:%M} UTC"

    def _note(self, problem: str) -> None:
        self._is_complete = False
        self._into.note_problem(problem)


def kept(details: Iterable[Detail | FieldRefused], window: Window) -> Iterable[tuple[int, Detail | FieldRefused]]:
    """The records that belong to `window`, with their numbers on the page from 1."""
    return (
        (number, detail)
        for number, detail in enumerate(details, start=1)
        if window.position(detail) is not Position.THE_NEXT_WINDOWS
    )


def _problem(page: Page, *, number: int, first: Page, seen: set[str]) -> str | None:
    """Why paging can't go on, if so."""
    if (page.total_items, page.total_pages) != (first.total_items, first.total_pages):
        return (
            f"PayPal first promised {first.total_items} record(s) on {first.total_pages} page(s) "
            f"and now {page.total_items} on {page.total_pages}"
        )
    if page.number is not None and page.number != number:
        return f"PayPal served page {page.number} for page {number}"
    if page.details and page.digest in seen:
        return "PayPal served an earlier page again"
    return None
