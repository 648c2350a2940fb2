"""The archive on a local folder. A version of a day is written once, whole, and never again."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from recon_assets.archive.manifest import MANIFEST, ArchivedFile, read_manifest, write_manifest
from recon_assets.domain.errors import ArchiveUnreadable

AUDIT_HEAD: Final = "audit_head"
"""In a manifest's statement: the newest seal of the audit log when the day was archived."""


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """Where a day's evidence lies and what its manifest hashes to."""

    folder: Path
    manifest_sha256: str
    files: tuple[ArchivedFile, ...]


@dataclass(frozen=True, slots=True, order=True)
class AuditHead:
    """A seal of the audit log, remembered outside of the database. `seal_hash` in hex."""

    seal_no: int
    seal_hash: str


def remembered_heads(root: Path) -> tuple[AuditHead, ...]:
    """The heads that the manifests of days and of retired months below `root` remember, each once, oldest first.

    Raises `ArchiveUnreadable` for a manifest that can't be read: a witness that says nothing is no witness.
    """
    days = [_head_in(path, root, _of_day) for path in (root / "reports").glob(f"*/*/*/{MANIFEST}")]
    months = [_head_in(path, root, _of_month) for path in (root / "retired").glob(f"*/{MANIFEST}")]
    return tuple(sorted({head for head in days + months if head}))


def _of_day(manifest: Any) -> Any:
    return manifest["statement"].get(AUDIT_HEAD)


def _of_month(manifest: Any) -> Any:
    return manifest["seal"]


def _head_in(path: Path, root: Path, field: Callable[[Any], Any]) -> AuditHead | None:
    try:
        return msgspec.convert(field(msgspec.json.decode(path.read_bytes())), type=AuditHead | None)
    except (OSError, LookupError, AttributeError, TypeError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ArchiveUnreadable(
            f"the manifest can't be read ({type(error).__name__})",
            where=str(path.relative_to(root)),
            remedy="Restore it from a copy: what is archived is never written again.",
        ) from None


def folder_of(*, processor: str, business_date: date, run_id: str) -> str:
    """Where the evidence of a run lies below the archive's root, and below which key in a bucket."""
    return f"reports/{business_date.isoformat()}/{processor}/{run_id}"


def archive_day(
    root: Path,
    *,
    processor: str,
    business_date: date,
    run_id: str,
    sources: Mapping[str, Path | bytes],
    statement: Mapping[str, Any],
) -> ArchivedDay:
    """Copy `sources` (path in the archive to file, folder or bytes) below `root/reports/{date}/{processor}/{run_id}`.

    `statement` is written into the manifest: what was concluded and with which versions. A folder that is already
    there is kept as it is: the same run has the same evidence, and an archive is never overwritten. What a killed
    attempt left unfinished is removed: one run is archived by one process at a time.
    """
    target = root / folder_of(processor=processor, business_date=business_date, run_id=run_id)
    if not target.exists():
        for left_over in target.parent.glob(f".{run_id}.*"):
            shutil.rmtree(left_over)
        unfinished = target.with_name(f".{run_id}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        try:
            for name, source in sources.items():
                _copy(source, unfinished / name)
            write_manifest(unfinished, statement)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    manifest = read_manifest(target)
    return ArchivedDay(folder=target, manifest_sha256=manifest.sha256, files=manifest.files)


def _copy(source: Path | bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, bytes):
        target.write_bytes(source)
    elif source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
