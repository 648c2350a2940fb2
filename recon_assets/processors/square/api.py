"""Requests to Square: the access token, the headers, and what a refusal means.

The token is read when a feed is asked and goes into one header. Of a refusal only Square's own words for it are told
(`category`, `code`, `field`): its detail may quote anything.
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
from recon_assets.feeds.http_limits import HttpLimits

SQUARE_VERSION: Final = "2026-08-19"
"""Pinned, so that an upgrade of the application's default changes nothing here."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,1000}")
_WORD: Final = re.compile(r"[A-Z]{1,40}(?:_[A-Z0-9]{1,40}){0,8}")
_FIELD: Final = re.compile(r"[a-z]{1,30}(?:[_.][a-z]{1,30}){0,8}")
_TOKEN_STATUSES: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LATER_STATUSES: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class _Error(msgspec.Struct):
    category: str | None = None
    code: str | None = None
    field: str | None = None


class _ErrorBody(msgspec.Struct):
    errors: list[_Error]


_ERROR_BODY: Final = msgspec.json.Decoder(_ErrorBody)


@dataclass(frozen=True, slots=True)
class Access:
    """Whose account is asked and with which token. `own_token` takes the place of what `credentials` holds."""

    base_url: str
    access_token_env: str
    own_token: SecretStr | None = None
    credentials: Credentials = ENVIRONMENT

    def url(self, list_name: str) -> str:
        """The address of `payments`, `refunds`, `locations`, `payouts` or `payouts/{id}/payout-entries`."""
        return f"{self.base_url}/v2/{list_name}"

    def token(self) -> SecretStr:
        """The access token. Raises `ConfigurationError` that names the variable, never the value."""
        token = self.own_token or self.credentials.value(self.access_token_env)
        if not _TOKEN.fullmatch(token.get_secret_value()):
            raise ConfigurationError(
                f"the value of {self.access_token_env} is no access token: it has blanks or marks beyond ASCII",
                where=self.credentials.where,
                remedy="Copy the access token from Square's developer dashboard again.",
            )
        return token

    def client(self, limits: HttpLimits) -> HttpClient:
        """A client with the token in its headers. Raises like `token`."""
        token = self.token().get_secret_value()
        headers = {"Authorization": f"Bearer {token}", "Square-Version": SQUARE_VERSION}

        def explain(refusal: Refusal) -> ReconError | None:
            return self._explained(refusal, token)

        return HttpClient(limits, headers=headers, explain=explain)

    def _explained(self, refusal: Refusal, token: str) -> ReconError | None:
        """None for what is tried again by its status alone: 408, 429 and 5xx."""
        status = refusal.status
        if status in _LATER_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        remedy = (
            "Check the feed's configuration, its locations first; Square's dashboard shows the request in its logs."
        )
        if status in _TOKEN_STATUSES:
            remedy = (
                f"Check {self.access_token_env}: it must be a token of this environment (production or sandbox) with"
                " PAYMENTS_READ, PAYOUTS_READ unless the feed says `payouts: false`, and MERCHANT_PROFILE_READ where no"
                " locations or `merchant_id: location_name` are configured."
            )
        told = _said(refusal, token)
        return FeedRefused(f"Square refused the request with status {status}{told}", where=refusal.where, remedy=remedy)


def _said(refusal: Refusal, token: str) -> str:
    """The words of the first error, where they are words of Square's."""
    try:
        errors = _ERROR_BODY.decode(refusal.body).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        errors = []
    error = errors[0] if errors else _Error()
    named = [("category", error.category, _WORD), ("code", error.code, _WORD), ("field", error.field, _FIELD)]
    told = [f"{name} {word}" for name, word, shape in named if word and shape.fullmatch(word) and word not in token]
    told = [words for words in told if token not in words]
    return f": {', '.join(told)}" if told else ""
