"""Amounts, counts and lines as people read them."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from recon_assets.domain.messages import Amounts, Money, plain
from recon_assets.domain.money import amount_text

MAX_LINE_CHARACTERS: Final = 400
_BLANKS: Final = re.compile(r"\s+")


def one_line(text: str, *, longest: int = MAX_LINE_CHARACTERS) -> str:
    """`text` as one line: no control characters, nothing invisible or that turns the direction, cards masked.

    What a header is made from goes through here: a line break in it would begin another header.
    """
    visible = "".join(" " if unicodedata.category(mark) in {"Cc", "Zl", "Zp"} else mark for mark in text)
    shown = "".join(mark for mark in visible if unicodedata.category(mark) not in {"Cf", "Cs", "Co", "Cn"})
    line = _BLANKS.sub(" ", plain(unicodedata.normalize("NFC", shown))).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def amount(money: Money) -> str:
    """`19.95 USD`."""
    return f"{amount_text(money.minor, exponent=money.exponent)} {money.currency}"


def amounts(money: Iterable[Money]) -> str:
    """Per currency, since currencies are never added; zeros are left out. Empty when there is none."""
    return " + ".join(amount(one) for one in money if one.minor)


def counted(found: Amounts) -> str:
    """`5 (19.95 USD)`."""
    money = amounts(found.money)
    return f"{found.count:,} ({money})" if money else f"{found.count:,}"


def number_of(count: int, one: str, many: str | None = None) -> str:
    """`1 discrepancy`, `5 discrepancies`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
