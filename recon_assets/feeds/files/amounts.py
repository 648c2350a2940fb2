"""Amounts as a file writes them, marks and signs included, as minor units in our direction."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.feeds.decimals import MinorUnits, minor_units_from_text, minor_units_from_whole_numbers
from recon_assets.feeds.files.description import Amounts

MARKS_DO_NOT_FIT = "not a number with the described decimal and thousands marks"


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
        """The same numbers with a point and without thousands marks.

        The whole text must fit the marks: `12.50` where the point is the thousands mark is refused, not 1250.
        Groups of two are allowed before the last, as in India.
        """
        decimal_mark, thousands_mark = self.amounts.decimal_mark, self.amounts.thousands_mark
        if decimal_mark == "." and not thousands_mark:
            return text, {}
        fits = pc.match_substring_regex(text, _form(decimal_mark, thousands_mark))
        misfits = np.flatnonzero(pc.fill_null(pc.invert(fits), fill_value=False).to_numpy(zero_copy_only=False))
        plain = pc.if_else(fits, text, pa.scalar(None, pa.string()))
        if thousands_mark:
            plain = pc.replace_substring(plain, pattern=thousands_mark, replacement="")
        plain = pc.replace_substring(plain, pattern=decimal_mark, replacement=".")
        return plain, dict.fromkeys(misfits.tolist(), MARKS_DO_NOT_FIT)


def _form(decimal_mark: str, thousands_mark: str) -> str:
    grouped = rf"[0-9]{{1,3}}({re.escape(thousands_mark)}[0-9]{{2,3}})*{re.escape(thousands_mark)}[0-9]{{3}}|"
    whole = f"({grouped if thousands_mark else ''}[0-9]+)"
    return rf"^[+-]?{whole}({re.escape(decimal_mark)}[0-9]+)?$"
