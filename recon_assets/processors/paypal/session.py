"""A conversation with PayPal's API: the token, and what its refusals mean. Not here: which pages are asked for.

Client id and secret are sent for a token, once; the token goes with every request. Neither is kept anywhere.
"""

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood, FeedRefused
from recon_assets.feeds.http import HttpClient, QueryParameters, Refusal
from recon_assets.feeds.http_answers import is_passing
from recon_assets.feeds.http_limits import HttpLimits

READ_SCOPE: Final = "https://uri.paypal.com/services/reporting/search/read"
TOKEN_PATH: Final = "/v1/oauth2/token"  # noqa: S105 - an address
TRANSACTIONS_PATH: Final = "/v1/reporting/transactions"

_TOO_LARGE: Final = "RESULTSET_TOO_LARGE"
_INVALID: Final = "INVALID_REQUEST"
_NOT_AVAILABLE: Final = "data for the given start date is not available"
_HEADER_TEXT: Final = re.compile(r"[\x21-\x7e]{1,4096}")


class ResultTooLarge(Exception):
    """More than 10,000 movements in the window, and PayPal gives none of them: the window is halved."""


class NotAvailableYet(Exception):
    """PayPal has no data for the start of the window: the day is incomplete."""


class _TokenRefused(Exception):
    """PayPal does not take the token, or not any more."""


class _Token(msgspec.Struct):
    access_token: str
    scope: str


class _Said(msgspec.Struct):
    name: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where client id and secret come from, when they are needed; `names` say it in messages."""

    names: str
    get: Callable[[], tuple[str, str]]


class PayPalSession:
    """Requests to Transaction Search. Use as a context manager: leaving it closes its sockets."""

    def __init__(self, base_url: str, *, limits: HttpLimits, credentials: Credentials) -> None:
        self._base_url, self.limits, self._credentials = base_url, limits, credentials
        self._client: HttpClient | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def url(self) -> str:
        """The address of Transaction Search."""
        return f"{self._base_url}{TRANSACTIONS_PATH}"

    def transactions(self, parameters: QueryParameters) -> bytes:
        """One page. Raises what `HttpClient.get` raises, `ResultTooLarge` and `NotAvailableYet`."""
        if self._client is not None:
            try:
                return self._client.get(self.url, parameters)
            except _TokenRefused:  # PayPal hands out tokens that are about to end: it is replaced once
                self._open.close()
        headers = {"Authorization": f"Bearer {self._new_token()}"}
        self._client = self._open.enter_context(HttpClient(self.limits, headers=headers, explain=_search_refused))
        try:
            return self._client.get(self.url, parameters)
        except _TokenRefused as refusal:
            raise _not_allowed(self.url) from refusal

    def _new_token(self) -> str:
        where = f"{self._base_url}{TOKEN_PATH}"
        user, password = self._credentials.get()
        with HttpClient(self.limits, explain=self._token_refused) as client:
            body = client.post_form(where, {"grant_type": "client_credentials"}, user=user, password=password)
        token = _token(body, where)
        if READ_SCOPE not in token.scope.split():
            raise _not_allowed(where)
        return token.access_token

    def _token_refused(self, refusal: Refusal) -> Exception | None:
        if refusal.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return None
        return FeedRefused(
            f"PayPal does not accept the credentials in {self._credentials.names}",
            where=refusal.where,
            remedy="Set both to those of the app; the sandbox's are not those of the live account.",
        )


def _token(body: bytes, where: str) -> _Token:
    try:
        token = msgspec.json.decode(body, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError):
        token = _Token(access_token="", scope="")
    if not _HEADER_TEXT.fullmatch(token.access_token):
        raise FeedNotUnderstood(
            "the answer holds no access token", where=where, remedy="Check that base_url is the address of the API."
        )
    return token


def _not_allowed(where: str) -> FeedRefused:
    return FeedRefused(
        "the app at PayPal may not search transactions",
        where=where,
        remedy="Switch on Transaction Search for the app in PayPal's developer dashboard.",
    )


def _search_refused(refusal: Refusal) -> Exception | None:
    if is_passing(refusal.status):
        return None
    said = _said(refusal.body)
    if said.name == _TOO_LARGE:
        return ResultTooLarge()
    if said.name == _INVALID and said.message.strip().lower().startswith(_NOT_AVAILABLE):
        return NotAvailableYet()
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        return _TokenRefused()
    return _not_allowed(refusal.where) if refusal.status == HTTPStatus.FORBIDDEN else None


def _said(body: bytes) -> _Said:
    try:
        return msgspec.json.decode(body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Said()
