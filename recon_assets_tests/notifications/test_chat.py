"""Chat through apprise, with a service on loopback; the URL, which is a secret, stands in no error and in no log."""

import json
import logging

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from recon_assets.domain.errors import ChannelUnavailable, ConfigurationError
from recon_assets.domain.messages import AlertSeverity
from recon_assets.notifications.chat import send_by_apprise
from recon_assets.notifications.content import content_of
from recon_assets_tests.notifications.events import ANSWER

CONTENT = content_of(ANSWER, title="Stripe", severity=AlertSeverity.CRITICAL)


def url_of(server: HTTPServer) -> SecretStr:
    return SecretStr(f"json://user:t0ken@{server.host}:{server.port}/hook")


def send(url: SecretStr) -> None:
    send_by_apprise(url, CONTENT, variable="RECON_CHAT_URL", body=CONTENT.first_line)


def test_a_service_gets_subject_and_text_and_how_loud_it_is(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_json({})
    send(url_of(httpserver))
    ((request, _),) = httpserver.log
    said = json.loads(request.data)
    assert (said["title"], said["message"], said["type"]) == (CONTENT.subject, CONTENT.first_line, "failure")


@pytest.mark.parametrize("status", [500, 403])
def test_a_service_that_refuses_is_tried_again_and_only_this_receiver_waits(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    httpserver.expect_request("/hook").respond_with_data("no", status=status)
    with caplog.at_level(logging.DEBUG), pytest.raises(ChannelUnavailable, match=rf"\(HTTP {status}\)") as raised:
        send(url_of(httpserver))
    assert raised.value.is_of_receiver
    assert "RECON_CHAT_URL" in str(raised.value)
    assert "t0ken" not in str(raised.value) + caplog.text


def test_a_service_that_does_not_answer_is_tried_again(unused_port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ChannelUnavailable, match="no answer"):
        send(SecretStr(f"json://user:t0ken@127.0.0.1:{unused_port}/hook"))
    assert "t0ken" not in caplog.text


@pytest.mark.parametrize("url", ["t0ken", "nothing://t0ken", "json://t0ken@a/, json://t0ken@b/", ""])
def test_what_is_no_service_is_configuration(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(ConfigurationError, match="not the URL of one service") as raised,
    ):
        send(SecretStr(url))
    assert "t0ken" not in str(raised.value) + caplog.text
