"""Payouts and entries are fetched whole, held against each other, and are rows where nothing else is that money."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from recon_assets.domain.errors import FeedNotUnderstood, FeedRefused
from recon_assets.domain.records import Movement, RejectedRow
from recon_assets.processors.square.columns import UNKNOWN_CURRENCY
from recon_assets.processors.square.entry_types import MOVEMENT_OF_TYPE, OF_A_PAYOUT, OF_A_SALE, SAID_ELSEWHERE
from recon_assets.processors.square.records import NEXT_DAY
from recon_assets.processors.square.settlement import ANOTHER_PAYOUT, ENTRY_CURRENCY, NET_DIFFERS
from recon_assets_tests.processors.square.building import (
    MAIN,
    NOON,
    OTHER,
    at,
    coded,
    entry,
    feed_of,
    frame_of_day,
    json_response,
    page_of,
    payment,
    payout,
    serve,
)
from recon_assets_tests.sandbox.reading import SAMPLE_DAY, Reading, reading_of

CASES = Path(__file__).resolve().parents[4] / "shared/cases/square"
EVENING = NOON + timedelta(hours=8, seconds=1)
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the sample documents are not beside this repository")


def fetched(httpserver: HTTPServer, payouts: list[Any], entries: dict[str, list[Any]], **configuration: Any) -> Reading:
    return reading_of(feed_of(serve(httpserver, [], [], payouts, entries), **configuration))


def row_of(httpserver: HTTPServer, one: dict[str, Any]) -> dict[str, Any]:
    """Of an entry that is alone in its payout."""
    net = one["net_amount_money"]["amount"]
    reading = fetched(httpserver, [payout(1, net)], {"po_0001": [one]})
    assert (reading.raw.problems, reading.rejected) == ((), [])
    (row,) = [row for row in reading.rows if row["movement"] != "payout"]
    return row


# Payouts


def test_a_payout_takes_its_amount_out_of_the_balance(httpserver: HTTPServer) -> None:
    (row,) = fetched(httpserver, [payout()], {"po_0001": [entry()]}).rows
    assert (row["transaction_id"], row["record_id"], row["payout_id"]) == ("po_0001",) * 3
    assert (row["amount_minor"], row["fee_minor"], row["net_minor"], row["currency"]) == (-941, 0, -941, "USD")
    assert (row["movement"], row["transaction_type"], row["status"]) == ("payout", "payout_batch", "completed")
    assert (row["reference_number"], row["merchant_id"], row["occurred_at"]) == ("L210001", MAIN, EVENING)


def test_a_withdrawal_from_the_bank_brings_its_amount_in(httpserver: HTTPServer) -> None:
    (row,) = fetched(httpserver, [payout(1, -103)], {"po_0001": [entry(1, "REFUND", -103, 0)]}).rows
    assert row["amount_minor"] == 103


@pytest.mark.parametrize(("status", "ours"), [("SENT", "completed"), ("PAID", "completed"), ("FAILED", "failed")])
def test_what_was_sent_has_left_the_balance_unless_it_failed(httpserver: HTTPServer, status: str, ours: str) -> None:
    assert fetched(httpserver, [payout(status=status)], {"po_0001": [entry()]}).column("status") == [ours]


def test_payouts_of_every_location_are_asked_for_with_their_entries_page_by_page(httpserver: HTTPServer) -> None:
    entries = {"po_0001": [entry(n) for n in range(5)], "po_0002": [entry(9, payout_id="po_0002")]}
    reading = fetched(httpserver, [payout(1, 5 * 941), payout(2, location_id=OTHER)], entries, page_size=2)
    assert reading.raw.problems == () and len(reading.rows) == 2
    assert [file.name for file in reading.raw.files if file.name.startswith("payout")] == [
        "payouts-001-00001.json", "payout_entries-001-0001-00001.json", "payout_entries-001-0001-00002.json",
        "payout_entries-001-0001-00003.json", "payouts-002-00001.json", "payout_entries-002-0001-00001.json",
    ]  # fmt: skip
    asked = [dict(request.args) for request, _ in httpserver.log if request.path == "/v2/payouts"]
    assert [query["location_id"] for query in asked] == [MAIN, OTHER]


def test_a_simple_payout_is_a_row_and_has_no_entries_to_ask_for(httpserver: HTTPServer) -> None:
    reading = fetched(httpserver, [payout(type="SIMPLE")], {})
    assert (reading.raw.problems, reading.column("transaction_type")) == ((), ["payout_simple"])


def test_a_payout_of_the_next_day_is_left_out_with_its_entries(httpserver: HTTPServer, tmp_path: Path) -> None:
    adapter = feed_of(serve(httpserver, [], [], [payout(created_at=at(SAMPLE_DAY.ends_at))]))
    assert left_out(adapter, tmp_path) == (0, {NEXT_DAY: 1})


def test_without_payouts_neither_they_nor_entries_are_asked_for(httpserver: HTTPServer) -> None:
    adapter = feed_of(serve(httpserver, [payment()], [], [payout()]), payouts=False)
    assert adapter.source.endswith("(payments and refunds of all locations)")
    assert reading_of(adapter).column("movement") == ["payment"]
    assert not [request for request, _ in httpserver.log if "payouts" in request.path]


def test_a_payout_alone_is_no_empty_day(httpserver: HTTPServer) -> None:
    assert not fetched(httpserver, [payout(type="SIMPLE")], {}).raw.says_empty


def test_a_token_that_may_not_read_payouts_is_told_what_to_do(httpserver: HTTPServer) -> None:
    adapter = feed_of(serve(httpserver, [payment()]), locations=[MAIN])
    httpserver.clear_all_handlers()
    httpserver.expect_request("/v2/payments").respond_with_response(json_response(b"{}"))
    httpserver.expect_request("/v2/refunds").respond_with_response(json_response(b"{}"))
    body = json.dumps({"errors": [{"category": "AUTHENTICATION_ERROR", "code": "INSUFFICIENT_SCOPES"}]})
    httpserver.expect_request("/v2/payouts").respond_with_response(json_response(body, 403))
    with pytest.raises(FeedRefused, match="INSUFFICIENT_SCOPES") as caught:
        reading_of(adapter)
    assert "PAYOUTS_READ unless the feed says `payouts: false`" in caught.value.remedy


# The control total


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([entry(1), entry(2)], "the 2 entries do not add up to the payout"),
        ([entry(1, "CHARGE", 1_000, 60)], "the 1 entries do not add up to the payout"),
        ([], "the payout has no entries"),
        ([entry(payout_id="po_0009")], "the feed served an entry of another payout"),
        (
            [entry(net_amount_money=coded(941, "EUR"))],
            "an entry can't be read or is in another currency, so the entries can't be held against the payout",
        ),
        (
            [entry(1), entry(2, net_amount_money=None)],
            "an entry can't be read or is in another currency, so the entries can't be held against the payout",
        ),
    ],
)
def test_a_payout_that_is_not_the_sum_of_its_entries_makes_the_day_incomplete(
    httpserver: HTTPServer, entries: list[Any], problem: str
) -> None:
    reading = fetched(httpserver, [payout()], {"po_0001": entries})
    assert reading.raw.problems == (f"payouts-001-00001.json, record 1: {problem}",)


def test_a_payout_that_can_not_be_read_is_a_rejected_row_and_its_entries_are_not_asked_for(
    httpserver: HTTPServer,
) -> None:
    reading = fetched(httpserver, [payout(1, status="LOST"), payout(2, type="SIMPLE")], {})
    reason = "a status that Square does not document"
    assert reading.rejected == [RejectedRow("payouts-001-00001.json", 1, "status", reason)]
    assert reading.column("record_id") == ["po_0002"]


@pytest.mark.parametrize("id_", ["../locations", "a/b", "", "x" * 101, "po_1?limit=1"])
def test_an_id_that_is_none_is_never_part_of_an_address(httpserver: HTTPServer, id_: str) -> None:
    reading = fetched(httpserver, [payout(id=id_)], {})
    problem = "payouts-001-00001.json, record 1: the entries of this payout can't be asked for"
    assert reading.raw.problems == (problem,)
    assert {request.path for request, _ in httpserver.log} == {
        "/v2/locations", "/v2/payments", "/v2/refunds", "/v2/payouts"}  # fmt: skip


def test_entries_that_come_again_are_noted(httpserver: HTTPServer) -> None:
    adapter = feed_of(serve(httpserver, [], [], [payout()]))
    httpserver.expect_request("/v2/payouts/po_0001/payout-entries").respond_with_response(
        json_response(page_of("payout_entries", [entry()], "again"))
    )
    assert reading_of(adapter).raw.problems == (
        "payout_entries-001-0001-00002.json: the feed served records of the page before again",
        "payouts-001-00001.json, record 1: the 2 entries do not add up to the payout",
    )


# Entries


def test_an_entry_of_its_own_is_a_row_of_the_day_of_its_payout(httpserver: HTTPServer) -> None:
    about = {"type_dispute_details": {"payment_id": "pay_0001", "dispute_id": "dp_1"}}
    row = row_of(httpserver, entry(1, "DISPUTE", -3_000, 1_500, **about))
    assert (row["transaction_id"], row["record_id"], row["payout_id"]) == ("poe_0001", "poe_0001", "po_0001")
    assert (row["amount_minor"], row["fee_minor"], row["net_minor"]) == (-3_000, 1_500, -4_500)
    assert (row["movement"], row["transaction_type"], row["status"]) == ("dispute", "dispute", "completed")
    assert (row["reference_number"], row["merchant_id"], row["occurred_at"]) == ("dp_1", MAIN, EVENING)


@pytest.mark.parametrize(("gross", "fee"), [(-25, 0), (0, 25), (-20, 5)])
def test_a_fee_of_squares_own_is_an_amount_wherever_it_stands(httpserver: HTTPServer, gross: int, fee: int) -> None:
    row = row_of(httpserver, entry(1, "DEPOSIT_FEE", gross, fee, type_deposit_fee_details={"payout_id": "po_0007"}))
    assert (row["amount_minor"], row["fee_minor"], row["net_minor"]) == (-25, 0, -25)
    assert (row["movement"], row["reference_number"], row["payout_id"]) == ("fee", "po_0007", "po_0001")


def test_an_entry_that_does_not_say_its_fee_has_none_that_is_known(httpserver: HTTPServer) -> None:
    row = row_of(httpserver, entry(1, "ADJUSTMENT", 500, 0, fee_amount_money=None))
    assert (row["amount_minor"], row["fee_minor"], row["net_minor"]) == (500, None, 500)


def test_a_type_that_square_adds_is_unclassified(httpserver: HTTPServer) -> None:
    row = row_of(httpserver, entry(1, "OF_NEXT_YEAR", 500, 0))
    assert (row["movement"], row["transaction_type"]) == ("unclassified", "of_next_year")


def left_out(adapter: Any, folder: Path) -> tuple[int, dict[str, int]]:
    """Rows and what was left out, of a frame that is written."""
    _, frame = frame_of_day(adapter, folder)
    assert frame.rejected_rows == 0
    return frame.rows, frame.left_out


def test_money_that_another_record_is_is_counted_and_no_row(httpserver: HTTPServer, tmp_path: Path) -> None:
    entries = [entry(number, type_) for number, type_ in enumerate(SAID_ELSEWHERE)]
    adapter = feed_of(serve(httpserver, [], [], [payout(1, 941 * len(entries))], {"po_0001": entries}))
    assert left_out(adapter, tmp_path) == (1, dict(Counter(SAID_ELSEWHERE.values())))
    assert {OF_A_SALE, OF_A_PAYOUT} == set(SAID_ELSEWHERE.values())


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        (entry(2, "FEE_X", net_amount_money=coded(940)), "net_amount_money", NET_DIFFERS),
        (entry(2, "FEE_X", fee_amount_money=coded(59, "EUR")), "currency", ENTRY_CURRENCY),
        (entry(2, "FEE_X", gross_amount_money=coded(1_000, "EUR")), "currency", ENTRY_CURRENCY),
        (entry(2, "FEE_X", net_amount_money=coded(941, "XXQ")), "currency", UNKNOWN_CURRENCY),
        (entry(2, "FEE_X", payout_id="po_0009"), "payout_id", ANOTHER_PAYOUT),
    ],
)
def test_an_entry_that_is_none_is_refused_by_field_and_rule_and_the_others_are_kept(
    httpserver: HTTPServer, bad: Any, column: str, reason: str
) -> None:
    reading = fetched(httpserver, [payout()], {"po_0001": [entry(1, "ADJUSTMENT"), bad]})
    assert reading.rejected == [RejectedRow("payout_entries-001-0001-00001.json", 2, column, reason)]
    assert sorted(reading.column("record_id")) == ["po_0001", "poe_0001"]


def test_what_goes_through_the_balance_and_out_of_it_is_nothing(httpserver: HTTPServer) -> None:
    """A payment, a fee of Square's own and the payout of both: only money that is nowhere else is a row."""
    entries = [entry(1, type_charge_details={"payment_id": "pay_0001"}), entry(2, "SUBSCRIPTION_FEE", -100, 0)]
    reading = reading_of(feed_of(serve(httpserver, [payment()], [], [payout(1, 841)], {"po_0001": entries})))
    assert Counter(reading.column("movement")) == {"payment": 1, "fee": 1, "payout": 1}
    assert sum(reading.column("net_minor")) == 0


