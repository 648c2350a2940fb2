"""Control totals: what a file, or a trailer beside it, says is in it, held against what was read from it.

Problems are sentences with the difference, in the currency's own places; they never carry a total itself.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.errors import FeedNotUnderstood, LimitExceeded
from recon_assets.domain.money import decimal_from_minor
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.files.amounts import AmountReader
from recon_assets.feeds.files.csv_header import fields_of
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.files.records import batches_of
from recon_assets.feeds.files.text import open_as_utf8
from recon_assets.schemas.currencies import exponent_of

MAX_TRAILER_LINES: Final = 10_000
MAX_TRAILER_BYTES: Final = 16 * 1024 * 1024
"""It is held in memory as a whole."""

Stated = Mapping[str, str | None]
_SUMS: Final = ("amount", "credit", "debit", "fee", "net")


@dataclass(slots=True)
class Read:
    """What was read from one or more files. Sums are by our word and currency, in minor units."""

    records: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    stated: list[Stated] = field(default_factory=list)

    def add(self, chunk: ParsedChunk) -> None:
        """Count one chunk: rejected and left-out records are records too, but add to no sum."""
        self.records += chunk.rows.num_rows + len(chunk.rejected) + sum(chunk.left_out.values())
        currencies = chunk.rows["currency"].cast(pa.string())
        for currency in pc.unique(currencies).to_pylist():
            here = chunk.rows.filter(pc.equal(currencies, currency))
            self.rows[currency] += here.num_rows
            for word in ("amount", "fee", "net"):
                self.sums[word, currency] += _sum(here[f"{word}_minor"])
            amounts = here["amount_minor"]
            self.sums["credit", currency] += _sum(amounts.filter(pc.greater(amounts, 0)))
            self.sums["debit", currency] -= _sum(amounts.filter(pc.less(amounts, 0)))

    def and_also(self, other: "Read") -> None:
        """Add what was read from another file."""
        self.records += other.records
        self.rows.update(other.rows)
        self.sums.update(other.sums)


def read_file(path: Path, description: FilesDescription) -> Read:
    """Read one file to its end. Raises like the reading itself."""
    parser, read = BatchParser(description), Read()
    for batch in batches_of(path, description):
        read.stated.extend(batch.footers)
        read.add(parser.parse(batch))
    return read


def problems_of(file: str, read: Read, description: FilesDescription) -> list[str]:
    """What does not add up between a file and its own control totals. `file` is its name, for the sentences."""
    if description.footer and description.footer.totals and not read.stated:
        return [f"{file} has no footer row, though its description says so: it may have been cut short"]
    return _differences(file, read.stated, read, description)


def trailer_problems(path: Path, file: str, read: Read, description: FilesDescription) -> list[str]:
    """What does not add up between a day's files and the trailer at `path`. `file` is its name, for the sentences."""
    stated = list(_trailer_rows(path, description))
    if not stated:
        return [f"the trailer {file} has no row: it may have been cut short"]
    return _differences(f"the trailer {file}", stated, read, description)


def _differences(who: str, stated: Iterable[Stated], read: Read, description: FilesDescription) -> list[str]:
    return [problem for row in stated for problem in _RowCheck(who, row, read, description).problems()]


