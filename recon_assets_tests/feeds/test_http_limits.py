"""How long and how large one answer may be, and that a cut one is noticed. Servers that send raw bytes."""

import gzip
import time
from dataclasses import replace

import pytest

from recon_assets.domain.errors import ConfigurationError, FeedUnavailable, LimitExceeded
from recon_assets.feeds.http import HttpClient, HttpLimits
from recon_assets_tests.sandbox.reading import QUICK
from recon_assets_tests.sandbox.sockets import raw_server

OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ONE_GIBIBYTE = 1 << 30


def get_once(url: str, limits: HttpLimits) -> bytes:
    with HttpClient(replace(limits, attempts=1)) as client:
        return client.get(url, {})


def assert_unavailable_after_all_attempts(answer: bytes, *, says: str) -> None:
    sleeps: list[float] = []
    with (
        raw_server([answer]) as url,
        HttpClient(QUICK, sleep=sleeps.append) as client,
        pytest.raises(FeedUnavailable, match=says),
    ):
        client.get(url, {})
    assert len(sleeps) == QUICK.attempts - 1


def test_a_body_cut_before_its_length_is_tried_again_and_unavailable() -> None:
    assert_unavailable_after_all_attempts(OK_HEAD + b'Content-Length: 100\r\n\r\n{"a":', says="cut short")


def test_a_chunked_body_cut_in_the_middle_is_unavailable() -> None:
    with (
        raw_server([OK_HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n']) as url,
        pytest.raises(FeedUnavailable, match="cut short"),
    ):
        get_once(url, QUICK)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"Content-Length: 1000\r\n\r\n", b" "),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"Connection: close\r\n\r\n", b" "),
    ],
    ids=["with a length", "chunked", "without a length"],
)
def test_a_slow_drip_ends_at_the_deadline(head: bytes, drop: bytes) -> None:
    started_s = time.monotonic()
    with (
        raw_server([OK_HEAD + head, *[drop] * 200], pause_s=0.02) as url,
        pytest.raises(FeedUnavailable, match=r"not complete after 0\.5 s"),
    ):
        get_once(url, replace(QUICK, deadline_s=0.5))
    assert 0.5 <= time.monotonic() - started_s < 2


def test_a_slow_drip_of_headers_ends_at_the_deadline() -> None:
    started_s = time.monotonic()
    with (
        raw_server([OK_HEAD, *[b"X"] * 200], pause_s=0.02) as url,
        pytest.raises(FeedUnavailable, match=r"not complete after 0\.5 s"),
    ):
        get_once(url, replace(QUICK, deadline_s=0.5))
    assert time.monotonic() - started_s < 2


@pytest.mark.parametrize("lengths", [(b"2", b"3"), (b"3", b"2"), (b"2, 3",), (b"2", b"2", b"9" * 30)])
def test_an_answer_that_says_two_lengths_of_itself_is_tried_again_and_unavailable(lengths: tuple[bytes, ...]) -> None:
    head = OK_HEAD + b"".join(b"Content-Length: %s\r\n" % length for length in lengths)
    assert_unavailable_after_all_attempts(head + b"\r\n{} ", says="two different lengths of itself")


def test_the_same_length_twice_is_one() -> None:
    with raw_server([OK_HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"]) as url:
        assert get_once(url, QUICK) == b"{}"


def test_a_header_of_ours_that_can_not_be_sent_is_no_answer_and_a_wrong_configuration() -> None:
    with (
        raw_server([OK_HEAD + b"Content-Length: 2\r\n\r\n{}"]) as url,
        HttpClient(QUICK, headers={"X-Key": "two\nlines"}) as client,
        pytest.raises(ConfigurationError),
    ):
        client.get(url, {})


def test_a_gzip_bomb_is_refused_long_before_it_has_unfolded() -> None:
    bomb = gzip.compress(bytes(1 << 24)) * (ONE_GIBIBYTE >> 24)
    head = OK_HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    started_s = time.monotonic()
    with raw_server([head + bomb]) as url, pytest.raises(LimitExceeded, match=r"larger than 1000000 bytes"):
        get_once(url, replace(QUICK, page_max_bytes=1_000_000))
    assert time.monotonic() - started_s < 2
