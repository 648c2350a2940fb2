"""What the YAML of a feed over HTTP may say about its address and its pages. Validation only.

Not here, and not imported from here: fetching and parsing. Every command reads the configuration, few ask a feed.
"""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 10_000


def _plain_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must start with http:// or https:// and name a host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must not carry a query, a fragment, a user or a password")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_plain_address)]
"""An address for configuration, without credentials and without a final slash."""

PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)]
