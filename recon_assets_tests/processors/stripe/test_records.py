"""A balance transaction becomes a row, exactly, or a rejected row that names field and rule."""

import json
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Movement, RejectedRow, Side
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.record_structs import MISSING, UNREADABLE, WRONG_TYPE, RecordReader
from recon_assets.processors.stripe.currencies import LAST_DIGIT, NOT_WHOLE, OUT_OF_RANGE, UNKNOWN_CURRENCY
from recon_assets.processors.stripe.records import (
    FEE_CURRENCY,
    FEE_DIFFERS,
    BalanceTransaction,
    MetadataKeys,
    chunk_of,
    chunks_of,
)
from recon_assets.schemas.currencies import exponents
from recon_assets_tests.processors.stripe.building import NOON, page_of, transaction, without

CASES = Path(__file__).resolve().parents[4] / "shared/cases/stripe"
SHAPES = CASES / "openapi_fixtures3_subset.json"
WHOLE = "not a whole number of minor units within 64 bits"


def read(*records: Any, keys: MetadataKeys | None = None) -> tuple[list[dict[str, Any]], list[RejectedRow]]:
    page = RecordReader(BalanceTransaction, list_field="data").read(page_of(records), "page-00001.json")
    chunk = chunk_of([page], keys or MetadataKeys())
    return chunk.rows.to_pylist(), list(chunk.rejected)


def row(**changes: Any) -> dict[str, Any]:
    rows, rejected = read(transaction(**changes))
    assert rejected == []
    return rows[0]


