"""Feeds as a Dagster resource: adapters from configuration, and the built-in sandbox where it stands for a feed.

What fetches and parses is imported when a feed is asked for: a code location that shows its graph needs none of it.
"""

import atexit
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import SecretStr

from recon_assets.configuration import SANDBOX_URL, ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.feeds.credentials import Credentials
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.registry import ProcessorFeed
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.processors.stripe.feed import StripeApiFeed
from recon_assets.resources.record import Record
from recon_assets.resources.secrets import AwsSecrets
from recon_assets.settings import Settings
from recon_assets.store.turns import take_turn

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter
    from recon_assets.feeds.http_limits import HttpLimits

SANDBOX_SOURCE = "built-in sandbox (demonstration data)"
SANDBOX_STRIPE_KEY = SecretStr("sk_test_sandbox")
"""Opens nothing but the sandbox, which takes any test key: no variable has to be set for the demo."""
SANDBOX_SQUARE_TOKEN = SecretStr("sandbox-square-token")
"""The same for Square."""
SANDBOX_PAYPAL_SECRET = SecretStr("sandbox")
"""The same for PayPal, where the processor's name is the client id."""

Feed = ProcessorFeed | LedgerApiFeed | SqlLedgerFeed | FilesDescription


class Feeds:
    """Gives the adapter of either side of a processor, and with it the credentials of this deployment."""

    def __init__(self, settings: Settings, record: Record | None = None) -> None:
        """With `record`, requests to one host keep `RECON_HTTP_REQUESTS_PER_S` over all processes that share it."""
        self._settings, self._record = settings, record
        self._credentials = Credentials(AwsSecrets(settings.aws_secrets) if settings.aws_secrets else None)
        self._lock = Lock()
        self._sandbox_url: str | None = None

    def adapter(self, config: ProcessorConfig, side: Side) -> "Adapter":
        """The configured feed of one side. Starts the sandbox if that is what is configured."""
        from recon_assets.feeds.adapter import Surroundings

        feed, settings = _feed_of(config, side), self._settings
        if isinstance(feed, FilesDescription):
            from recon_assets.feeds.files.adapter import FilesAdapter

            return FilesAdapter(config.name, side, feed, settings.feeds_dir, self._credentials)
        if isinstance(feed, SqlLedgerFeed):
            from recon_assets.ledger.sql.adapter import SqlLedgerAdapter

            return SqlLedgerAdapter(config.name, feed, feed.query_text(settings.config_dir), self._credentials)
        if _is_in_sandbox(feed):
            feed = _in_sandbox(feed, self._sandbox(), processor=config.name)
        return feed.adapter(
            Surroundings(
                processor=config.name,
                side=side,
                limits=self._limits(),
                feeds_dir=settings.feeds_dir,
                config_dir=settings.config_dir,
                credentials=self._credentials,
            )
        )

    def _limits(self) -> "HttpLimits":
        from recon_assets.feeds.http_limits import HttpLimits

        limits = HttpLimits(read_timeout_s=self._settings.http_timeout_s, attempts=self._settings.http_attempts)
        if self._record is None or self._settings.http_requests_per_s is None:
            return limits
        return replace(limits, before_request=partial(_wait_for_turn, self._record, self._settings.http_requests_per_s))

    def source(self, config: ProcessorConfig, side: Side) -> str:
        """Where the records of a side come from, for reports and people; without credentials."""
        return SANDBOX_SOURCE if _is_in_sandbox(_feed_of(config, side)) else self.adapter(config, side).source

    def _sandbox(self) -> str:
        """Start it once per process; it ends with the process."""
        with self._lock:
            if self._sandbox_url is None:
                from recon_assets.sandbox.server import running_sandbox  # a web server, which only the demo needs

                running = ExitStack()
                self._sandbox_url = running.enter_context(running_sandbox()).base_url
                atexit.register(running.close)
            return self._sandbox_url


def _wait_for_turn(record: Record, requests_per_s: float, host: str) -> None:
    with record.connect() as connection:
        take_turn(connection, host, interval_s=1 / requests_per_s)


def _feed_of(config: ProcessorConfig, side: Side) -> Feed:
    return config.feed if side is Side.PROCESSOR else config.ledger


def _is_in_sandbox(feed: Feed) -> bool:
    """A feed without an address is never there."""
    return getattr(feed, "base_url", None) == SANDBOX_URL


def _in_sandbox(feed: ProcessorFeed | LedgerApiFeed, url: str, *, processor: str) -> ProcessorFeed | LedgerApiFeed:
    """The same feed at the sandbox's address, with credentials that open nothing else where it needs some."""
    if isinstance(feed, StripeApiFeed):
        return feed.with_key(base_url=url, api_key=SANDBOX_STRIPE_KEY)
    if isinstance(feed, SquareApiFeed):
        return feed.with_token(base_url=url, access_token=SANDBOX_SQUARE_TOKEN)
    if isinstance(feed, PayPalApiFeed):
        return feed.with_login(base_url=url, client_id=processor, client_secret=SANDBOX_PAYPAL_SECRET)
    return feed.model_copy(update={"base_url": url})
