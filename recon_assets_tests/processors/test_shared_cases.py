"""Every sample document in `../shared/cases` is read by an adapter with its exact total, or named here with the reason.

The folder is enumerated: a sample that nobody has looked at fails. The totals were added up by hand from the documents.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import yaml
from pytest_httpserver import HTTPServer

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets_tests.exact_money import Normalised, normalised
from recon_assets_tests.feeds.adapters import of_api
from recon_assets_tests.feeds.files.building import adapter_in
from recon_assets_tests.processors.square import building as square
from recon_assets_tests.processors.stripe.building import feed_of as stripe_feed_of
from recon_assets_tests.processors.stripe.building import page_of as stripe_page_of
from recon_assets_tests.sandbox.reading import SAMPLE_DAY

PROJECT: Final = Path(__file__).resolve().parents[2]
CASES: Final = PROJECT.parent / "shared" / "cases"
ANYWHERE: Final = "http://127.0.0.1:1"

OF_BANKS: Final = frozenset({"bai2", "camt", "mt940"})
"""Formats of bank statements: issue 4 is about processors, they have their own."""

NOT_FEEDS: Final = {
    "README.md": "says where the samples come from",
    "dummyjson/first30_products.csv": "the products again as a table, which the JSON is compared with below",
    "iso4217/exponents.csv": "decimal places of currencies: no movements",
    "mollie/balance_report_single.json": "a report of sums whose totals are a placeholder: no movements",
    "paypal/tcodes.csv": "the list of event codes: `test_event_codes` reads it",
    "square/enums.json": "words of Square's types: no movements",
    "stripe/balance_transaction_types.csv": "the list of types: Stripe's `test_records` reads it",
    "stripe/reporting_categories.txt": "the list of categories: Stripe's `test_records` reads it",
}

needs_samples = pytest.mark.skipif(not CASES.is_dir(), reason="the folder ../shared/cases is not beside this project")

Reader = Callable[[Path, Path], Normalised]
"""Reads a sample; the second path is a folder to work in."""


def by_description(name: str) -> Reader:
    def read(sample: Path, folder: Path) -> Normalised:
        document = yaml.safe_load((PROJECT / "config" / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
        description = FilesDescription.model_validate(document["feed"])
        file = description.pattern_of(SAMPLE_DAY.business_date).replace("*", "")
        return normalised(adapter_in(folder, description, {file: sample.read_bytes()}), SAMPLE_DAY)

    return read


def paypal_window(day: BusinessDay) -> str:
    return f"{day.starts_at:%Y%m%dT%H%M%SZ}_{day.ends_at:%Y%m%dT%H%M%SZ}"


def by_paypal_api(page: bytes, on: date) -> Normalised:
    day = business_day("paypal", on)
    adapter = of_api(PayPalApiFeed(base_url=ANYWHERE))
    return normalised(adapter, day, pages={f"{paypal_window(day)}_page-00001.json": page})


def read_products(sample: Path, _: Path) -> Normalised:
    adapter = of_api(ProductsApiFeed(base_url=ANYWHERE))
    document = json.loads(sample.read_bytes())
    body = sample.read_bytes()
    if "total" not in document:
        body = body.rstrip()[:-1] + b', "total": %d}' % len(document["products"])
    return normalised(adapter, SAMPLE_DAY, pages={"page-00001.json": body})


def read_paypal(sample: Path, _: Path) -> Normalised:
    return by_paypal_api(sample.read_bytes(), date(2014, 7, 11))


def read_paypals_empty_page(sample: Path, _: Path) -> Normalised:
    """The other documents in it are the token and the errors, which `test_search_session` answers with."""
    document = json.loads(sample.read_bytes())
    assert {name.partition("_")[0] for name in document} == {"token", "empty", "error", "balances"}
    return by_paypal_api(json.dumps(document["empty_page"]).encode(), date(2024, 1, 1))


def read_stripe(sample: Path, _: Path) -> Normalised:
    """One object of each kind, of which the feed reads balance transactions."""
    record = json.loads(sample.read_bytes())["balance_transaction"]
    day = business_day("stripe", datetime.fromtimestamp(record["created"], UTC).date())
    return normalised(stripe_feed_of(ANYWHERE), day, pages={"page-00001.json": stripe_page_of([record])})


READ: Final[dict[str, tuple[Reader, dict[str, int], int]]] = {
    "dummyjson/products_first30_as_api.json": (read_products, {"USD": 657_750}, 30),
    "mollie/balance_transactions_list.json": (by_description("mollie"), {"EUR": -1_000}, 1),
    "mollie/settlement_chargebacks_list.json": (by_description("mollie_chargebacks"), {"EUR": -3_507}, 1),
    "mollie/settlement_single.json": (by_description("mollie_settlement"), {"EUR": -3_975}, 1),
    "mollie/settlements_list.json": (by_description("mollie_settlements"), {"EUR": -3_975}, 1),
    "paypal/api_other_samples.json": (read_paypals_empty_page, {}, 0),
    "paypal/api_transactions_sample.json": (read_paypal, {"USD": 46_500}, 1),
    "razorpay/settlement_recon_sample.json": (
        by_description("razorpay"),
        {"INR": 100_000 - 242_500 - 100_000 + 1_012},
        4,
    ),
    "stripe/openapi_fixtures3_subset.json": (read_stripe, {"USD": 100}, 1),
}
"""The total by currency in minor units, and the number of rows. No sample has a row that is rejected."""

SQUARE: Final = "square/api_json_examples.json"


@needs_samples
@pytest.mark.parametrize("name", sorted(READ))
def test_a_sample_is_read_to_the_cent_and_nothing_of_it_is_rejected(name: str, tmp_path: Path) -> None:
    read, total, rows = READ[name]
    got = read(CASES / name, tmp_path)
    assert (got.total("amount_minor"), got.frame.rows, got.rejected) == (total, rows, [])
    assert got.raw.problems == ()


@needs_samples
def test_squares_lists_are_read_to_the_cent(httpserver: HTTPServer) -> None:
    """Its other documents are the same payment and refund alone, and payouts."""
    document = json.loads((CASES / SQUARE).read_bytes())
    payments, refunds = document["ListPaymentsResponse"]["payments"], document["ListPaymentRefundsResponse"]["refunds"]
    url = square.serve(httpserver, payments, refunds)
    feed = square.feed_of(url, locations=[payments[0]["location_id"]])
    got = normalised(feed, business_day("square", date(2021, 10, 13)))
    rows = {row["transaction_type"].partition("_")[0]: row["amount_minor"] for row in got.rows}
    assert (rows, got.rejected) == ({"payment": 555, "refund": -555}, [])
    assert got.total("fee_minor") == {}, "34 that were charged and came back"


@needs_samples
def test_the_products_are_those_of_the_table(tmp_path: Path) -> None:
    got = read_products(CASES / "dummyjson/products_first30_as_api.json", tmp_path)
    lines = (CASES / "dummyjson/first30_products.csv").read_text(encoding="utf-8").splitlines()[1:]
    table = [line.rsplit(",", 4) for line in lines]
    read_rows = [
        (row["transaction_id"], Decimal(row["amount_minor"]).scaleb(-2), Decimal(row["fee_minor"]).scaleb(-2))
        for row in got.rows
    ]
    assert read_rows == [(identity, Decimal(price), Decimal(fee)) for _, price, identity, _, fee in table]


@needs_samples
def test_every_sample_is_read_or_named_with_the_reason_why_not() -> None:
    found = {path.relative_to(CASES).as_posix() for path in CASES.rglob("*") if path.is_file()}
    of_processors = {name for name in found if name.partition("/")[0] not in OF_BANKS}
    assert of_processors == {*READ, SQUARE, *NOT_FEEDS}
