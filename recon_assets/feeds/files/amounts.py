"""Amounts as a file writes them, marks and signs included, as minor units in our direction."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.feeds.decimals import MinorUnits, minor_units_from_text, minor_units_from_whole_numbers
from recon_assets.feeds.files.description_values import Amounts

MARKS_DO_NOT_FIT: Final = "not a number with the described decimal and thousands marks"


@dataclass(frozen=True, slots=True)
class AmountReader:
    """Reads whole columns by the description of one feed."""

    amounts: Amounts

    def read(self, text: pa.Array, currency: pa.DictionaryArray, *, reverse: bool) -> MinorUnits:
        """Exact minor units; `reverse` turns the sign. Null stays null; each bad row has its reason."""
        plain, reasons = self._without_marks(text)
        if self.amounts.unit == "minor":
            units = minor_units_from_whole_numbers(plain)
        else:
            units = minor_units_from_text(plain, currency)
        values = pc.negate_checked(units.values) if reverse else units.values
        return MinorUnits(values, units.reasons | reasons)

    def _without_marks(self, text: pa.Array) -> tuple[pa.Array, dict[int, str]]:
        """The same numbers with a point and a leading sign, without thousands marks and symbol.

        The whole text must fit the marks: `12.50` where the point is the thousands mark is refused, not 1250.
        Groups of two are allowed before the last, as in India.
        """
        how = self.amounts
        if how.decimal_mark == "." and not how.thousands_mark and not how.symbol and how.negative == "leading_minus":
            return text, {}
        fits = pc.match_substring_regex(text, _form(how))
        misfits = np.flatnonzero(pc.fill_null(pc.invert(fits), fill_value=False).to_numpy(zero_copy_only=False))
        plain = pc.if_else(fits, text, pa.scalar(None, pa.string()))
        for mark in (how.symbol, how.thousands_mark, " " if how.symbol else ""):
            if mark:
                plain = pc.replace_substring(plain, pattern=mark, replacement="")
        plain = pc.replace_substring(plain, pattern=how.decimal_mark, replacement=".")
        if how.negative in _WRITTEN_NEGATIVE:
            plain = pc.replace_substring_regex(plain, _WRITTEN_NEGATIVE[how.negative], r"-\1")
        return plain, dict.fromkeys(misfits.tolist(), MARKS_DO_NOT_FIT)


_WRITTEN_NEGATIVE: Final = {"trailing_minus": r"^(.*)-$", "parentheses": r"^\((.*)\)$"}


def _form(amounts: Amounts) -> str:
    """A regular expression of the whole text of an amount."""
    thousands, symbol = re.escape(amounts.thousands_mark), re.escape(amounts.symbol)
    grouped = rf"[0-9]{{1,3}}({thousands}[0-9]{{2,3}})*{thousands}[0-9]{{3}}|" if thousands else ""
    number = rf"({grouped}[0-9]+)({re.escape(amounts.decimal_mark)}[0-9]+)?"
    before, after = (rf"({symbol} ?)?", rf"( ?{symbol})?") if symbol else ("", "")
    if amounts.negative == "trailing_minus":
        return rf"^{before}{number}-?{after}$"
    if amounts.negative == "parentheses":
        return rf"^({before}{number}{after}|\({before}{number}{after}\))$"
    sign = rf"([+-]?{before}|{symbol} ?[+-])" if symbol else "[+-]?"
    return rf"^{sign}{number}{after}$"
