"""Stripe's minor units as those of ISO 4217, for whole columns. Exact, or a rejected row.

Stripe counts most currencies in hundredths, those of `ZERO_DECIMAL` in whole units, those of `THREE_DECIMAL` in
thousandths. Three differ from ISO 4217: ISK and UGX have no minor unit there and two places here (5 ISK is 500), MGA
the other way round. Where neither Stripe's lists nor ISO 4217 say hundredths (CLF, IQD, LYD, UYI, UYW), Stripe has no
such currency, and nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recon_assets.domain.money import MAX_MINOR
from recon_assets.feeds.record_tables import BadRows, replaced_words, words
from recon_assets.schemas.currencies import exponents

ZERO_DECIMAL: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a list to compare with Stripe's
)
THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
TWO_DECIMAL_HERE: Final = frozenset({"ISK", "UGX"})

UNKNOWN_CURRENCY: Final = "no currency that Stripe and ISO 4217 both know"
NOT_WHOLE: Final = "a fraction of the currency's smallest unit"
OUT_OF_RANGE: Final = "out of range for 64 bits of minor units"
LAST_DIGIT: Final = "the last digit of an amount with three decimals must be 0 at Stripe"

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Amounts:
    """Columns in ISO 4217's minor units. A bad row's amounts mean nothing."""

    currency: pa.DictionaryArray
    amount_minor: Integers
    fee_minor: Integers
    net_minor: Integers
    bad_rows: tuple[BadRows, ...]


@cache
def places() -> Mapping[str, tuple[int, int]]:
    """By ISO code: the decimal places at Stripe and in ISO 4217."""
    known: dict[str, tuple[int, int]] = {}
    for code, iso in exponents().items():
        if code in ZERO_DECIMAL:
            known[code] = (0, iso)
        elif code in THREE_DECIMAL:
            known[code] = (3, iso)
        elif code in TWO_DECIMAL_HERE or iso == 2:
            known[code] = (2, iso)
    return known


def amounts_of(
    *, currency: Sequence[str], amount: Sequence[int], fee: Sequence[int], net: Sequence[int], is_sale: Integers
) -> Amounts:
    """Columns of Stripe's integers, each within the range of our amounts, in ISO 4217's units.

    `is_sale` is 1 where a charge or a refund is: only their amounts are bound to end in 0 with three decimals.
    """
    coded = words(currency)
    code_of = {word: word.upper() if word.upper() in places() else None for word in coded.dictionary.to_pylist()}
    codes = [code_of[word] for word in coded.dictionary.to_pylist()]
    at_stripe, iso = (_per_row(codes, coded, place) for place in (0, 1))
    columns = [np.array(values, dtype=np.int64) for values in (amount, fee, net)]
    is_unknown = at_stripe < 0
    bad = [BadRows("currency", UNKNOWN_CURRENCY, is_unknown)]
    bad.append(BadRows("amount", LAST_DIGIT, (at_stripe == 3) & (is_sale == 1) & (columns[0] % 10 != 0)))
    if (at_stripe != iso).any():
        columns, further = _converted(
            columns, 10 ** np.maximum(iso - at_stripe, 0), 10 ** np.maximum(at_stripe - iso, 0)
        )
        bad += further
    return Amounts(replaced_words(coded, code_of), columns[0], columns[1], columns[2], tuple(bad))


def _per_row(codes: list[str | None], coded: pa.DictionaryArray, place: int) -> Integers:
    by_word = np.array([-1 if code is None else places()[code][place] for code in codes], dtype=np.int64)
    return by_word[coded.indices.to_numpy()] if len(codes) else np.empty(0, dtype=np.int64)


def _converted(columns: list[Integers], times: Integers, by: Integers) -> tuple[list[Integers], list[BadRows]]:
    bad: list[BadRows] = []
    converted: list[Integers] = []
    for name, values in zip(("amount", "fee", "net"), columns, strict=True):
        bad.append(BadRows(name, NOT_WHOLE, values % by != 0))
        is_too_large = np.abs(values) > MAX_MINOR // times
        bad.append(BadRows(name, OUT_OF_RANGE, is_too_large))
        converted.append(np.where(is_too_large, 0, values) * times // by)
    return converted, bad
