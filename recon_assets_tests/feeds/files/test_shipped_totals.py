"""The expected figures of the shipped descriptions, added up a second time from the sample files.

By Python's csv, json and `Decimal` and by the columns that are named here: nothing of the descriptions or of the
program is used. Which records are rejected or left out is taken from the expectation, which says it by number.
"""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

SHIPPED: Final = Path(__file__).parent / "shipped"
PLACES: Final = {"EUR": 2, "USD": 2, "GBP": 2, "INR": 2, "JPY": 0, "KWD": 3}

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sums:
    """How one file says gross, fee and net, as signed decimals in our direction. None: the file does not say it."""

    currency: Callable[[Record], str]
    gross: Callable[[Record], Decimal]
    fee: Callable[[Record], Decimal | None] = lambda _: None
    net: Callable[[Record], Decimal | None] = lambda _: None
    records: str = ""
    header_at: int = 0


def number(text: Any, *, decimal_mark: str = ".") -> Decimal:
    thousands_mark = "," if decimal_mark == "." else "."
    return Decimal(str(text or 0).replace("$", "").replace(thousands_mark, "").replace(decimal_mark, "."))


def comma(text: Any) -> Decimal:
    return number(text, decimal_mark=",")


def adyen_fee(record: Record) -> Decimal:
    names = ("Commission", "Markup", "Scheme Fees", "Interchange")
    return sum((number(record[f"{name} (NC)"]) for name in names), Decimal(0))


def adyen_net(record: Record) -> Decimal:
    return number(record["Net Credit (NC)"]) - number(record["Net Debit (NC)"])


def razorpay_net(record: Record) -> Decimal:
    return (Decimal(record["credit"]) - Decimal(record["debit"])) / 100


def stripe_report() -> Sums:
    return Sums(
        lambda record: record["currency"].upper(),
        lambda record: number(record["gross"]),
        lambda record: number(record["fee"]),
        lambda record: number(record["net"]),
    )


def paypal(currency: str, gross: str, fee: str, net: str, read: Callable[[Any], Decimal]) -> Sums:
    return Sums(
        lambda record: record[currency],
        lambda record: read(record[gross]),
        lambda record: -read(record[fee]) if record[fee] else None,
        lambda record: read(record[net]),
    )


def mollie_money(record: Record, name: str) -> Decimal:
    return Decimal(record[name]["value"]) if record[name] else Decimal(0)


SUMS: Final = {
    "adyen": Sums(lambda r: r["Net Currency"], lambda r: adyen_net(r) + adyen_fee(r), adyen_fee, adyen_net, "", 2),
    "checkout": Sums(
        lambda record: record["Holding Currency"],
        lambda record: number(record["Gross In Holding Currency"]),
        lambda record: -number(record["Deduction In Holding Currency"]),
        lambda record: number(record["Net In Holding Currency"]),
    ),
    "mollie": Sums(
        lambda record: record["initialAmount"]["currency"],
        lambda record: mollie_money(record, "initialAmount"),
        lambda record: -mollie_money(record, "deductions"),
        lambda record: mollie_money(record, "resultAmount"),
        "_embedded.balance_transactions",
    ),
    "mollie_chargebacks": Sums(
        lambda record: record["settlementAmount"]["currency"],
        lambda record: -mollie_money(record, "settlementAmount"),
        records="_embedded.chargebacks",
    ),
    "mollie_settlement": Sums(
        lambda record: record["amount"]["currency"], lambda record: -mollie_money(record, "amount")
    ),
    "mollie_settlements": Sums(
        lambda record: record["amount"]["currency"],
        lambda record: -mollie_money(record, "amount"),
        records="_embedded.settlements",
    ),
    "paypal_activity": paypal("Currency", "Gross", "Fee", "Net", number),
    "paypal_activity_de": paypal("Währung", "Brutto", "Gebühr", "Netto", comma),
    "paypal_activity_es": paypal("Divisa", "Bruto", "Tarifa", "Neto", comma),
    "razorpay": Sums(
        lambda record: record["currency"],
        lambda record: razorpay_net(record) + Decimal(record["fee"]) / 100,
        lambda record: Decimal(record["fee"]) / 100,
        razorpay_net,
        "items",
    ),
    "square_transactions": Sums(
        lambda _: "USD",
        lambda record: number(record["Total Collected"]),
        lambda record: -number(record["Fees"]),
        lambda record: number(record["Net Total"]),
    ),
    "stripe_balance_change": stripe_report(),
    "stripe_payout_reconciliation": stripe_report(),
}


def records_of(name: str) -> list[Record]:
    how = SUMS[name]
    text = SHIPPED / f"{name}.csv"
    if text.exists():
        lines = text.read_text(encoding="utf-8-sig").splitlines()[how.header_at :]
        return list(csv.DictReader(lines))
    found = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
    for key in how.records.split(".") if how.records else ():
        found = found[key]
    return found if isinstance(found, list) else [found]


def expected_of(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((SHIPPED / f"{name}.expected.json").read_text(encoding="utf-8"))
    return expected


def added_up(records: list[Record], how: Sums, say: Callable[[Record], Decimal | None]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for record in records:
        sums[how.currency(record)] = sums.get(how.currency(record), Decimal(0)) + (say(record) or 0)
    return sums


@pytest.mark.parametrize("name", sorted(SUMS))
def test_the_expected_figures_are_the_sums_of_the_sample(name: str) -> None:
    how, expected, every = SUMS[name], expected_of(name), records_of(name)
    read = [every[row["record_number"] - 1] for row in expected["rows"]]
    for column, say in (("amount_minor", how.gross), ("fee_minor", how.fee), ("net_minor", how.net)):
        in_rows: dict[str, Decimal] = {}
        for row in expected["rows"]:
            major = Decimal(row.get(column) or 0).scaleb(-PLACES[row["currency"]])
            in_rows[row["currency"]] = in_rows.get(row["currency"], Decimal(0)) + major
        assert in_rows == added_up(read, how, say), column
    totals = {code: Decimal(total).scaleb(-PLACES[code]) for code, total in expected["totals"].items()}
    assert totals == added_up(read, how, how.gross)


@pytest.mark.parametrize("name", sorted(SUMS))
def test_every_record_of_the_sample_is_expected_once(name: str) -> None:
    """Only PayPal's activity has records that move no money: they are the numbers that are left."""
    expected, every = expected_of(name), records_of(name)
    numbers = [row["record_number"] for row in expected["rows"]] + [row[0] for row in expected["rejected"]]
    left_out = set(range(1, len(every) + 1)) - set(numbers)
    assert len(set(numbers)) == len(numbers) and set(numbers) <= set(range(1, len(every) + 1))
    assert not left_out or name.startswith("paypal_activity")


def test_every_shipped_sample_is_added_up() -> None:
    assert {path.name.removesuffix(".expected.json") for path in SHIPPED.glob("*.expected.json")} == set(SUMS)
