"""A product becomes a charge, exactly, or a rejected row."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from pydantic import ValidationError

from recon_assets.domain.business_day import business_day
from recon_assets.domain.money import MAX_MINOR, decimal_from_minor
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.http_pages import HttpPagesAdapter, ParsedRecord
from recon_assets.feeds.json_records import FieldRefused, decode_record
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.processors.products_charges import scheduled_fee_minor
from recon_assets.sandbox.server import running_sandbox
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY, reading_of

SEED_FEES_MINOR = [
    59, 88, 73, 68, 56, 175, 407, 291, 233, 262, 5540, 7280, 900, 1480, 2350,
    36, 68, 56, 59, 44, 34, 62, 39, 73, 34, 33, 50, 46, 42, 37,
]  # fmt: skip
"""2.9 % + 0.30 of the 30 products, from a calculation that is not ours."""

PRODUCT = {"id": 1, "title": "Mascara", "category": "beauty", "price": 9.99, "brand": "Essence", "sku": "BEA-1"}


def feed_of(base_url: str = "http://127.0.0.1:1", **configuration: Any) -> HttpPagesAdapter:
    adapter = ProductsApiFeed(base_url=base_url, **configuration).adapter(
        Surroundings(processor="stripe", limits=QUICK)
    )
    assert isinstance(adapter, HttpPagesAdapter)
    return adapter


def parsed(record: dict[str, Any] | str, **configuration: Any) -> ParsedRecord:
    text = record if isinstance(record, str) else json.dumps(record)
    return feed_of(**configuration).parse(decode_record(Raw(text.encode())), SAMPLE_DAY)


def refusal(record: dict[str, Any] | str, **configuration: Any) -> tuple[str, str]:
    with pytest.raises(FieldRefused) as caught:
        parsed(record, **configuration)
    return caught.value.column, caught.value.reason


def priced(price_text: str) -> str:
    return f'{{"id": 1, "price": {price_text}}}'


def test_the_sample_day_is_30_charges_of_6577_50_with_the_agreed_fees() -> None:
    with running_sandbox() as sandbox:
        reading = reading_of(feed_of(sandbox.base_url, page_size=7))
    assert len(reading.rows) == 30 and reading.rejected == [] and reading.raw.problems == ()
    assert sum(reading.column("amount_minor")) == 657_750
    assert reading.column("fee_minor") == SEED_FEES_MINOR
    assert all(row["net_minor"] == row["amount_minor"] - row["fee_minor"] for row in reading.rows)
    assert reading.column("transaction_id") == [f"TXN_STRIPE_20250930_{number:04d}" for number in range(1, 31)]
    assert (reading.column("merchant_id")[1], reading.column("merchant_id")[15]) == ("GLAMOUR BEAUTY", "GROCERIES")


def test_a_product_is_a_completed_charge_at_the_start_of_its_day() -> None:
    assert parsed(PRODUCT) == {
        "transaction_id": "TXN_STRIPE_20250930_0001",
        "reference_number": "BEA-1",
        "merchant_id": "ESSENCE",
        "transaction_type": "charge",
        "amount_minor": 999,
        "currency": "USD",
        "fee_minor": 59,
        "net_minor": 940,
        "status": "completed",
        "occurred_at": datetime(2025, 9, 30, tzinfo=UTC),
    }


def test_the_day_starts_where_the_processor_is() -> None:
    day = business_day("stripe", date(2025, 9, 30), time_zone="America/Los_Angeles")
    record = decode_record(Raw(json.dumps(PRODUCT).encode()))
    assert feed_of().parse(record, day)["occurred_at"] == datetime(2025, 9, 30, 7, tzinfo=UTC)


def test_what_the_product_does_not_say_is_absent() -> None:
    charge = parsed({"id": 12_345, "price": 1})
    assert charge["merchant_id"] is None and charge["reference_number"] is None
    assert charge["transaction_id"].endswith("_12345")


@pytest.mark.parametrize("brand", ["", "  ", None])
def test_a_blank_brand_gives_way_to_the_category(brand: str | None) -> None:
    assert parsed({**PRODUCT, "brand": brand})["merchant_id"] == "BEAUTY"


@pytest.mark.parametrize(
    ("record", "column", "reason"),
    [
        ({"price": 1}, "id", "is missing"),
        ({"id": None, "price": 1}, "id", "is missing"),
        ({"id": "1", "price": 1}, "id", "not a whole number"),
        ({"id": 1.0, "price": 1}, "id", "not a whole number"),
        ({"id": True, "price": 1}, "id", "not a whole number"),
        ({"id": -1, "price": 1}, "id", "negative or too large"),
        ({"id": 1}, "price", "is missing"),
        (priced("null"), "price", "is missing"),
        (priced("true"), "price", "not a number or decimal text"),
        (priced("[1]"), "price", "not a number or decimal text"),
        (priced("{}"), "price", "not a number or decimal text"),
        (priced('"many"'), "price", "not a plain decimal number"),
        (priced("12.345"), "price", "more than 2 decimal places"),
        (priced("1e3"), "price", "not a plain decimal number"),
        (priced("1E400"), "price", "not a plain decimal number"),
        (priced("123456789012345678901234567890"), "price", "not a plain decimal number"),
        (priced("92233720368547758.08"), "price", "out of range for 64 bits of minor units"),
        (priced("-0.01"), "price", "negative, and a charge is not"),
        ({**PRODUCT, "sku": 1.5}, "sku", "not a text"),
        ({**PRODUCT, "sku": 7}, "sku", "not a text"),
        ({**PRODUCT, "sku": "a\u0000b"}, "sku", "contains control characters"),
        ({**PRODUCT, "sku": "x" * 1_001}, "sku", "longer than 1000 characters"),
    ],
)
def test_a_product_that_is_no_charge_is_refused_by_the_name_of_the_rule(
    record: dict[str, Any] | str, column: str, reason: str
) -> None:
    assert refusal(record) == (column, reason)


def test_the_places_are_those_of_the_configured_currency() -> None:
    assert parsed(priced("500"), currency="JPY")["amount_minor"] == 500
    assert parsed(priced("1.234"), currency="KWD")["amount_minor"] == 1_234
    assert refusal(priced("500.5"), currency="JPY") == ("price", "more than 0 decimal places")


def test_trailing_zeros_are_the_same_amount() -> None:
    assert parsed(priced("9.9900"))["amount_minor"] == 999


def test_an_amount_whose_fee_leaves_64_bits_is_refused() -> None:
    record = priced(str(decimal_from_minor(MAX_MINOR, exponent=2)))
    assert refusal(record, fee_basis_points=10_000) == ("price", "its fee is out of range for 64 bits of minor units")


@given(st.integers(min_value=0, max_value=MAX_MINOR))
def test_every_amount_survives_json_exactly_as_a_number_and_as_text(amount_minor: int) -> None:
    text = f"{decimal_from_minor(amount_minor, exponent=2):f}"
    assert parsed(priced(text))["amount_minor"] == amount_minor
    assert parsed(priced(f'"{text}"'))["amount_minor"] == amount_minor


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_json_number_is_exact_or_refused_and_never_a_float(number: float) -> None:
    text = json.dumps(number)
    try:
        amount_minor = parsed(priced(text))["amount_minor"]
    except FieldRefused:
        return
    assert isinstance(amount_minor, int)
    whole, _, places = text.partition(".")
    assert amount_minor == int(whole + places.rstrip("0").ljust(2, "0"))


@pytest.mark.parametrize(("amount_minor", "fee_minor"), [(0, 30), (50, 31), (17, 30), (18, 31), (10_000, 320)])
def test_half_a_minor_unit_of_fee_is_rounded_up(amount_minor: int, fee_minor: int) -> None:
    assert scheduled_fee_minor(amount_minor, basis_points=290, fixed_minor=30) == fee_minor


@pytest.mark.parametrize(
    "configuration",
    [{"currency": "XXX"}, {"currency": "usd"}, {"fee_basis_points": -1}, {"page_size": 0}, {"surprise": 1}],
)
def test_a_wrong_configuration_is_refused_when_it_is_read(configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProductsApiFeed(base_url="https://example.com", **configuration)