class _RowCheck:
    """One row of control totals against what was read."""

    def __init__(self, who: str, stated: Stated, read: Read, description: FilesDescription) -> None:
        self._who, self._stated, self._read, self._description = who, stated, read, description

    def problems(self) -> list[str]:
        found = [self._count()] if "count" in self._stated else []
        words = [word for word in _SUMS if word in self._stated]
        if words:
            currency = self._currency()
            if currency is None and self._states_nothing(words):
                return [problem for problem in found if problem]
            if currency is None:
                found.append(f"{self._who} states a total and not its currency, which its rows do not tell either")
            else:
                found += [self._sum(word, currency) for word in words]
        return [problem for problem in found if problem]

    def _count(self) -> str:
        text = (self._stated["count"] or "").strip()
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            return f"{self._who} states no number of records where one is described"
        code = self._code_stated()
        read = self._read.records if code is None else self._read.rows[code]
        of = f" in {code}" if code else ""
        return "" if int(text) == read else f"{self._who} states {int(text)} records{of}, {read} were read"

    def _sum(self, word: str, currency: str) -> str:
        text = self._stated[word]
        if text is None:
            return f"{self._who} states no total of {word} in {currency} where one is described"
        signs = self._description.signs
        reverse = (word in {"amount", "net"} and signs.amount == "reversed") or (
            word == "fee" and signs.fee == "negative_is_charged"
        )
        units = AmountReader(self._description.amounts).read(
            pa.array([text], pa.string()), pa.array([currency], pa.string()).dictionary_encode(), reverse=reverse
        )
        if units.reasons:
            return f"{self._who} states a total of {word} in {currency} that is no amount: {units.reasons[0]}"
        total = units.values[0].as_py()
        difference = (abs(total) if word == "debit" else total) - self._read.sums[word, currency]
        if not difference:
            return ""
        exponent = exponent_of(currency)
        assert exponent is not None, "the currency of a total is one of ISO 4217"
        by = decimal_from_minor(difference, exponent=exponent)
        return f"{self._who} states a total of {word} that is {by:+f} {currency} off what was read"

    def _states_nothing(self, words: list[str]) -> bool:
        """Zeros of no currency, and no row was read: that agrees."""
        return not self._read.rows and not any(re.search("[1-9]", self._stated[word] or "") for word in words)

    def _code_stated(self) -> str | None:
        code = (self._stated.get("currency") or "").strip().upper()
        return code if exponent_of(code) is not None else None

    def _currency(self) -> str | None:
        """The one that the row states, that of all rows by the description, or that of the only rows there are."""
        if self._stated.get("currency"):
            return self._code_stated()
        if self._description.constants.currency:
            return self._description.constants.currency
        return next(iter(self._read.rows)) if len(self._read.rows) == 1 else None


def _trailer_rows(path: Path, description: FilesDescription) -> Iterable[Stated]:
    """The rows of a trailer, by our words. Raises `FeedNotUnderstood` for a column that is not there."""
    assert description.trailer is not None
    places = {word: str(place) for word, place in description.trailer.totals.given().items()}
    options = description.csv
    if path.stat().st_size > MAX_TRAILER_BYTES:
        raise _too_large(f"{MAX_TRAILER_BYTES} bytes", path)
    with open_as_utf8(path, options.encoding) as stream:
        lines = stream.readlines()
    if len(lines) > MAX_TRAILER_LINES:
        raise _too_large(f"{MAX_TRAILER_LINES} lines", path)
    records = [fields_of(line.decode("utf-8", errors="replace"), options) for line in lines if line.strip()]
    header = [name.strip() for name in records[0]] if records else []
    if missing := [place for place in places.values() if place not in header]:
        raise FeedNotUnderstood(
            f"the trailer has no column {', '.join(map(repr, missing))}; found: {', '.join(header[:40])}",
            where=path.name,
            remedy="Correct `trailer.totals` or `trailer.pattern` in the description.",
        )
    return [_row(record, header, places) for record in records[1:]]


def _too_large(limit: str, path: Path) -> LimitExceeded:
    return LimitExceeded(
        f"a trailer has more than {limit}",
        where=path.name,
        remedy="Check `trailer.pattern`: it may match the files themselves.",
    )


def _row(record: Sequence[str], header: list[str], places: Mapping[str, str]) -> Stated:
    found = {word: header.index(place) for word, place in places.items()}
    return {word: (record[at].strip() or None) if at < len(record) else None for word, at in found.items()}


def _sum(values: pa.ChunkedArray) -> int:
    """Exact beyond 64 bits: the halves are added apart."""
    low = pc.sum(pc.bit_wise_and(values, 0xFFFF_FFFF)).as_py() or 0
    high = pc.sum(pc.shift_right(values, 32)).as_py() or 0
    return int(low) + (int(high) << 32)
