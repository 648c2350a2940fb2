"""Random documents of every API go in; out comes the exact total of every currency. What does not fit is rejected."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recon_assets.domain.business_day import BusinessDay
from recon_assets.feeds.adapter import Adapter
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets_tests.exact_money import (
    ANY_MINOR,
    CURRENCIES,
    LIMIT,
    SOME,
    Amount,
    Payment,
    amounts,
    expect_exactly,
    normalised,
    payments,
)
from recon_assets_tests.feeds.adapters import of_api
from recon_assets_tests.processors.paypal import api as paypal
from recon_assets_tests.processors.stripe.building import feed_of as stripe_feed_of
from recon_assets_tests.processors.stripe.building import page_of as stripe_page_of
from recon_assets_tests.processors.stripe.building import transaction
from recon_assets_tests.sandbox.reading import SAMPLE_DAY

ANYWHERE = "http://127.0.0.1:1"


def paged(records: list[Any], size: int) -> list[list[Any]]:
    return [records[at : at + size] for at in range(0, len(records), size)] or [[]]


def number_of(text: str) -> Any:
    """Decimal text as it stands in JSON: not through a float."""
    return f"number:{text}"


def as_json(document: Any) -> bytes:
    """With the numbers of `number_of` bare."""
    text = json.dumps(document)
    while (at := text.find('"number:')) >= 0:
        end = text.index('"', at + 1)
        text = f"{text[:at]}{text[at + 8 : end]}{text[end + 1 :]}"
    return text.encode()


# Stripe: integers in Stripe's own units

AT_STRIPE = {"JPY": (1, 1), "USD": (1, 1), "KWD": (1, 1), "ISK": (1, 100), "MGA": (100, 1)}
"""Times, and divided by: ISK has two places there and none in ISO 4217, MGA the other way round."""

STRIPE_AMOUNTS = st.one_of(ANY_MINOR, st.integers(-(10**7), 10**7).map(lambda amount: amount * 100))


def in_iso(currency: str, at_stripe: int) -> int | None:
    times, by = AT_STRIPE.get(currency, (0, 1))
    whole, rest = divmod(at_stripe * times, by)
    fits = times and not rest and abs(whole) <= LIMIT and abs(at_stripe) <= LIMIT
    return whole if fits else None


@SOME
@given(
    st.lists(st.tuples(st.sampled_from([*AT_STRIPE, "CLF"]), STRIPE_AMOUNTS, st.lists(ANY_MINOR, max_size=3))),
    st.integers(1, 5),
)
def test_stripe(drawn: list[tuple[str, int, list[int]]], size: int) -> None:
    records, expected, fees = [], dict[str, int](), dict[str, int]()
    good = list[str]()
    for number, (currency, amount, parts) in enumerate(drawn):
        fee = sum(parts)
        details = [{"amount": part, "currency": currency.lower(), "type": "stripe_fee"} for part in parts]
        record = transaction(number, currency=currency.lower(), amount=amount, fee=fee, fee_details=details)
        records.append(record | {"net": amount - fee})
        iso = [in_iso(currency, value) for value in (amount, fee, amount - fee)]
        is_sale_in_thousandths = currency == "KWD" and amount % 10 != 0
        if None not in iso and all(abs(part) <= LIMIT for part in parts) and not is_sale_in_thousandths:
            good.append(f"txn_{number:04d}")
            expected[currency] = expected.get(currency, 0) + (iso[0] or 0)
            fees[currency] = fees.get(currency, 0) + (iso[1] or 0)
    pages = {f"page-{at:05}.json": stripe_page_of(page) for at, page in enumerate(paged(records, size), start=1)}
    got = normalised(stripe_feed_of(ANYWHERE), SAMPLE_DAY, pages=pages)
    assert [row["record_id"] for row in got.rows] == good
    assert got.total("amount_minor") == {code: total for code, total in expected.items() if total}
    assert got.total("fee_minor") == {code: total for code, total in fees.items() if total}
    assert got.frame.rows + got.frame.rejected_rows == len(drawn)


# PayPal: decimal text, and fees that are negative when charged


def in_paypal(payment: Payment) -> Any:
    fee = payment.fee and Amount(-payment.fee.digits, payment.fee.places, payment.fee.currency)
    said = {"fee_amount": paypal.money(fee.text, fee.currency)} if fee else {}
    return paypal.record(payment.id, value=payment.amount.text, currency=payment.amount.currency, **said)


@SOME
@given(payments(with_fees=True), st.integers(1, 5))
def test_paypal(sent: list[Payment], size: int) -> None:
    window = "20250930T000000Z_20251001T000000Z"
    listed = paged([in_paypal(payment) for payment in sent], size)
    pages = {
        f"{window}_page-{at:05}.json": json.dumps(
            {"transaction_details": page, "page": at, "total_items": len(sent), "total_pages": len(listed)}
        ).encode()
        for at, page in enumerate(listed, start=1)
    }
    adapter = of_api(PayPalApiFeed(base_url=ANYWHERE))
    expect_exactly(sent, normalised(adapter, paypal.DAY, pages=pages))


# The stand-in processor and our ledger: numbers or decimal text


def in_pages(adapter: Adapter, day: BusinessDay, list_field: str, records: list[Any], size: int) -> Any:
    pages = {
        f"page-{at:05}.json": as_json({list_field: page, "total": len(records)})
        for at, page in enumerate(paged(records, size), start=1)
    }
    return normalised(adapter, day, pages=pages)


@SOME
@given(payments(with_fees=True), st.integers(1, 5), st.sampled_from([str, number_of]))
def test_our_ledger(sent: list[Payment], size: int, written: Any) -> None:
    records = [
        {
            "transaction_id": payment.id,
            "amount": written(payment.amount.text),
            "currency": payment.amount.currency,
            "fee": written(payment.fee.text) if payment.fee else None,
            "status": "posted",
            "created_at": "2025-09-30T10:00:00+00:00",
        }
        for payment in sent
    ]
    adapter = of_api(LedgerApiFeed(base_url=ANYWHERE))
    expect_exactly(sent, in_pages(adapter, SAMPLE_DAY, "transactions", records, size))


@SOME
@given(
    CURRENCIES.flatmap(lambda code: st.lists(amounts(currencies=st.just(code)), max_size=12)),
    st.integers(1, 5),
    st.sampled_from([str, number_of]),
)
def test_the_stand_in_processor(prices: list[Amount], size: int, written: Any) -> None:
    currency = prices[0].currency if prices else "USD"
    records = [{"id": number, "price": written(price.text)} for number, price in enumerate(prices, start=1)]
    feed = ProductsApiFeed(base_url=ANYWHERE, currency=currency, fee_basis_points=290, fee_fixed_minor=30)
    got = in_pages(of_api(feed), SAMPLE_DAY, "products", records, size)
    charged = [price.minor for price in prices if price.minor is not None and price.minor >= 0]
    fees = [minor * 290 // 10_000 + (minor * 290 % 10_000 >= 5_000) + 30 for minor in charged]
    assert [row["amount_minor"] for row in got.rows] == charged
    assert [row["fee_minor"] for row in got.rows] == fees
    assert got.frame.rows + got.frame.rejected_rows == len(prices)
