"""Credentials from moto's Secrets Manager on loopback: what is found, what is refused, and no value anywhere."""

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from recon_assets.cli.options import load_settings
from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, ReconError
from recon_assets.feeds.credentials import Credentials
from recon_assets.resources.secrets import ATTEMPTS, AwsSecrets
from recon_assets.settings import Settings
from recon_assets_tests.aws_server import KEY_ID as AWS_KEY_ID
from recon_assets_tests.aws_server import SECRET as AWS_SECRET_KEY

VALUE = "sk_live_canary_of_a_secret"


class Manager:
    """Secrets at moto, made for one test."""

    def __init__(self) -> None:
        self.client: Any = boto3.session.Session().client("secretsmanager")
        self._made: list[str] = []

    def holds(self, name: str, value: Any) -> str:
        """Make a secret and give its ARN. A mapping becomes JSON."""
        kept = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
        if isinstance(value, dict):
            kept = {"SecretString": json.dumps(value)}
        self._made.append(name)
        return str(self.client.create_secret(Name=name, **kept)["ARN"])

    def remove(self) -> None:
        for name in self._made:
            self.client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def manager(moto_url: str, aws: pytest.MonkeyPatch) -> Iterator[Manager]:
    aws.setenv("AWS_ENDPOINT_URL", moto_url)
    made = Manager()
    yield made
    made.remove()


def value_of(name: str, *secret_ids: str) -> str:
    return Credentials(AwsSecrets(secret_ids)).value(name).get_secret_value()


def refusal_of(*secret_ids: str) -> ReconError:
    """The error, after a look that neither it nor what stands behind it repeats a value."""
    with pytest.raises(ReconError) as refused:
        AwsSecrets(secret_ids).values()
    error = refused.value
    told = f"{error!r} {error.__cause__!r} {error.__context__ if not error.__suppress_context__ else ''}"
    assert VALUE not in told and AWS_KEY_ID not in told and AWS_SECRET_KEY not in told
    return error


def test_names_of_a_json_object_are_found_by_the_secrets_name_and_by_its_arn(manager: Manager) -> None:
    arn = manager.holds("recon/feeds", {"STRIPE_API_KEY": VALUE, "ADYEN_SFTP_USER": "adyen", "username": "x", "A": 1})
    manager.holds("recon/other", {"SQUARE_ACCESS_TOKEN": "t"})
    for secret_id in ("recon/feeds", arn):
        assert value_of("STRIPE_API_KEY", secret_id, "recon/other") == VALUE
        assert value_of("SQUARE_ACCESS_TOKEN", secret_id, "recon/other") == "t"
        assert set(AwsSecrets([secret_id]).values()) == {"STRIPE_API_KEY", "ADYEN_SFTP_USER"}


@pytest.mark.parametrize("value", [VALUE, "12345", '["no", "object"]', '{"STRIPE_API_KEY": "cut', "9" * 5000])
def test_a_text_that_is_no_json_object_is_the_value_of_the_name_it_has(manager: Manager, value: str) -> None:
    arn = manager.holds("recon/STRIPE_API_KEY", value)
    assert value_of("STRIPE_API_KEY", arn) == value


def test_they_are_fetched_when_they_are_first_asked_for_and_once(manager: Manager) -> None:
    store = AwsSecrets(["recon/feeds"])
    with pytest.raises(ConfigurationError, match="no such secret"):
        store.values()
    manager.holds("recon/feeds", {"STRIPE_API_KEY": VALUE})
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    manager.client.put_secret_value(SecretId="recon/feeds", SecretString='{"STRIPE_API_KEY": "another"}')
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    assert value_of("STRIPE_API_KEY", "recon/feeds") == "another"


def test_a_changed_secret_is_seen_after_a_while_by_a_process_that_goes_on(manager: Manager) -> None:
    clock = [0.0]
    store = AwsSecrets(["recon/feeds"], max_age_s=300, now=lambda: clock[0])
    manager.holds("recon/feeds", {"STRIPE_API_KEY": VALUE})
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    manager.client.put_secret_value(SecretId="recon/feeds", SecretString='{"STRIPE_API_KEY": "another"}')
    clock[0] = 300.0
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    clock[0] = 300.1
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == "another"


