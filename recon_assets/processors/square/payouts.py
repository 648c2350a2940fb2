"""The payouts of one location and day with their entries, and whether the entries add up to the payout.

What belongs here: which payouts have entries and the control total. Not here: paging and what an entry means as a row
(`settlement`). Square says that the entries of a BATCH payout, each by what it is worth after its fee, are the payout,
and that a SIMPLE one has none and is an entry of a later payout. A difference is a problem of the day. It is named by
raw file and record, never by its amount.
"""

import re
from dataclasses import dataclass
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets.processors.square.documents import ENTRY_READER, PAYOUT_READER, Payout
from recon_assets.processors.square.paging import ENTRIES, PAYOUTS, Listing, StoredPage

SIMPLE: Final = "SIMPLE"
MAX_PAYOUTS: Final = 9_999
"""Of one location and day: names of raw files have four digits for it."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def store_payouts(
    listing: Listing, number: int, location: str, *, day: BusinessDay, page_size: int, into: RawFeedWriter
) -> None:
    """Store all payouts of one location, then the entries of each; note each payout that they do not add up to."""
    found = 0
    for stored in listing.of_the_day(PAYOUTS, number, location):
        page = PAYOUT_READER.read_list(stored.body, stored.name)
        for record_number, payout in zip(page.numbers, page.records, strict=True):
            if payout.created_at == day.ends_at or payout.type == SIMPLE:
                continue
            found += 1
            where = f"{stored.name}, record {record_number}"
            if found > MAX_PAYOUTS or not _ID.fullmatch(payout.id):
                into.note_problem(f"{where}: the entries of this payout can't be asked for")
                continue
            problem = _stored_entries(listing, payout, name=f"{ENTRIES}-{number:03}-{found:04}", page_size=page_size)
            if problem:
                into.note_problem(f"{where}: {problem}")


def _stored_entries(listing: Listing, payout: Payout, *, name: str, page_size: int) -> str | None:
    path = f"{PAYOUTS}/{payout.id}/payout-entries"
    total = _Total(payout)
    for stored in listing.followed(ENTRIES, path=path, name=name, query={"sort_order": "ASC", "limit": page_size}):
        total.add(stored)
    return total.problem


@dataclass(slots=True)
class _Total:
    """The sum of the entries of one payout."""

    _payout: Payout
    _entries: int = 0
    _sum_minor: int = 0
    _is_unreadable: bool = False
    _is_of_another: bool = False
    _has_another_currency: bool = False

    def add(self, stored: StoredPage) -> None:
        """The entries of one page."""
        page = ENTRY_READER.read_list(stored.body, stored.name)
        currency = self._payout.amount_money.code
        self._entries += len(page.records) + len(page.rejected)
        self._is_unreadable |= bool(page.rejected)
        for entry in page.records:
            self._sum_minor += entry.net_amount_money.amount
            self._is_of_another |= entry.payout_id != self._payout.id
            self._has_another_currency |= entry.net_amount_money.code != currency

    @property
    def problem(self) -> str | None:
        """The first thing that keeps the entries from being the payout; None when they are."""
        if not self._entries:
            return "the payout has no entries"
        if self._is_of_another:
            return "the feed served an entry of another payout"
        if self._is_unreadable or self._has_another_currency:
            return "an entry can't be read or is in another currency, so the entries can't be held against the payout"
        if self._sum_minor != self._payout.amount_money.amount:
            return f"the {self._entries} entries do not add up to the payout"
        return None
