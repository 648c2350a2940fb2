"""A credential goes to the other side and nowhere else."""

import base64
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer

from recon_assets.domain.errors import ConfigurationError, FeedRefused
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.feeds.http import HttpClient
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets_tests.feeds.kept import Kept

SECRET = "sk_live_canary"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_without_a_value_is_named_and_says_what_to_do(monkeypatch, value: str | None) -> None:
    monkeypatch.delenv("RECON_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("RECON_TEST_KEY", value)
    with pytest.raises(ConfigurationError, match=r"RECON_TEST_KEY has no value.*\.env"):
        ENVIRONMENT.value("RECON_TEST_KEY")


def test_a_value_that_may_be_missing_is_none_then(monkeypatch) -> None:
    monkeypatch.delenv("RECON_TEST_KEY", raising=False)
    assert ENVIRONMENT.optional("RECON_TEST_KEY") is None
    monkeypatch.setenv("RECON_TEST_KEY", SECRET)
    found = ENVIRONMENT.optional("RECON_TEST_KEY")
    assert found is not None and found.get_secret_value() == SECRET


def test_its_value_is_not_printed(monkeypatch) -> None:
    monkeypatch.setenv("RECON_TEST_KEY", f" {SECRET}\n")
    found = ENVIRONMENT.value("RECON_TEST_KEY")
    assert found.get_secret_value() == SECRET
    assert SECRET not in f"{found} {found!r}"


def test_the_file_env_is_read_where_the_environment_is_silent(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECON_TEST_KEY", raising=False)
    (tmp_path / ".env").write_text(f"RECON_TEST_KEY={SECRET}\n")
    assert ENVIRONMENT.value("RECON_TEST_KEY").get_secret_value() == SECRET


def test_the_environment_goes_before_a_store_which_is_not_asked_then(monkeypatch) -> None:
    store = Kept(RECON_TEST_KEY=SECRET)
    monkeypatch.setenv("RECON_TEST_KEY", "of the environment")
    assert Credentials(store).value("RECON_TEST_KEY").get_secret_value() == "of the environment"
    assert store.asked == 0


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_store_is_asked_for_what_the_environment_has_not(monkeypatch, value: str | None) -> None:
    monkeypatch.delenv("RECON_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("RECON_TEST_KEY", value)
    credentials = Credentials(Kept(RECON_TEST_KEY=f" {SECRET}\n"))
    assert credentials.value("RECON_TEST_KEY").get_secret_value() == SECRET
    assert SECRET not in f"{credentials!r}"


@pytest.mark.parametrize("held", [{}, {"RECON_TEST_KEY": " "}])
def test_a_name_without_a_value_in_both_places_says_where_was_looked(monkeypatch, held: dict[str, str]) -> None:
    monkeypatch.delenv("RECON_TEST_KEY", raising=False)
    with pytest.raises(ConfigurationError) as refused:
        Credentials(Kept(OTHER=SECRET, **held)).value("RECON_TEST_KEY")
    assert str(refused.value) == (
        "RECON_TEST_KEY has no value, neither as an environment variable nor in a secret (the environment of this"
        " process and a store). Set the variable, or add RECON_TEST_KEY with a text for its value to a secret."
    )


def test_headers_go_with_every_request_and_are_in_no_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_json({"message": SECRET}, status=403)
    with (
        HttpClient(HttpLimits(attempts=1), headers={"Authorization": f"Bearer {SECRET}"}) as client,
        pytest.raises(FeedRefused) as refused,
    ):
        client.get(httpserver.url_for("/a"), {"limit": 1})
    (request, _) = httpserver.log[0]
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.query_string == b"limit=1"
    assert SECRET not in str(refused.value)


def test_a_form_is_posted_with_user_and_password(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token", method="POST").respond_with_json({"access_token": "t"})
    with HttpClient(HttpLimits(attempts=1)) as client:
        body = client.post_form(
            httpserver.url_for("/token"), {"grant_type": "client_credentials"}, user="id", password=SECRET
        )
    (request, _) = httpserver.log[0]
    assert body.replace(b" ", b"").replace(b"\n", b"") == b'{"access_token":"t"}'
    assert parse_qs(request.get_data(as_text=True)) == {"grant_type": ["client_credentials"]}
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"id:{SECRET}"
