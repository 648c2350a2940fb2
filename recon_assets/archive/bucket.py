"""One S3 bucket, or a store that speaks S3, as a place that a file is put to once and never over.

What belongs here: one file at a time, its headers, its checksum sent and read back. Not here: which files, and in
which order (`shipping`), and what a refusal means (`s3_errors`).
"""

import hashlib
import logging
import mimetypes
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from recon_assets.archive.manifest import ArchivedFile
from recon_assets.archive.s3_errors import ThereAlready, told
from recon_assets.domain.errors import ArchiveRefused, ArchiveUnavailable, ArchiveUnreadable, ReconError

PART_BYTES: Final = 16 * 1024**2
"""A file beyond it goes in parts; so much of a file is in memory at a time. 10,000 parts are 156 GiB."""

URL_LIFETIME: Final = timedelta(hours=24)
READ_BYTES: Final = 1024**2

_CONTENT_TYPES: Final = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".sha256": "text/plain; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and how files are kept there. `client` is boto3's, with its login; nothing of that is shown.

    `encryption` is `AES256`, `aws:kms` (with `kms_key_id`, or the account's own key), or None where the store has none.
    `lock_days` puts every file under Object Lock in compliance mode for so long; 0 leaves it to the bucket.
    """

    client: Any
    name: str
    encryption: str | None = "AES256"
    kms_key_id: str | None = None
    lock_days: int = 0
    part_bytes: int = PART_BYTES

    @property
    def place(self) -> str:
        """For people and the record, without credentials."""
        return f"s3://{self.name}"

    def probe(self) -> None:
        """Raise as `put` would when the bucket is not there or not ours; nothing is written."""
        with told(self.place):
            self.client.head_bucket(Bucket=self.name)

    def put(self, path: Path, file: ArchivedFile, *, key: str) -> None:
        """Put a file, which must have the bytes that `file` says, and read back what arrived.

        What is there already is compared and left. Raises `ArchiveUnreadable` when the local file is another one,
        `ArchiveUnavailable` when it may go better later, `ArchiveRefused` when it will not.
        """
        where = f"{self.place}/{key}"
        if file.size_bytes > self.part_bytes:
            is_ours = not self._is_there(key, where) and self._put_in_parts(path, file, key=key, where=where)
        else:
            is_ours = self._put_whole(path, file, key=key, where=where)
        self._compare(file, key=key, where=where, is_ours=is_ours)

    def names_below(self, prefix: str) -> list[str]:
        """The keys that begin so, without the prefix; at most a thousand."""
        with told(f"{self.place}/{prefix}"):
            answer = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [found["Key"].removeprefix(prefix) for found in answer.get("Contents", [])]

    def presigned_url(self, key: str, *, lifetime: timedelta = URL_LIFETIME) -> str:
        """A link that opens `key` for whoever has it, as a download. It is a secret: never log or store it.

        It ends with the credentials that sign it: those of a role live for hours, whatever `lifetime` says.
        """
        name = PurePosixPath(key).name.replace('"', "")
        with _no_debug_log(), told(self.place):
            url: str = self.client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self.name,
                    "Key": key,
                    "ResponseContentDisposition": f'attachment; filename="{name}"',
                },
                ExpiresIn=int(lifetime.total_seconds()),
            )
        return url

    def _put_whole(self, path: Path, file: ArchivedFile, *, key: str, where: str) -> bool:
        """Whether it was put now; False when something is there already."""
        body = path.read_bytes()
        _check_local(hashlib.sha256(body).hexdigest(), file)
        with self._unless_there(where) as put:
            self.client.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=_base64(file.sha256),
                IfNoneMatch="*",
                **self._kept_as(key),
            )
        return put.done

    def _put_in_parts(self, path: Path, file: ArchivedFile, *, key: str, where: str) -> bool:
        with told(where):
            begun = self.client.create_multipart_upload(
                Bucket=self.name, Key=key, ChecksumAlgorithm="SHA256", **self._kept_as(key)
            )
        upload = {"Bucket": self.name, "Key": key, "UploadId": begun["UploadId"]}
        try:
            parts = self._parts(path, file, upload, where=where)
            with self._unless_there(where) as put:
                self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
        except BaseException:
            with suppress(ReconError), told(where):
                self.client.abort_multipart_upload(**upload)
            raise
        if not put.done:
            with suppress(ReconError), told(where):
                self.client.abort_multipart_upload(**upload)
        return put.done

    def _parts(self, path: Path, file: ArchivedFile, upload: dict[str, Any], *, where: str) -> list[dict[str, Any]]:
        whole, parts = hashlib.sha256(), list[dict[str, Any]]()
        with path.open("rb") as opened:
            for number, body in enumerate(_chunks(opened, self.part_bytes), start=1):
                whole.update(body)
                checksum = b64encode(hashlib.sha256(body).digest()).decode()
                with told(where):
                    answer = self.client.upload_part(**upload, PartNumber=number, Body=body, ChecksumSHA256=checksum)
                parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
        _check_local(whole.hexdigest(), file)
        return parts

    def _kept_as(self, key: str) -> dict[str, Any]:
        """Content type, encryption and lock."""
        kept: dict[str, Any] = {"ContentType": content_type(key)}
        if self.encryption:
            kept["ServerSideEncryption"] = self.encryption
        if self.encryption == "aws:kms" and self.kms_key_id:
            kept["SSEKMSKeyId"] = self.kms_key_id
        if self.lock_days:
            until = datetime.now(UTC) + timedelta(days=self.lock_days)
            kept |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        return kept

    def _is_there(self, key: str, where: str) -> bool:
        """Asked before many bytes are sent."""
        from botocore.exceptions import ClientError

        with told(where):
            try:
                self.client.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey"}:
                    return False
                raise
        return True

    def _compare(self, file: ArchivedFile, *, key: str, where: str, is_ours: bool) -> None:
        """Read back. What we have just put and arrived as something else is taken away, so that it can be put again."""
        if self._sha256_there(key, where) == file.sha256:
            return
        if not is_ours:
            raise ArchiveRefused(
                "another file lies where this one belongs, and nothing is ever put over it",
                where=where,
                remedy="Find out who wrote it; move it away, then `recon archive ship`.",
            )
        with told(where):
            self.client.delete_object(Bucket=self.name, Key=key)
        raise ArchiveUnavailable(
            "what arrived is not what was sent: its SHA-256 differs", where=where, remedy="It is sent again."
        )

    def _sha256_there(self, key: str, where: str) -> str | None:
        """Of the bytes that the bucket gives; None when boto3 itself says that they are not those of their checksum."""
        from botocore.exceptions import FlexibleChecksumError

        digest = hashlib.sha256()
        with told(where):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=key)
                with answer["Body"] as body:
                    for chunk in iter(lambda: body.read(READ_BYTES), b""):
                        digest.update(chunk)
            except FlexibleChecksumError:
                return None
        return digest.hexdigest()

    @contextmanager
    def _unless_there(self, where: str) -> Iterator["_Put"]:
        put = _Put()
        try:
            with told(where):
                yield put
            put.done = True
        except ThereAlready:
            pass


@dataclass(slots=True)
class _Put:
    done: bool = False


def content_type(key: str) -> str:
    """By the ending; what is unknown is bytes."""
    suffix = PurePosixPath(key).suffix.lower()
    return _CONTENT_TYPES.get(suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"


def _check_local(sha256: str, file: ArchivedFile) -> None:
    if sha256 != file.sha256:
        raise ArchiveUnreadable(
            "the local copy of an archived file was changed",
            where=file.path,
            remedy="Restore the folder from a copy; `recon verify` says what else differs.",
        )


def _chunks(opened: BinaryIO, size: int) -> Iterator[bytes]:
    while chunk := opened.read(size):
        yield chunk


def _base64(sha256: str) -> str:
    return b64encode(bytes.fromhex(sha256)).decode()


@contextmanager
def _no_debug_log() -> Iterator[None]:
    """At DEBUG botocore logs what it signs, and the signature."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.DEBUG))
    try:
        yield
    finally:
        logging.disable(before)