def test_the_values_of_before_serve_while_secrets_manager_is_away_but_not_when_it_refuses(
    aws: pytest.MonkeyPatch, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    aws.setenv("AWS_ENDPOINT_URL", httpserver.url_for("").rstrip("/"))
    held = {"Name": "recon/feeds", "SecretString": json.dumps({"STRIPE_API_KEY": VALUE})}
    httpserver.expect_ordered_request("/").respond_with_json(held)
    store = AwsSecrets(["recon/feeds"], max_age_s=-1)
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    for _ in range(ATTEMPTS):
        httpserver.expect_ordered_request("/").respond_with_json({"__type": "InternalServiceError"}, status=500)
    assert store.values()["STRIPE_API_KEY"].get_secret_value() == VALUE
    assert "the secrets of before are used, since Secrets Manager could not answer" in caplog.text
    assert VALUE not in caplog.text
    httpserver.expect_ordered_request("/").respond_with_json({"__type": "AccessDeniedException"}, status=400)
    with pytest.raises(FeedRefused, match="no right to this secret"):
        store.values()


def test_no_value_is_printed_logged_or_put_into_the_environment(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    manager.holds("recon/feeds", {"STRIPE_API_KEY": VALUE})
    store = AwsSecrets(["recon/feeds"])
    with caplog.at_level(logging.DEBUG):
        found = store.values()
        logging.getLogger("botocore.parsers").debug("DEBUG is heard again")
    assert "DEBUG is heard again" in caplog.text
    assert VALUE not in caplog.text and AWS_SECRET_KEY not in caplog.text
    assert VALUE not in f"{store!r} {vars(store)} {found}"
    assert VALUE not in os.environ.values()


def test_a_secret_of_no_use_is_refused_without_its_value(manager: Manager) -> None:
    manager.holds("recon/feeds", VALUE)
    assert "is no JSON object, and its own name" in str(refusal_of("recon/feeds"))
    manager.holds("recon/OF_BYTES", VALUE.encode())
    assert "the secret is binary (the AWS secret recon/OF_BYTES)" in str(refusal_of("recon/OF_BYTES"))
    manager.holds("recon/one", {"STRIPE_API_KEY": VALUE})
    manager.holds("recon/two", {"STRIPE_API_KEY": VALUE})
    assert str(refusal_of("recon/one", "recon/two")) == (
        "STRIPE_API_KEY is in two secrets (the AWS secret recon/one; the AWS secret recon/two). Remove it from one."
    )


def test_a_value_that_is_no_text_counts_as_none(manager: Manager, aws: pytest.MonkeyPatch) -> None:
    aws.delenv("STRIPE_API_KEY", raising=False)
    manager.holds("recon/feeds", {"STRIPE_API_KEY": {"key": VALUE}})
    with pytest.raises(ConfigurationError, match=r"STRIPE_API_KEY has no value.*RECON_AWS_SECRETS: recon/feeds\)"):
        value_of("STRIPE_API_KEY", "recon/feeds")


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (400, "ResourceNotFoundException", ConfigurationError, "there is no such secret"),
        (400, "AccessDeniedException", FeedRefused, "Grant secretsmanager:GetSecretValue"),
        (400, "DecryptionFailure", FeedRefused, "kms:Decrypt"),
        (400, "UnrecognizedClientException", FeedRefused, "does not take the AWS credentials"),
        (400, "InvalidSignatureException", FeedRefused, "does not take the AWS credentials"),
        (400, "ExpiredTokenException", FeedRefused, "does not take the AWS credentials"),
        (400, "InvalidRequestException", FeedRefused, r"refused \(InvalidRequestException, HTTP 400\)"),
        (400, f"{VALUE} {AWS_KEY_ID}", FeedRefused, "no code"),
        (400, "ThrottlingException", FeedUnavailable, "Try again later"),
        (500, "InternalServiceError", FeedUnavailable, "Try again later"),
    ],
)
def test_what_aws_answers_is_told_by_its_code_and_never_by_its_text(
    aws: pytest.MonkeyPatch, httpserver: HTTPServer, status: int, code: str, error: type[ReconError], says: str
) -> None:
    body = {"__type": code, "message": f"{VALUE} {AWS_KEY_ID} {AWS_SECRET_KEY}"}
    httpserver.expect_request("/").respond_with_json(body, status=status)
    aws.setenv("AWS_ENDPOINT_URL", httpserver.url_for("").rstrip("/"))
    refused = refusal_of("recon/feeds")
    assert type(refused) is error and refused.where == "the AWS secret recon/feeds"
    with pytest.raises(error, match=says):
        raise refused


def test_what_is_wrong_before_aws_answers_is_told(aws: pytest.MonkeyPatch, unused_port: int) -> None:
    aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    assert isinstance(refusal_of("recon/feeds"), FeedUnavailable)
    aws.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert "AWS_ENDPOINT_URL" in refusal_of("recon/feeds").remedy
    aws.delenv("AWS_ENDPOINT_URL")
    aws.delenv("AWS_DEFAULT_REGION")
    refused = refusal_of("recon/feeds")
    assert isinstance(refused, ConfigurationError) and "no AWS region is set" in str(refused)
    aws.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    refused = refusal_of("recon/feeds")
    assert isinstance(refused, FeedRefused) and "no AWS credentials for Secrets Manager" in str(refused)


def test_the_setting_lists_names_and_arns_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:recon/feeds-AbCdEf"
    monkeypatch.setenv("RECON_AWS_SECRETS", f"{arn}, recon/STRIPE_API_KEY,")
    assert Settings(_env_file=None).aws_secrets == (arn, "recon/STRIPE_API_KEY")
    monkeypatch.setenv("RECON_AWS_SECRETS", "")
    assert Settings(_env_file=None).aws_secrets == ()
    for wrong in ('{"STRIPE_API_KEY": "sk_live_x"}', ",".join(f"s{number}" for number in range(51))):
        monkeypatch.setenv("RECON_AWS_SECRETS", wrong)
        with pytest.raises(ValidationError):
            Settings(_env_file=None)


def test_a_value_where_the_setting_wants_names_is_not_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_AWS_SECRETS", f'{{"STRIPE_API_KEY": "{VALUE}"}}')
    with pytest.raises(ConfigurationError, match="RECON_AWS_SECRETS") as refused:
        load_settings()
    assert VALUE not in str(refused.value)
