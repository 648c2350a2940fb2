"""An entry of the ledger's API becomes a row, exactly, or a rejected row."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw
from pydantic import ValidationError

from recon_assets.domain.records import Side, Status
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.http_pages import HttpPagesAdapter, ParsedRecord
from recon_assets.feeds.json_records import FieldRefused, decode_record
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.sandbox.server import running_sandbox
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY, reading_of

ENTRY = {
    "transaction_id": "TXN_1",
    "amount": "12.30",
    "currency": "USD",
    "merchant_id": "ESSENCE",
    "reference_number": "BEA-1",
    "fee": 0.66,
    "status": "completed",
    "created_at": "2025-09-30T23:30:00-02:00",
}


def feed_of(base_url: str = "http://127.0.0.1:1", **configuration: Any) -> HttpPagesAdapter:
    adapter = LedgerApiFeed(base_url=base_url, **configuration).adapter(Surroundings(processor="stripe", limits=QUICK))
    assert isinstance(adapter, HttpPagesAdapter)
    return adapter


def parsed(changes: dict[str, Any], **configuration: Any) -> ParsedRecord:
    text = json.dumps({**ENTRY, **changes}).encode()
    return feed_of(**configuration).parse(decode_record(Raw(text)), SAMPLE_DAY)


def test_the_sample_day_is_25_entries_and_lacks_19_95() -> None:
    with running_sandbox() as sandbox:
        reading = reading_of(feed_of(sandbox.base_url, page_size=10), side=Side.LEDGER)
    assert len(reading.rows) == 25 and reading.rejected == [] and reading.raw.problems == ()
    assert 657_750 - sum(reading.column("amount_minor")) == 1_995
    assert all(SAMPLE_DAY.starts_at <= at < SAMPLE_DAY.ends_at for at in reading.column("occurred_at"))


def test_an_entry_keeps_what_it_says() -> None:
    assert parsed({}) == {
        "transaction_id": "TXN_1",
        "reference_number": "BEA-1",
        "merchant_id": "ESSENCE",
        "transaction_type": None,
        "amount_minor": 1_230,
        "currency": "USD",
        "fee_minor": 66,
        "net_minor": 1_164,
        "status": "completed",
        "occurred_at": datetime(2025, 10, 1, 1, 30, tzinfo=UTC),
    }


@pytest.mark.parametrize(("amount", "amount_minor"), [(12.3, 1_230), ("-12.3", -1_230), (12, 1_200), ("0", 0)])
def test_an_amount_is_a_number_or_a_decimal_text(amount: Any, amount_minor: int) -> None:
    assert parsed({"amount": amount})["amount_minor"] == amount_minor


def test_an_absent_fee_is_absent_and_so_is_the_net() -> None:
    row = parsed({"fee": None})
    assert row["fee_minor"] is None and row["net_minor"] is None


def test_the_places_are_those_of_the_entrys_own_currency() -> None:
    assert parsed({"currency": "jpy", "amount": 500, "fee": None})["amount_minor"] == 500
    assert parsed({"currency": "KWD", "amount": "1.234"})["amount_minor"] == 1_234


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("completed", Status.COMPLETED), ("Succeeded", Status.COMPLETED), ("paid", Status.COMPLETED),
        (" SETTLED ", Status.COMPLETED), ("pending", Status.PENDING), ("canceled", Status.CANCELLED),
        ("failed", Status.FAILED), ("refunded", Status.REVERSED),
    ],
)  # fmt: skip
def test_common_words_are_understood_in_any_case(word: str, status: Status) -> None:
    assert parsed({"status": word})["status"] is status


def test_the_configuration_adds_words_and_overrules_common_ones() -> None:
    own = {"Gebucht": "completed", "paid": "pending"}
    assert parsed({"status": "gebucht"}, statuses=own)["status"] is Status.COMPLETED
    assert parsed({"status": "paid"}, statuses=own)["status"] is Status.PENDING


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"transaction_id": None}, "transaction_id", "is missing"),
        ({"transaction_id": " "}, "transaction_id", "is blank"),
        ({"transaction_id": 7}, "transaction_id", "not a text"),
        ({"amount": None}, "amount", "is missing"),
        ({"amount": "12.345"}, "amount", "more than 2 decimal places"),
        ({"amount": 12.345}, "amount", "more than 2 decimal places"),
        ({"amount": "1,200.00"}, "amount", "not a plain decimal number"),
        ({"amount": "1e3"}, "amount", "not a plain decimal number"),
        ({"amount": False}, "amount", "not a number or decimal text"),
        ({"fee": "free"}, "fee", "not a plain decimal number"),
        ({"amount": "-92233720368547758.07", "fee": "1.00"}, "net", "out of range for 64 bits of minor units"),
        ({"currency": None}, "currency", "is missing"),
        ({"currency": "ZZZ"}, "currency", "no currency code of ISO 4217"),
        ({"currency": "u\u017fd"}, "currency", "no currency code of ISO 4217"),
        ({"status": None}, "status", "is missing"),
        ({"status": "odd"}, "status", "a word that is not mapped to a status"),
        ({"created_at": None}, "created_at", "is missing"),
        ({"created_at": 1_759_190_400}, "created_at", "not a text"),
        ({"created_at": "yesterday"}, "created_at", "not an ISO 8601 date and time"),
        ({"created_at": "2025-09-30"}, "created_at", "a time without an offset"),
        ({"created_at": "2025-09-30T10:00:00"}, "created_at", "a time without an offset"),
        ({"created_at": "0001-01-01T00:00:00+23:00"}, "created_at", "not an ISO 8601 date and time"),
    ],
)
def test_an_entry_that_is_no_movement_is_refused_by_the_name_of_the_rule(
    changes: dict[str, Any], column: str, reason: str
) -> None:
    with pytest.raises(FieldRefused) as caught:
        parsed(changes)
    assert (caught.value.column, caught.value.reason) == (column, reason)


def test_a_status_word_for_no_status_is_no_configuration() -> None:
    with pytest.raises(ValidationError):
        LedgerApiFeed(base_url="https://example.com", statuses={"paid": "fine"})
