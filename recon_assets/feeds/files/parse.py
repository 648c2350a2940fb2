"""Columns of text to `PARSED_SCHEMA`: the same for every file format. Each record ends as one row or one rejection."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.records import Movement, RejectedRow, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.decimals import UNKNOWN_CURRENCY
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.description_columns import Key
from recon_assets.feeds.files.money import EMPTY, MoneyReader
from recon_assets.feeds.files.text import TextBatch
from recon_assets.feeds.files.times import NOT_A_TIME, UNKNOWN_ZONE, TimeReader, unreadable
from recon_assets.schemas.currencies import exponent_of
from recon_assets.schemas.frames import PARSED_SCHEMA, WORD

UNKNOWN_STATUS: Final = "unknown status: add it to `statuses`"

_CHECKED_IN_ORDER: Final = ("transaction_id", "currency", "amount", "fee", "net", "status", "occurred_at")


class BatchParser:
    """Understands the batches of one feed by its description."""

    def __init__(self, description: FilesDescription) -> None:
        self._constants = description.constants.given()
        self._keys = description.keys.given()
        self._money = MoneyReader(description)
        self._times = TimeReader(description.times)
        self._statuses = {str(status): str(status) for status in Status} | {
            theirs: str(ours) for theirs, ours in description.statuses.items()
        }
        self._movements = description.movements

    def parse(self, batch: TextBatch) -> ParsedChunk:
        """Every record of the batch, as a row or as a rejection with the first column that is bad."""
        size = len(batch.record_numbers)
        bad: dict[str, dict[int, str]] = {column: {} for column in _CHECKED_IN_ORDER}
        text = {column: self._text(batch, column, size) for column in _TEXTS}
        currency = self._currency(text["currency"], bad["currency"])
        money = self._money.read(lambda column: self._text(batch, column, size), currency)
        columns = {
            "raw_file": pa.DictionaryArray.from_arrays(np.zeros(size, dtype=np.int32), [batch.raw_file]),
            "record_number": pa.array(batch.record_numbers),
            "transaction_id": _not_blank(text["transaction_id"], bad["transaction_id"]),
            "currency": currency,
            "amount_minor": money.amount,
            "fee_minor": money.fee,
            "net_minor": money.net,
            "status": self._status(text["status"], bad["status"]),
            "occurred_at": self._time(batch, size, bad["occurred_at"]),
            "transaction_type": text["transaction_type"].dictionary_encode(),
            "movement": self._movement(text["transaction_type"]),
            **{name: text[name] for name in _REFERENCES},
        }
        for column, reasons in money.reasons.items():
            bad[column].update(reasons)
        for row, reason in _empty_rows(money.amount).items():
            bad["amount"].setdefault(row, reason)
        rows = pa.table([columns[name] for name in PARSED_SCHEMA.names], schema=PARSED_SCHEMA)
        return _split(rows, batch, bad)

    def _text(self, batch: TextBatch, column: str, size: int) -> pa.Array:
        """The column as text: from the file, made of several of its columns, the constant of all rows, or nothing."""
        if column in batch.columns:
            return batch.columns[column]
        if column in self._keys:
            return _made(self._keys[column], column, batch)
        if column in self._constants:
            return pa.repeat(pa.scalar(self._constants[column], pa.string()), size)
        return pa.nulls(size, pa.string())

    def _currency(self, text: pa.Array, bad: dict[int, str]) -> pa.DictionaryArray:
        """Codes in capitals, null where unknown."""
        encoded = text.dictionary_encode()
        codes = {word: word.strip().upper() for word in encoded.dictionary.to_pylist()}
        known = {word: code for word, code in codes.items() if exponent_of(code) is not None}
        return _translated(encoded, known, bad, UNKNOWN_CURRENCY)

    def _status(self, text: pa.Array, bad: dict[int, str]) -> pa.DictionaryArray:
        """Our words, null where unknown."""
        return _translated(text.dictionary_encode(), self._statuses, bad, UNKNOWN_STATUS)

    def _movement(self, text: pa.Array) -> pa.DictionaryArray:
        """Our words for the feed's types: nothing where the description has no map, unclassified where it lacks one."""
        if not self._movements:
            return pa.nulls(len(text), WORD)
        encoded = text.dictionary_encode()
        ours = [self._movements.get(word, Movement.UNCLASSIFIED).value for word in encoded.dictionary.to_pylist()]
        return pa.array(ours, pa.string()).take(encoded.indices).dictionary_encode()

    def _time(self, batch: TextBatch, size: int, bad: dict[int, str]) -> pa.Array:
        if "date" in batch.columns:
            text = pc.binary_join_element_wise(batch.columns["date"], batch.columns["time"], " ")
        else:
            text = self._text(batch, "occurred_at", size)
        zones = batch.columns.get("time_zone")
        instants = self._times.read(text, zones)
        bad.update(dict.fromkeys(unreadable(text, instants), NOT_A_TIME))
        if zones is not None and bad:
            bad.update((row, UNKNOWN_ZONE) for row in bad if not self._knows_zone(zones[row].as_py()))
        bad.update(_empty_rows(text))
        return instants

    def _knows_zone(self, word: str | None) -> bool:
        return word is not None and self._times.zone_of(word) is not None


