"""How far a feed over HTTP may go, whatever the other side does. Not here: who keeps to it (`http`, `http_budget`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_RECORDS: Final = 5_000_000
SPARE_PAGES: Final = 10_000
FEED_DEADLINE_S: Final = 4 * 3_600.0

_MEBIBYTE: Final = 1_048_576


def _at_once(_host: str) -> None:
    """No request waits for another."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one feed's requests; units are in the names. `deadline_s` and the time-outs are per attempt."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    """Longest silence."""
    deadline_s: float = 60.0
    """From sending the request to the last byte of its body, however lively the body drips."""
    attempts: int = 4
    backoff_s: float = 0.5
    """The first wait is random up to this, each later one up to twice the one before (full jitter)."""
    backoff_max_s: float = 8.0
    retry_after_max_s: float = 60.0
    """A `Retry-After` up to this is waited for; a longer one fails at once and is handed on."""
    page_max_bytes: int = 64 * _MEBIBYTE
    """Decompressed."""
    total_max_bytes: int = 4_096 * _MEBIBYTE
    """Decompressed, all pages of a feed."""
    max_records: int = MAX_RECORDS
    """All pages of a feed."""
    spare_pages: int = SPARE_PAGES
    """Beyond those that `max_records` fill: a feed may serve shorter pages than it is asked for, and empty ones."""
    before_request: Callable[[str], None] = _at_once
    """Called with the host before each attempt, and returns when its request may be sent."""
    feed_deadline_s: float = FEED_DEADLINE_S
    """From the first request of a feed to the last, all attempts and waits included."""

    def max_pages(self, page_size: int) -> int:
        """The most pages of a feed that is asked for `page_size` records at a time: never too few for `max_records`."""
        return -(-self.max_records // page_size) + self.spare_pages
