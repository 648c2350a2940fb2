"""A payment or refund becomes a row, exactly, or a rejected row that names field and rule."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import RejectedRow, Side
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.record_structs import MISSING, UNREADABLE, WRONG_TYPE
from recon_assets.processors.square.columns import OUT_OF_RANGE, UNKNOWN_CURRENCY
from recon_assets.processors.square.records import OUTSIDE_SQUARE, Rules, chunks_of
from recon_assets.processors.square.sales import FEE_CURRENCY
from recon_assets_tests.processors.square.building import NOON, at, fee, money, page_of, payment, refund
from recon_assets_tests.sandbox.reading import SAMPLE_DAY

EXAMPLES = Path(__file__).resolve().parents[4] / "shared/cases/square/api_json_examples.json"


def chunks(
    payments: Sequence[Any] = (), refunds: Sequence[Any] = (), *, keep_outside_square: bool = False
) -> list[ParsedChunk]:
    """Through pages on disk, as a run reads them."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("payments-001-00001.json", "refunds-001-00001.json")]
        for file, name, records in zip(files, ("payments", "refunds"), (payments, refunds), strict=True):
            file.write_bytes(page_of(name, records))
        return list(chunks_of(files, rules=Rules(SAMPLE_DAY, keep_outside_square=keep_outside_square)))


def rows_of(found: Sequence[ParsedChunk]) -> list[dict[str, Any]]:
    assert [row for chunk in found for row in chunk.rejected] == []
    return [row for chunk in found for row in chunk.rows.to_pylist()]


def row(**changes: Any) -> dict[str, Any]:
    return rows_of(chunks([payment(**changes)]))[0]


def test_a_payment_is_known_by_its_id_and_has_no_payout() -> None:
    found = row(reference_id="A-1", total_money=money(1_250), processing_fee=[fee(59)])
    assert (found["transaction_id"], found["record_id"], found["payout_id"]) == ("pay_0001", "pay_0001", None)
    assert (found["amount_minor"], found["fee_minor"], found["net_minor"]) == (1_250, 59, 1_191), "the tip is in it"
    assert (found["currency"], found["movement"], found["status"]) == ("USD", "payment", "completed")
    assert (found["transaction_type"], found["reference_number"], found["order_id"]) == (
        "payment_card", "A-1", "order_1")  # fmt: skip
    assert (found["merchant_id"], found["occurred_at"]) == ("LMAIN", NOON + timedelta(seconds=1))


def test_a_refund_is_negative_and_so_is_a_fee_that_comes_back() -> None:
    (found,) = rows_of(chunks([], [refund(processing_fee=[fee(-29)])]))
    assert (found["transaction_id"], found["reference_number"]) == ("pay_0001_ref", "pay_0001")
    assert (found["amount_minor"], found["fee_minor"], found["net_minor"]) == (-500, -29, -471)
    assert (found["movement"], found["transaction_type"]) == ("refund", "refund_card")


@pytest.mark.parametrize("fees", [[], None])
def test_a_fee_that_is_not_assessed_yet_is_not_known_and_neither_is_the_net(fees: Any) -> None:
    found = row(processing_fee=fees)
    assert (found["fee_minor"], found["net_minor"]) == (None, None)


def test_an_assessment_and_its_corrections_are_one_fee() -> None:
    assert row(processing_fee=[fee(59), fee(-9, type_="ADJUSTMENT"), fee(1)])["fee_minor"] == 51
    assert row(processing_fee=[fee(0)])["net_minor"] == 1_000, "assessed at nothing is no fee, and known"


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (payment(status="APPROVED"), "pending"),
        (payment(status="PENDING"), "pending"),
        (payment(status="COMPLETED"), "completed"),
        (payment(status="CANCELED"), "cancelled"),
        (payment(status="FAILED"), "failed"),
        (refund(status="PENDING"), "pending"),
        (refund(status="COMPLETED"), "completed"),
        (refund(status="REJECTED"), "failed"),
        (refund(status="FAILED"), "failed"),
    ],
)
def test_every_status_is_one_of_ours(record: dict[str, Any], status: str) -> None:
    found = chunks([], [record]) if "payment_id" in record else chunks([record])
    assert rows_of(found)[0]["status"] == status


def test_cash_and_external_are_left_out_and_counted() -> None:
    found = chunks(
        [payment(1), payment(2, source_type="CASH"), payment(3, source_type="EXTERNAL")],
        [refund(2, destination_type="CASH"), refund(1)],
    )
    assert [r["transaction_id"] for r in rows_of(found)] == ["pay_0001", "pay_0001_ref"]
    assert sum((Counter(chunk.left_out) for chunk in found), Counter()) == {OUTSIDE_SQUARE: 3}


