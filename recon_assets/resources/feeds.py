"""Feeds as a Dagster resource: adapters from configuration, and the built-in sandbox where it stands for a feed."""

import atexit
from contextlib import ExitStack
from threading import Lock

from pydantic import SecretStr

from recon_assets.configuration import SANDBOX_URL, ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Adapter
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.http import HttpLimits
from recon_assets.ledger.sql.adapter import SqlLedgerAdapter
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.processors.stripe.feed import StripeApiFeed
from recon_assets.sandbox.server import running_sandbox
from recon_assets.settings import Settings

SANDBOX_SOURCE = "built-in sandbox (demonstration data)"
SANDBOX_STRIPE_KEY = SecretStr("sk_test_sandbox")
"""Opens nothing but the sandbox, which takes any test key: no variable has to be set for the demo."""
SANDBOX_SQUARE_TOKEN = SecretStr("sandbox-square-token")
"""The same for Square."""


class Feeds:
    """Gives the adapter of either side of a processor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._sandbox_url: str | None = None

    def adapter(self, config: ProcessorConfig, side: Side) -> Adapter:
        """The configured feed of one side. Starts the sandbox if that is what is configured."""
        feed = config.feed if side is Side.PROCESSOR else config.ledger
        if isinstance(feed, FilesDescription):
            return FilesAdapter(processor=config.name, side=side, description=feed, feeds_dir=self._settings.feeds_dir)
        if isinstance(feed, PayPalSettlementFeed):
            return feed.adapter(processor=config.name, feeds_dir=self._settings.feeds_dir)
        if isinstance(feed, SqlLedgerFeed):
            return SqlLedgerAdapter(config.name, feed, feed.query_text(self._settings.config_dir))
        in_sandbox = feed.base_url == SANDBOX_URL
        if in_sandbox:
            url = self._sandbox()
            if isinstance(feed, StripeApiFeed):
                feed = feed.with_key(base_url=url, api_key=SANDBOX_STRIPE_KEY)
            elif isinstance(feed, SquareApiFeed):
                feed = feed.with_token(base_url=url, access_token=SANDBOX_SQUARE_TOKEN)
            else:
                feed = feed.model_copy(update={"base_url": url})
        limits = HttpLimits(read_timeout_s=self._settings.http_timeout_s, attempts=self._settings.http_attempts)
        if isinstance(feed, PayPalApiFeed):
            return feed.adapter(processor=config.name, limits=limits, in_sandbox=in_sandbox)
        return feed.adapter(processor=config.name, limits=limits)

    def source(self, config: ProcessorConfig, side: Side) -> str:
        """Where the records of a side come from, for reports and people; without credentials."""
        feed = config.feed if side is Side.PROCESSOR else config.ledger
        without_address = FilesDescription | PayPalSettlementFeed | SqlLedgerFeed
        if not isinstance(feed, without_address) and feed.base_url == SANDBOX_URL:
            return SANDBOX_SOURCE
        return self.adapter(config, side).source

    def _sandbox(self) -> str:
        """Start it once per process; it ends with the process."""
        with self._lock:
            if self._sandbox_url is None:
                running = ExitStack()
                self._sandbox_url = running.enter_context(running_sandbox()).base_url
                atexit.register(running.close)
            return self._sandbox_url