def test_the_merchant_is_the_name_of_the_location_where_that_is_wanted(httpserver: HTTPServer) -> None:
    payments = [payment(1), payment(2, location_id="LGONE"), payment(3, location_id=None)]
    base_url = serve(httpserver, [], [], [payout(1, -100)], {"po_0001": [entry(1, "SUBSCRIPTION_FEE", -100, 0)]})
    body = json_response(page_of("payments", payments))
    httpserver.expect_oneshot_request("/v2/payments").respond_with_response(body)
    reading = reading_of(feed_of(base_url, locations=[MAIN], merchant_id="location_name"))
    assert reading.column("merchant_id") == [f"Shop {MAIN}", None, None, f"Shop {MAIN}", f"Shop {MAIN}"]


def test_names_that_were_not_fetched_are_told_to_be_fetched_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    base_url = serve(httpserver, [payment()])
    raw, _ = frame_of_day(feed_of(base_url, locations=[MAIN]), tmp_path)
    by_name = feed_of(base_url, locations=[MAIN], merchant_id="location_name")
    with pytest.raises(FeedNotUnderstood, match="fetched without the locations"):
        by_name.read(raw, tmp_path / "raw", SAMPLE_DAY)


# Square's own documents


def sample(name: str) -> Any:
    return json.loads((CASES / "api_json_examples.json").read_bytes())[name]


