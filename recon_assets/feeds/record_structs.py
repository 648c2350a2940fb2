"""JSON lists of records into typed structs, fast, and one by one where a record is not what it should be.

What belongs here: `{"<list_field>": [...], ...}` to the structs of `msgspec` that an adapter declares, each with its
number in its file. Not here: what a field means and which rules it keeps beyond its type (the adapter), columns
(`record_tables`) and paging.

A page is decoded in one go, with every field's type checked: about 1 us of CPU a record. Only a page that fails is
read record by record, to keep the good ones and to name field and rule for the others. No message carries a value.
Structs are declared with `gc=False`: they hold no cycles, and Python's collector would double the cost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.http_answers import raise_html

Record = TypeVar("Record", bound=msgspec.Struct)
Item = TypeVar("Item")

MinorUnits = Annotated[int, msgspec.Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
"""A JSON integer in the range of our amounts; a number with a point is refused, even before zeros."""

_LATEST_EPOCH_S: Final = 253_402_300_799
"""The last second of the year 9999."""

EpochSeconds = Annotated[int, msgspec.Meta(ge=0, le=_LATEST_EPOCH_S)]

WRONG_TYPE: Final = "not of the type that the feed's documentation says, or out of its range"
MISSING: Final = "is missing"
UNREADABLE: Final = "not a readable JSON object"

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MISSING_FIELD: Final = re.compile(r"^Object missing required field `(\w+)`")
_PATH: Final = re.compile(r" - at `\$\.(\w+)")
_RAW_PAGE: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class PageOfRecords(Generic[Item]):
    """The records of one raw file, each with its number from 1, and those that are none."""

    raw_file: str
    numbers: Sequence[int]
    records: Sequence[Item]
    rejected: tuple[RejectedRow, ...]


class RecordReader(Generic[Record]):
    """Reads pages whose records are `record_type`; `reasons` says by field what a value that is refused should be."""

    def __init__(self, record_type: type[Record], *, list_field: str, reasons: Mapping[str, str] | None = None) -> None:
        page_type = msgspec.defstruct("Page", [("records", list[record_type])], rename={"records": list_field})  # type: ignore[valid-type]
        self._pages: msgspec.json.Decoder[msgspec.Struct] = msgspec.json.Decoder(page_type)
        self._one = msgspec.json.Decoder(record_type)
        self._list_field, self._reasons = list_field, dict(reasons or {})

    def read(self, body: bytes, raw_file: str) -> PageOfRecords[Record]:
        """Every record of `body` is in the result once. Raises `FeedNotUnderstood` when `body` is no such page."""
        text = body.removeprefix(_BYTE_ORDER_MARK)
        try:
            records: list[Record] = self._pages.decode(text).records  # type: ignore[attr-defined]
        except _NOT_JSON:
            return self._one_by_one(text, raw_file)
        return PageOfRecords(raw_file, range(1, len(records) + 1), records, ())

    def _one_by_one(self, text: bytes, raw_file: str) -> PageOfRecords[Record]:
        numbers: list[int] = []
        records: list[Record] = []
        rejected: list[RejectedRow] = []
        for number, one in enumerate(raw_records(text, list_field=self._list_field, where=raw_file), start=1):
            try:
                records.append(self._one.decode(one))
                numbers.append(number)
            except msgspec.ValidationError as error:
                rejected.append(RejectedRow(raw_file, number, *self._refusal(str(error))))
            except _NOT_JSON:
                rejected.append(RejectedRow(raw_file, number, "", UNREADABLE))
        return PageOfRecords(raw_file, numbers, records, tuple(rejected))

    def _refusal(self, message: str) -> tuple[str, str]:
        """Field and rule, from a message of msgspec that may quote the value."""
        if missing := _MISSING_FIELD.match(message):
            column = path.group(1) if (path := _PATH.search(message)) else missing.group(1)
            return column, MISSING
        if path := _PATH.search(message):
            return path.group(1), self._reasons.get(path.group(1), WRONG_TYPE)
        return "", UNREADABLE


def raw_records(text: bytes, *, list_field: str, where: str) -> list[msgspec.Raw]:
    """The texts of the records in `{"<list_field>": [...]}`. Raises `FeedNotUnderstood` for anything else."""
    if text.lstrip()[:1] == b"<":
        raise_html(where)
    try:
        envelope = _RAW_PAGE.decode(text)
    except _NOT_JSON as error:
        raise _not_understood("the answer is not a JSON object", where) from error
    if list_field not in envelope:
        raise _not_understood(f"the answer has no field '{list_field}'", where)
    try:
        return _RAW_LIST.decode(envelope[list_field])
    except _NOT_JSON as error:
        raise _not_understood(f"'{list_field}' is not a list", where) from error


def _not_understood(what: str, where: str) -> FeedNotUnderstood:
    return FeedNotUnderstood(what, where=where, remedy="Check that base_url and the feed's kind fit this API.")
