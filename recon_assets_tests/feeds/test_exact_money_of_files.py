"""Random files of every described form, settlement reports and databases: exact totals, and nothing is lost."""

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recon_assets_tests.exact_money import (
    ANY_MINOR,
    CURRENCIES,
    LIMIT,
    PLACES,
    SOME,
    Amount,
    Normalised,
    Payment,
    expect_exactly,
    normalised,
    payments,
)
from recon_assets_tests.feeds.adapters import of_settlement_reports
from recon_assets_tests.feeds.files.building import DAY, adapter_in, described
from recon_assets_tests.ledger.sql.building import DAY as LEDGER_DAY
from recon_assets_tests.ledger.sql.building import URL_ENV, ledger, sqlite_file
from recon_assets_tests.processors.paypal import api as paypal

AT = "2025-09-30T00:00:00Z"
COLUMNS = {"transaction_id": "id", "currency": "currency", "status": "status", "occurred_at": "at"}
WITH_FEES = payments(with_fees=True)


def read_file(content: bytes, **changes: Any) -> Normalised:
    with tempfile.TemporaryDirectory() as folder:
        files = {f"settlement_{DAY.text}": content}
        return normalised(adapter_in(Path(folder), described(**changes), files), DAY)


def as_csv(sent: Sequence[Payment], cells: Any) -> bytes:
    """A header and a line for each payment; `cells` gives the columns of money."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "currency", "status", "at", "amount", "fee", "in", "out"], delimiter=";")
    writer.writeheader()
    for payment in sent:
        row = {"id": payment.id, "currency": payment.amount.currency, "status": "completed", "at": AT}
        writer.writerow(row | cells(payment))
    return out.getvalue().encode()


def text_of(amount: Amount | None) -> str:
    return amount.text if amount else ""


@SOME
@given(WITH_FEES)
def test_one_signed_amount(sent: list[Payment]) -> None:
    content = as_csv(sent, lambda payment: {"amount": payment.amount.text, "fee": text_of(payment.fee)})
    columns = COLUMNS | {"amount": "amount", "fee": "fee"}
    expect_exactly(sent, read_file(content, columns=columns, csv={"delimiter": ";"}), has_net=False)


@SOME
@given(WITH_FEES)
def test_minor_units(sent: list[Payment]) -> None:
    content = as_csv(
        sent,
        lambda payment: {
            "amount": payment.amount.minor_text,
            "fee": payment.fee.minor_text if payment.fee else "",
        },
    )
    columns = COLUMNS | {"amount": "amount", "fee": "fee"}
    changes = {"columns": columns, "csv": {"delimiter": ";"}, "amounts": {"unit": "minor"}}
    expect_exactly(sent, read_file(content, **changes), has_net=False)


@SOME
@given(payments(), st.sampled_from([(",", ""), (",", "."), (".", ","), (",", " ")]))
def test_debit_and_credit_with_the_marks_of_other_countries(sent: list[Payment], marks: tuple[str, str]) -> None:
    def cells(payment: Payment) -> dict[str, str]:
        unsigned = Amount(abs(payment.amount.digits), payment.amount.places, payment.amount.currency).text
        whole, point, fraction = unsigned.partition(".")
        grouped = f"{int(whole):,}".replace(",", marks[1])
        side = "out" if payment.amount.digits < 0 else "in"
        return {side: grouped + (marks[0] if point else "") + fraction}

    amounts = {"decimal_mark": marks[0], "thousands_mark": marks[1]}
    columns = COLUMNS | {"credit": "in", "debit": "out"}
    expect_exactly(sent, read_file(as_csv(sent, cells), columns=columns, amounts=amounts, csv={"delimiter": ";"}))


@SOME
@given(WITH_FEES, st.booleans(), st.sampled_from(["json", "json_lines"]))
def test_json_documents_and_lines(sent: list[Payment], as_numbers: bool, form: str) -> None:
    mark = "" if as_numbers else '"'
    records = [
        f'{{"id": "{payment.id}", "status": "completed", "at": "{AT}", "money": '
        f'{{"amount": {mark}{payment.amount.text}{mark}, "currency": "{payment.amount.currency}"}}, '
        f'"fee": {f"{mark}{payment.fee.text}{mark}" if payment.fee else "null"}}}'
        for payment in sent
    ]
    text = f'{{"list": [{", ".join(records)}]}}' if form == "json" else "\n".join(records)
    columns = COLUMNS | {"amount": "money.amount", "currency": "money.currency", "fee": "fee"}
    document = {"document": {"records": "list"}} if form == "json" else {}
    expect_exactly(sent, read_file(text.encode(), columns=columns, format=form, **document), has_net=False)


@SOME
@example([("USD", [-LIMIT, -1, 0]), ("USD", [-LIMIT, 0, 0])])
@given(st.lists(st.tuples(CURRENCIES, st.lists(ANY_MINOR, min_size=3, max_size=3)), max_size=12))
def test_gross_made_of_net_and_several_fees(drawn: list[tuple[str, list[int]]]) -> None:
    lines, good = ["id,net,one,two,currency,status,at"], list[tuple[int, int, str]]()
    for number, (currency, (net, one, two)) in enumerate(drawn):
        lines.append(f"t{number},{net},{one},{two},{currency},completed,{AT}")
        if all(abs(value) <= LIMIT for value in (net, one, two, one + two, net + one + two)):
            good.append((net + one + two, one + two, currency))
    got = read_file(
        "\n".join(lines).encode(),
        columns=COLUMNS | {"net": "net"},
        fees=["one", "two"],
        amounts={"unit": "minor", "gross": "net_plus_fee"},
    )
    assert [(row["amount_minor"], row["fee_minor"], row["currency"]) for row in got.rows] == good
    assert got.frame.rows + got.frame.rejected_rows == len(drawn)


# PayPal's settlement reports: unsigned smallest units, a word for the side, footers

HEADER = [
    "Transaction ID", "Transaction Event Code", "Transaction Completion Date", "Transaction Debit or Credit",
    "Gross Transaction Amount", "Gross Transaction Currency", "Fee Debit or Credit", "Fee Amount", "Fee Currency",
]  # fmt: skip


def side_and_digits(amount: Amount | None, credit: str, debit: str) -> list[str]:
    if amount is None:
        return ["", ""]
    unsigned = Amount(abs(amount.digits), amount.places, amount.currency)
    return [debit if amount.digits < 0 else credit, unsigned.minor_text]


def report_of(sent: Sequence[Payment]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["RH", "2025/10/01 00:00:00 -0700", "A", "ACCOUNT", "009"])
    writer.writerow(["FH", "01"])
    writer.writerow(["SH", "2025/09/30 00:00:00 -0700", "2025/09/30 23:59:59 -0700", "ACCOUNT", ""])
    writer.writerow(["CH", *HEADER])
    for payment in sent:
        writer.writerow([
            "SB", payment.id, "T0006", "2025/09/30 12:00:00 +0000",
            *side_and_digits(payment.amount, "CR", "DR"), payment.amount.currency,
            *side_and_digits(payment.fee, "DR", "CR"), payment.fee.currency if payment.fee else "",
        ])  # fmt: skip
    writer.writerow(["SC", str(len(sent))])
    writer.writerow(["RC", str(len(sent))])
    writer.writerow(["FF", str(len(sent))])
    return out.getvalue().encode()


@SOME
@given(WITH_FEES)
def test_settlement_reports_of_paypal(sent: list[Payment]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "STL-20250930.01.009.CSV").write_bytes(report_of(sent))
        feed = of_settlement_reports(Path(folder))
        got = normalised(feed, paypal.DAY)
    expect_exactly(sent, got)
    assert got.raw.promised_records == len(sent)


# Our ledger in a database


@settings(SOME, max_examples=20)
@given(payments())
def test_a_ledger_in_a_database(sent: list[Payment]) -> None:
    entries = [
        (payment.id, payment.amount.text, payment.amount.currency, "posted", "2025-09-30 10:00:00", "stripe")
        for payment in sent
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv(URL_ENV, sqlite_file(Path(folder) / "ledger.db", entries))
        expect_exactly(sent, normalised(ledger(), LEDGER_DAY))


@settings(SOME, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(sorted(PLACES)), st.integers(-LIMIT - 1, LIMIT)), max_size=12))
def test_a_ledger_of_integers_in_a_database(drawn: list[tuple[str, int]]) -> None:
    """SQLite holds one integer more than an amount may be: the smallest of 64 bits."""
    entries = [
        (f"T{number:03}", minor, currency, "posted", "2025-09-30 10:00:00", "stripe")
        for number, (currency, minor) in enumerate(drawn, start=1)
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv(URL_ENV, sqlite_file(Path(folder) / "ledger.db", entries, amount_type="INTEGER"))
        got = normalised(ledger(amounts={"unit": "minor"}), LEDGER_DAY)
    assert [row["amount_minor"] for row in got.rows] == [minor for _, minor in drawn if minor >= -LIMIT]
    assert got.frame.rows + got.frame.rejected_rows == len(drawn)
