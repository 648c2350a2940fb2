"""JSON text into records with exact numbers: a page, its records, their fields.

What belongs here: what JSON says and the refusal of what it must not say. Not here: which fields a feed has
(`processors`, `ledger`). A number with a point or an exponent never becomes a float: it stays the text it was.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR, NotRepresentable, minor_from_text
from recon_assets.feeds.http_answers import raise_html

MAX_TEXT_CHARACTERS: Final = 1_000
"""Longest text field of a record."""

_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class NumberText(str):
    """The exact text of a JSON number with a point or an exponent. A type of its own, so that it is no text field."""

    __slots__ = ()


class FieldRefused(ValueError):
    """A field breaks a rule: the record becomes a rejected row. Names the rule, never the value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Page:
    """One document of a paged feed: its records, still as text, and how many the whole feed is said to hold."""

    records: tuple[msgspec.Raw, ...]
    total: int
    records_sha256: str
    """Of the text of the record list: the same page served again has the same."""


_ENVELOPE: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TOTAL: Final = msgspec.json.Decoder(int)
_RECORD: Final = msgspec.json.Decoder(dict[str, object], float_hook=NumberText)


def decode_page(body: bytes, *, record_list_field: str, where: str) -> Page:
    """Read `{"<record_list_field>": [...], "total": n, ...}`. Raises `FeedNotUnderstood` for anything else."""
    text = body.removeprefix(_BYTE_ORDER_MARK)
    if text.lstrip()[:1] == b"<":
        raise_html(where)
    try:
        envelope = _ENVELOPE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_understood("the answer is not a JSON object", where) from error
    for field in (record_list_field, "total"):
        if field not in envelope:
            raise _not_understood(f"the answer has no field '{field}'", where)
    listed = envelope[record_list_field]
    try:
        records = _LIST.decode(listed)
        total = _TOTAL.decode(envelope["total"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_understood(f"'{record_list_field}' is not a list or 'total' is not a whole number", where) from error
    if not 0 <= total <= MAX_MINOR:
        raise _not_understood("'total' is no count", where)
    return Page(records=tuple(records), total=total, records_sha256=hashlib.sha256(listed).hexdigest())


def decode_record(text: msgspec.Raw) -> "JsonFields":
    """The fields of one record. Raises `FieldRefused` when it is no JSON object, or holds what is no text or number."""
    try:
        return JsonFields(_RECORD.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldRefused("", "not a readable JSON object") from error


@dataclass(frozen=True, slots=True)
class JsonFields:
    """Typed access to the fields of one record. Each method raises `FieldRefused`; `optional_` ones take null."""

    values: Mapping[str, object]

    def text(self, name: str) -> str:
        """A non-blank text of bounded length, without control characters, unchanged."""
        value = self._present(name)
        if not isinstance(value, str) or isinstance(value, NumberText):
            raise FieldRefused(name, "not a text")
        if not value.strip():
            raise FieldRefused(name, "is blank")
        if len(value) > MAX_TEXT_CHARACTERS:
            raise FieldRefused(name, f"longer than {MAX_TEXT_CHARACTERS} characters")
        if _CONTROL_CHARACTER.search(value):
            raise FieldRefused(name, "contains control characters")
        return value

    def optional_text(self, name: str) -> str | None:
        """Like `text`; None when absent, null or blank."""
        value = self.values.get(name)
        is_blank = isinstance(value, str) and not value.strip()
        return None if value is None or is_blank else self.text(name)

    def natural_number(self, name: str) -> int:
        """A JSON integer from 0 to 2**63 - 1."""
        value = self._present(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldRefused(name, "not a whole number")
        if not 0 <= value <= MAX_MINOR:
            raise FieldRefused(name, "negative or too large")
        return value

    def amount_minor(self, name: str, *, exponent: int) -> int:
        """A JSON number or a decimal string in major units, exactly, in minor units with `exponent` places."""
        value = self._present(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise FieldRefused(name, "not a number or decimal text")
        try:
            return minor_from_text(str(value), exponent=exponent)
        except NotRepresentable as error:
            raise FieldRefused(name, str(error)) from error

    def optional_amount_minor(self, name: str, *, exponent: int) -> int | None:
        """Like `amount_minor`; None when absent or null: absent is not zero."""
        return None if self.values.get(name) is None else self.amount_minor(name, exponent=exponent)

    def instant(self, name: str) -> datetime:
        """An ISO 8601 date and time with its offset, in UTC."""
        text = self.text(name)
        try:
            at = datetime.fromisoformat(text)
            in_utc = at.astimezone(UTC) if at.tzinfo else None
        except (ValueError, OverflowError) as error:
            raise FieldRefused(name, "not an ISO 8601 date and time") from error
        if in_utc is None:
            raise FieldRefused(name, "a time without an offset")
        return in_utc

    def _present(self, name: str) -> object:
        value = self.values.get(name)
        if value is None:
            raise FieldRefused(name, "is missing")
        return value


def net_minor(*, amount_minor: int, fee_minor: int) -> int:
    """`amount - fee`, refused when it leaves 64 bits."""
    net = amount_minor - fee_minor
    if abs(net) > MAX_MINOR:
        raise FieldRefused("net", "out of range for 64 bits of minor units")
    return net


def _not_understood(what: str, where: str) -> FeedNotUnderstood:
    return FeedNotUnderstood(what, where=where, remedy="Check that base_url and the feed's kind fit this API.")
