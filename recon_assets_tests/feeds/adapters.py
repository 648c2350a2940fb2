"""Adapters as a run builds them from their configuration, with quick limits. Nothing is contacted here."""

from pathlib import Path

from recon_assets.feeds.adapter import Adapter, Surroundings
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets_tests.sandbox.reading import QUICK


def of_api(feed: LedgerApiFeed | ProductsApiFeed | PayPalApiFeed) -> Adapter:
    """The adapter of an API, for the processor that the sample day is of."""
    return feed.adapter(Surroundings(processor="stripe", limits=QUICK))


def of_settlement_reports(folder: Path) -> Adapter:
    """The adapter of PayPal's settlement reports in `folder`."""
    return PayPalSettlementFeed(folder=".").adapter(Surroundings(processor="paypal", feeds_dir=folder))
