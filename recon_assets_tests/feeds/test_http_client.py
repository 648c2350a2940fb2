"""One request: what is tried again, what is refused at once, what is bounded. Real servers only."""

import base64
import gzip
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Response

from recon_assets.domain.errors import (
    ConfigurationError,
    FeedNotUnderstood,
    FeedRefused,
    FeedUnavailable,
)
from recon_assets.feeds.http import HttpClient, described_url
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets_tests.sandbox.reading import QUICK
from recon_assets_tests.sandbox.sockets import raw_server

OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Sleeps(list[float]):
    """Records what would have been slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def client(sleeps: Sleeps) -> Iterator[HttpClient]:
    with HttpClient(QUICK, sleep=sleeps) as client:
        yield client


def get_once(url: str, limits: HttpLimits = QUICK) -> bytes:
    with HttpClient(replace(limits, attempts=1)) as client:
        return client.get(url, {})


def answer(httpserver: HTTPServer, *responses: Response) -> str:
    """Each response once, in order; the last one stays."""
    left = list(responses)
    httpserver.expect_request("/feed").respond_with_handler(lambda _: left.pop(0) if len(left) > 1 else left[0])
    return str(httpserver.url_for("/feed"))


def json_response(body: bytes = b'{"ok":1}', **headers: str) -> Response:
    return Response(body, headers=headers, content_type="application/json")


def test_the_body_comes_back_byte_for_byte(httpserver: HTTPServer, client: HttpClient) -> None:
    body = b'{ "price" : 9.990,\r\n "name": "\\u00e9" }  '
    assert client.get(answer(httpserver, json_response(body)), {}) == body


def test_a_gzip_body_comes_back_without_its_gzip(httpserver: HTTPServer, client: HttpClient) -> None:
    url = answer(httpserver, json_response(gzip.compress(b'{"ok":1}'), **{"Content-Encoding": "gzip"}))
    assert client.get(url, {}) == b'{"ok":1}'


def test_a_body_that_only_claims_to_be_gzip_is_not_understood(httpserver: HTTPServer) -> None:
    url = answer(httpserver, json_response(b"not gzip", **{"Content-Encoding": "gzip"}))
    with pytest.raises(FeedNotUnderstood, match="not compressed the way it says"):
        get_once(url)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final_at_the_first_answer(
    httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps, status: int
) -> None:
    with pytest.raises(FeedRefused, match=f"refused the request with status {status}"):
        client.get(answer(httpserver, Response("secret-body", status=status)), {})
    assert len(httpserver.log) == 1 and sleeps == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_until_it_passes(
    httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps, status: int
) -> None:
    url = answer(httpserver, Response(status=status), Response(status=status), json_response())
    assert client.get(url, {}) == b'{"ok":1}'
    assert len(httpserver.log) == 3 and len(sleeps) == 2


def test_a_lasting_failure_is_unavailable_after_the_named_attempts(httpserver: HTTPServer, client: HttpClient) -> None:
    with pytest.raises(FeedUnavailable, match="status 503"):
        client.get(answer(httpserver, Response(status=503)), {})
    assert len(httpserver.log) == QUICK.attempts


def test_waits_are_full_jitter_within_the_named_bounds(httpserver: HTTPServer, sleeps: Sleeps) -> None:
    limits = replace(QUICK, attempts=8, backoff_s=1.0, backoff_max_s=4.0)
    with HttpClient(limits, sleep=sleeps) as client, pytest.raises(FeedUnavailable):
        client.get(answer(httpserver, Response(status=500)), {})
    assert all(0 <= wait <= bound for wait, bound in zip(sleeps, [1, 2, 4, 4, 4, 4, 4], strict=True))
    assert len(set(sleeps)) == len(sleeps)


def test_retry_after_in_seconds_is_waited_for(httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps) -> None:
    url = answer(httpserver, Response(status=429, headers={"Retry-After": "7"}), json_response())
    assert client.get(url, {}) == b'{"ok":1}'
    assert 7 <= sleeps[0] <= 7 + QUICK.backoff_max_s


def test_retry_after_as_a_date_is_waited_for(httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    client.get(answer(httpserver, Response(status=503, headers={"Retry-After": at}), json_response()), {})
    assert 25 <= sleeps[0] <= 31


@pytest.mark.parametrize("garbage", ["soon", "-5", "1e9", "", "٣"])
def test_an_unreadable_retry_after_is_ignored(
    httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps, garbage: str
) -> None:
    failure = Response(status=503)
    failure.headers["Retry-After"] = garbage.encode().decode("latin-1")
    client.get(answer(httpserver, failure, json_response()), {})
    assert sleeps[0] <= QUICK.backoff_max_s


def test_a_retry_after_beyond_the_limit_is_handed_on_and_not_slept(
    httpserver: HTTPServer, client: HttpClient, sleeps: Sleeps
) -> None:
    with pytest.raises(FeedUnavailable) as caught:
        client.get(answer(httpserver, Response(status=429, headers={"Retry-After": "86400"})), {})
    assert caught.value.retry_after_s == 86_400
    assert len(httpserver.log) == 1 and sleeps == []


def test_a_refused_connection_is_unavailable(client: HttpClient, sleeps: Sleeps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FeedUnavailable, match="connection failed"):
        client.get(f"http://127.0.0.1:{port}/feed", {})
    assert len(sleeps) == QUICK.attempts - 1


def test_a_silent_server_is_unavailable() -> None:
    with raw_server([b""], pause_s=0.6) as url, pytest.raises(FeedUnavailable, match="did not answer in time"):
        get_once(url, replace(QUICK, read_timeout_s=0.1))


def test_an_answer_that_is_not_http_is_unavailable() -> None:
    with raw_server([b"hello\r\n\r\n"]) as url, pytest.raises(FeedUnavailable, match="connection failed"):
        get_once(url)


def test_a_redirect_is_refused_and_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/elsewhere").respond_with_data("{}", content_type="application/json")
    url = answer(httpserver, Response(status=302, headers={"Location": "/elsewhere"}))
    with pytest.raises(FeedRefused, match="redirected to another address"):
        get_once(url)
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("media_type", ["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml"])
def test_html_is_named_as_a_web_page_or_login_form(httpserver: HTTPServer, media_type: str) -> None:
    url = answer(httpserver, Response("<html>secret-body", content_type=media_type))
    with pytest.raises(FeedNotUnderstood, match="answered with HTML, not JSON: the address is probably a web page"):
        get_once(url)


@pytest.mark.parametrize("media_type", ["text/csv", "application/octet-stream", "application/xml", "image/png"])
def test_another_content_type_is_not_understood(httpserver: HTTPServer, media_type: str) -> None:
    with pytest.raises(FeedNotUnderstood, match="something else than a JSON document"):
        get_once(answer(httpserver, Response("{}", content_type=media_type)))


def test_a_success_without_a_document_is_not_understood(httpserver: HTTPServer) -> None:
    with pytest.raises(FeedNotUnderstood, match="status 204"):
        get_once(answer(httpserver, Response(status=204)))


def test_a_json_dialect_is_accepted(httpserver: HTTPServer) -> None:
    assert get_once(answer(httpserver, Response("{}", content_type="application/problem+json"))) == b"{}"


def test_an_address_that_is_no_address_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="can't be requested"):
        get_once("http://[half/feed")


def test_no_message_carries_a_body_a_password_or_a_query_of_the_address(httpserver: HTTPServer) -> None:
    bad = Response("secret-body", status=404)
    address = answer(httpserver, bad).replace("http://", "http://user:secret-word@") + "?api_key=secret-key"
    with pytest.raises(FeedRefused) as caught:
        get_once(address)
    assert not re.search("secret|user|api_key", str(caught.value))


def test_the_described_address_keeps_only_what_we_asked_for() -> None:
    url = "https://user:word@api.example.com:8443/v1/products?key=1#x"
    assert described_url(url, {"limit": 3, "skip": 6}) == "https://api.example.com:8443/v1/products?limit=3&skip=6"


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert get_once(answer(httpserver, json_response())) == b'{"ok":1}'


def test_a_proxy_of_the_environment_is_used_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with raw_server([OK_HEAD + b"Content-Length: 2\r\n\r\n{}"]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        assert get_once("http://feed.invalid/products") == b"{}"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer ours"}, {}])
def test_a_netrc_of_the_user_neither_replaces_nor_adds_credentials(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login theirs password word\ndefault login theirs password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    url = answer(httpserver, json_response())
    assert requests.get(url, timeout=5).request.headers["Authorization"].startswith("Basic "), "requests would"
    with HttpClient(QUICK, headers=headers) as client:
        client.get(url, {})
        client.post_form(url, {"a": "b"}, user="our", password="own")
    _, got, posted = (request.headers.get("Authorization") for request, _ in httpserver.log)
    assert got == headers.get("Authorization")
    assert posted == f"Basic {base64.b64encode(b'our:own').decode()}"
