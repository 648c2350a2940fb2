"""The manifest of a day's evidence: what was concluded and by what, every file with its hash, and the day before it.

Beside `manifest.json` lies `manifest.sha256`, its own hash as `sha256sum` writes it: a change of either shows. Not
here: writing a folder (`local`), and holding its files against the manifest (`files`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from recon_assets.domain.errors import ArchiveUnreadable

MANIFEST: Final = "manifest.json"
MANIFEST_HASH: Final = "manifest.sha256"
FORMAT: Final = "recon-archive-v2"
"""Of the statement. Folders of before have none, and neither a hash beside their manifest nor a link."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One archived file, by its path inside the archive folder."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LinkBefore:
    """The archived answer that a manifest names as the one before it: the chain."""

    business_date: date
    run_id: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was read. `statement` is what was said of the day; `sha256` is that of the file."""

    statement: Mapping[str, Any]
    files: tuple[ArchivedFile, ...]
    sha256: str

    @property
    def size_bytes(self) -> int:
        """Of all files, the manifest not among them."""
        return sum(file.size_bytes for file in self.files)

    def said(self, name: str, kind: Any) -> Any:
        """A part of the statement as a value of `kind`; None when it is not there.

        Raises `ArchiveUnreadable` when it is something else.
        """
        if name not in self.statement:
            return None
        try:
            return msgspec.convert(self.statement[name], type=kind, strict=False)
        except msgspec.ValidationError as error:
            raise _unreadable(f"its {name} is not what this program writes", MANIFEST) from error


class _Document(msgspec.Struct):
    statement: dict[str, Any]
    files: tuple[ArchivedFile, ...]


def write_manifest(folder: Path, statement: Mapping[str, Any]) -> None:
    """Write the manifest of all that lies in `folder`, and its hash beside it."""
    files = [
        ArchivedFile(path=path.relative_to(folder).as_posix(), size_bytes=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    document = msgspec.json.encode({"statement": dict(statement), "files": files}, order="deterministic")
    text = msgspec.json.format(document, indent=2) + b"\n"
    (folder / MANIFEST).write_bytes(text)
    (folder / MANIFEST_HASH).write_bytes(hash_line(hashlib.sha256(text).hexdigest()))


def hash_line(sha256: str) -> bytes:
    """The line of `manifest.sha256`, which `sha256sum --check` reads."""
    return f"{sha256}  {MANIFEST}\n".encode()


def read_manifest(folder: Path) -> Manifest:
    """Raises `ArchiveUnreadable` when there is none, or it is not what this program writes."""
    where = f"{folder.name}/{MANIFEST}"
    try:
        text = (folder / MANIFEST).read_bytes()
        document = msgspec.json.decode(text, type=_Document)
    except FileNotFoundError:
        raise _unreadable("the folder has no manifest", where) from None
    except OSError as error:
        raise _unreadable(f"the manifest can't be read ({type(error).__name__})", where) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable("the manifest is not what this program writes", where) from error
    return Manifest(document.statement, document.files, hashlib.sha256(text).hexdigest())


def sha256_of(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(what: str, where: str) -> ArchiveUnreadable:
    return ArchiveUnreadable(
        what, where=where, remedy="Restore the folder from a copy: what is archived is never written again."
    )
