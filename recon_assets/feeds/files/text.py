"""Columns of text: the common form between a file format and the parsing of values."""

import codecs
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recon_assets.domain.records import RejectedRow

WHOLE_RECORD: Final = "record"
"""The column of a rejection that is about the record and no column of it."""

BYTE_ORDER_MARK: Final = codecs.BOM_UTF8
_TRANSCODE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Some records of one file as text. `columns` is by our word; null where the file says nothing.

    `record_numbers` count from 1 in the order of the file; the rejected records have theirs too. `footers` are rows
    that are no records: what they state, by the words of `Totals`. `left_out` counts records that move no money.
    """

    raw_file: str
    record_numbers: npt.NDArray[np.int64]
    columns: Mapping[str, pa.Array]
    rejected: tuple[RejectedRow, ...]
    footers: tuple[Mapping[str, str | None], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


class _Transcoded(io.RawIOBase):
    """A file of any encoding, read as UTF-8. Raises `UnicodeError` at bytes that are not of its encoding."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._ready and not self._ended:
            read = self._file.read(_TRANSCODE_BYTES)
            self._ended = not read
            self._ready = self._decoder.decode(read, final=self._ended).encode("utf-8")
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def open_as_utf8(path: Path, encoding: str = "utf-8") -> io.BufferedIOBase:
    """The bytes of a file as UTF-8, after its byte order mark if there is one."""
    is_utf8 = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
    stream = io.BufferedReader(io.FileIO(path) if is_utf8 else _Transcoded(path, encoding))
    if stream.peek(len(BYTE_ORDER_MARK)).startswith(BYTE_ORDER_MARK):
        stream.read(len(BYTE_ORDER_MARK))
    return stream
