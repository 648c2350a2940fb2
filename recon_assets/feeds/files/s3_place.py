"""Files in an S3 bucket, or in a store that speaks S3.

Credentials, region and end point are those of AWS's own tools: the environment (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL`, a role of the machine). Nothing of them is in a description.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from recon_assets.domain.errors import FeedRefused, FeedUnavailable, ReconError
from recon_assets.feeds.aws import Answer, aws_failures
from recon_assets.feeds.files.places import (
    CHUNK_BYTES,
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    Listing,
    PlacedFile,
    StillBeingWritten,
    copied_in_time,
    fits,
    plain_beginning,
)

ATTEMPTS: Final = 4
_WRONG_LOGIN: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed"}
)
_NO_RIGHT: Final = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_GONE: Final = frozenset({"NoSuchKey", "404"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})


@dataclass(frozen=True, slots=True)
class S3Place:
    """A `Place`. `folder` is `s3://bucket/prefix`."""

    folder: str

    @property
    def address(self) -> str:
        """Bucket and prefix."""
        return self.folder.rstrip("/")

    def opened(self) -> AbstractContextManager["_Bucket"]:
        """Makes a client; the first request is that of a listing."""
        return nullcontext(self._bucket())

    def probe(self) -> None:
        """List one object at most."""
        self._bucket().look()

    def _bucket(self) -> "_Bucket":
        import boto3
        from botocore.config import Config

        parts = urlsplit(self.folder)
        prefix = parts.path.strip("/")
        with _told(self.address):
            client = boto3.session.Session().client(
                "s3",
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                ),
            )
        return _Bucket(client, parts.netloc, f"{prefix}/" if prefix else "", self.address)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """An `OpenPlace`."""

    client: Any
    name: str
    prefix: str
    address: str

    def look(self) -> None:
        with _told(self.address):
            self.client.list_objects_v2(Bucket=self.name, Prefix=self.prefix, MaxKeys=1)

    def listing(self, pattern: str) -> list[PlacedFile]:
        """Asks only for keys that begin like the pattern."""
        found: list[PlacedFile] = []
        listing = Listing(self.address)
        with _told(self.address):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=self.prefix + plain_beginning(pattern)
            )
            for page in pages:
                objects = page.get("Contents", [])
                listing.add(len(objects))
                placed = [PlacedFile(o["Key"][len(self.prefix) :], o["Size"], o["ETag"]) for o in objects]
                found += [file for file in placed if fits(file.path, pattern)]
        return sorted(found, key=lambda file: file.path)

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        """One GET for the version that was listed: S3 answers with it whole or refuses."""
        read, where = 0, f"{self.address}/{file.path}"
        with _told(where):
            answer = self.client.get_object(Bucket=self.name, Key=self.prefix + file.path, IfMatch=file.version)
        with copied_in_time(where, cut=lambda: _shut(answer["Body"])), _told(where), answer["Body"] as body:
            while chunk := body.read(CHUNK_BYTES):
                read += len(chunk)
                yield chunk
        if read != file.size_bytes:
            raise StillBeingWritten(
                "a file changed while it was copied", where=where, remedy="Try again when its writer has finished."
            )


def _shut(body: Any) -> None:
    with suppress(RuntimeError, ValueError, OSError):  # it is at its end, or gone
        body._raw_stream.shutdown()  # noqa: SLF001 - botocore hands on no way to end a read from another thread


def _told(where: str) -> AbstractContextManager[None]:
    return aws_failures("S3", where, _answered)


def _answered(answer: Answer) -> ReconError:
    code, status, where = answer.code, answer.status, answer.where
    if code in _CHANGED:
        return StillBeingWritten(
            "a file changed before it was copied", where=where, remedy="Try again when its writer has finished."
        )
    if code == "NoSuchBucket":
        return FeedRefused(
            "there is no such bucket", where=where, remedy="Correct `folder`, or AWS_ENDPOINT_URL and the account."
        )
    if code in _WRONG_LOGIN:
        return FeedRefused(
            f"S3 does not take the AWS credentials ({code})", where=where, remedy="Renew the credentials of AWS."
        )
    if code in _NO_RIGHT:
        return FeedRefused(
            f"S3 gives no right to this place ({code})", where=where, remedy="Grant s3:ListBucket and s3:GetObject."
        )
    if code in _GONE or status == 429 or status >= 500 or code in {"SlowDown", "RequestTimeout"}:
        return FeedUnavailable(f"S3 could not give the file or list ({code})", where=where, remedy="Try again later.")
    return FeedRefused(
        f"S3 refused ({code}, HTTP {status})", where=where, remedy="Check `folder` and AWS_DEFAULT_REGION."
    )
