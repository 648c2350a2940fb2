"""Requests to Stripe: the key, its mode, the headers, and what a refusal means.

The key is read when a feed is asked and goes into one header. Of a refusal only Stripe's own words for it are told
(`error.type`, `error.code`, `error.param`, and the request's id for Stripe's support): its message may quote the key.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from pydantic import SecretStr

from recon_assets.domain.errors import ConfigurationError, FeedRefused, ReconError
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.http import HttpClient, Refusal
from recon_assets.feeds.http_answers import unavailable
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.processors.stripe.feed import Mode

STRIPE_VERSION: Final = "2026-06-24.dahlia"
"""Pinned, so that an upgrade of the account's default changes nothing here."""

_KEY: Final = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9_]{1,500}")
_WORD: Final = re.compile(r"[a-z]{1,30}(?:[_.\[\]]{1,2}[a-z]{1,30}){0,8}\]?")
_REQUEST_ID: Final = re.compile(r"req_[A-Za-z0-9]{1,40}")
_KEY_STATUSES: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class _Error(msgspec.Struct):
    type: str | None = None
    code: str | None = None
    param: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error


_ERROR_BODY: Final = msgspec.json.Decoder(_ErrorBody)


@dataclass(frozen=True, slots=True)
class Access:
    """Whose account is asked and with which key. `own_key` takes the place of what `credentials` holds."""

    base_url: str
    api_key_env: str
    mode: Mode
    account: str | None = None
    own_key: SecretStr | None = None
    credentials: Credentials = ENVIRONMENT

    @property
    def url(self) -> str:
        """The list of balance transactions."""
        return f"{self.base_url}/v1/balance_transactions"

    def key(self) -> SecretStr:
        """The key, of the configured mode. Raises `ConfigurationError` that names the variable, never the value."""
        key = self.own_key or self.credentials.value(self.api_key_env)
        found = _KEY.fullmatch(key.get_secret_value())
        if found is None:
            raise ConfigurationError(
                f"the value of {self.api_key_env} is no secret or restricted key of Stripe",
                where=self.credentials.where,
                remedy="Use a key that begins with sk_live_, rk_live_, sk_test_ or rk_test_; a restricted key that may"
                " read balance transactions is enough.",
            )
        if found.group(1) != self.mode:
            raise ConfigurationError(
                f"{self.api_key_env} holds a {found.group(1)} key, and the feed is configured for mode: {self.mode}",
                where=self.credentials.where,
                remedy=f"Set a {self.mode} key, or mode: {found.group(1)} in the feed's configuration.",
            )
        return key

    def client(self, limits: HttpLimits) -> HttpClient:
        """A client with the key in its headers. Raises like `key`."""
        key = self.key().get_secret_value()
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": STRIPE_VERSION}
        if self.account is not None:
            headers["Stripe-Account"] = self.account

        def explain(refusal: Refusal) -> ReconError | None:
            return self._explained(refusal, key)

        return HttpClient(limits, headers=headers, explain=explain)

    def _explained(self, refusal: Refusal, key: str) -> ReconError | None:
        """None for what is tried again by its status alone: 429 and 5xx."""
        asks_again = refusal.headers.get("Stripe-Should-Retry", "").strip().lower()
        said = _said(refusal, key)
        status = refusal.status
        if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
            return None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and asks_again != "false":
            return None
        if asks_again == "true" or (status == HTTPStatus.CONFLICT and asks_again != "false"):
            return unavailable(f"Stripe answered with status {status}{said}", refusal.where)
        remedy = "Check the feed's configuration; Stripe's dashboard shows the request in its logs."
        if status in _KEY_STATUSES:
            remedy = (
                f"Check {self.api_key_env}: it must be a key of this account that may read balance transactions"
                + (f", for the connected account {self.account}." if self.account else ".")
            )
        return FeedRefused(f"Stripe refused the request with status {status}{said}", where=refusal.where, remedy=remedy)


def _said(refusal: Refusal, key: str) -> str:
    try:
        error = _ERROR_BODY.decode(refusal.body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = _Error()
    request_id = refusal.headers.get("Request-Id", "")
    named = [("type", error.type), ("code", error.code), ("param", error.param)]
    told = [f"{name} {word}" for name, word in named if word and _WORD.fullmatch(word) and not _shares(word, key)]
    if _REQUEST_ID.fullmatch(request_id) and not _shares(request_id, key):
        told.append(f"request {request_id}")
    return f": {', '.join(told)}" if told else ""


def _shares(word: str, key: str) -> bool:
    """True when one is part of the other: then it is not told, whatever it claims to be."""
    return word in key or key in word