def test_cash_and_external_are_rows_of_a_type_of_their_own_where_they_are_wanted() -> None:
    found = chunks(
        [payment(1, source_type="CASH"), payment(2, source_type="EXTERNAL")],
        [refund(1, destination_type="CASH")],
        keep_outside_square=True,
    )
    assert [r["transaction_type"] for r in rows_of(found)] == ["payment_cash", "payment_external", "refund_cash"]


def test_the_other_name_of_currency_is_accepted() -> None:
    found = row(total_money={"amount": 5, "currency_code": "EUR"}, processing_fee=[fee(1, "EUR")])
    assert (found["currency"], found["amount_minor"]) == ("EUR", 5)


def test_a_time_with_another_offset_is_the_same_instant() -> None:
    assert row(created_at="2025-09-30T05:00:00.5-07:00")["occurred_at"] == NOON + timedelta(milliseconds=500)


WHOLE = WRONG_TYPE


@pytest.mark.parametrize(
    ("record", "column", "reason"),
    [
        (payment(total_money=money(1, "usd")), "currency", UNKNOWN_CURRENCY),
        (payment(total_money=money(1, "XAU")), "currency", UNKNOWN_CURRENCY),
        (payment(total_money={"amount": 1}), "currency", UNKNOWN_CURRENCY),
        (payment(total_money=money(1) | {"currency_code": "EUR"}), "currency", UNKNOWN_CURRENCY),
        (payment(total_money=money(1.0)), "total_money", WHOLE),
        (payment(total_money=money("1")), "total_money", WHOLE),
        (payment(total_money=money(MAX_MINOR + 1)), "total_money", WHOLE),
        (payment(total_money={"currency": "USD"}), "total_money", MISSING),
        (payment(processing_fee=[fee(1, "EUR")]), "processing_fee", FEE_CURRENCY),
        (payment(processing_fee=[fee(MAX_MINOR), fee(1)]), "processing_fee", OUT_OF_RANGE),
        (payment(processing_fee=[{}]), "processing_fee", MISSING),
        (payment(total_money=money(-MAX_MINOR)), "net", OUT_OF_RANGE),
        (payment(status="canary"), "status", "a status that Square does not document"),
        (payment(created_at="canary"), "created_at", "not a time with its offset"),
        (payment(created_at="2025-09-30T12:00:00"), "created_at", "not a time with its offset"),
        (payment(created_at=None), "created_at", "not a time with its offset"),
        (payment(id=7), "id", WRONG_TYPE),
        ({name: value for name, value in payment().items() if name != "total_money"}, "total_money", MISSING),
    ],
)
def test_a_record_that_is_none_is_refused_by_field_and_rule_and_the_others_are_kept(
    record: Any, column: str, reason: str
) -> None:
    (chunk,) = chunks([payment(7), record, payment(8)], [refund(7)])
    assert chunk.rows["record_id"].to_pylist() == ["pay_0007", "pay_0008", "pay_0007_ref"]
    assert chunk.rejected == (RejectedRow("payments-001-00001.json", 2, column, reason),)


@pytest.mark.parametrize("record", [[1, 2], None, "canary"])
def test_what_is_no_object_stops_the_fetch_and_not_the_reading(record: Any) -> None:
    from recon_assets.processors.square.documents import READERS

    page = READERS["payments"].read_list(page_of("payments", [payment(1), record]), "p.json")
    assert (len(page.records), page.rejected) == (1, (RejectedRow("p.json", 2, "", UNREADABLE),))


# The order of rows


def frame_of(folder: Path, pages: dict[str, list[dict[str, Any]]], reading: Sequence[str]) -> Frame:
    for name, records in pages.items():
        (folder / name).write_bytes(page_of(name.partition("-")[0], records))
    found = chunks_of(
        [folder / name for name in reading], rules=Rules(SAMPLE_DAY, keep_outside_square=False), batch_rows=6
    )
    return write_frame(found, side=Side.PROCESSOR, storage_root=folder, folder="frame")


def paged(name: str, records: list[dict[str, Any]], size: int) -> dict[str, list[dict[str, Any]]]:
    return {f"{name}-001-{n // size + 1:05}.json": records[n : n + size] for n in range(0, len(records), size)}


