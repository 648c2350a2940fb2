"""Feeds as a Dagster resource: adapters from configuration, and the built-in sandbox where it stands for a feed."""

import atexit
from contextlib import ExitStack
from threading import Lock

from recon_assets.configuration import SANDBOX_URL, ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Adapter
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.http import HttpLimits
from recon_assets.ledger.sql.adapter import SqlLedgerAdapter
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets.sandbox.server import running_sandbox
from recon_assets.settings import Settings

SANDBOX_SOURCE = "built-in sandbox (demonstration data)"


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
        if isinstance(feed, SqlLedgerFeed):
            return SqlLedgerAdapter(config.name, feed, feed.query_text(self._settings.config_dir))
        if feed.base_url == SANDBOX_URL:
            feed = feed.model_copy(update={"base_url": self._sandbox()})
        limits = HttpLimits(read_timeout_s=self._settings.http_timeout_s, attempts=self._settings.http_attempts)
        return feed.adapter(processor=config.name, limits=limits)

    def source(self, config: ProcessorConfig, side: Side) -> str:
        """Where the records of a side come from, for reports and people; without credentials."""
        feed = config.feed if side is Side.PROCESSOR else config.ledger
        if not isinstance(feed, FilesDescription | SqlLedgerFeed) and feed.base_url == SANDBOX_URL:
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
