"""Random files come back with the exact total, and every record is a row or a rejection."""

import csv
import io
import json
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR, decimal_from_minor
from recon_assets.schemas.currencies import exponents
from recon_assets_tests.feeds.files.building import Read, read_bytes

BEYOND = MAX_MINOR + 1
MINOR = st.one_of(
    st.integers(-(10**9), 10**9), st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from([MAX_MINOR, -MAX_MINOR, 0])
)
OUT_OF_RANGE = st.integers(BEYOND, BEYOND * 100).flatmap(lambda minor: st.sampled_from([minor, -minor]))
ID = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)


@dataclass(frozen=True)
class Payment:
    id: str
    minor: int
    currency: str

    @property
    def text(self) -> str:
        return f"{decimal_from_minor(self.minor, exponent=exponents()[self.currency]):f}"


CURRENCY = st.sampled_from(["JPY", "USD", "KWD", "CLF"])
PAYMENTS = st.lists(
    st.builds(Payment, id=ID, minor=st.one_of(MINOR, OUT_OF_RANGE), currency=CURRENCY),
    max_size=20,
)


def expect_exactly(payments: list[Payment], got: Read) -> None:
    fitting = [payment for payment in payments if abs(payment.minor) <= MAX_MINOR]
    assert got.rows["transaction_id"].to_pylist() == [payment.id for payment in fitting]
    for currency in {payment.currency for payment in payments}:
        total = sum(payment.minor for payment in fitting if payment.currency == currency)
        read = zip(got.rows["amount_minor"].to_pylist(), got.rows["currency"].to_pylist(), strict=True)
        assert sum(minor for minor, of in read if of == currency) == total
    assert got.rows.num_rows + len(got.rejected) == len(payments)
    assert {row.column for row in got.rejected} <= {"amount"}


@settings(deadline=None, max_examples=60)
@given(PAYMENTS, st.sampled_from([",", ";", "\t"]), st.sampled_from(["utf-8", "utf-16"]))
def test_a_csv_file_comes_back_with_its_exact_total(payments: list[Payment], delimiter: str, encoding: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "amount", "currency", "status", "at"])
    writer.writerows([p.id, p.text, p.currency, "completed", "2025-09-30T00:00:00Z"] for p in payments)
    with tempfile.TemporaryDirectory() as folder:
        options = {"delimiter": delimiter, "encoding": encoding}
        expect_exactly(payments, read_bytes(Path(folder), out.getvalue().encode(encoding), csv=options))


@settings(deadline=None, max_examples=60)
@given(PAYMENTS)
def test_a_json_file_comes_back_with_its_exact_total(payments: list[Payment]) -> None:
    lines = [
        f'{{"id":{json.dumps(payment.id)},"amount":{payment.text},"currency":"{payment.currency}",'
        '"status":"completed","at":"2025-09-30T00:00:00Z"}'
        for payment in payments
    ]
    with tempfile.TemporaryDirectory() as folder:
        expect_exactly(payments, read_bytes(Path(folder), "\n".join(lines).encode(), format="json_lines"))


ONE_LINE = st.characters(exclude_categories=["Cs"], exclude_characters='\r\n"')
LINE = st.one_of(
    st.just("t,1.00,USD,completed,2025-09-30T00:00:00Z"),
    st.text(ONE_LINE, min_size=1, max_size=30).filter(str.strip),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(LINE, max_size=15))
def test_every_line_of_any_text_is_a_row_or_a_rejection(lines: list[str]) -> None:
    content = "\n".join(["id,amount,currency,status,at", *lines])
    with tempfile.TemporaryDirectory() as folder:
        got = read_bytes(Path(folder), content.encode())
    numbers = [*got.rows["record_number"].to_pylist(), *[row.record_number for row in got.rejected]]
    assert sorted(numbers) == list(range(1, len(lines) + 1))


def test_the_writer_of_these_tests_is_exact_itself() -> None:
    assert Payment("t", MAX_MINOR, "USD").text == str(Decimal("92233720368547758.07"))


PIECES = ['"', '""', "a", ",", "\n", "\r\n", '"a"', ',"', '",', "t,1.00,USD,completed,x\n"]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_every_line_is_a_record_unless_a_strict_reader_agrees_that_it_is_not(pieces: list[str]) -> None:
    content = "id,amount,currency,status,at\n" + "".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        try:
            got = read_bytes(Path(folder), content.encode())
        except FeedNotUnderstood:
            return
    found = got.rows.num_rows + len(got.rejected)
    if found != sum(bool(line) for line in content.splitlines()[1:]):
        strict = csv.reader(io.StringIO(content, newline=""), strict=True)
        assert found == sum(bool(row) for row in strict) - 1


def written(minor: int, currency: str, decimal_mark: str, thousands_mark: str) -> str:
    text = f"{decimal_from_minor(abs(minor), exponent=exponents()[currency]):,f}"
    return text.translate({ord(","): thousands_mark, ord("."): decimal_mark})


@settings(deadline=None, max_examples=60)
@given(
    PAYMENTS,
    st.permutations(["id", "in", "out", "currency", "status", "at"]),
    st.sampled_from([(".", ""), (",", "."), (".", ","), (",", " ")]),
)
def test_debit_and_credit_in_any_order_and_with_any_marks_come_back_with_the_exact_total(
    payments: list[Payment], order: list[str], marks: tuple[str, str]
) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, order, delimiter=";")
    writer.writeheader()
    for payment in payments:
        amount = written(payment.minor, payment.currency, *marks)
        side = "out" if payment.minor < 0 else "in"
        row = {"id": payment.id, side: amount, "currency": payment.currency, "status": "completed"}
        writer.writerow(row | {"at": "2025-09-30T00:00:00Z"})
    columns = {"transaction_id": "id", "currency": "currency", "status": "status", "occurred_at": "at"}
    changes = {
        "columns": columns | {"credit": "in", "debit": "out"},
        "amounts": {"decimal_mark": marks[0], "thousands_mark": marks[1]},
        "csv": {"delimiter": ";"},
    }
    with tempfile.TemporaryDirectory() as folder:
        expect_exactly(payments, read_bytes(Path(folder), out.getvalue().encode(), **changes))
