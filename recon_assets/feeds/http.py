"""JSON documents over HTTP, with a limit on everything that the other side decides.

What belongs here: one request, its retries and its bounds. Not here: what a status means (`http_answers`), paging
(`http_pages`) and the meaning of the bytes (`json_records`). Errors carry neither bodies nor credentials.
"""

import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
import tenacity
import urllib3

from recon_assets.domain.errors import (
    ConfigurationError,
    FeedNotUnderstood,
    FeedRefused,
    FeedUnavailable,
    LimitExceeded,
)
from recon_assets.feeds.http_answers import refuse_unless_json, unavailable
from recon_assets.feeds.http_deadline import DeadlineAdapter
from recon_assets.feeds.http_limits import HttpLimits

READ_BYTES: Final = 65_536
"""Decompressed bytes taken from the socket at a time: how far one page can go over its limit."""

REFUSAL_MAX_BYTES: Final = 65_536
"""Decompressed bytes of a refusal that are shown to `explain`."""

_MAX_CAUSES: Final = 10
_CONNECTION_ERRORS: Final = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
    urllib3.exceptions.SSLError,
)


QueryParameters = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with a status from 400 on.

    `body` may hold anything, credentials included. It is empty when it is longer than `REFUSAL_MAX_BYTES`, did not come
    whole or is not compressed the way it says: what is wrong with it changes nothing about the refusal.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    where: str


Explain = Callable[[Refusal], Exception | None]
"""What an API means by a refusal where it says more than its status: what to raise. None: what the status says."""


class HttpClient:
    """Requests with retries over one session. Use as a context manager: leaving it closes its sockets."""

    def __init__(
        self,
        limits: HttpLimits,
        *,
        headers: Mapping[str, str] | None = None,
        explain: Explain | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`headers` go with every request and may hold a credential: they are in no error and no log."""
        self.limits = limits
        self._explain = explain
        self._adapter = DeadlineAdapter()
        self._session = requests.Session()
        self._session.auth = _as_prepared
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})})
        self._retrying = tenacity.Retrying(
            sleep=sleep,
            stop=tenacity.stop_after_attempt(limits.attempts),
            wait=self._wait_s,
            retry=tenacity.retry_if_exception(self._is_worth_another_attempt),
            reraise=True,
        )
        self._jitter = tenacity.wait_random_exponential(multiplier=limits.backoff_s, max=limits.backoff_max_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.close()

    def get(self, url: str, parameters: QueryParameters) -> bytes:
        """The body of a 200 answer that claims to be JSON: the bytes as sent, without their gzip.

        Raises `FeedUnavailable` once the attempts are used up, `FeedRefused`, `FeedNotUnderstood` or `LimitExceeded`.
        """
        request = requests.Request("GET", url, params=parameters)
        return self._retrying(self._attempt, request, described_url(url, parameters))

    def post_form(self, url: str, form: Mapping[str, str], *, user: str, password: str) -> bytes:
        """The JSON answer to a form that is sent with basic authentication, as OAuth's token requests are. As `get`."""
        request = requests.Request("POST", url, data=dict(form), auth=(user, password))
        return self._retrying(self._attempt, request, described_url(url))

    def _is_worth_another_attempt(self, error: BaseException) -> bool:
        if not isinstance(error, FeedUnavailable):
            return False
        return error.retry_after_s is None or error.retry_after_s <= self.limits.retry_after_max_s

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, FeedUnavailable) else None
        return (asked_s or 0.0) + self._jitter(state)

    def _attempt(self, request: requests.Request, where: str) -> bytes:
        self.limits.before_request(_host_of(where))
        with self._adapter.ending_after(self.limits.deadline_s) as deadline:
            too_late = f"the answer was not complete after {self.limits.deadline_s} s (deadline_s)"
            try:
                body = self._exchange(request, where)
            except _CONNECTION_ERRORS as error:
                if _is_untrusted(error):
                    raise FeedRefused(
                        "the certificate of the feed is not trusted",
                        where=where,
                        remedy="Check base_url; for a private authority set REQUESTS_CA_BUNDLE.",
                    ) from error
                if deadline.is_over:
                    what = too_late
                elif isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
                    what = "the feed did not answer in time"
                else:
                    what = "the connection failed or the answer was cut short"
                raise unavailable(what, where) from error
            except urllib3.exceptions.DecodeError as error:
                raise FeedNotUnderstood(
                    "the answer is not compressed the way it says",
                    where=where,
                    remedy="Report it to the operator of the feed.",
                ) from error
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                if _is_of_two_lengths(error):
                    self._adapter.drop()  # the library forgets the answer that it refuses, and leaves it open
                    raise unavailable("the answer says two different lengths of itself", where) from error
                raise _unusable(where) from error
            if deadline.is_over:  # a shut connection looks like the end of a body that came without its length
                raise unavailable(too_late, where)
            return body

    def _exchange(self, request: requests.Request, where: str) -> bytes:
        limits, url = self.limits, request.url
        settings = self._session.merge_environment_settings(
            url, _proxies(url) or {}, stream=True, verify=None, cert=None
        )
        with self._session.send(
            self._session.prepare_request(request),
            allow_redirects=False,
            timeout=(min(limits.connect_timeout_s, limits.deadline_s), min(limits.read_timeout_s, limits.deadline_s)),
            **settings,
        ) as response:
            if self._explain is not None and response.status_code >= HTTPStatus.BAD_REQUEST:
                body = _body_of_refusal(response.raw)
                error = self._explain(Refusal(response.status_code, response.headers, body, where))
                if error is not None:
                    raise error
            refuse_unless_json(response, where)
            return self._read_body(response.raw, where)

    def _read_body(self, raw: urllib3.HTTPResponse, where: str) -> bytes:
        body = bytearray()
        while data := raw.read1(READ_BYTES, decode_content=True):
            body += data
            if len(body) > self.limits.page_max_bytes:
                raise LimitExceeded(
                    f"one answer is larger than {self.limits.page_max_bytes} bytes (page_max_bytes)",
                    where=where,
                    remedy="Lower page_size, or raise the limit if the feed is really this large.",
                )
        return bytes(body)


