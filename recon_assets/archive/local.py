"""The archive on a local folder. A version of a day is written once, whole, and never again."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from recon_assets.domain.errors import ArchiveUnreadable

MANIFEST: Final = "manifest.json"
AUDIT_HEAD: Final = "audit_head"
"""In a manifest's statement: the newest seal of the audit log when the day was archived."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One archived file, by its path inside the archive folder."""

    path: str
    size_bytes: int
    sha256: str


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


def archive_day(
    root: Path,
    *,
    processor: str,
    business_date: date,
    run_id: str,
    sources: Mapping[str, Path],
    statement: Mapping[str, Any],
) -> ArchivedDay:
    """Copy `sources` (path in the archive to file or folder) below `root/reports/{date}/{processor}/{run_id}`.

    `statement` is written into the manifest: what was concluded and with which versions. A folder that is already
    there is kept as it is: the same run has the same evidence, and an archive is never overwritten. What a killed
    attempt left unfinished is removed: one run is archived by one process at a time.
    """
    target = root / "reports" / business_date.isoformat() / processor / run_id
    if not target.exists():
        for left_over in target.parent.glob(f".{run_id}.*"):
            shutil.rmtree(left_over)
        unfinished = target.with_name(f".{run_id}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        try:
            for name, source in sources.items():
                _copy(source, unfinished / name)
            _write_manifest(unfinished, statement)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    manifest = (target / MANIFEST).read_bytes()
    return ArchivedDay(
        folder=target,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        files=msgspec.convert(msgspec.json.decode(manifest)["files"], type=tuple[ArchivedFile, ...]),
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _write_manifest(folder: Path, statement: Mapping[str, Any]) -> None:
    files = [
        ArchivedFile(path=path.relative_to(folder).as_posix(), size_bytes=path.stat().st_size, sha256=_sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    manifest = msgspec.json.encode({"statement": dict(statement), "files": files}, order="deterministic")
    (folder / MANIFEST).write_bytes(msgspec.json.format(manifest, indent=2) + b"\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
