"""Files in a local folder, a mounted share included."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable
from recon_assets.feeds.files.places import CHUNK_BYTES, PlacedFile, StillBeingWritten


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A `Place` that is also its own `OpenPlace`: there is no connection."""

    folder: Path

    @property
    def address(self) -> str:
        """The path of the folder."""
        return str(self.folder)

    def opened(self) -> AbstractContextManager["LocalPlace"]:
        """Raises when the folder is not there or may not be listed."""
        self.probe()
        return nullcontext(self)

    def probe(self) -> None:
        """Raise `ConfigurationError` when there is no such folder, `FeedRefused` when we may not list it."""
        if not self.folder.is_dir():
            raise ConfigurationError(
                "the feed folder does not exist",
                where=self.address,
                remedy="Create it, or correct `folder` in the configuration or RECON_FEEDS_DIR.",
            )
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise FeedRefused(
                "the feed folder may not be read", where=self.address, remedy="Give our user access to it."
            )

    def listing(self, pattern: str) -> list[PlacedFile]:
        """Files only; a symbolic link to one is one."""
        return [
            _placed(path.relative_to(self.folder).as_posix(), path.stat())
            for path in sorted(self.folder.glob(pattern))
            if path.is_file()
        ]

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        """The bytes; the file is looked at again when it is open, and after its last byte."""
        path = self.folder / file.path
        try:
            with path.open("rb") as stream:
                before = os.fstat(stream.fileno())
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
                seen = [before, os.fstat(stream.fileno()), path.stat()]
        except OSError as error:
            raise FeedUnavailable(
                "a file could not be read to its end", where=str(path), remedy="Try again; check the disk or share."
            ) from error
        if any(_placed(file.path, state) != file for state in seen):
            raise StillBeingWritten(
                "a file changed while it was copied", where=str(path), remedy="Try again when its writer has finished."
            )


def _placed(path: str, state: os.stat_result) -> PlacedFile:
    return PlacedFile(path, state.st_size, f"{state.st_ino}:{state.st_mtime_ns}")