def test_whatever_order_files_are_read_in_the_frame_is_the_same_to_the_byte(tmp_path: Path) -> None:
    pages = paged("payments", [payment(n, created_at=at(NOON - timedelta(seconds=n // 3))) for n in range(50)], 4)
    pages |= paged("refunds", [refund(n, created_at=at(NOON - timedelta(seconds=n))) for n in range(20)], 3)
    mixed = list(pages)
    Random(4).shuffle(mixed)
    once = frame_of(tmp_path, pages, sorted(pages))
    assert once.rows == 70
    assert frame_of(tmp_path, pages, mixed).sha256 == once.sha256
    assert frame_of(tmp_path, pages, mixed[::-1]).sha256 == once.sha256


@settings(deadline=None)  # files are written, and a busy disk is no failure
@given(st.randoms(use_true_random=False), st.integers(1, 40), st.integers(1, 9))
def test_rows_are_in_the_order_of_time_and_id_and_lead_back_to_the_byte(random: Any, count: int, size: int) -> None:
    def drawn(make: Any, number: int) -> dict[str, Any]:
        return make(number, created_at=at(NOON + timedelta(milliseconds=random.randrange(20) * 300)))  # type: ignore[no-any-return]

    payments, refunds = ([drawn(make, n) for n in range(count)] for make in (payment, refund))
    random.shuffle(payments)
    pages = paged("payments", payments, size) | paged("refunds", refunds, size)
    with tempfile.TemporaryDirectory() as folder:
        for name, records in pages.items():
            (Path(folder) / name).write_bytes(page_of(name.partition("-")[0], records))
        files = [Path(folder) / name for name in pages]
        found = rows_of(list(chunks_of(files, rules=Rules(SAMPLE_DAY, keep_outside_square=False), batch_rows=6)))
    assert [r["record_id"] for r in found] == [
        r["id"] for r in sorted(payments + refunds, key=lambda r: (r["created_at"], r["id"]))
    ]
    assert all(pages[r["raw_file"]][r["record_number"] - 1]["id"] == r["record_id"] for r in found)


# Exact totals

EDGES = st.sampled_from([0, 1, -1, MAX_MINOR, -MAX_MINOR, MAX_MINOR - 7, 2**53 + 1])
AMOUNTS = st.one_of(st.integers(-(2**64), 2**64), st.integers(-(10**6), 10**6), EDGES)
CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), CURRENCIES, AMOUNTS, st.lists(AMOUNTS, max_size=3)), max_size=30))
def test_totals_are_exact_and_what_does_not_fit_is_rejected(drawn: list[tuple[bool, str, int, list[int]]]) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    payments, refunds, good = [], [], 0
    for number, (is_payment, currency, amount, fees) in enumerate(drawn):
        assessed = [fee(value, currency) for value in fees]
        if is_payment:
            payments.append(payment(number, total_money=money(amount, currency), processing_fee=assessed))
        else:
            refunds.append(refund(number, amount_money=money(amount, currency), processing_fee=assessed))
        gross, charged = amount if is_payment else -amount, sum(fees)
        figures = {"amount_minor": gross} | ({"fee_minor": charged, "net_minor": gross - charged} if fees else {})
        if all(abs(value) <= MAX_MINOR for value in [*fees, *figures.values()]):
            good += 1
            for name, value in figures.items():
                expected[currency, name] += value
    found = chunks(payments, refunds)
    totals: Counter[tuple[str, str]] = Counter()
    for row_ in [r for chunk in found for r in chunk.rows.to_pylist()]:
        for name in ("amount_minor", "fee_minor", "net_minor"):
            if row_[name] is not None:
                totals[row_["currency"], name] += row_[name]
    assert totals == expected
    assert sum(chunk.rows.num_rows for chunk in found) == good
    assert sum(len(chunk.rejected) for chunk in found) == len(drawn) - good


# Square's own documents


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the sample documents are not beside this repository")
def test_the_examples_of_squares_specification_are_read() -> None:
    examples = json.loads(EXAMPLES.read_bytes())
    listed = rows_of(
        chunks(examples["ListPaymentsResponse"]["payments"], examples["ListPaymentRefundsResponse"]["refunds"])
    )
    assert [(r["amount_minor"], r["fee_minor"], r["net_minor"]) for r in listed] == [(555, 34, 521), (-555, -34, -521)]
    single = rows_of(
        chunks([examples["GetPaymentResponse"]["payment"]], [examples["GetPaymentRefundResponse"]["refund"]])
    )
    assert [r["transaction_id"] for r in single] == [r["transaction_id"] for r in listed]
    assert listed[1]["reference_number"] == listed[0]["transaction_id"]
