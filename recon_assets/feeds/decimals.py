"""Whole columns of amount text as exact 64-bit minor units. Never a float, never rounded.

What belongs here: text to integer, by the rule of `recon_assets.domain.money.minor_from_text`. Not here: decimal and
thousands marks of other countries (`files/amounts`), signs, and what a rejected row means.

Most rows are plain and go through Arrow's decimal128, whose unscaled value is read as an integer: 0.08 CPU s per
million where all rows of a column are plain and of currencies alike, else 0.2. Only rows that are not plain, or not
representable that way, are parsed one by one by the domain's own rule, so all ways accept the same texts with the same
result.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.money import NotRepresentable, minor_from_text
from recon_assets.schemas.currencies import exponents
from recon_assets.schemas.text_bytes import are_plain_decimals

_SCALE: Final = max(exponents().values())
_DIGITS: Final = 18
"""The unscaled value of so many always fits in the low 64-bit word."""

_FAST_DECIMAL: Final = pa.decimal128(_DIGITS, _SCALE)

_LONGEST_PLAIN: Final = 19
"""Characters: a text that is no longer has no more digits before its point than the domain's rule allows."""

_FAST_TEXT: Final = rf"^[+-]?[0-9]{{1,{_DIGITS - _SCALE}}}(\.[0-9]{{1,{_SCALE}}}0{{0,8}})?$"
_FAST_WHOLE_NUMBER: Final = r"^[+-]?[0-9]{1,18}$"

UNKNOWN_CURRENCY: Final = "unknown currency: not a code of ISO 4217 with minor units"
NOT_A_WHOLE_NUMBER: Final = "not a whole number of minor units"

_NOT_KNOWN: Final = -1
"""Divisor of a currency that is not known."""


@dataclass(frozen=True, slots=True)
class MinorUnits:
    """`values` is int64, null where the text is null or bad; `reasons` says why, by row, for the bad ones only."""

    values: pa.Array
    reasons: dict[int, str]


def minor_units_from_text(text: pa.Array, currency: pa.DictionaryArray) -> MinorUnits:
    """Decimal text in major units as minor units of each row's own currency.

    A null text stays null, with no reason: absent is not bad. A null or unknown currency is a reason.
    """
    if text.null_count == len(text):
        return MinorUnits(pa.nulls(len(text), pa.int64()), {})
    of_all = _all_alike(text, currency)
    if of_all is not None:
        return MinorUnits(of_all, {})
    divisors = _divisors(currency)
    present = text.is_valid().to_numpy(zero_copy_only=False)
    fast = _matches(text, _FAST_TEXT) & (divisors > 0)
    minor, remainder = np.divmod(_unscaled(text, fast), np.where(fast, divisors, 1))
    fast &= remainder == 0
    slow = np.flatnonzero(present & ~fast)
    if not len(slow):
        return MinorUnits(pa.array(minor, mask=~fast), {})
    words, places = currency.dictionary.to_pylist(), exponents()
    codes = currency.indices.take(pa.array(slow)).to_pylist()
    reasons: dict[int, str] = {}
    for row, value, code in zip(slow.tolist(), text.take(pa.array(slow)).to_pylist(), codes, strict=True):
        exponent = None if code is None else places.get(words[code])
        if exponent is None:
            reasons[row] = UNKNOWN_CURRENCY
            continue
        try:
            minor[row] = minor_from_text(value, exponent=exponent)
            fast[row] = True
        except NotRepresentable as error:
            reasons[row] = str(error)
    return MinorUnits(pa.array(minor, mask=~fast), reasons)


def _all_alike(text: pa.Array, currency: pa.DictionaryArray) -> pa.Array | None:
    """The minor units of a column whose texts are all plain and whose currencies have equally many places.

    None where that is not so, or where a text has more places or digits than fit: then each row has its own answer.
    """
    places = {exponents().get(word) for word in currency.dictionary.to_pylist()}
    if currency.null_count or len(places) != 1:
        return None
    (exponent,) = places
    if exponent is None or not are_plain_decimals(text, most_characters=_LONGEST_PLAIN):
        return None
    try:
        decimals = pc.cast(text, pa.decimal128(_DIGITS, exponent))
    except pa.ArrowInvalid:  # a place too many, too large, or two points
        return None
    return pa.array(_low_words(decimals))


def minor_units_from_whole_numbers(text: pa.Array) -> MinorUnits:
    """Text that already is minor units. A point is refused, even before zeros: it hints at major units."""
    present = text.is_valid().to_numpy(zero_copy_only=False)
    fast = _matches(text, _FAST_WHOLE_NUMBER)
    digits = pc.replace_substring_regex(pc.if_else(pa.array(fast), text, "0"), r"^\+", "")
    minor = pc.cast(digits, pa.int64()).to_numpy().copy()
    reasons: dict[int, str] = {}
    for row in np.flatnonzero(present & ~fast).tolist():
        value = text[row].as_py()
        if "." in value:
            reasons[row] = NOT_A_WHOLE_NUMBER
            continue
        try:
            minor[row] = minor_from_text(value, exponent=0)
            fast[row] = True
        except NotRepresentable as error:
            reasons[row] = str(error)
    return MinorUnits(pa.array(minor, mask=~fast), reasons)


def _matches(text: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    """Where the text is there and has the form of `pattern`."""
    matched = pc.fill_null(pc.match_substring_regex(text, pattern), fill_value=False)
    return np.array(matched.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _divisors(currency: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """What a value with `_SCALE` places is divided by, per row; negative where the currency is not known."""
    places, words = exponents(), currency.dictionary.to_pylist()
    by_word = [10 ** (_SCALE - places[word]) if word in places else _NOT_KNOWN for word in words]
    by_code = np.array([*by_word, _NOT_KNOWN], dtype=np.int64)
    codes = pc.fill_null(currency.indices, len(by_word)).to_numpy()
    return np.asarray(by_code[codes])


def _unscaled(text: pa.Array, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The low 64-bit word of each decimal128: exact for the 18 digits that `_FAST_TEXT` lets through."""
    if not len(text):
        return np.empty(0, dtype=np.int64)
    plain = text if rows.all() else pc.if_else(pa.array(rows), text, "0")
    return _low_words(pc.cast(plain, _FAST_DECIMAL))


def _low_words(decimals: pa.Array) -> npt.NDArray[np.int64]:
    """Of each unscaled value, which fits."""
    words = np.frombuffer(decimals.buffers()[1], dtype=np.int64)
    return words[2 * decimals.offset : 2 * (decimals.offset + len(decimals)) : 2]
