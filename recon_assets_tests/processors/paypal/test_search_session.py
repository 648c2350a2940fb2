"""Token and credentials: what is sent where, what a refusal says, and that no secret is written anywhere."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Response

from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood, FeedRefused, FeedUnavailable
from recon_assets.domain.records import Side
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets_tests.processors.paypal.api import CLIENT_ID, DAY, READ_SCOPE, SECRET, TOKEN, PayPal, answered, record


def test_one_token_serves_all_pages(paypal: PayPal) -> None:
    paypal.records = [record(f"ID{number}") for number in range(5)]
    assert len(paypal.read(page_size=1).rows) == 5
    assert paypal.tokens == 1


def test_a_token_that_ends_meanwhile_is_replaced(paypal: PayPal) -> None:
    paypal.records = [record(f"ID{number}") for number in range(5)]

    def expire(query: dict[str, str], page: dict[str, Any]) -> dict[str, Any]:
        if query["page"] == "3":
            paypal.expired = [f"{TOKEN}-1"]
        return page

    paypal.change = expire
    assert len(paypal.read(page_size=1).rows) == 5
    assert paypal.tokens == 2


def test_a_token_that_is_never_good_is_refused_and_not_asked_for_again_and_again(paypal: PayPal) -> None:
    paypal.expired = [f"{TOKEN}-{number}" for number in range(10)]
    with pytest.raises(FeedRefused, match="may not search transactions"):
        paypal.read()
    assert paypal.tokens == 1


def test_wrong_credentials_name_their_variables_and_not_their_values(
    paypal: PayPal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_SECRET", "canary-wrong")
    with pytest.raises(FeedRefused, match="PAYPAL_CLIENT_ID and OTHER_SECRET") as refused:
        paypal.read(client_secret_env="OTHER_SECRET")
    assert "canary" not in f"{refused.value} {refused.value!r}"


def test_a_variable_without_a_value_is_named(paypal: PayPal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAYPAL_CLIENT_SECRET")
    with pytest.raises(ConfigurationError, match="PAYPAL_CLIENT_SECRET has no value"):
        paypal.adapter().probe()


@pytest.mark.parametrize("scope", ["", "openid", f"{READ_SCOPE}/other"])
def test_a_token_without_the_scope_says_what_to_switch_on(paypal: PayPal, scope: str) -> None:
    paypal.scope = scope
    with pytest.raises(FeedRefused, match="Switch on Transaction Search"):
        paypal.read()


def test_the_scope_may_be_one_of_several(paypal: PayPal) -> None:
    paypal.scope = f"openid {READ_SCOPE} https://uri.paypal.com/services/invoicing"
    assert paypal.read().raw.says_empty


def test_a_search_that_is_forbidden_says_what_to_switch_on(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered({"name": "NOT_AUTHORIZED", "message": "canary"}, status=403)
    with pytest.raises(FeedRefused, match="Switch on Transaction Search") as refused:
        paypal.read()
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"access_token": 7, "scope": ""}', '{"access_token": "a b", "scope": ""}', "\xff"]
)
def test_an_answer_without_a_token_is_not_understood(paypal: PayPal, body: str) -> None:
    paypal.httpserver.clear()
    paypal.httpserver.expect_request("/v1/oauth2/token").respond_with_response(
        Response(body.encode("latin-1"), content_type="application/json")
    )
    with pytest.raises(FeedNotUnderstood, match="no access token"):
        paypal.read()


@pytest.mark.parametrize(("status", "error"), [(404, FeedRefused), (503, FeedUnavailable)])
def test_a_token_address_that_fails_otherwise_is_no_matter_of_credentials(
    paypal: PayPal, status: int, error: type[Exception]
) -> None:
    paypal.httpserver.clear()
    paypal.httpserver.expect_request("/v1/oauth2/token").respond_with_data("", status=status)
    with pytest.raises(error, match=f"status {status}"):
        paypal.read()


def test_no_credential_is_in_raw_files_the_manifest_or_a_log(paypal: PayPal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    paypal.records = [record()]
    adapter = paypal.adapter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with RawFeedWriter(
            storage_root=root, folder="feed", day=DAY, side=Side.PROCESSOR, feed_kind=adapter.kind
        ) as into:
            adapter.fetch(DAY, into)
            raw = into.finish()
        written = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    said = f"{written!r} {raw!r} {adapter!r} {adapter.source} {caplog.text}"
    for canary in (CLIENT_ID, SECRET, TOKEN):
        assert canary not in said
    assert paypal.tokens == 1
