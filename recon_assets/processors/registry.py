"""Every kind of processor feed that is code, in one place: a new one is added here, and nowhere else."""

from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.processors.stripe.feed import StripeApiFeed

ProcessorFeed = ProductsApiFeed | StripeApiFeed | SquareApiFeed | PayPalApiFeed | PayPalSettlementFeed
"""Told apart by their `kind`. Each has `adapter(Surroundings)`."""
