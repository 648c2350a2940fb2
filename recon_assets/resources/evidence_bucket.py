"""The bucket of the archive as a Dagster resource: made when the first evidence is shipped, from settings.

The login is that of AWS's own tools, as dagster-aws takes it too: the environment, a profile, a role of the machine.
"""

from threading import Lock
from typing import Any, Final

from recon_assets.archive.bucket import Bucket
from recon_assets.domain.errors import ArchiveRefused, ReconError
from recon_assets.feeds.aws import Answer, aws_failures
from recon_assets.settings import Settings

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 60
ATTEMPTS: Final = 4
CONNECTIONS: Final = 10


class EvidenceBucket:
    """The bucket that the settings name, if they name one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._bucket: Bucket | None = None

    @property
    def is_configured(self) -> bool:
        """Whether evidence leaves this machine."""
        return self._settings.s3_bucket is not None

    def opened(self) -> Bucket | None:
        """The bucket; None without one. Contacts nothing. Raises `ConfigurationError` for wrong settings of AWS."""
        settings = self._settings
        if settings.s3_bucket is None:
            return None
        with self._lock:
            if self._bucket is None:
                self._bucket = Bucket(
                    client=_client(settings),
                    name=settings.s3_bucket,
                    encryption=_encryption(settings),
                    kms_key_id=settings.s3_kms_key_id,
                    lock_days=settings.s3_object_lock_days,
                )
            return self._bucket


def _encryption(settings: Settings) -> str | None:
    """A key of KMS says by itself what is meant."""
    if settings.s3_kms_key_id:
        return "aws:kms"
    return None if settings.s3_encryption == "none" else settings.s3_encryption


def _client(settings: Settings) -> Any:
    import boto3
    from botocore.config import Config

    with aws_failures("S3", f"s3://{settings.s3_bucket}", _answered):
        return boto3.session.Session().client(
            "s3",
            region_name=settings.s3_region,
            endpoint_url=settings.s3_endpoint_url,
            config=Config(
                signature_version="s3v4",  # a link by the older one has no end that is signed
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                max_pool_connections=CONNECTIONS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )


def _answered(answer: Answer) -> ReconError:
    """Making a client asks nobody."""
    return ArchiveRefused(f"AWS refused ({answer.code})", where=answer.where, remedy="Check the settings of AWS.")
