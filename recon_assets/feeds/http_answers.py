"""What an HTTP answer means before its body is read: a document, a refusal, or a reason to try again."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, NoReturn

import requests

from recon_assets.domain.errors import FeedNotUnderstood, FeedRefused, FeedUnavailable

_RETRIED_STATUSES: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_JSON_TYPES: Final = ("application/json", "text/json")
_HTML_TYPES: Final = ("text/html", "application/xhtml+xml")
_MAX_RETRY_AFTER_DIGITS: Final = 9


def is_passing(status: int) -> bool:
    """True for a status that a later attempt may change."""
    return status in _RETRIED_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def raise_html(where: str) -> NoReturn:
    """A page for people came where a document for programs was asked for."""
    raise FeedNotUnderstood(
        "the feed answered with HTML, not JSON: the address is probably a web page or a login form",
        where=where,
        remedy="Check base_url in the feed's configuration.",
    )


def refuse_unless_json(response: requests.Response, where: str) -> None:
    """Pass only a 200 that claims to be JSON, or claims nothing. `where` is the address for messages."""
    status = response.status_code
    if is_passing(status):
        retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
        raise unavailable(f"the feed answered with status {status}", where, retry_after_s)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise FeedRefused(
            f"the feed redirected to another address (status {status})",
            where=where,
            remedy="Put the final address into base_url; redirects are not followed.",
        )
    if status >= HTTPStatus.BAD_REQUEST:
        raise FeedRefused(
            f"the feed refused the request with status {status}",
            where=where,
            remedy="Check base_url, and that this machine may read the feed.",
        )
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in _HTML_TYPES:
        raise_html(where)
    is_json = not media_type or media_type in _JSON_TYPES or media_type.endswith("+json")
    if status != HTTPStatus.OK or not is_json:
        raise FeedNotUnderstood(
            f"the feed answered with status {status} and something else than a JSON document",
            where=where,
            remedy="Check that base_url is the address of the API.",
        )


def unavailable(what: str, where: str, retry_after_s: float | None = None) -> FeedUnavailable:
    """The same request may succeed later, or after `retry_after_s`."""
    remedy = "Try again later; if it stays, ask the operator of the feed."
    if retry_after_s is not None:
        remedy = f"The feed asks to wait {retry_after_s:.0f} s; try again then."
    return FeedUnavailable(what, where=where, remedy=remedy, retry_after_s=retry_after_s)


def _retry_after_s(header: str | None) -> float | None:
    """Seconds from now, from either form of RFC 9110 section 10.2.3; None when absent or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MAX_RETRY_AFTER_DIGITS])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
