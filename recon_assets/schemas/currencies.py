"""Decimal places of the currencies, from the ISO 4217 list of the package `iso4217`."""

from functools import cache

import iso4217

from recon_assets.domain.money import amount_text


@cache
def exponents() -> dict[str, int]:
    """Places by alphabetic code. Codes without a minor unit (gold, test codes) are left out: they are no money."""
    return {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None}


def exponent_of(currency: str) -> int | None:
    """Decimal places of `currency`, or None for a code that ISO 4217 does not know."""
    return exponents().get(currency)


def money_text(amount_minor: int, currency: str) -> str:
    """As people read it, with the places of ISO 4217: `1,234.50 USD`."""
    return f"{amount_text(amount_minor, exponent=exponents()[currency])} {currency}"
