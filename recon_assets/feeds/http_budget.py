"""How much one fetch may take of a feed that comes in pages: pages, records, bytes and time, held against `HttpLimits`.

What belongs here: counting, and the refusal. Not here: one request (`http`), and when a feed is at its end.
"""

import time

from recon_assets.domain.errors import LimitExceeded
from recon_assets.feeds.http import described_url
from recon_assets.feeds.http_limits import HttpLimits


class Budget:
    """Of one fetch, over all its lists. Every method raises `LimitExceeded`, which names the limit."""

    def __init__(self, limits: HttpLimits, *, page_size: int, url: str) -> None:
        """`url` is for messages."""
        self._limits, self._url = limits, url
        self._max_pages = limits.max_pages(page_size)
        self._ends_at = time.monotonic() + limits.feed_deadline_s
        self._pages = self._records = self._size_bytes = 0

    def begin_page(self) -> None:
        """Call before a page is asked for."""
        self._pages += 1
        if self._pages > self._max_pages:
            raise self._refused(f"has more than {self._max_pages} pages (max_pages)")
        if time.monotonic() >= self._ends_at:
            raise self._refused(f"takes longer than {self._limits.feed_deadline_s:g} s (feed_deadline_s)")

    def add_bytes(self, size_bytes: int) -> None:
        """Call with the length of each page."""
        self._size_bytes += size_bytes
        if self._size_bytes > self._limits.total_max_bytes:
            raise self._refused(f"has more than {self._limits.total_max_bytes} bytes (total_max_bytes)")

    def add_records(self, records: int) -> None:
        """Call with the number of records of each page."""
        self._records += records
        self.refuse_promise(self._records)

    def refuse_promise(self, records: int) -> None:
        """Raise when a feed says that it has more records than may be fetched: then no page more is asked for."""
        if records > self._limits.max_records:
            raise self._refused(f"has more than {self._limits.max_records} records (max_records)")

    def _refused(self, what: str) -> LimitExceeded:
        return LimitExceeded(
            f"the feed {what}",
            where=described_url(self._url),
            remedy="Raise page_size or the limit if the feed is really this large.",
        )
