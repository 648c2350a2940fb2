"""What people are shown of raw records: everything but numbers that may be those of a card."""

import re
from typing import Final

KEPT_DIGITS: Final = 4
_CARD_DIGITS: Final = range(13, 20)
_GROUPS: Final = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_GROUP: Final = re.compile(r"[0-9]+")


def masked_cards(text: str) -> str:
    """`text` with all but the last four digits of each card-like number as `*`: 13 to 19 digits, in one or in groups
    between single blanks or hyphens, whose check digit (ISO/IEC 7812, Luhn) is right. Too much is masked before too
    little: an id that happens to be such a number is masked too."""
    return _GROUPS.sub(lambda found: _masked(found.group()), text)


def _masked(text: str) -> str:
    groups = [found.span() for found in _GROUP.finditer(text)]
    shown = list(text)
    for first in range(len(groups)):
        digits = ""
        places: list[int] = []
        for start, end in groups[first:]:
            digits += text[start:end]
            places += range(start, end)
            if len(digits) >= _CARD_DIGITS.stop:
                break
            if len(digits) in _CARD_DIGITS and _has_check_digit(digits):
                for place in places[:-KEPT_DIGITS]:
                    shown[place] = "*"
    return "".join(shown)


def _has_check_digit(digits: str) -> bool:
    """By Luhn: every second digit from the right counts twice, its digits summed."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0
