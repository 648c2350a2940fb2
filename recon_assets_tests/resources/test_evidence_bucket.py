"""The bucket from the settings: how files are kept there, and settings that can't be."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from recon_assets.assets.shipping import LONGEST_WAIT, wait_after
from recon_assets.domain.errors import ConfigurationError
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.settings import Settings


def bucket(**said: object) -> EvidenceBucket:
    return EvidenceBucket(Settings(_env_file=None, **{"AWS_S3_BUCKET_NAME": "evidence", **said}))


def test_without_a_name_there_is_no_bucket(aws: pytest.MonkeyPatch) -> None:
    without = EvidenceBucket(Settings(_env_file=None))
    assert (without.is_configured, without.opened()) == (False, None)


def test_it_is_made_once_and_nobody_is_contacted(aws: pytest.MonkeyPatch) -> None:
    found = bucket(AWS_S3_REGION="eu-central-1", AWS_S3_ENDPOINT_URL="http://127.0.0.1:1", AWS_S3_OBJECT_LOCK_DAYS="7")
    opened = found.opened()
    assert opened is not None
    assert opened is found.opened()
    assert (opened.place, opened.encryption, opened.kms_key_id, opened.lock_days) == (
        "s3://evidence",
        "AES256",
        None,
        7,
    )
    assert opened.client.meta.region_name == "eu-central-1"
    assert opened.client.meta.endpoint_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("said", "encryption", "key"),
    [
        ({"AWS_S3_ENCRYPTION": "none"}, None, None),
        ({"AWS_S3_ENCRYPTION": "aws:kms"}, "aws:kms", None),
        ({"AWS_S3_KMS_KEY_ID": "alias/recon"}, "aws:kms", "alias/recon"),
    ],
)
def test_how_files_are_encrypted(
    aws: pytest.MonkeyPatch, said: dict[str, str], encryption: str | None, key: str | None
) -> None:
    opened = bucket(**said).opened()
    assert opened is not None
    assert (opened.encryption, opened.kms_key_id) == (encryption, key)


@pytest.mark.parametrize(
    "said",
    [
        {"AWS_S3_BUCKET_NAME": "s3://evidence"},
        {"AWS_S3_BUCKET_NAME": "Evidence"},
        {"AWS_S3_ENCRYPTION": "rot13"},
        {"AWS_S3_OBJECT_LOCK_DAYS": "-1"},
        {"AWS_S3_OBJECT_LOCK_DAYS": "36501"},
    ],
)
def test_settings_that_can_t_be(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(said))):
        bucket(**said)


def test_an_end_point_that_is_none_is_a_wrong_setting(aws: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="the AWS settings of this process are wrong"):
        bucket(AWS_S3_ENDPOINT_URL="nowhere").opened()


def test_the_wait_doubles_up_to_six_hours() -> None:
    minutes = [wait_after(attempts) / timedelta(minutes=1) for attempts in range(12)]
    assert minutes == [2, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert wait_after(10_000) == LONGEST_WAIT
