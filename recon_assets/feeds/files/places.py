"""Where files come from: a place lists its files and gives their bytes. Local folders, S3 and SFTP are the neighbours.

What belongs here: what every place promises, what `folder` may say, and bringing files over whole. Not here: what is in
the files, and which of them belong to a day (a pattern of the description).
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event, Timer
from typing import Annotated, Final, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from recon_assets.domain.errors import FeedUnavailable, LimitExceeded, TransientError
from recon_assets.feeds.credentials import Credentials, EnvironmentName
from recon_assets.feeds.raw import RawFeedWriter, RawFile

CHUNK_BYTES: Final = 1024 * 1024
CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
MAX_COPY_S: Final = 4 * 3600
"""Of one file, from its first byte to its last."""

MAX_LISTED: Final = 100_000
"""Entries of a remote place that are looked at for one pattern."""

MAX_LISTING_S: Final = 600
"""Of one pattern at a remote place, from the first entry to the last."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WILD: Final = re.compile(r"[*?\[]")


class StillBeingWritten(TransientError):
    """A file is not what it was when it was listed: its bytes are not kept."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file as it was listed. `path` is relative to its place, `version` changes when the file is written again."""

    path: str
    size_bytes: int
    version: str


class OpenPlace(Protocol):
    """A place while we are connected to it. Methods raise `FeedUnavailable`, `FeedRefused` or `LimitExceeded`."""

    def listing(self, pattern: str) -> list[PlacedFile]:
        """The files whose path fits, in the order of their paths. A star does not cross a slash."""
        ...

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        """The bytes of a file. Raises `StillBeingWritten` when it is not the file that was listed."""
        ...


class Place(Protocol):
    """Where files are. Nothing is contacted before `opened`."""

    @property
    def address(self) -> str:
        """For people, without credentials."""
        ...

    def opened(self) -> AbstractContextManager[OpenPlace]:
        """Connect. Raises `FeedUnavailable`, `FeedRefused` or `ConfigurationError`."""
        ...

    def probe(self) -> None:
        """Raise as `opened` and `listing` would; lists as little as it can."""
        ...


class SftpLogin(BaseModel):
    """`sftp` of a description: who logs in. Names of variables, never values: `key_file_env` of one that
    holds the path of a private key, `key_env` of one that holds the key itself, as a store of secrets does.

    The host key must be in `known_hosts`: a path, by default `~/.ssh/known_hosts`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_env: EnvironmentName
    password_env: EnvironmentName | None = None
    key_file_env: EnvironmentName | None = None
    key_env: EnvironmentName | None = None
    key_passphrase_env: EnvironmentName | None = None
    known_hosts: Annotated[str, Field(min_length=1)] = "~/.ssh/known_hosts"

    @model_validator(mode="after")
    def _one_way_in(self) -> "SftpLogin":
        if [self.password_env, self.key_file_env, self.key_env].count(None) != 2:
            raise ValueError("name password_env, key_file_env or key_env, one of them")
        if self.key_passphrase_env and self.password_env:
            raise ValueError("key_passphrase_env is for a key: name key_file_env or key_env")
        return self


def _checked_folder(value: str) -> str:
    """Errors do not repeat the value: an address may hold a password that should not be there."""
    if not _SCHEME.match(value):
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError("is no address: write s3://bucket/prefix or sftp://host:port/path") from error
    if parts.scheme not in {"s3", "sftp"}:
        raise ValueError("is a local folder, s3://bucket/prefix or sftp://host:port/path")
    if "@" in parts.netloc:
        raise ValueError("must hold no login: for SFTP name variables in `sftp`, for S3 use the environment of AWS")
    if parts.query or parts.fragment or ".." in parts.path.split("/") or _WILD.search(parts.path):
        raise ValueError("must be a plain address: no ?, #, *, [ or ..")
    if parts.scheme == "s3" and not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("names no bucket: write s3://bucket/prefix")
    if parts.scheme == "sftp" and (not parts.hostname or port == 0):
        raise ValueError("names no host: write sftp://host:port/path")
    return value


Folder = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_checked_folder)]
"""`folder` of a description: a local folder, `s3://bucket/prefix` or `sftp://host[:port]/path`."""


def checked_login(folder: str, login: SftpLogin | None) -> None:
    """A login is named where it is needed and nowhere else; raises ValueError."""
    if folder.startswith("sftp://") and login is None:
        raise ValueError(
            "`sftp` is needed for a folder at sftp://: it names user_env and password_env, key_file_env or key_env"
        )
    if login is not None and not folder.startswith("sftp://"):
        raise ValueError("`sftp` says nothing about a folder that is not at sftp://")


def place_at(folder: str, *, feeds_dir: Path, login: SftpLogin | None, credentials: Credentials) -> Place:
    """The place that a checked `folder` means; a local one is below `feeds_dir` unless absolute."""
    if folder.startswith("s3://"):
        from recon_assets.feeds.files.s3_place import S3Place

        return S3Place(folder)
    if login is not None:
        from recon_assets.feeds.files.sftp_place import SftpPlace

        return SftpPlace(folder, login, credentials)
    from recon_assets.feeds.files.local_place import LocalPlace

    return LocalPlace(feeds_dir / folder)


def fits(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern, step by step."""
    steps, wanted = path.split("/"), pattern.split("/")
    return len(steps) == len(wanted) and all(map(fnmatchcase, steps, wanted))


def plain_beginning(pattern: str) -> str:
    """What every path that fits the pattern begins with."""
    return _WILD.split(pattern, maxsplit=1)[0]


class Listing:
    """How much of a remote place is looked at for one pattern, over all its folders and pages."""

    def __init__(self, where: str) -> None:
        self._where, self._listed, self._ends_at = where, 0, time.monotonic() + MAX_LISTING_S

    def add(self, entries: int) -> None:
        """Raise `LimitExceeded` beyond `MAX_LISTED` entries or `MAX_LISTING_S`."""
        self._listed += entries
        if self._listed > MAX_LISTED:
            raise self._refused(f"more than {MAX_LISTED} files were listed for one pattern")
        if time.monotonic() >= self._ends_at:
            raise self._refused(f"the files of one pattern were not listed within {MAX_LISTING_S} s")

    def _refused(self, what: str) -> LimitExceeded:
        return LimitExceeded(
            what,
            where=self._where,
            remedy="Keep each day or month in a folder of its own, and name it in `pattern`.",
        )


def brought(files: OpenPlace, file: PlacedFile, name: str, *, max_bytes: int, into: RawFeedWriter) -> RawFile | None:
    """Store one file as `name`; None, and a noted problem, when somebody is still writing it.

    Raises `LimitExceeded` beyond `max_bytes` or `MAX_COPY_S`, and what `chunks` raises; nothing is kept then.
    """
    try:
        chunks = _limited(files.chunks(file), file, max_bytes)
        return into.add_file(name, source=file.path, chunks=chunks, version=file.version)
    except StillBeingWritten:
        into.note_problem(
            f"{file.path} was being written while it was read: fetch the day again when its writer is done"
        )
        return None


@contextmanager
def copied_in_time(where: str, *, cut: Callable[[], object]) -> Iterator[None]:
    """Around a copy: after `MAX_COPY_S`, `cut` is called from another thread, and ends what is waited for.

    A server that drips a byte now and then never meets a read time-out. Raises `LimitExceeded` whatever the cut looks
    like to a library: a failure, or the end of the file.
    """
    time_is_up = Event()

    def end() -> None:
        time_is_up.set()  # before the cut, which wakes whoever asks
        cut()

    timer = Timer(MAX_COPY_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except FeedUnavailable as error:
        if time_is_up.is_set():
            raise _too_slow(where) from error
        raise
    finally:
        timer.cancel()
    if time_is_up.is_set():
        raise _too_slow(where)


def _limited(chunks: Iterator[bytes], file: PlacedFile, max_bytes: int) -> Iterator[bytes]:
    read, ends_at = 0, time.monotonic() + MAX_COPY_S
    if file.size_bytes > max_bytes:
        raise _too_large(file, max_bytes)
    for chunk in chunks:
        read += len(chunk)
        if read > max_bytes:
            raise _too_large(file, max_bytes)
        if time.monotonic() > ends_at:
            raise _too_slow(file.path)
        yield chunk


def _too_slow(where: str) -> LimitExceeded:
    return LimitExceeded(
        f"a file took longer than {MAX_COPY_S} s", where=where, remedy="Check the line; split the file."
    )


def _too_large(file: PlacedFile, max_bytes: int) -> LimitExceeded:
    return LimitExceeded(
        f"a file is larger than {max_bytes} bytes",
        where=file.path,
        remedy="Split the file, or make `pattern` narrower.",
    )


def used_once(files: Iterable[RawFile]) -> list[RawFile]:
    """The files without those whose bytes an earlier one has: a file seen twice is used once."""
    first: dict[str, RawFile] = {}
    for file in files:
        first.setdefault(file.sha256, file)
    return list(first.values())


def note_repeats(files: Sequence[RawFile], into: RawFeedWriter) -> list[RawFile]:
    """`used_once`, with a fact in the feed for each file that is not used."""
    used = used_once(files)
    name_of_digest = {file.sha256: file.source for file in used}
    for file in files:
        if file not in used:
            into.note_fact(f"{file.source} has the same bytes as {name_of_digest[file.sha256]}: used once")
    return used
