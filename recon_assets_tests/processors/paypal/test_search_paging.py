"""Which requests are made for a day of Transaction Search, and what makes the day incomplete. A real server."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from werkzeug import Response

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import FeedNotUnderstood, FeedRefused, FeedUnavailable, LimitExceeded
from recon_assets.feeds.http import REFUSAL_MAX_BYTES
from recon_assets_tests.processors.paypal.api import DAY, NOON, NOT_AVAILABLE, TOO_LARGE, PayPal, answered, record

SECOND = timedelta(seconds=1)


def several(count: int, *, step: timedelta = timedelta(minutes=3)) -> list[dict[str, Any]]:
    """From the first instant of the day on."""
    return [record(f"ID{number:05}", at=DAY.starts_at + number * step, value="1.00") for number in range(count)]


def test_a_day_is_asked_for_from_its_first_instant_to_its_last_page_by_page(paypal: PayPal) -> None:
    paypal.records = several(5)
    reading = paypal.read(page_size=2)
    assert reading.column("transaction_id") == [f"ID{number:05}" for number in range(5)]
    assert [query["page"] for query in paypal.queries] == ["1", "2", "3"]
    assert paypal.queries[0] == {
        "start_date": "2025-09-30T00:00:00Z",
        "end_date": "2025-10-01T00:00:00Z",
        "fields": "transaction_info,store_info",
        "balance_affecting_records_only": "Y",
        "page_size": "2",
        "page": "1",
    }
    assert (reading.raw.promised_records, reading.raw.problems, reading.raw.says_empty) == (5, (), False)
    assert reading.column("record_number") == [1, 2, 1, 2, 1]


def test_an_empty_day_is_said_to_be_empty(paypal: PayPal) -> None:
    reading = paypal.read()
    assert reading.raw.says_empty and reading.raw.promised_records == 0 and reading.raw.problems == ()


def test_names_and_addresses_of_payers_are_asked_for_only_where_the_configuration_says_so(paypal: PayPal) -> None:
    paypal.read(fields="all")
    assert paypal.queries[0]["fields"] == "all"


def test_a_record_at_the_end_of_the_day_belongs_to_the_next_day(paypal: PayPal) -> None:
    paypal.records = [
        record("first", at=DAY.starts_at),
        record("last", at=DAY.ends_at - SECOND),
        record("next", at=DAY.ends_at),
    ]
    today = paypal.read()
    paypal.refreshed_at = "2025-10-03T00:00:00Z"
    tomorrow = paypal.read(business_day("paypal", date(2025, 10, 1)))
    assert today.column("transaction_id") == ["first", "last"] and today.raw.promised_records == 2
    assert tomorrow.column("transaction_id") == ["next"] and tomorrow.raw.promised_records == 1
    assert today.raw.problems == tomorrow.raw.problems == ()


def test_too_large_a_window_is_halved_until_it_fits_and_no_record_comes_twice(paypal: PayPal) -> None:
    paypal.records = several(480)  # one falls on every border of a halved day
    paypal.most_items = 100
    reading = paypal.read(page_size=30)
    assert reading.column("transaction_id") == [f"ID{number:05}" for number in range(480)]
    assert len(set(reading.column("record_id"))) == reading.raw.promised_records == 480
    assert reading.raw.problems == () and len(paypal.windows) > 8


def test_halving_ends_at_a_second_and_then_the_day_is_incomplete(paypal: PayPal) -> None:
    paypal.records = [
        *(record(f"A{number}", at=NOON) for number in range(4)),
        record("B", at=NOON + timedelta(hours=1)),
    ]
    paypal.most_items = 3
    reading = paypal.read()
    assert reading.column("transaction_id") == ["B"]
    assert set(reading.raw.problems) == {"more than 10000 movements in one second: PayPal gives none of them"}
    assert ("2025-09-30T12:00:00Z", "2025-09-30T12:00:01Z") in paypal.windows


def test_twins_in_a_halved_window_are_both_kept(paypal: PayPal) -> None:
    paypal.records = [*several(10), record("twin", at=NOON), record("twin", at=NOON)]
    paypal.most_items = 6
    reading = paypal.read()
    assert reading.column("transaction_id").count("twin") == 2
    assert len(set(reading.column("record_id"))) == len(reading.rows) == 12


@pytest.mark.parametrize("most_items", [10_000, 40])
def test_the_order_of_pages_does_not_matter(paypal: PayPal, most_items: int) -> None:
    paypal.most_items = most_items
    paypal.records = several(100)
    forwards = paypal.read(page_size=7)
    paypal.records.reverse()
    backwards = paypal.read(page_size=7)

    def without_place(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in {"raw_file", "record_number"}} for row in rows
        ]

    assert without_place(forwards.rows) == without_place(backwards.rows)


def test_the_same_day_read_again_gives_the_same_rows(paypal: PayPal) -> None:
    paypal.records, paypal.most_items = several(90), 20
    assert paypal.read().rows == paypal.read().rows


def test_a_selection_by_the_last_update_gives_each_record_once_too(paypal: PayPal) -> None:
    late = record("late", at=NOON - timedelta(days=9), transaction_updated_date="2025-09-30T12:00:00+0000")
    paypal.change = lambda query, page: {**page, "transaction_details": [late], "total_items": 1, "total_pages": 1}
    assert paypal.read().column("transaction_id") == ["late"]
    until_then = business_day("paypal", date(2025, 9, 29), day_starts_at=time(12))
    assert paypal.read(until_then).rows == []


def test_a_record_that_was_not_asked_for_is_kept_and_the_day_is_incomplete(paypal: PayPal) -> None:
    stranger = record("stranger", at=NOON - timedelta(days=9))
    paypal.change = lambda query, page: {**page, "transaction_details": [stranger], "total_items": 1, "total_pages": 1}
    reading = paypal.read()
    assert reading.column("transaction_id") == ["stranger"] and reading.raw.promised_records == 1
    assert reading.raw.problems == (
        "20250930T000000Z_20251001T000000Z_page-00001.json: 1 record(s) of a time that was not asked for",
    )


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Los_Angeles", date(2025, 3, 9), 23),
        ("America/Los_Angeles", date(2025, 11, 2), 25),
        ("Europe/Madrid", date(2025, 3, 30), 23),
        ("Asia/Kolkata", date(2025, 3, 30), 24),
    ],
)
def test_a_day_of_23_or_25_hours_is_asked_for_as_it_is(paypal: PayPal, zone: str, day: date, hours: int) -> None:
    window = business_day("paypal", day, time_zone=zone)
    every_hour = [window.starts_at + timedelta(hours=number) for number in range(-2, 28)]
    paypal.records = [record(f"{at:%d%H}", at=at) for at in every_hour]
    paypal.refreshed_at = None
    reading = paypal.read(window)
    assert len(reading.rows) == hours and reading.raw.problems == ()
    (asked,) = paypal.windows
    assert datetime.fromisoformat(asked[1]) - datetime.fromisoformat(asked[0]) == timedelta(hours=hours)


def test_data_that_does_not_reach_the_end_of_the_day_makes_it_incomplete_and_says_until_when(paypal: PayPal) -> None:
    paypal.records, paypal.refreshed_at = several(3), "2025-09-30T21:59:59+0000"
    reading = paypal.read(page_size=1)
    assert reading.raw.problems == (
        "PayPal's data goes only to 2025-09-30 21:59:59 UTC; the whole day is there by 2025-10-01 03:00 UTC",
    )
    assert len(reading.rows) == 3


def test_without_a_word_on_how_far_the_data_goes_the_clock_decides(paypal: PayPal) -> None:
    paypal.refreshed_at = None
    assert paypal.read().raw.says_empty
    (problem,) = paypal.read(business_day("paypal", datetime.now(UTC).date())).raw.problems
    assert problem.startswith("PayPal's data goes only to ")


@pytest.mark.parametrize("status", [400, 404])
def test_a_day_that_is_not_available_yet_is_incomplete_and_says_when_it_is(paypal: PayPal, status: int) -> None:
    paypal.change = lambda query, page: answered(NOT_AVAILABLE, status=status)
    tomorrow = business_day("paypal", datetime.now(UTC).date() + timedelta(days=1))
    reading = paypal.read(tomorrow)
    by = f"{tomorrow.ends_at + timedelta(hours=3):%Y-%m-%d %H:%M} UTC"
    assert reading.raw.problems == (f"PayPal has no data for this day yet; it is there by {by}",)
    assert reading.rows == [] and reading.raw.promised_records is None and not reading.raw.says_empty
    assert len(paypal.queries) == 1


def test_a_past_day_that_is_not_available_says_that_it_should_have_been(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered(NOT_AVAILABLE, status=400)
    (problem,) = paypal.read().raw.problems
    assert "should have been there by 2025-10-01 03:00 UTC; it keeps three years" in problem


def test_the_second_half_of_a_day_may_not_be_available_yet(paypal: PayPal) -> None:
    paypal.records, paypal.most_items = several(6, step=timedelta(hours=4)), 4
    paypal.change = lambda query, page: answered(NOT_AVAILABLE, status=400) if "T12" in query["start_date"] else page
    reading = paypal.read()
    assert reading.column("transaction_id") == ["ID00000", "ID00001", "ID00002"]
    assert reading.raw.promised_records == 3 and len(reading.raw.problems) == 1


def pages_changed(**changes: Any) -> Any:
    """From the second page on."""
    return lambda query, page: {**page, **changes} if query["page"] != "1" else page


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            pages_changed(total_items=7),
            "page-00002.json: PayPal first promised 6 record(s) on 3 page(s) and now 7 on 3",
        ),
        (
            pages_changed(total_pages=9),
            "page-00002.json: PayPal first promised 6 record(s) on 3 page(s) and now 6 on 9",
        ),
        (pages_changed(page=7), "page-00002.json: PayPal served page 7 for page 2"),
        (
            lambda query, page: {**page, "transaction_details": several(2)},
            "page-00002.json: PayPal served an earlier page again",
        ),
        (pages_changed(transaction_details=[]), "PayPal promised 6 record(s) and served 2"),
        (lambda query, page: {**page, "total_pages": 1}, "PayPal promised 6 record(s) and served 2"),
        (lambda query, page: {**page, "total_items": 9}, "PayPal promised 9 record(s) and served 6"),
    ],
)
def test_pages_that_do_not_add_up_make_the_day_incomplete(paypal: PayPal, change: Any, problem: str) -> None:
    paypal.records, paypal.change = several(6), change
    raw = paypal.read(page_size=2).raw
    assert len(raw.problems) == 1 and raw.problems[0].endswith(problem) and not raw.says_empty


def test_a_total_that_never_ends_is_left_at_the_first_empty_page(paypal: PayPal) -> None:
    paypal.change = lambda query, page: {**page, "total_items": 10**12, "total_pages": 10**12}
    assert paypal.read().raw.problems == (f"PayPal promised {10**12} record(s) and served 0",)


def test_more_pages_than_the_limit_are_refused(paypal: PayPal) -> None:
    paypal.records, paypal.limits = several(4), {"max_records": 3, "spare_pages": 0}
    with pytest.raises(LimitExceeded, match=r"more than 3 pages \(max_pages\)"):
        paypal.read(page_size=1)


def test_more_records_than_the_limit_are_refused(paypal: PayPal) -> None:
    paypal.records, paypal.limits = several(4), {"max_records": 3}
    with pytest.raises(LimitExceeded, match=r"more than 3 records \(max_records\)"):
        paypal.read(page_size=2)


def test_more_bytes_than_the_limit_are_refused(paypal: PayPal) -> None:
    paypal.records, paypal.limits = several(4), {"total_max_bytes": 500}
    with pytest.raises(LimitExceeded, match=r"500 bytes \(total_max_bytes\)"):
        paypal.read(page_size=1)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "null",
        '{"total_items": "3", "total_pages": 1}',
        '{"total_items": -1, "total_pages": 1}',
        '{"total_items": 1, "total_pages": 1, "transaction_details": {}}',
        '{"total_items": 1, "total_pages": 1, "transaction_details": [',
        '{"total_items": 0, "total_pages": 0, "last_refreshed_datetime": "yesterday"}',
        '{"total_items": 0, "total_pages": 0, "last_refreshed_datetime": "2025-09-30T12:00:00"}',
        "<html>sign in</html>",
    ],
)
def test_what_is_no_page_is_not_understood(paypal: PayPal, body: str) -> None:
    paypal.change = lambda query, page: Response(body, content_type="application/json")
    with pytest.raises(FeedNotUnderstood):
        paypal.read()


def test_a_page_may_begin_with_a_byte_order_mark(paypal: PayPal) -> None:
    paypal.change = lambda query, page: Response(
        '\ufeff{"total_items": 0, "total_pages": 0}', mimetype="application/json"
    )
    assert paypal.read().raw.says_empty


def test_another_refusal_is_a_refusal(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered({"name": "INVALID_REQUEST", "message": "canary"}, status=400)
    with pytest.raises(FeedRefused, match="status 400") as refused:
        paypal.read()
    assert "canary" not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize("body", ['{"name": null}', '["RESULTSET_TOO_LARGE"]', "\xff", "x" * 20_000])
def test_a_refusal_without_a_readable_code_is_a_refusal(paypal: PayPal, body: str) -> None:
    paypal.change = lambda query, page: Response(body.encode("latin-1"), status=400, mimetype="application/json")
    with pytest.raises(FeedRefused, match="status 400"):
        paypal.read()


def test_a_code_is_not_looked_for_in_a_refusal_that_has_no_end(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered({**TOO_LARGE, "more": "x" * REFUSAL_MAX_BYTES}, status=400)
    with pytest.raises(FeedRefused, match="status 400"):
        paypal.read()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(paypal: PayPal, status: int) -> None:
    left = [status, status]
    paypal.change = lambda query, page: answered({}, status=left.pop()) if left else page
    assert paypal.read().raw.says_empty


def test_a_lasting_failure_is_unavailable(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered({}, status=503)
    with pytest.raises(FeedUnavailable):
        paypal.read()


def test_probing_asks_for_one_record_of_the_past_and_stores_nothing(paypal: PayPal) -> None:
    paypal.adapter().probe()
    (query,) = paypal.queries
    assert query["page_size"] == "1"
    assert datetime.fromisoformat(query["end_date"]) < datetime.now(UTC) - timedelta(days=1)


def test_a_probe_takes_not_available_for_an_answer(paypal: PayPal) -> None:
    paypal.change = lambda query, page: answered(NOT_AVAILABLE, status=400)
    paypal.adapter().probe()
    paypal.change = lambda query, page: answered({}, status=404)
    with pytest.raises(FeedRefused):
        paypal.adapter().probe()


def test_windows_of_neighbouring_days_neither_overlap_nor_leave_a_gap(paypal: PayPal) -> None:
    at = [NOON + timedelta(hours=6 * number) for number in range(-6, 7)]
    paypal.records = [record(f"H{number}", at=moment) for number, moment in enumerate(at)]
    paypal.refreshed_at = None
    days = [business_day("paypal", date(2025, 9, 28) + timedelta(days=n), day_starts_at=time(6)) for n in range(5)]
    got = [identity for day in days for identity in paypal.read(day).column("transaction_id")]
    assert got == [f"H{number}" for number in range(13)]
