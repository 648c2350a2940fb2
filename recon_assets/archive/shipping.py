"""A whole folder of evidence to its bucket: every file, then the manifest, so that a manifest there means all is there.

Safe to repeat and to be killed at any moment: what arrived is compared and left. Not here: one file (`bucket`), and
when it is tried again (`recon_assets.assets.shipping`).
"""

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path, PurePosixPath
from typing import Final

from recon_assets.archive.bucket import Bucket
from recon_assets.archive.manifest import (
    MANIFEST,
    MANIFEST_HASH,
    ArchivedFile,
    Manifest,
    hash_line,
    read_manifest,
    sha256_of,
)
from recon_assets.domain.errors import ArchiveUnreadable

UPLOADS_AT_ONCE: Final = 8
"""A day by an API is thousands of small pages; each upload waits for its answers most of the time."""

REPORT_FOLDER: Final = "report/"
_LIKED_REPORTS: Final = (".html", ".xlsx", ".json", ".csv")


def ship_folder(bucket: Bucket, folder: Path, *, prefix: str, manifest_sha256: str) -> None:
    """Put all files of `folder` below `prefix`, the manifest last, each verified there.

    Raises `ArchiveUnreadable` when the folder is not the one that the record knows by `manifest_sha256`, or what
    `Bucket.put` raises for the first file that does not arrive.
    """
    manifest = _known(folder, manifest_sha256)
    with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="ship") as pool:
        uploads = [pool.submit(_put, bucket, folder, file, prefix) for file in manifest.files]
        _first_failure(uploads, pool)
    for name in (MANIFEST_HASH, MANIFEST):
        path = folder / name
        if path.is_file():  # folders of before have no hash beside their manifest
            size = path.stat().st_size
            _put(bucket, folder, ArchivedFile(path=name, size_bytes=size, sha256=sha256_of(path)), prefix)


def _known(folder: Path, manifest_sha256: str) -> Manifest:
    manifest = read_manifest(folder)
    beside = folder / MANIFEST_HASH
    if manifest.sha256 != manifest_sha256 or (beside.is_file() and beside.read_bytes() != hash_line(manifest_sha256)):
        raise ArchiveUnreadable(
            "the local copy of the manifest is not the one that was recorded",
            where=f"{folder.name}/{MANIFEST}",
            remedy="Restore the folder from a copy: what is archived is never written again.",
        )
    return manifest


def _put(bucket: Bucket, folder: Path, file: ArchivedFile, prefix: str) -> None:
    try:
        bucket.put(folder / file.path, file, key=f"{prefix}/{file.path}")
    except FileNotFoundError:
        raise ArchiveUnreadable(
            "the local copy of an archived file is gone",
            where=f"{folder.name}/{file.path}",
            remedy="Restore the folder from a copy; `recon verify` says what else is missing.",
        ) from None


def _first_failure(uploads: "list[Future[None]]", pool: ThreadPoolExecutor) -> None:
    """Once one has failed the others would too: those that have not begun are left for the next time."""
    done, _ = wait(uploads, return_when=FIRST_EXCEPTION)
    failed = next((upload for upload in done if upload.exception()), None)
    if failed is not None:
        pool.shutdown(cancel_futures=True)
        failed.result()


def presigned_report_url(bucket: Bucket | None, *, prefix: str) -> str | None:
    """A link of 24 hours to the report of a shipped run, the one for people first; None without bucket or report.

    `prefix` is the run's folder. The link is a secret: for the one who asked, and for nothing that is kept.
    """
    if bucket is None:
        return None
    names = sorted(bucket.names_below(f"{prefix}/{REPORT_FOLDER}"))
    for suffix in _LIKED_REPORTS:
        for name in names:
            if PurePosixPath(name).suffix == suffix:
                return bucket.presigned_url(f"{prefix}/{REPORT_FOLDER}{name}")
    return None