def refusal(record: Any) -> tuple[str, str]:
    """Through the pages on disk, as a run reads them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page-00001.json"
        file.write_bytes(page_of([transaction(7), record, transaction(8)]))
        (chunk,) = chunks_of([file], MetadataKeys())
    assert chunk.rows["record_id"].to_pylist() == ["txn_0007", "txn_0008"], "the others are kept"
    (rejected,) = chunk.rejected
    assert (rejected.raw_file, rejected.record_number) == ("page-00001.json", 2)
    return rejected.column, rejected.reason


def test_a_charge_is_known_by_its_source_and_keeps_the_id_of_its_row() -> None:
    found = row(source="ch_9", amount=1_000, fee=59)
    assert (found["transaction_id"], found["record_id"], found["payout_id"]) == ("ch_9", "txn_0001", None)
    assert (found["amount_minor"], found["fee_minor"], found["net_minor"]) == (1_000, 59, 941)
    assert (found["currency"], found["movement"], found["transaction_type"]) == ("USD", "payment", "charge")
    assert found["occurred_at"].timestamp() == NOON + 1


def test_a_row_without_a_source_is_known_by_its_own_id() -> None:
    found = row(source=None, type="stripe_fee", reporting_category="fee", amount=-250, fee=0)
    assert (found["transaction_id"], found["movement"], found["net_minor"]) == ("txn_0001", "fee", -250)


@pytest.mark.parametrize("status", ["available", "pending"])
def test_money_that_is_not_available_yet_has_moved_all_the_same(status: str) -> None:
    assert row(status=status)["status"] == "completed"


def test_a_payout_and_its_failure_name_the_payout_and_a_charge_none() -> None:
    rows, _ = read(
        transaction(1, type="payout", reporting_category="payout", source="po_1", amount=-500, fee=0),
        transaction(2, type="payout_failure", reporting_category="payout_reversal", source={"id": "po_1"}, fee=0),
        transaction(3),
        transaction(4, type="payout", reporting_category="payout", source=None),
    )
    assert [found["payout_id"] for found in rows] == ["po_1", "po_1", None, None]


def test_a_dispute_takes_its_amount_and_its_fee() -> None:
    found = row(amount=-3_000, fee=1_500, type="adjustment", reporting_category="dispute", source="du_1")
    assert (found["net_minor"], found["movement"]) == (-4_500, "dispute")


def test_an_expanded_source_gives_its_id_and_the_metadata_that_was_asked_for() -> None:
    keys = MetadataKeys(order_id="order", merchant_id="shop")
    metadata = {"order": "A-1", "shop": "  ", "other": "x"}
    rows, _ = read(transaction(1, source={"id": "ch_9", "metadata": metadata}), transaction(2), keys=keys)
    assert [found["transaction_id"] for found in rows] == ["ch_9", "ch_0002"]
    assert [found["order_id"] for found in rows] == ["A-1", None]
    assert [found["merchant_id"] for found in rows] == [None, None], "blank is absent"
    assert [found["reference_number"] for found in rows] == [None, None]


@pytest.mark.parametrize(
    ("category", "type_", "movement"),
    [
        ("refund_failure", "adjustment", Movement.REFUND_REVERSAL),
        ("partial_capture_reversal", "refund", Movement.PAYMENT),
        (None, "payment_refund", Movement.REFUND),
        (None, "adjustment", Movement.UNCLASSIFIED),
        ("payout_minimum_balance_hold", "payout_minimum_balance_hold", Movement.RESERVE),
        ("of_next_year", "charge", Movement.UNCLASSIFIED),
        (None, "of_next_year", Movement.UNCLASSIFIED),
    ],
)
def test_the_category_says_what_it_is_and_the_type_only_without_one(
    category: str | None, type_: str, movement: Movement
) -> None:
    assert row(reporting_category=category, type=type_)["movement"] == movement


@pytest.mark.parametrize(
    ("sent", "amount", "currency", "amount_minor"),
    [
        ("isk", 500, "ISK", 5),
        ("ugx", -12_300, "UGX", -123),
        ("mga", 12, "MGA", 1_200),
        ("jpy", 500, "JPY", 500),
        ("kwd", 1_230, "KWD", 1_230),
        ("huf", 12_345, "HUF", 12_345),
    ],
)
def test_stripes_own_places_become_those_of_iso_4217(sent: str, amount: int, currency: str, amount_minor: int) -> None:
    found = row(currency=sent, amount=amount, fee=0)
    assert (found["currency"], found["amount_minor"], found["net_minor"]) == (currency, amount_minor, amount_minor)


@pytest.mark.parametrize(
    ("record", "column", "reason"),
    [
        (transaction(currency="isk", amount=501, fee=0), "amount", NOT_WHOLE),
        (transaction(currency="isk", amount=500, fee=1), "fee", NOT_WHOLE),
        (transaction(currency="kwd", amount=1_234), "amount", LAST_DIGIT),
        (transaction(currency="mga", amount=MAX_MINOR // 100 + 1, fee=0), "amount", OUT_OF_RANGE),
        (transaction(currency="clf"), "currency", UNKNOWN_CURRENCY),
        (transaction(currency="xau"), "currency", UNKNOWN_CURRENCY),
        (transaction(currency=""), "currency", UNKNOWN_CURRENCY),
        (transaction(amount=1.0), "amount", WHOLE),
        (transaction(amount="10"), "amount", WHOLE),
        (transaction(amount=True), "amount", WHOLE),
        (transaction(amount=MAX_MINOR + 1, fee=0), "amount", WHOLE),
        (transaction(net=-(2**63)), "net", WHOLE),
        (transaction(fee=None), "fee", WHOLE),
        (transaction(created="now"), "created", "not a time in Unix seconds"),
        (transaction(created=-1), "created", "not a time in Unix seconds"),
        (transaction(created=10**12), "created", "not a time in Unix seconds"),
        (transaction(status="canary"), "status", "a status that Stripe does not document"),
        (transaction(source=7), "source", WRONG_TYPE),
        (transaction(source={"id": None}), "source", WRONG_TYPE),
        (without("amount"), "amount", MISSING),
        (without("id"), "id", MISSING),
        (without("type"), "type", MISSING),
        (transaction(source={"object": "charge"}), "source", MISSING),
        ([1, 2], "", UNREADABLE),
        (None, "", UNREADABLE),
    ],
)
def test_a_record_that_is_none_is_refused_by_field_and_rule_and_the_others_are_kept(
    record: Any, column: str, reason: str
) -> None:
    assert refusal(record) == (column, reason)


def part(amount: Any, currency: str = "usd") -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "type": "stripe_fee"}


@pytest.mark.parametrize(
    "details",
    [[part(59)], [part(50), part(9)], [part(100), part(-41)], [part(MAX_MINOR), part(59), part(-MAX_MINOR)], None],
)
def test_a_fee_is_the_sum_of_its_details_where_there_are_any(details: Any) -> None:
    assert row(fee=59, fee_details=details)["fee_minor"] == 59


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ([part(58)], FEE_DIFFERS),
        ([part(59), part(1)], FEE_DIFFERS),
        ([], FEE_DIFFERS),
        ([part(59, "eur")], FEE_CURRENCY),
        ([part(50), part(9, "eur")], FEE_CURRENCY),
        ([part(58.5)], WRONG_TYPE),
        ([part(MAX_MINOR + 1)], WRONG_TYPE),
        ([{"amount": 59}], MISSING),
        (59, WRONG_TYPE),
    ],
)
def test_a_fee_that_is_not_the_sum_of_its_details_is_a_rejected_row(details: Any, reason: str) -> None:
    assert refusal(transaction(fee=59, fee_details=details)) == ("fee_details", reason)


def test_no_fee_has_no_details() -> None:
    assert row(fee=0, fee_details=[])["fee_minor"] == 0


def test_a_net_that_does_not_add_up_breaks_the_contract(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, {"page-00001.json": [transaction(1), transaction(2, net=1)]})
    assert (frame.rows, frame.reject_reasons) == (1, {"net_is_amount_less_fee": 1})


# The order of rows


def frame_of(folder: Path, pages: dict[str, list[dict[str, Any]]], *, reading: list[str] | None = None) -> Frame:
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    for name, records in pages.items():
        (raw / name).write_bytes(page_of(records))
    chunks = chunks_of([raw / name for name in reading or sorted(pages)], MetadataKeys(), batch_rows=6)
    return write_frame(chunks, side=Side.PROCESSOR, storage_root=folder, folder="frame")


def paged(records: list[dict[str, Any]], size: int) -> dict[str, list[dict[str, Any]]]:
    return {f"page-{at // size + 1:05}.json": records[at : at + size] for at in range(0, len(records), size)}


def test_whatever_order_files_are_read_in_the_frame_is_the_same_to_the_byte(tmp_path: Path) -> None:
    pages = paged([transaction(number, created=NOON - number // 3) for number in range(50)], 4)
    mixed = list(pages)
    Random(4).shuffle(mixed)
    once = frame_of(tmp_path, pages)
    assert frame_of(tmp_path, pages, reading=mixed).sha256 == once.sha256
    assert frame_of(tmp_path, pages, reading=mixed[::-1]).sha256 == once.sha256


@given(st.randoms(use_true_random=False), st.integers(1, 60), st.integers(1, 9))
def test_whatever_page_a_record_came_in_rows_are_in_the_order_of_time_and_id(
    random: Any, count: int, size: int
) -> None:
    records = [transaction(number, created=NOON + random.randrange(20)) for number in range(count)]
    random.shuffle(records)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, page in paged(records, size).items():
            files.append(Path(folder) / name)
            files[-1].write_bytes(page_of(page))
        chunks = list(chunks_of(files, MetadataKeys(), batch_rows=6))
    ids = [found for chunk in chunks for found in chunk.rows["record_id"].to_pylist()]
    assert ids == [r["id"] for r in sorted(records, key=lambda r: (r["created"], r["id"]))]


def test_what_is_read_leads_back_to_the_byte(tmp_path: Path) -> None:
    pages = paged([transaction(number) for number in range(20, 0, -1)], 3)
    for name, records in pages.items():
        (tmp_path / name).write_bytes(page_of(records))
    for chunk in chunks_of([tmp_path / name for name in pages], MetadataKeys(), batch_rows=6):
        for found in chunk.rows.to_pylist():
            stored = json.loads((tmp_path / found["raw_file"]).read_bytes())["data"][found["record_number"] - 1]
            assert stored["id"] == found["record_id"]


# Exact totals

ZERO, TWO, THREE, FOUR = "jpy", "usd", "kwd", "clf"
EDGES = st.sampled_from([0, 1, -1, MAX_MINOR, -MAX_MINOR, MAX_MINOR - 7, 2**53 + 1])
AMOUNTS = st.one_of(st.integers(-(2**64), 2**64), st.integers(-(10**6), 10**6), EDGES)


@given(st.lists(st.tuples(st.sampled_from([ZERO, TWO, THREE, FOUR, "isk", "mga"]), AMOUNTS, AMOUNTS), max_size=30))
def test_totals_are_exact_and_what_does_not_fit_is_rejected(drawn: list[tuple[str, int, int]]) -> None:
    records = [
        transaction(number, currency=currency, amount=amount, fee=fee, net=amount - fee)
        for number, (currency, amount, fee) in enumerate(drawn)
    ]
    expected: Counter[tuple[str, str]] = Counter()
    good = 0
    for currency, amount, fee in drawn:
        in_iso = [exact(currency, value) for value in (amount, fee, amount - fee)]
        ends_in_0 = currency != THREE or amount % 10 == 0
        if ends_in_0 and all(value is not None and abs(value) <= MAX_MINOR for value in in_iso):
            good += 1
            for name, value in zip(("amount_minor", "fee_minor", "net_minor"), in_iso, strict=True):
                expected[currency.upper(), name] += value or 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page-00001.json"
        file.write_bytes(page_of(records))
        chunks = list(chunks_of([file], MetadataKeys()))
    rows = [found for chunk in chunks for found in chunk.rows.to_pylist()]
    totals: Counter[tuple[str, str]] = Counter()
    for found in rows:
        for name in ("amount_minor", "fee_minor", "net_minor"):
            totals[found["currency"], name] += found[name]
    assert totals == expected
    assert (len(rows), sum(len(chunk.rejected) for chunk in chunks)) == (good, len(drawn) - good)


def exact(currency: str, value: int) -> int | None:
    """Written again, one amount at a time: ISK has two places at Stripe and none in ISO 4217, MGA the reverse."""
    if abs(value) > MAX_MINOR or currency == FOUR:
        return None
    if currency == "isk":
        return value // 100 if value % 100 == 0 else None
    return value * 100 if currency == "mga" else value


def test_every_currency_that_stripe_settles_in_is_known() -> None:
    unknown = [code for code in exponents() if read(transaction(currency=code.lower(), amount=0, fee=0))[1]]
    assert unknown == ["CLF", "IQD", "LYD", "UYI", "UYW"]


# Stripe's own documents


@pytest.mark.skipif(not SHAPES.exists(), reason="the sample documents are not beside this repository")
def test_the_object_of_stripes_specification_is_read() -> None:
    record = json.loads(SHAPES.read_bytes())["balance_transaction"]
    rows, rejected = read(record)
    assert rejected == []
    assert (rows[0]["transaction_id"], rows[0]["amount_minor"], rows[0]["currency"]) == (record["source"], 100, "USD")


@pytest.mark.skipif(not SHAPES.exists(), reason="the sample documents are not beside this repository")
@pytest.mark.parametrize("resource", ["charge", "refund", "payout", "dispute", "transfer", "topup", "application_fee"])
def test_every_kind_of_source_is_read_when_it_is_expanded(resource: str) -> None:
    samples = json.loads(SHAPES.read_bytes())
    record = samples["balance_transaction"] | {"source": samples[resource]}
    rows, rejected = read(record, keys=MetadataKeys(order_id="order_id"))
    assert rejected == [] and rows[0]["transaction_id"] == samples[resource]["id"]


@pytest.mark.skipif(not CASES.exists(), reason="the sample documents are not beside this repository")
def test_every_type_and_every_category_of_stripes_lists_is_classified() -> None:
    from recon_assets.processors.stripe.movements import MOVEMENT_OF_CATEGORY, MOVEMENT_OF_TYPE

    categories = (CASES / "reporting_categories.txt").read_text().split()
    types = [line.split(",")[0] for line in (CASES / "balance_transaction_types.csv").read_text().split()[1:]]
    assert (len(categories), len(types)) == (26, 50)
    assert set(MOVEMENT_OF_CATEGORY) == set(categories) and set(MOVEMENT_OF_TYPE) == set(types)
    assert Movement.UNCLASSIFIED not in MOVEMENT_OF_CATEGORY.values()
    assert [name for name, movement in MOVEMENT_OF_TYPE.items() if movement is Movement.UNCLASSIFIED] == ["adjustment"]
