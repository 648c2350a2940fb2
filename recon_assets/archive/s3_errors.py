"""What S3 and boto3 say, as errors of the archive: what may go better later, and what will not until somebody acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from recon_assets.domain.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    FeedRefused,
    FeedUnavailable,
    ReconError,
)
from recon_assets.feeds.aws import Answer, aws_failures

_WRONG_LOGIN: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed"}
)
_NO_RIGHT: Final = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_THERE_ALREADY: Final = frozenset({"PreconditionFailed", "412"})
_LATER: Final = frozenset({"SlowDown", "RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "BadDigest"})


class ThereAlready(ReconError):
    """S3 says 412: `If-None-Match: *` was kept."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """What boto3 raises, as errors of the archive."""
    try:
        with aws_failures("S3", where, _answered):
            yield
    except FeedUnavailable as error:
        raise ArchiveUnavailable(error.what, where=error.where, remedy=error.remedy) from None
    except FeedRefused as error:
        raise ArchiveRefused(error.what, where=error.where, remedy=error.remedy) from None


def _answered(answer: Answer) -> ReconError:
    code, status, where = answer.code, answer.status, answer.where
    if code in _THERE_ALREADY:
        return ThereAlready("it is there already", where=where, remedy="It is compared.")
    if code == "NoSuchBucket" or (code == "404" and where.count("/") == 2):
        return ArchiveRefused(
            "there is no such bucket", where=where, remedy="Create it, or correct AWS_S3_BUCKET_NAME and the region."
        )
    if code in _WRONG_LOGIN:
        return ArchiveRefused(
            f"S3 does not take the AWS credentials ({code})", where=where, remedy="Renew the credentials of AWS."
        )
    if code in _NO_RIGHT:
        return ArchiveRefused(
            f"S3 gives no right to this place ({code})",
            where=where,
            remedy="Grant s3:PutObject, s3:GetObject and s3:ListBucket, and s3:PutObjectRetention for Object Lock.",
        )
    if status == 429 or status >= 500 or code in _LATER:
        return ArchiveUnavailable(f"S3 could not take the file ({code})", where=where, remedy="It is tried again.")
    return ArchiveRefused(
        f"S3 refused ({code}, HTTP {status})",
        where=where,
        remedy="Check the bucket's region, encryption and Object Lock against the AWS_S3 settings.",
    )
