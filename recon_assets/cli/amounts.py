"""Amounts as people read them in sentences."""

from recon_assets.domain.money import decimal_from_minor
from recon_assets.schemas.currencies import exponents


def money_text(amount_minor: int, currency: str) -> str:
    """Such as `1,234.50 USD`."""
    return f"{decimal_from_minor(amount_minor, exponent=exponents()[currency]):,} {currency}"
