"""A record of Transaction Search becomes a row, exactly, or a rejected row; and the samples PayPal gives are read."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon_assets.domain.money import MAX_MINOR, decimal_from_minor
from recon_assets.domain.records import Side
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.processors.paypal.documents import decode_page, entry_of
from recon_assets.processors.paypal.entries import Entry, chunk_of
from recon_assets.schemas.currencies import exponents
from recon_assets.schemas.models import validate_chunk
from recon_assets_tests.processors.paypal.api import NOON, PayPal, answered, money, record

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "paypal"
"""Documents that nobody here wrote; they lie beside the project and are not part of it."""

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample documents are not beside this project")


def parsed(*records: Any) -> list[Entry | tuple[str, str]]:
    """Entries, or column and reason of those refused."""
    body = json.dumps({"total_items": len(records), "total_pages": 1, "transaction_details": records})
    found: list[Entry | tuple[str, str]] = []
    for number, detail in enumerate(decode_page(body.encode(), where="page").details, start=1):
        try:
            if isinstance(detail, FieldRefused):
                raise detail
            found.append(entry_of(detail, raw_file="page", record_number=number))
        except FieldRefused as refusal:
            found.append((refusal.column, refusal.reason))
    return found


def one(**said: Any) -> Entry:
    (entry,) = parsed(record(**said))
    assert isinstance(entry, Entry), entry
    return entry


def test_a_sale_has_gross_fee_and_net_and_what_it_refers_to(paypal: PayPal) -> None:
    paypal.records = [
        record(fee_amount=money("-13.79"), invoice_id="Invoice-005", custom_field="order 7")
        | {"store_info": {"store_id": "S1"}}
    ]
    (row,) = paypal.read().rows
    assert row == {
        "raw_file": "20250930T000000Z_20251001T000000Z_page-00001.json",
        "record_number": 1,
        "transaction_id": "5TY05013RG002845M",
        "record_id": "5TY05013RG002845M/T0006/46500USD/20250930T120000Z",
        "reference_number": "order 7",
        "order_id": "Invoice-005",
        "payout_id": None,
        "merchant_id": "S1",
        "transaction_type": "T0006",
        "movement": "payment",
        "amount_minor": 46_500,
        "currency": "USD",
        "fee_minor": 1_379,
        "net_minor": 45_121,
        "status": "completed",
        "occurred_at": NOON,
    }


def test_a_refund_refers_to_its_sale_and_gives_the_fee_back() -> None:
    refund = one(
        value="-10.00",
        transaction_event_code="T1107",
        fee_amount=money("0.29"),
        paypal_reference_id="SALE",
        paypal_reference_id_type="TXN",
        custom_field="x",
    )
    assert (refund.amount_minor, refund.fee_minor, refund.net_minor) == (-1_000, -29, -971)
    assert refund.reference_number == "SALE"


def test_a_withdrawal_refers_to_the_banks_reference() -> None:
    assert one(transaction_event_code="T0400", bank_reference_id="BANK-1").reference_number == "BANK-1"


def test_no_fee_is_no_zero_and_net_is_then_gross() -> None:
    entry = one()
    assert (entry.fee_minor, entry.net_minor) == (None, 46_500)


@pytest.mark.parametrize("text", ["", "  ", None])
def test_blank_texts_are_absent(text: str | None) -> None:
    entry = one(invoice_id=text, custom_field=text, paypal_reference_id=text)
    assert (entry.order_id, entry.reference_number, entry.merchant_id) == (None, None, None)


@pytest.mark.parametrize("text", ["two\nlines", "x" * 256])
def test_a_custom_field_that_can_be_no_reference_does_not_cost_its_row(text: str) -> None:
    assert one(custom_field=text).reference_number is None


@pytest.mark.parametrize(
    ("letter", "status"), [("S", "completed"), ("P", "pending"), ("D", "failed"), ("V", "reversed")]
)
def test_the_four_statuses_are_ours(letter: str, status: str) -> None:
    assert one(transaction_status=letter).status == status


def test_a_pending_row_that_moves_the_balance_counts(paypal: PayPal) -> None:
    paypal.records = [record("A", value="16.00"), record("B", value="-6.59", transaction_status="P")]
    assert sum(paypal.read().column("amount_minor")) == 941


def test_an_id_that_comes_twice_is_two_movements(paypal: PayPal) -> None:
    later = NOON.replace(second=14)
    paypal.records = [
        record("X", value="-199.90"),
        record("X", value="199.90", at=later, transaction_event_code="T1106"),
        record("X", value="199.90", at=later, transaction_event_code="T1106"),
    ]
    reading = paypal.read()
    assert sum(reading.column("amount_minor")) == 19_990
    assert reading.column("record_id") == [
        "X/T0006/-19990USD/20250930T120000Z",
        "X/T1106/19990USD/20250930T120014Z",
        "X/T1106/19990USD/20250930T120014Z/2",
    ]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2014-07-11T04:03:52+0000", datetime(2014, 7, 11, 4, 3, 52, tzinfo=UTC)),
        ("2014-07-11T04:03:52-0700", datetime(2014, 7, 11, 11, 3, 52, tzinfo=UTC)),
        ("2014-07-11T04:03:52+05:30", datetime(2014, 7, 10, 22, 33, 52, tzinfo=UTC)),
        ("2014-07-11T04:03:52.000Z", datetime(2014, 7, 11, 4, 3, 52, tzinfo=UTC)),
    ],
)
def test_times_may_have_their_offset_with_and_without_a_colon(text: str, at: datetime) -> None:
    assert one(transaction_initiation_date=text).occurred_at == at


@pytest.mark.parametrize(
    ("value", "currency", "amount_minor"),
    [
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "TND", 1_234),
        ("10000", "HUF", 1_000_000),
        ("-.50", "USD", -50),
    ],
)
def test_the_places_are_those_of_the_currency(value: str, currency: str, amount_minor: int) -> None:
    assert one(value=value, currency=currency).amount_minor == amount_minor


@pytest.mark.parametrize(
    ("said", "column", "reason"),
    [
        ({"identity": " "}, "transaction_id", "is blank"),
        ({"transaction_id": 7}, "transaction_id", "not of the type that PayPal describes"),
        ({"transaction_id": None}, "transaction_id", "is missing"),
        ({"transaction_amount": None}, "transaction_amount", "is missing"),
        ({"transaction_amount": {"value": "1"}}, "currency_code", "is missing"),
        (
            {"transaction_amount": {"currency_code": "USD", "value": 1.5}},
            "value",
            "not of the type that PayPal describes",
        ),
        ({"value": "1.234"}, "transaction_amount", "more than 2 decimal places"),
        ({"value": "0.5", "currency": "JPY"}, "transaction_amount", "more than 0 decimal places"),
        ({"value": "1,234.00"}, "transaction_amount", "not a plain decimal number"),
        ({"value": "92233720368547758.08"}, "transaction_amount", "out of range for 64 bits of minor units"),
        ({"currency": "usd"}, "currency_code", "no currency code of ISO 4217"),
        ({"transaction_status": "X"}, "transaction_status", "a status that PayPal does not describe"),
        ({"transaction_status": None}, "transaction_status", "is missing"),
        ({"transaction_initiation_date": "2025-09-30"}, "transaction_initiation_date", "a time without an offset"),
        ({"transaction_initiation_date": "soon"}, "transaction_initiation_date", "not an ISO 8601 date and time"),
        ({"fee_amount": money("-1", "EUR")}, "fee_amount", "in another currency than the amount"),
        ({"fee_amount": money("-0.001")}, "fee_amount", "more than 2 decimal places"),
        (
            {"value": "-92233720368547758.07", "fee_amount": money("-0.01")},
            "net",
            "out of range for 64 bits of minor units",
        ),
    ],
)
def test_a_record_that_is_no_movement_is_refused_by_the_name_of_the_rule(
    said: dict[str, Any], column: str, reason: str
) -> None:
    assert parsed(record(**said)) == [(column, reason)]


def test_a_refused_record_does_not_spoil_its_page(paypal: PayPal) -> None:
    paypal.records = [record("A"), record("B", value="x"), record("C")]
    paypal.change = lambda query, page: {
        **page,
        "transaction_details": [*page["transaction_details"], 7],
        "total_items": 4,
    }
    reading = paypal.read()
    assert reading.column("transaction_id") == ["A", "C"]
    assert [(row.record_number, row.column) for row in reading.rejected] == [(2, "transaction_amount"), (4, "")]
    assert reading.raw.promised_records == 4 and reading.raw.problems == ()


amounts = st.integers(min_value=-MAX_MINOR, max_value=MAX_MINOR)
places = st.sampled_from([("JPY", 0), ("USD", 2), ("TND", 3), ("CLF", 4)])


@given(st.lists(st.tuples(amounts, amounts, places), max_size=8))
def test_random_documents_come_out_with_the_exact_totals(movements: list[tuple[int, int, tuple[str, int]]]) -> None:
    records = [
        record(
            value=f"{decimal_from_minor(amount, exponent=exponent):f}",
            currency=currency,
            fee_amount=money(f"{decimal_from_minor(-fee, exponent=exponent):f}", currency),
        )
        for amount, fee, (currency, exponent) in movements
    ]
    expected = [
        (amount, fee, amount - fee, currency)
        if abs(amount - fee) <= MAX_MINOR
        else ("net", "out of range for 64 bits of minor units")
        for amount, fee, (currency, _) in movements
    ]
    assert [
        (found.amount_minor, found.fee_minor, found.net_minor, found.currency) if isinstance(found, Entry) else found
        for found in parsed(*records)
    ] == expected


@given(st.integers(min_value=MAX_MINOR + 1), st.sampled_from([1, -1]), st.sampled_from(sorted(exponents().items())))
def test_what_64_bits_can_not_hold_is_a_rejected_row(amount: int, sign: int, place: tuple[str, int]) -> None:
    ((column, reason),) = parsed(
        record(value=f"{decimal_from_minor(sign * amount, exponent=place[1]):f}", currency=place[0])
    )
    assert column == "transaction_amount"
    assert reason in {"out of range for 64 bits of minor units", "not a plain decimal number"}


def test_rows_keep_the_rules_of_the_canonical_schema() -> None:
    entries = [
        found for found in parsed(record("A", fee_amount=money("-1.00")), record("B")) if isinstance(found, Entry)
    ]
    chunk = chunk_of(entries, [], seen=Counter())
    assert validate_chunk(chunk.rows, Side.PROCESSOR).failures == {} and chunk.rows.num_rows == 2


@needs_samples
def test_paypals_own_sample_is_read_to_the_cent(paypal: PayPal) -> None:
    sample = json.loads((SAMPLES / "api_transactions_sample.json").read_text())
    (entry,) = parsed(*sample["transaction_details"])
    assert isinstance(entry, Entry)
    assert (entry.amount_minor, entry.fee_minor, entry.net_minor, entry.currency) == (46_500, 1_379, 45_121, "USD")
    assert (entry.order_id, entry.reference_number) == ("Invoice-005", "Thank you for your business")


@needs_samples
def test_paypals_other_samples_are_answers_that_we_know(paypal: PayPal) -> None:
    samples = json.loads((SAMPLES / "api_other_samples.json").read_text())
    paypal.change = lambda query, page: samples["empty_page"] | {"last_refreshed_datetime": paypal.refreshed_at}
    assert paypal.read().raw.says_empty
    left = [answered(samples["error_too_large_http400"], status=400)]
    paypal.change = lambda query, page: left.pop() if left else page
    paypal.queries.clear()
    assert paypal.read().raw.says_empty and len(paypal.windows) == 3
    paypal.change = lambda query, page: answered(samples["error_not_available_http400_or_404"], status=404)
    assert "no data for this day" in paypal.read().raw.problems[0]
    assert samples["token"]["scope"] == paypal.scope