def _as_prepared(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stands where `requests` else puts what ~/.netrc says for the host, in the place of our own Authorization."""
    return request


def _body_of_refusal(raw: urllib3.HTTPResponse) -> bytes:
    body = bytearray()
    try:
        while data := raw.read1(READ_BYTES, decode_content=True):
            body += data
            if len(body) > REFUSAL_MAX_BYTES:
                return b""
    except (OSError, urllib3.exceptions.HTTPError):
        return b""
    return bytes(body)


def described_url(url: str, parameters: QueryParameters | None = None) -> str:
    """`url` for people and evidence: without user, password, fragment and its own query; with our parameters."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _unusable("an address that can't be read") from error
    query = urlencode(parameters) if parameters else ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _is_of_two_lengths(error: BaseException) -> bool:
    """True when urllib3 refused the answer's Content-Length. For our own headers requests raises one of that name."""
    return any(isinstance(cause, urllib3.exceptions.InvalidHeader) for cause in (error, error.__context__))


def _is_untrusted(error: BaseException) -> bool:
    """True when a certificate's verification is anywhere behind `error`."""
    reason: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if reason is None or isinstance(reason, ssl.SSLCertVerificationError):
            break
        reason = reason.__cause__ or reason.__context__
    return isinstance(reason, ssl.SSLCertVerificationError)


def _host_of(url: str) -> str:
    """Host and port of an address that was described already."""
    return urlsplit(url).netloc.lower()


def _unusable(where: str) -> ConfigurationError:
    return ConfigurationError(
        "the address can't be requested", where=where, remedy="Check base_url in the feed's configuration."
    )


def _proxies(url: str) -> dict[str, str] | None:
    """None for what the environment says; this machine itself is never asked through a proxy."""
    host = urlsplit(url).hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    return {"no_proxy": host} if is_loopback else None
