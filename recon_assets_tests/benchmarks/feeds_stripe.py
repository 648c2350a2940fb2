"""Stripe's side of the benchmark of JSON feeds (`feeds`): pages of balance transactions, and both ways to read them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.business_day import business_day
from recon_assets.domain.money import MAX_MINOR
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.processors.stripe.currencies import places
from recon_assets.processors.stripe.movements import movement_of
from recon_assets.processors.stripe.records import MetadataKeys, chunks_of
from recon_assets_tests.benchmarks.standard_library import PAGE_ROWS, PagesByTime

DAY: Final = business_day("stripe", date(2025, 9, 30))

_RECORD: Final = (
    '{"id":"txn_%024d","object":"balance_transaction","amount":%d,"available_on":%d,"balance_type":"payments",'
    '"created":%d,"currency":"%s","description":"Subscription update, order %d","exchange_rate":null,"fee":%d,'
    '"fee_details":[{"amount":%d,"application":null,"currency":"%s","description":"Stripe processing fees",'
    '"type":"stripe_fee"}],"net":%d,"reporting_category":"%s","source":"%s_%024d","status":"%s","type":"%s"}'
)


def ours(files: Sequence[Path]) -> Iterator[ParsedChunk]:
    return chunks_of(files, MetadataKeys())


def by_standard_library(files: Sequence[Path]) -> Iterator[ParsedChunk]:
    pages = PagesByTime(list_of=lambda _: "data", time_of=lambda record: float(record["created"]), row_of=_row)
    return pages.chunks(files)


def _row(record: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    for name in ("amount", "fee", "net", "created"):
        if type(record[name]) is not int or abs(record[name]) > MAX_MINOR:
            raise TypeError(name)
    for name in ("id", "currency", "type", "status"):
        if type(record[name]) is not str:
            raise TypeError(name)
    if record["status"] not in {"available", "pending"}:
        raise ValueError("status")
    parts = record["fee_details"]
    if any(type(part["amount"]) is not int or part["currency"] != record["currency"] for part in parts):
        raise TypeError("fee_details")
    if sum(part["amount"] for part in parts) != record["fee"]:
        raise ValueError("fee_details")
    currency = record["currency"].upper()
    at_stripe, iso = places()[currency]
    assert at_stripe == iso, "no currency of the benchmark is converted"
    movement = movement_of(category=record["reporting_category"], type_=record["type"])
    return {
        "raw_file": file,
        "record_number": number,
        "transaction_id": record["source"] or record["id"],
        "record_id": record["id"],
        "transaction_type": record["type"],
        "movement": movement.value,
        "amount_minor": record["amount"],
        "currency": currency,
        "fee_minor": record["fee"],
        "net_minor": record["net"],
        "status": "completed",
        "occurred_at": datetime.fromtimestamp(record["created"], UTC),
    }


def write_pages(folder: Path, rows: int) -> None:
    """Newest first, as Stripe serves them: one charge in twenty is a refund, one in ten is not available yet."""
    folder.mkdir()
    start, seconds = int(DAY.starts_at.timestamp()), int((DAY.ends_at - DAY.starts_at).total_seconds())
    for page in range(-(-rows // PAGE_ROWS)):
        numbers = range(rows - 1 - page * PAGE_ROWS, max(rows - 1 - (page + 1) * PAGE_ROWS, -1), -1)
        listed = ",".join(_record(number, start + number * seconds // rows) for number in numbers)
        more = "true" if (page + 1) * PAGE_ROWS < rows else "false"
        text = f'{{"object":"list","data":[{listed}],"has_more":{more},"url":"/v1/balance_transactions"}}'
        (folder / f"page-{page + 1:05}.json").write_text(text)


def _record(number: int, created: int) -> str:
    is_refund = number % 20 == 7
    kind, prefix = ("refund", "re") if is_refund else ("charge", "ch")
    amount = (number * 7919 % 500_000 + 50) * (-1 if is_refund else 1)
    fee = 0 if is_refund else amount * 29 // 1000 + 30
    currency = ("usd", "eur", "gbp", "jpy")[number % 4]
    status = "pending" if number % 10 == 3 else "available"
    return _RECORD % (
        number, amount, created + 172_800, created, currency, number, fee, fee, currency, amount - fee, kind, prefix,
        number, status, kind,
    )  # fmt: skip