@needs_cases
def test_the_examples_of_payouts_are_read_whatever_they_call_the_currency(httpserver: HTTPServer) -> None:
    listed = sample("ListPayoutsResponse")["payouts"]
    assert sample("GetPayoutResponse")["payout"].items() <= listed[1].items(), "the one example is the other's record"
    base_url = serve(httpserver)
    for one in listed:
        body = page_of("payouts", [one | {"type": "SIMPLE", "created_at": at(EVENING)}])
        httpserver.expect_oneshot_request("/v2/payouts").respond_with_response(json_response(body))
    rows = reading_of(feed_of(base_url)).rows
    assert [(r["amount_minor"], r["currency"], r["reference_number"]) for r in rows] == [
        (-6_259, "USD", "L2100000005"), (103, "USD", "L2100000006")]  # fmt: skip
    assert [r["payout_id"] for r in rows] == [one["id"] for one in listed]


@needs_cases
def test_the_examples_of_entries_add_up_and_are_the_money_of_a_payment_and_a_refund(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    entries = sample("ListPayoutEntriesResponse")["payout_entries"]
    paid = payout(1, 81 - 48, id=entries[0]["payout_id"])
    adapter = feed_of(serve(httpserver, [], [], [paid], {paid["id"]: entries}))
    assert reading_of(adapter).raw.problems == ()
    assert left_out(adapter, tmp_path) == (1, {OF_A_SALE: 2})


@needs_cases
def test_every_word_of_squares_lists_is_known() -> None:
    enums = json.loads((CASES / "enums.json").read_bytes())
    assert len(enums["ActivityType"]) == 58
    assert not MOVEMENT_OF_TYPE.keys() & SAID_ELSEWHERE.keys()
    assert MOVEMENT_OF_TYPE.keys() | SAID_ELSEWHERE.keys() == set(enums["ActivityType"])
    assert [name for name, found in MOVEMENT_OF_TYPE.items() if found is Movement.UNCLASSIFIED] == ["OTHER"]
    assert set(enums["PayoutStatus"]) == {"SENT", "FAILED", "PAID"}
    assert set(enums["PayoutType"]) == {"BATCH", "SIMPLE"}
