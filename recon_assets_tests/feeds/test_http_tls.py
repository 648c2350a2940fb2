"""The same limits and refusals over TLS, with a certificate made for the test by the `openssl` program."""

import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from recon_assets.domain.errors import FeedRefused, FeedUnavailable
from recon_assets.feeds.http import HttpClient
from recon_assets_tests.sandbox.reading import QUICK

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "certificate_and_key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{path}.key", "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with HTTPServer(ssl_context=context) as server:
        yield server


def test_a_trusted_certificate_is_read_from(
    secure_server: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    secure_server.expect_request("/feed").respond_with_json({})
    with HttpClient(QUICK) as client:
        assert client.get(secure_server.url_for("/feed"), {}) == b"{}"


def test_an_untrusted_certificate_is_refused_at_once(secure_server: HTTPServer) -> None:
    slept: list[float] = []
    with HttpClient(QUICK, sleep=slept.append) as client, pytest.raises(FeedRefused, match="is not trusted"):
        client.get(secure_server.url_for("/feed"), {})
    assert slept == []


def test_a_slow_drip_over_tls_ends_at_the_deadline(
    secure_server: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    def drops() -> Iterator[bytes]:
        for _ in range(300):
            time.sleep(0.01)
            yield b" "

    secure_server.expect_request("/feed").respond_with_handler(
        lambda _: Response(drops(), content_type="application/json")
    )
    limits = replace(QUICK, deadline_s=0.5, attempts=1)
    with HttpClient(limits) as client, pytest.raises(FeedUnavailable, match=r"not complete after 0\.5 s"):
        client.get(secure_server.url_for("/feed"), {})
