"""The header of a CSV file: where it is, and which of its names is which of our words. No records here."""

import csv
import io
from typing import Final

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.files.description import FOOTER_KEY, TOTALS_PREFIX, CsvOptions, FilesDescription, place_of

MAX_HEADER_BYTES: Final = 256 * 1024
_MAX_NAMES_SHOWN: Final = 40


class CsvHeader:
    """Finds the header in an open file. `file` is the file's name, for messages."""

    def __init__(self, file: str, description: FilesDescription) -> None:
        self._file, self._options, self._sources = file, description.csv, description.sources()
        self._may_be_absent, self._footer = description.sources_that_may_be_absent, description.footer

    def read(self, stream: io.BufferedIOBase) -> list[str]:
        """Read up to the end of the header and return its names. Raises `FeedNotUnderstood` when there is none."""
        for _ in range(self._options.skip_lines):
            stream.readline(MAX_HEADER_BYTES)
        if self._options.header_within == 1:
            names = self._next_names(stream)
            if names is None:
                raise self._refuse(
                    "there is no header line",
                    remedy="Check `csv.skip_lines`, `csv.quote` and the line ends of the file.",
                )
            return names
        fewest: list[str] | None = None
        for _ in range(self._options.header_within):
            names = self._next_names(stream)
            if names is None:
                break
            missing = self._missing(names)
            if not missing:
                return names
            fewest = missing if fewest is None or len(missing) < len(fewest) else fewest
        raise self._refuse(
            f"none of the first {self._options.header_within} lines is the header; the nearest lacks: "
            + ", ".join(fewest or ["everything"]),
            remedy="Correct `columns`, `csv.delimiter` or `csv.header_within` in the description.",
        )

    def positions(self, header: list[str]) -> dict[str, int]:
        """Where each needed column is. Names in messages are those of the file's own header, never values."""
        found: dict[str, int] = {}
        shown = ", ".join(header[:_MAX_NAMES_SHOWN])
        for ours, names in self._sources.items():
            there = [name for name in names if name in header]
            if not there and ours in self._may_be_absent:
                continue
            if not there:
                raise self._refuse(
                    f"column {' or '.join(map(repr, names))} is missing; found: {shown}",
                    remedy=f"Correct `{place_of(ours)}` (or `csv.delimiter`, `csv.skip_lines`) in the description.",
                )
            if len(there) > 1:
                raise self._refuse(
                    f"columns {' and '.join(map(repr, there))} are there, both as {ours}",
                    remedy=f"Keep one of them in `{place_of(ours)}`.",
                )
            if header.count(there[0]) > 1:
                raise self._refuse(
                    f"column {there[0]!r} is there {header.count(there[0])} times",
                    remedy=f"Ask for a file with unique names, or map `{place_of(ours)}` to another column.",
                )
            found[ours] = header.index(there[0])
        return found | self._positions_of_footers(len(header), found)

    def _positions_of_footers(self, width: int, found: dict[str, int]) -> dict[str, int]:
        """The first column where no other tells a footer, and what the description gives by number."""
        if self._footer is None:
            return {}
        totals = self._footer.totals.given() if self._footer.totals else {}
        by_number = {
            TOTALS_PREFIX + word: place - 1
            for word, place in totals.items()
            if isinstance(place, int) and place <= width
        }
        return by_number | {FOOTER_KEY: found.get(FOOTER_KEY, 0)}

    def _missing(self, header: list[str]) -> list[str]:
        return [
            names[0]
            for ours, names in self._sources.items()
            if ours not in self._may_be_absent and not set(names) & set(header)
        ]

    def _next_names(self, stream: io.BufferedIOBase) -> list[str] | None:
        """The values of the next line that is not blank, as names; None where no such line is left."""
        read = b""
        quote = (self._options.quote or "").encode()
        while True:
            line = stream.readline(MAX_HEADER_BYTES - len(read))
            read += line
            if not line or (read.strip() and not (quote and read.count(quote) % 2)):
                break
        if read.lstrip().startswith(b"<"):
            raise self._refuse("the file is HTML or XML, not CSV", remedy="Look at what was put into the folder.")
        if not read.strip() or len(read) >= MAX_HEADER_BYTES or b"\r" in read.rstrip(b"\r\n"):
            return None
        try:
            text = read.decode("utf-8")
        except UnicodeError as error:
            raise self._refuse(
                f"the file is not encoded in {self._options.encoding}",
                remedy="Set `csv.encoding`, for example to cp1252.",
            ) from error
        return [name.strip() for name in fields_of(text, self._options)]

    def _refuse(self, what: str, *, remedy: str) -> FeedNotUnderstood:
        return FeedNotUnderstood(what, where=self._file, remedy=remedy)


def fields_of(record: str, options: CsvOptions) -> list[str]:
    """The values of one record."""
    if options.quote:
        reader = csv.reader(io.StringIO(record, newline=""), delimiter=options.delimiter, quotechar=options.quote)
    else:
        reader = csv.reader(io.StringIO(record, newline=""), delimiter=options.delimiter, quoting=csv.QUOTE_NONE)
    return next(reader, [])
