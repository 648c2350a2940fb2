"""What an adapter sees of a refusal, and that reading it never makes another error of it. Real servers only."""

import gzip
import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest

from recon_assets.domain.errors import FeedRefused, FeedUnavailable, LimitExceeded
from recon_assets.feeds.http import REFUSAL_MAX_BYTES, HttpClient, Refusal
from recon_assets_tests.sandbox.reading import QUICK
from recon_assets_tests.sandbox.sockets import raw_server

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nX-Code: 7\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
LIMITS = replace(QUICK, attempts=1, read_timeout_s=0.3, deadline_s=1.0)
ZEROS = gzip.compress(bytes(50_000_000))


class Seen(list[Refusal]):
    """Keeps what it is shown and leaves the meaning to the status."""

    def __call__(self, refusal: Refusal) -> None:
        self.append(refusal)


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def seen_of(pieces: Iterable[bytes], *, pause_s: float = 0.0) -> Refusal:
    """What is shown of an answer with status 403, which stays a refusal with that status."""
    seen = Seen()
    with (
        raw_server(pieces, pause_s=pause_s) as url,
        HttpClient(LIMITS, explain=seen) as client,
        pytest.raises(FeedRefused, match="refused the request with status 403"),
    ):
        client.get(url, {})
    (refusal,) = seen
    return refusal


@pytest.mark.parametrize("body", [b"", b'{"error":1}', b"x" * REFUSAL_MAX_BYTES])
def test_status_headers_and_body_are_shown(body: bytes) -> None:
    refusal = seen_of([FORBIDDEN + sized(body)])
    assert (refusal.status, refusal.headers["x-code"], refusal.body) == (403, "7", body)
    assert refusal.where.startswith("http://127.0.0.1:")


def test_a_compressed_body_is_shown_without_its_compression() -> None:
    assert seen_of([FORBIDDEN + GZIP + sized(gzip.compress(b"{}"))]).body == b"{}"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([FORBIDDEN + b"Content-Length: 100\r\n\r\n{"], id="cut"),
        pytest.param([FORBIDDEN + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"], id="cut chunk"),
        pytest.param([FORBIDDEN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{"], id="no chunk"),
        pytest.param([FORBIDDEN + GZIP + sized(b"not gzip")], id="not compressed"),
        pytest.param([FORBIDDEN + GZIP + sized(gzip.compress(b"x" * 9_000)[:-20])], id="cut gzip"),
        pytest.param([FORBIDDEN + b"Content-Encoding: " + b"gzip, " * 99 + b"gzip\r\n" + sized(b"{}")], id="99 gzips"),
        pytest.param([FORBIDDEN + sized(b"x" * (REFUSAL_MAX_BYTES + 1))], id="a byte too long"),
        pytest.param([FORBIDDEN + GZIP + sized(ZEROS)], id="bomb"),
        pytest.param(itertools.chain([FORBIDDEN + b"\r\n"], [b"x" * 65_536] * 200), id="13 MB"),
    ],
)
def test_a_body_that_is_cut_wrongly_compressed_or_huge_is_shown_as_empty(pieces: Iterable[bytes]) -> None:
    assert seen_of(pieces).body == b""


def test_a_body_that_never_comes_is_shown_as_empty() -> None:
    assert seen_of([FORBIDDEN + b"Content-Length: 9\r\n\r\n", b"too late!"], pause_s=0.6).body == b""


def test_a_body_that_drips_beyond_the_deadline_is_shown_as_empty() -> None:
    assert seen_of([FORBIDDEN + b"Content-Length: 99\r\n\r\n", *[b"x"] * 99], pause_s=0.05).body == b""


def test_a_passing_failure_stays_one_whatever_its_body_is() -> None:
    seen = Seen()
    # The server closes after each answer and says so: else the client may ask again on a connection that is going.
    head = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 0\r\n"
    limits = replace(LIMITS, attempts=3, read_timeout_s=30.0, deadline_s=60.0)  # all three, however busy the machine
    with (
        raw_server([head + GZIP + sized(b"not gzip")]) as url,
        HttpClient(limits, explain=seen, sleep=lambda _: None) as client,
        pytest.raises(FeedUnavailable, match="status 503"),
    ):
        client.get(url, {})
    assert [refusal.body for refusal in seen] == [b""] * 3


def test_the_error_that_is_made_of_a_refusal_is_raised_as_it_is() -> None:
    meant = LimitExceeded("too many", where="there", remedy="Ask for less.")
    with (
        raw_server([FORBIDDEN + sized(b"{}")]) as url,
        HttpClient(LIMITS, explain=lambda _: meant) as client,
        pytest.raises(LimitExceeded) as caught,
    ):
        client.get(url, {})
    assert caught.value is meant


def test_a_success_is_not_shown() -> None:
    seen = Seen()
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    with raw_server([ok + sized(b"{}")]) as url, HttpClient(LIMITS, explain=seen) as client:
        assert client.get(url, {}) == b"{}"
    assert seen == []
