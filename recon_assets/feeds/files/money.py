"""Amount, fee and net of whole batches, from however many columns the file spreads them over. Exact, or a reason.

What belongs here: debit and credit, words for signs, sums of fees, gross from net. Not here: the text of one amount
(`amounts`), and which record is rejected (`parse`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.feeds.decimals import MinorUnits
from recon_assets.feeds.files.amounts import AmountReader
from recon_assets.feeds.files.description import FilesDescription

EMPTY: Final = "empty"
BOTH_SIDES: Final = "both debit and credit are filled"
NO_SIDE: Final = "neither debit nor credit is filled"
NO_SIDE_IS_ZERO: Final = "neither debit nor credit is zero"
ONE_SIDE_IS_EMPTY: Final = "debit or credit is empty, where the one not used is zero"
UNKNOWN_SIGN: Final = "unknown word for a sign: add it to `signs.words`"
SIGNED_TWICE: Final = "signed, where a column says the sign"
OUT_OF_RANGE: Final = "out of range for 64 bits of minor units"

_MAX: Final = np.iinfo(np.int64).max

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units of each row, null where not said; `reasons` by our column and row for those that are bad."""

    amount: pa.Array
    fee: pa.Array
    net: pa.Array
    reasons: Mapping[str, Mapping[int, str]]


class MoneyReader:
    """Reads the batches of one feed by its description."""

    def __init__(self, description: FilesDescription) -> None:
        self._mapped = description.columns.mapped().keys()
        self._fees = [f"fees.{at}" for at in range(len(description.fees or ()))]
        self._amounts, self._signs = description.amounts, description.signs
        self._reader = AmountReader(description.amounts)

    def read(self, text: Callable[[str], pa.Array], currency: pa.DictionaryArray) -> Money:
        """Exact minor units of the columns that `text` gives by the words of `FilesDescription.sources`."""
        reverse = self._signs.amount == "reversed"
        fee = self._fee(text, currency)
        net = self._one_or_two(text, currency, whole="net", credit="net_credit", debit="net_debit", reverse=reverse)
        if self._amounts.gross == "net_plus_fee":
            amount = _summed([net, fee])
            missing = fee.values.is_null().to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(missing).tolist():
                fee.reasons.setdefault(row, EMPTY)
        else:
            amount = self._one_or_two(
                text, currency, whole="amount", credit="credit", debit="debit", reverse=reverse, sign="sign"
            )
        return Money(
            amount.values,
            fee.values,
            net.values,
            {"amount": amount.reasons, "fee": fee.reasons, "net": net.reasons},
        )

    def _fee(self, text: Callable[[str], pa.Array], currency: pa.DictionaryArray) -> MinorUnits:
        reverse = self._signs.fee == "negative_is_charged"
        if not self._fees:
            return self._filled(self._signed(text, currency, "fee", "fee_sign", reverse=reverse, credit=-1))
        parts = [self._reader.read(text(part), currency, reverse=reverse) for part in self._fees]
        return _summed([self._filled(part) for part in parts])

    def _filled(self, fee: MinorUnits) -> MinorUnits:
        """With zeros for empty cells, where the file means that by them."""
        if self._amounts.empty_fee == "unknown":
            return fee
        bad = np.zeros(len(fee.values), dtype=np.bool_)
        bad[list(fee.reasons)] = True
        values = pc.fill_null(fee.values, 0)
        return MinorUnits(pc.if_else(pa.array(bad), pa.scalar(None, pa.int64()), values), fee.reasons)

    def _one_or_two(
        self,
        text: Callable[[str], pa.Array],
        currency: pa.DictionaryArray,
        *,
        whole: str,
        credit: str,
        debit: str,
        reverse: bool,
        sign: str = "",
    ) -> MinorUnits:
        if credit not in self._mapped:
            return self._signed(text, currency, whole, sign, reverse=reverse, credit=1)
        came = self._reader.read(text(credit), currency, reverse=False)
        went = self._reader.read(text(debit), currency, reverse=False)
        reasons = went.reasons | came.reasons
        values, bad = self._credit_less_debit(came.values, went.values)
        for row, reason in bad.items():
            reasons.setdefault(row, reason)
        return MinorUnits(pc.negate(values) if reverse else values, reasons)

    def _credit_less_debit(self, credit: pa.Array, debit: pa.Array) -> tuple[pa.Array, dict[int, str]]:
        """The difference where exactly one side is used; a reason elsewhere."""
        came, went = _integers(credit), _integers(debit)
        has_credit, has_debit = _valid(credit), _valid(debit)
        if self._amounts.unused_side == "zero":
            wrong = [
                (~(has_credit & has_debit), ONE_SIDE_IS_EMPTY),
                (has_credit & has_debit & (came != 0) & (went != 0), NO_SIDE_IS_ZERO),
            ]
        else:
            wrong = [(has_credit & has_debit, BOTH_SIDES), (~has_credit & ~has_debit, NO_SIDE)]
        bad = {row: reason for where, reason in wrong for row in np.flatnonzero(where).tolist()}
        mask = np.zeros(len(came), dtype=np.bool_)
        mask[list(bad)] = True
        with np.errstate(over="ignore"):
            return pa.array(came - went, mask=mask), bad

    def _signed(
        self,
        text: Callable[[str], pa.Array],
        currency: pa.DictionaryArray,
        column: str,
        sign: str,
        *,
        reverse: bool,
        credit: int,
    ) -> MinorUnits:
        """One column, with its sign in the number or as a word in another; `credit` is the sign of a credit."""
        if not sign or sign not in self._mapped:
            return self._reader.read(text(column), currency, reverse=reverse)
        units = self._reader.read(text(column), currency, reverse=False)
        words = text(sign).dictionary_encode()
        by_word = [self._signs.words.get((word or "").strip()) for word in words.dictionary.to_pylist()]
        factors = np.array([{"credit": credit, "debit": -credit, None: 0}[word] for word in by_word] + [0], np.int64)
        factor = factors[pc.fill_null(words.indices, len(by_word)).to_numpy()]
        values, present = _integers(units.values), _valid(units.values)
        reasons = dict(units.reasons)
        for where, reason in ((present & (factor == 0) & (values != 0), UNKNOWN_SIGN), (values < 0, SIGNED_TWICE)):
            for row in np.flatnonzero(where).tolist():
                reasons.setdefault(row, reason)
        return MinorUnits(pa.array(values * factor, mask=~present), reasons)


def _summed(parts: list[MinorUnits]) -> MinorUnits:
    """The sum of each row: null where any part is, a reason where any part has one or the sum does not fit."""
    reasons: dict[int, str] = {}
    total = _integers(parts[0].values).copy()
    present = _valid(parts[0].values).copy()
    beyond = np.zeros(len(total), dtype=np.bool_)
    for part in parts[1:]:
        values = _integers(part.values)
        with np.errstate(over="ignore"):
            after = total + values
        beyond |= ((total ^ after) & (values ^ after)) < 0
        total, present = after, present & _valid(part.values)
    beyond |= total < -_MAX
    for part in parts:
        reasons |= part.reasons
    for row in np.flatnonzero(beyond & present).tolist():
        reasons.setdefault(row, OUT_OF_RANGE)
    return MinorUnits(pa.array(total, mask=~(present & ~beyond)), reasons)


def _integers(array: pa.Array) -> Integers:
    return np.asarray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _valid(array: pa.Array) -> Mask:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
