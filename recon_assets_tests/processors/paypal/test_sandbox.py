"""The sandbox's PayPal through the real adapter: the figures of the sample day, and its faults."""

from datetime import date
from typing import Any

import pytest

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import FeedRefused
from recon_assets.feeds.adapter import Surroundings
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.resources.feeds import SANDBOX_PAYPAL_SECRET
from recon_assets.sandbox.faults import Faults
from recon_assets.sandbox.server import running_sandbox
from recon_assets_tests.sandbox.reading import QUICK, Reading, reading_of

DAY = business_day("paypal", date(2025, 9, 30))


def at_sandbox(url: str, *, client_id: str, **configuration: Any) -> PayPalApiFeed:
    feed = PayPalApiFeed(**configuration)
    return feed.with_login(base_url=url, client_id=client_id, client_secret=SANDBOX_PAYPAL_SECRET)


def read(faults: Faults | None = None, *, page_size: int = 7) -> tuple[Reading, Reading]:
    with running_sandbox(faults) as sandbox:
        feed = at_sandbox(sandbox.base_url, client_id="paypal", page_size=page_size)
        ledger = LedgerApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor="paypal", limits=QUICK))
        adapter = feed.adapter(Surroundings(processor="paypal", limits=QUICK))
        return reading_of(adapter, DAY), reading_of(ledger, DAY)


@pytest.mark.parametrize("faults", [None, Faults(most_items=4)])
def test_the_sample_day_is_what_the_ledger_has(faults: Faults | None) -> None:
    at_processor, in_ledger = read(faults)
    for column in ("transaction_id", "amount_minor", "currency", "fee_minor", "net_minor", "status", "merchant_id"):
        assert at_processor.column(column) == in_ledger.column(column)
    assert at_processor.column("reference_number") == in_ledger.column("reference_number")
    assert sum(at_processor.column("amount_minor")) == 657_750 and at_processor.raw.problems == ()


def test_a_day_that_is_not_available_is_incomplete() -> None:
    at_processor, _ = read(Faults(not_yet=True))
    assert at_processor.rows == [] and len(at_processor.raw.problems) == 1


def test_a_token_is_required() -> None:
    with running_sandbox() as sandbox:
        feed = at_sandbox(sandbox.base_url, client_id="no name")
        adapter = feed.adapter(Surroundings(processor="paypal", limits=QUICK))
        with pytest.raises(FeedRefused, match="does not accept the credentials"):
            adapter.probe()
