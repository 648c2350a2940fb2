"""An evidence folder alone: every file against the manifest, the manifest against its hash, and the chain beside it.

No database, no network, no configuration. Not here: performing the day again (`recon_assets.cli.verifying.reperform`).
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from recon_assets.archive.manifest import (
    MANIFEST,
    MANIFEST_HASH,
    ArchivedFile,
    LinkBefore,
    Manifest,
    hash_line,
    read_manifest,
    sha256_of,
)
from recon_assets.domain.errors import ArchiveUnreadable

HASHES_AT_ONCE: Final = 2
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
PREVIOUS_DAY: Final = "previous_day"
PREVIOUS_VERSION: Final = "previous_version"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one file of the folder, in a sentence without its final stop."""

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found about the links; `unseen` are sentences about folders that are not there to be looked at."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    unseen: tuple[str, ...]


def check_files(folder: Path, manifest: Manifest) -> list[Finding]:
    """Each file that differs from the manifest, is missing, or that no manifest speaks of; by path."""
    beside = folder / MANIFEST_HASH
    found: list[Finding] = []
    if not beside.is_file():
        found.append(Finding(MANIFEST_HASH, "is missing: nothing says what the manifest hashed to"))
    elif beside.read_bytes() != hash_line(manifest.sha256):
        found.append(
            Finding(MANIFEST, f"hashes to {manifest.sha256}, which is not what {MANIFEST_HASH} says: one was changed")
        )
    with ThreadPoolExecutor(HASHES_AT_ONCE) as pool:
        found += [one for one in pool.map(lambda file: _problem(folder, file), manifest.files) if one]
    known = {MANIFEST, MANIFEST_HASH, *(file.path for file in manifest.files)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name not in known:
            found.append(Finding(name, "is not in the manifest: it was added"))
    return found


def _problem(folder: Path, file: ArchivedFile) -> Finding | None:
    if not is_inside(file.path):
        return Finding(MANIFEST, f"names {file.path!r}, which is no path inside of the folder")
    path = folder / file.path
    if not path.is_file():
        return Finding(file.path, "is missing")
    size = path.stat().st_size
    if size != file.size_bytes:
        return Finding(file.path, f"has {size:,} bytes, the manifest says {file.size_bytes:,}")
    sha256 = sha256_of(path)
    return None if sha256 == file.sha256 else Finding(file.path, f"hashes to {sha256}, the manifest says {file.sha256}")


def is_inside(path: str) -> bool:
    """Whether a path of a manifest stays below its folder."""
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts and "\\" not in path


def check_chain(folder: Path, manifest: Manifest) -> Chain:
    """The folders that the manifest names as the ones before it, and the next day's, where they lie beside this one."""
    findings: list[Finding] = []
    checked: list[str] = []
    unseen: list[str] = []
    for name, words in ((PREVIOUS_DAY, "the archived day before"), (PREVIOUS_VERSION, "the version before")):
        link: LinkBefore | None = manifest.said(name, LinkBefore | None)
        if link is None:
            checked.append(f"the manifest names no link to {words}: it is the first")
            continue
        said = f"{words}, {link.business_date} run {link.run_id}"
        before = _beside(folder, link)
        if not (before / MANIFEST).is_file():
            unseen.append(f"{said}, is not beside this folder: its link can't be checked")
        elif sha256_of(before / MANIFEST) != link.manifest_sha256:
            findings.append(
                Finding(MANIFEST, f"names {said}, with another manifest than the one that is there: one was changed")
            )
        else:
            checked.append(f"{said}, has the manifest that this one names")
    for after in _next_day(folder):
        _check_follower(folder, after, manifest, findings, checked)
    return Chain(tuple(findings), tuple(checked), tuple(unseen))


def _beside(folder: Path, link: LinkBefore) -> Path:
    processor, reports = folder.parent, folder.parent.parent.parent
    return reports / link.business_date.isoformat() / processor.name / PurePosixPath(link.run_id).name


def _next_day(folder: Path) -> Iterator[Path]:
    """The archives of the next date of this processor that has any."""
    folder = folder.resolve()
    processor, own, reports = folder.parent.name, folder.parent.parent.name, folder.parent.parent.parent
    if not _DATE.fullmatch(own):
        return  # it does not lie in an archive: a download, perhaps
    later = sorted(
        path
        for path in reports.iterdir()
        if _DATE.fullmatch(path.name) and path.name > own and (path / processor).is_dir()
    )
    for path in later[:1]:
        yield from sorted(found.parent for found in (path / processor).glob(f"[!.]*/{MANIFEST}"))


def _check_follower(folder: Path, after: Path, manifest: Manifest, findings: list[Finding], checked: list[str]) -> None:
    day = after.parent.parent.name
    try:
        link: LinkBefore | None = read_manifest(after).said(PREVIOUS_DAY, LinkBefore | None)
    except ArchiveUnreadable:
        return  # whoever verifies that day is told
    if link is None or link.run_id != folder.resolve().name:
        return
    if link.manifest_sha256 != manifest.sha256:
        findings.append(
            Finding(MANIFEST, f"is not the one that the next archived day, {day} run {after.name}, names: one changed")
        )
    else:
        checked.append(f"the next archived day, {day} run {after.name}, names this manifest")
