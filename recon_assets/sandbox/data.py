"""The records of the sandbox: products as DummyJSON serves them, and the ledger's entries for them.

`products.json` holds facts (id, title, category, price, brand, sku) of the first 30 products of DummyJSON. Prices
are kept as the text they are in that file, so what is served is exact.
"""

from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from recon_assets.domain.money import decimal_from_minor, minor_from_text
from recon_assets.sandbox.scenarios import EXTRA_ENTRY_NUMBER, PRODUCT_COUNT, scenario_of

_USD_PLACES = 2


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """One product; `price` is the number's own text."""

    id: int
    title: str
    category: str
    price: msgspec.Raw
    sku: str
    brand: str | None = None

    @property
    def price_minor(self) -> int:
        """The price in cents."""
        return minor_from_text(bytes(self.price).decode(), exponent=_USD_PLACES)

    @property
    def merchant(self) -> str:
        """Who sells it."""
        return (self.brand or self.category).upper()


class Entry(msgspec.Struct, frozen=True):
    """One ledger entry; amounts are decimal strings in major units."""

    transaction_id: str
    amount: str
    currency: str
    merchant_id: str
    reference_number: str
    fee: str
    status: str
    created_at: str
    transaction_type: str


@cache
def all_products() -> tuple[Product, ...]:
    """The 30 products."""
    text = (Path(__file__).parent / "products.json").read_bytes()
    products = msgspec.json.decode(text, type=tuple[Product, ...])
    assert len(products) == PRODUCT_COUNT
    return products


def products_of(processor: str, business_date: date) -> list[Product]:
    """What the processor's API holds for that day."""
    twice = scenario_of(processor, business_date).twice_at_processor
    return [listed for product in all_products() for listed in [product] * (2 if product.id in twice else 1)]


def entries_of(processor: str, business_date: date) -> list[Entry]:
    """What the ledger holds for that day."""
    scenario = scenario_of(processor, business_date)
    if scenario.ledger_says_empty:
        return []
    entries: list[Entry] = []
    for product in all_products():
        if product.id in scenario.missing_in_ledger:
            continue
        amount_minor = product.price_minor - (1 if product.id in scenario.ledger_amount_is_one_cent_lower else 0)
        entry = Entry(
            transaction_id=transaction_id(processor, business_date, product.id),
            amount=_major(amount_minor),
            currency="EUR" if product.id in scenario.ledger_says_eur else "USD",
            merchant_id=product.merchant,
            reference_number=product.sku,
            fee=_major(agreed_fee_minor(product.price_minor)),
            status="pending" if product.id in scenario.ledger_says_pending else "completed",
            created_at=created_at(business_date, product.id),
            transaction_type="charge",
        )
        entries.extend([entry] * (2 if product.id in scenario.twice_in_ledger else 1))
    if scenario.ledger_has_extra_entry:
        entries.append(_extra_entry(processor, business_date))
    return entries


def _extra_entry(processor: str, business_date: date) -> Entry:
    return Entry(
        transaction_id=transaction_id(processor, business_date, EXTRA_ENTRY_NUMBER),
        amount="25.00",
        currency="USD",
        merchant_id="UNKNOWN",
        reference_number=f"SANDBOX-{EXTRA_ENTRY_NUMBER}",
        fee=_major(agreed_fee_minor(2500)),
        status="completed",
        created_at=created_at(business_date, 0),
        transaction_type="charge",
    )


def transaction_id(processor: str, business_date: date, number: int) -> str:
    """The id by which both sides know a product's charge."""
    return f"TXN_{processor.upper()}_{business_date:%Y%m%d}_{number:04d}"


def agreed_fee_minor(amount_minor: int) -> int:
    """2.9 % and 0.30, half a cent rounded up: written again here, since the ledger is somebody else's system."""
    return (amount_minor * 29 + 500) // 1000 + 30


def _major(amount_minor: int) -> str:
    return str(decimal_from_minor(amount_minor, exponent=_USD_PLACES))


def created_at(business_date: date, second: int) -> str:
    """About 11:00 UTC, in ISO 8601: the same date everywhere from UTC-11 to UTC+12."""
    return f"{business_date.isoformat()}T11:00:{second:02d}Z"
