"""Which of Square's lists make one business day, and what its end means.

Not here: paging (`paging`), and whether payouts are the sum of their entries (`payouts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.http import HttpClient
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets.processors.square.api import Access
from recon_assets.processors.square.paging import PAYMENTS, REFUNDS, Listing
from recon_assets.processors.square.payouts import store_payouts

APPEARS_AFTER: Final = timedelta(minutes=1)
"""How long a record may take until the lists have it; Square says seconds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. No `locations` are all of the account; `names` asks for theirs in any case."""

    locations: tuple[str, ...]
    page_size: int
    payouts: bool
    names: bool


def store_day(client: HttpClient, access: Access, *, day: BusinessDay, asked: Asked, into: RawFeedWriter) -> None:
    """Store the payments, refunds and payouts of `day`, and the entries of its payouts.

    Payments and payouts are asked for by location: without one, Square serves those of the main location only. Refunds
    without one are those of all. Files are `locations.json`, `payments-001-00001.json`, `refunds-001-00001.json`,
    `payouts-001-00001.json` and `payout_entries-001-0001-00001.json` (location, payout, page).
    Raises what `HttpClient.get` and `decode_page` raise, and `LimitExceeded` for too many pages or bytes.
    """
    listing = Listing(client, access, day=day, page_size=asked.page_size, into=into)
    found = listing.locations() if asked.names or not asked.locations else []
    locations = list(asked.locations) or found
    _store_sales(listing, locations, every_refund=not asked.locations)
    for number, location in enumerate(locations if asked.payouts else (), start=1):
        store_payouts(listing, number, location, day=day, page_size=asked.page_size, into=into)
    if not locations:
        into.note_problem("the account has no location, so no payments could be asked for")
    if datetime.now(UTC) < day.ends_at + APPEARS_AFTER:
        ready = f"{day.ends_at + APPEARS_AFTER:%Y-%m-%d %H:%M:%S} UTC"
        into.note_problem(f"the business day is not over, or only just: Square has all of it at {ready}")
    if locations and not listing.has_found_anything:
        into.say_empty()


def _store_sales(listing: Listing, locations: Sequence[str], *, every_refund: bool) -> None:
    for number, location in enumerate(locations, start=1):
        for _ in listing.of_the_day(PAYMENTS, number, location):
            pass
    for number, only in enumerate([None] if every_refund else locations, start=1):
        for _ in listing.of_the_day(REFUNDS, number, only):
            pass