_REFERENCES: Final = ("record_id", "reference_number", "order_id", "payout_id", "merchant_id")
_TEXTS: Final = ("transaction_id", "currency", "status", "transaction_type", *_REFERENCES)


def _made(key: Key, column: str, batch: TextBatch) -> pa.Array:
    """An id of several columns; null where all of them are empty."""
    nothing = pa.nulls(len(batch.record_numbers), pa.string())
    parts = [batch.columns.get(f"keys.{column}.{at}", nothing) for at in range(len(key.parts))]
    alternatives, joined = parts[: key.alternatives], parts[key.alternatives :]
    if not joined:
        return pc.coalesce(*alternatives)
    text = pc.binary_join_element_wise(*joined, key.mark, null_handling="replace", null_replacement="")
    is_said = pc.coalesce(*joined).is_valid()
    return pc.coalesce(*alternatives, pc.if_else(is_said, text, pa.scalar(None, pa.string())))


def _translated(
    encoded: pa.DictionaryArray, known: dict[str, str], bad: dict[int, str], reason: str
) -> pa.DictionaryArray:
    """Replace words by ours through the dictionary: each distinct word is looked up once."""
    words = sorted(set(known.values()))
    ours = [words.index(known[word]) if word in known else None for word in encoded.dictionary.to_pylist()]
    indices = pa.array(ours, type=pa.int32()).take(encoded.indices)
    if indices.null_count:
        bad.update(dict.fromkeys(_null_rows(indices), reason))
        bad.update(_empty_rows(encoded))
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, type=pa.string()))


def _not_blank(text: pa.Array, bad: dict[int, str]) -> pa.Array:
    """The ids, exactly as they are; those of blanks only are bad."""
    blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    if text.null_count or pc.any(blank).as_py():
        bad.update(dict.fromkeys(_true_rows(pc.fill_null(blank, fill_value=True)), EMPTY))
    return text


def _empty_rows(text: pa.Array) -> dict[int, str]:
    return dict.fromkeys(_null_rows(text), EMPTY) if text.null_count else {}


def _null_rows(array: pa.Array) -> list[int]:
    return _true_rows(array.is_null())


def _true_rows(mask: pa.Array) -> list[int]:
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()


def _split(rows: pa.Table, batch: TextBatch, bad: dict[str, dict[int, str]]) -> ParsedChunk:
    """Good rows, and a rejection for each bad one, in the order of the file."""
    first: dict[int, tuple[str, str]] = {}
    for column, reasons in bad.items():
        for row, reason in reasons.items():
            first.setdefault(row, (column, reason))
    if not first:
        return ParsedChunk(rows=rows, rejected=batch.rejected, left_out=batch.left_out)
    numbers: npt.NDArray[np.int64] = batch.record_numbers
    rejected = [RejectedRow(batch.raw_file, int(numbers[row]), *why) for row, why in first.items()]
    keep = np.ones(rows.num_rows, dtype=np.bool_)
    keep[list(first)] = False
    ordered = sorted([*batch.rejected, *rejected], key=lambda row: row.record_number)
    return ParsedChunk(rows=rows.filter(pa.array(keep)), rejected=tuple(ordered), left_out=batch.left_out)
