"""Exact money: integer minor units, and the decimal text people read. No float, no rounding of what came in."""

import re
from decimal import Decimal

MAX_MINOR = 2**63 - 1
"""Largest amount in minor units: a signed 64-bit integer."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]+)?")


class NotRepresentable(ValueError):
    """A decimal text is no amount of this currency. The message names the rule, never the value."""


def minor_from_text(text: str, *, exponent: int) -> int:
    """Parse a plain decimal (`-12.30`) into minor units of a currency with `exponent` decimal places.

    Trailing zeros beyond the exponent are the same amount; any other digit there is refused, never rounded.
    Raises `NotRepresentable` for anything else than digits with an optional sign and point.
    """
    if not _DECIMAL.fullmatch(text):
        raise NotRepresentable("not a plain decimal number")
    whole, _, fraction = text.partition(".")
    if fraction[exponent:].strip("0"):
        raise NotRepresentable(f"more than {exponent} decimal places")
    minor = int(whole + fraction[:exponent].ljust(exponent, "0"))
    if abs(minor) > MAX_MINOR:
        raise NotRepresentable("out of range for 64 bits of minor units")
    return minor


def decimal_from_minor(amount_minor: int, *, exponent: int) -> Decimal:
    """The amount as people write it: `decimal_from_minor(1995, exponent=2)` is `Decimal("19.95")`."""
    return Decimal(amount_minor).scaleb(-exponent)


def amount_text(amount_minor: int, *, exponent: int) -> str:
    """The amount as people read it, with thousands apart: `1,995.00` of 199500."""
    return f"{decimal_from_minor(amount_minor, exponent=exponent):,}"
