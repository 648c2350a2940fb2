"""One business day is fetched whole, or the day says what is wrong with it. Real servers only."""

import json
import logging
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Response

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import (
    ConfigurationError,
    FeedNotUnderstood,
    FeedRefused,
    FeedUnavailable,
    LimitExceeded,
    ReconError,
)
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.processors.square.api import SQUARE_VERSION
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.processors.square.records import NEXT_DAY
from recon_assets_tests.processors.square.building import (
    MAIN,
    NOON,
    OTHER,
    TOKEN,
    at,
    feed_of,
    frame_of_day,
    json_response,
    page_of,
    payment,
    refund,
    serve,
    serve_bodies,
    serve_locations,
    serve_nothing,
    url_of,
)
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY, reading_of

CANARY = "canary4711"
PACIFIC = "America/Los_Angeles"


def payments(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [payment(number, **changes) for number in range(1, count + 1)]


def queries(httpserver: HTTPServer, name: str = "payments") -> list[dict[str, str]]:
    return [dict(request.args) for request, _ in httpserver.log if request.path == f"/v2/{name}"]


# Lists and pages


def test_payments_of_every_location_and_refunds_of_all_are_one_day(httpserver: HTTPServer) -> None:
    here = payments(3)
    there = [payment(number, location_id=OTHER) for number in (4, 5)]
    base_url = serve(httpserver, here + there, [refund(1), refund(4, location_id=OTHER)])
    reading = reading_of(feed_of(base_url, page_size=2))
    assert reading.column("transaction_id") == [
        *(f"pay_{number:04d}" for number in range(1, 6)), "pay_0001_ref", "pay_0004_ref"]  # fmt: skip
    assert [file.name for file in reading.raw.files] == [
        "locations.json", "payments-001-00001.json", "payments-001-00002.json", "payments-002-00001.json",
        "refunds-001-00001.json", "payouts-001-00001.json", "payouts-002-00001.json"]  # fmt: skip
    assert [query["location_id"] for query in queries(httpserver)] == [MAIN, MAIN, OTHER]
    assert [query.get("cursor") for query in queries(httpserver)] == [None, "c2", None]
    assert "location_id" not in queries(httpserver, "refunds")[0]
    assert (reading.raw.problems, reading.raw.says_empty, reading.rejected) == ((), False, [])


def test_configured_locations_are_the_only_ones_asked_for(httpserver: HTTPServer) -> None:
    base_url = serve(httpserver, [payment(1), payment(2, location_id=OTHER)], [refund(1), refund(2, location_id=OTHER)])
    reading = reading_of(feed_of(base_url, locations=[OTHER]))
    assert reading.column("transaction_id") == ["pay_0002", "pay_0002_ref"]
    assert queries(httpserver, "locations") == []
    assert [query["location_id"] for query in queries(httpserver, "refunds")] == [OTHER]


def test_pages_are_kept_byte_for_byte(httpserver: HTTPServer) -> None:
    body = b' { "payments":[ ] \n} '
    assert body in reading_of(feed_of(serve_bodies(httpserver, body))).bodies


def test_nothing_in_any_list_is_squares_word_that_nothing_happened(httpserver: HTTPServer) -> None:
    reading = reading_of(feed_of(serve(httpserver)))
    assert reading.raw.says_empty and reading.raw.problems == () and reading.rows == []


def test_a_refund_alone_is_no_empty_day(httpserver: HTTPServer) -> None:
    reading = reading_of(feed_of(serve(httpserver, [], [refund()])))
    assert not reading.raw.says_empty and len(reading.rows) == 1


def test_an_empty_page_with_a_cursor_is_followed(httpserver: HTTPServer) -> None:
    bodies = [page_of("payments", [], "a"), page_of("payments", [], "b"), page_of("payments", payments(2))]
    reading = reading_of(feed_of(serve_bodies(httpserver, *bodies)))
    assert len(reading.rows) == 2 and reading.raw.problems == ()


@pytest.mark.parametrize(
    ("bodies", "problem"),
    [
        (
            [page_of("payments", [], "a"), page_of("payments", [])],
            "payments-001-00002.json: the feed said that there is more and served no record",
        ),
        (
            [page_of("payments", payments(2), "a"), page_of("payments", payments(2), "b")],
            "payments-001-00002.json: the feed served records of the page before again",
        ),
        (
            [page_of("payments", payments(2), "a"), page_of("payments", []), page_of("payments", [])],
            None,
        ),
        (
            [page_of("payments", [payment(n)], cursor) for n, cursor in enumerate("aba")],
            "payments-001-00003.json: the feed served an earlier cursor again: it leads in a circle",
        ),
        (
            [page_of("payments", payments(1), "x" * 5_000)],
            "payments-001-00001.json: the cursor is too long, so the next page can't be asked for",
        ),
        (
            [page_of("payments", [payment(1), payment(2, created_at="2025-09-29T23:59:59.999Z")])],
            "payments: the feed served 1 record(s) that were not created within the business day",
        ),
    ],
)
def test_what_does_not_add_up_makes_the_day_incomplete(
    httpserver: HTTPServer, bodies: list[bytes], problem: str | None
) -> None:
    reading = reading_of(feed_of(serve_bodies(httpserver, *bodies)))
    assert reading.raw.problems == ((problem,) if problem else ()) and not reading.raw.says_empty


def test_an_account_without_locations_is_no_empty_day(httpserver: HTTPServer) -> None:
    base_url = serve(httpserver)
    httpserver.clear()
    serve_nothing(httpserver, "refunds")
    serve_locations(httpserver)
    reading = reading_of(feed_of(base_url))
    assert reading.raw.problems == ("the account has no location, so no payments could be asked for",)
    assert not reading.raw.says_empty


def test_a_day_that_is_not_over_is_incomplete_and_says_until_when(httpserver: HTTPServer) -> None:
    day = business_day("square", datetime.now(UTC).date() + timedelta(days=1))
    (problem,) = reading_of(feed_of(serve(httpserver)), day).raw.problems
    assert problem.endswith(f"Square has all of it at {day.ends_at:%Y-%m-%d} 00:01:00 UTC")


def test_a_cursor_that_never_ends_meets_the_limit_of_pages(httpserver: HTTPServer) -> None:
    numbers = iter(range(10_000))

    def endless(_: object) -> Response:
        number = next(numbers)
        return json_response(page_of("payments", [payment(number)], f"c{number}"))

    httpserver.expect_request("/v2/payments").respond_with_handler(endless)
    adapter = feed_of(
        url_of(httpserver), locations=[MAIN], limits=HttpLimits(attempts=1, max_records=400, spare_pages=1)
    )
    with pytest.raises(LimitExceeded, match=r"more than 5 pages \(max_pages\)"):
        reading_of(adapter)


def test_all_lists_together_meet_the_limit_of_records(httpserver: HTTPServer) -> None:
    limits = HttpLimits(attempts=1, max_records=8)
    with pytest.raises(LimitExceeded, match=r"more than 8 records \(max_records\)"):
        reading_of(feed_of(serve(httpserver, payments(9)), page_size=1, limits=limits))


def test_pages_together_meet_the_limit_of_bytes(httpserver: HTTPServer) -> None:
    limits = HttpLimits(attempts=1, total_max_bytes=500)
    with pytest.raises(LimitExceeded, match=r"more than 500 bytes \(total_max_bytes\)"):
        reading_of(feed_of(serve(httpserver, payments(9)), page_size=1, limits=limits))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!doctype html>", "HTML, not JSON"),
        (b"[]", "not a list of payments in Square's shape"),
        (b'{"payments":{}}', "not a list of payments in Square's shape"),
        (b'{"payments":[{"id"', "not a list of payments in Square's shape"),
        (b'{"message":"ok"}', "no list of payments"),
        (b'{"errors":[{"code":"GONE"}]}', "no list of payments"),
    ],
)
def test_an_answer_that_is_no_list_is_not_understood(httpserver: HTTPServer, body: bytes, what: str) -> None:
    with pytest.raises(FeedNotUnderstood, match=what):
        reading_of(feed_of(serve_bodies(httpserver, body)))


def test_a_location_without_an_id_is_not_understood(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/locations").respond_with_response(json_response(b'{"locations":[{"name":"x"}]}'))
    with pytest.raises(FeedNotUnderstood, match="a location has no id"):
        reading_of(feed_of(url_of(httpserver)))


# The business day


@pytest.mark.parametrize(
    ("business_date", "hours"), [(date(2025, 3, 8), 23), (date(2025, 11, 1), 25), (date(2025, 9, 30), 24)]
)
def test_a_day_that_begins_at_five_is_asked_for_as_long_as_it_is(
    httpserver: HTTPServer, business_date: date, hours: int
) -> None:
    day = business_day("square", business_date, time_zone=PACIFIC, day_starts_at=time(17))
    reading_of(feed_of(serve(httpserver)), day)
    for name in ("payments", "refunds", "payouts"):
        query = queries(httpserver, name)[0]
        start, end = (datetime.fromisoformat(query[side]) for side in ("begin_time", "end_time"))
        assert (start, end - start) == (day.starts_at, timedelta(hours=hours))


@pytest.mark.parametrize("end_is_in", [True, False])
def test_adjacent_days_have_every_instant_once(httpserver: HTTPServer, end_is_in: bool) -> None:
    """Around both ends of the day in which Los Angeles puts its clocks back, whatever Square does with the end."""
    days = [
        business_day("square", date(2025, 10, 31 + n) if n == 0 else date(2025, 11, n),
                     time_zone=PACIFIC, day_starts_at=time(17)) for n in range(3)
    ]  # fmt: skip
    edges = [day.starts_at for day in days] + [days[-1].ends_at]
    instants = sorted(edge + timedelta(milliseconds=offset) for edge in edges for offset in (-1, 0, 1))
    records = [payment(number, created_at=at(instant)) for number, instant in enumerate(instants)]
    adapter = feed_of(serve(httpserver, records, end_is_in=end_is_in), page_size=2)
    readings = [reading_of(adapter, day) for day in days]
    assert [found for reading in readings for found in reading.column("record_id")] == [
        record["id"]
        for record, instant in zip(records, instants, strict=True)
        if days[0].starts_at <= instant < days[-1].ends_at
    ]
    assert all(reading.raw.problems == () for reading in readings)


def test_a_record_of_the_next_day_is_left_out_and_counted(httpserver: HTTPServer, tmp_path: Path) -> None:
    records = [payment(1), payment(2, created_at=at(SAMPLE_DAY.ends_at))]
    adapter = feed_of(serve(httpserver, records))
    raw, frame = frame_of_day(adapter, tmp_path)
    assert (frame.rows, frame.left_out, raw.problems) == (1, {NEXT_DAY: 1}, ())


# Headers, token, refusals


def test_a_request_names_token_and_version(httpserver: HTTPServer) -> None:
    reading_of(feed_of(serve(httpserver)))
    for request, _ in httpserver.log:
        assert request.headers["Authorization"] == f"Bearer {TOKEN.get_secret_value()}"
        assert request.headers["Square-Version"] == SQUARE_VERSION


def test_the_token_comes_from_the_variable_that_is_named(httpserver: HTTPServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("OTHER_TOKEN", "fromtheenvironment")
    feed = SquareApiFeed(kind="square_api", base_url=serve(httpserver), access_token_env="OTHER_TOKEN")
    reading_of(feed.adapter(Surroundings(processor="square", limits=QUICK)))
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer fromtheenvironment"


@pytest.mark.parametrize("token", ["canary 4711", "canary\n4711", "canaryé4711"])
def test_a_token_of_no_use_is_refused_before_anything_is_sent(httpserver: HTTPServer, token: str) -> None:
    feed = SquareApiFeed(kind="square_api", base_url=url_of(httpserver))
    adapter = feed.with_token(base_url=feed.base_url, access_token=SecretStr(token)).adapter(
        Surroundings(processor="square", limits=QUICK)
    )
    with pytest.raises(ConfigurationError, match="the value of SQUARE_ACCESS_TOKEN is no access token") as caught:
        reading_of(adapter)
    assert "canary" not in str(caught.value) and httpserver.log == []


def test_a_token_that_is_not_set_is_named(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SQUARE_ACCESS_TOKEN", raising=False)
    feed = SquareApiFeed(kind="square_api").adapter(Surroundings(processor="square", limits=QUICK))
    with pytest.raises(ConfigurationError, match="SQUARE_ACCESS_TOKEN has no value"):
        feed.probe()
    assert feed.source == "https://connect.squareup.com (payments, refunds and payouts of all locations)"


def test_the_source_counts_configured_locations() -> None:
    assert feed_of("https://x.example", locations=[MAIN, OTHER]).source.endswith("of 2 location(s))")


def refused(httpserver: HTTPServer, response: Response) -> ReconError:
    httpserver.expect_request("/v2/locations").respond_with_response(response)
    with pytest.raises(ReconError) as caught:
        reading_of(feed_of(url_of(httpserver)))
    return caught.value


def error(**fields: str) -> str:
    return json.dumps({"errors": [fields]})


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_square_refuses_is_named_by_its_variable(httpserver: HTTPServer, status: int) -> None:
    body = error(category="AUTHENTICATION_ERROR", code="ACCESS_TOKEN_EXPIRED", detail=TOKEN.get_secret_value())
    found = refused(httpserver, json_response(body, status))
    assert isinstance(found, FeedRefused)
    assert found.what == (
        f"Square refused the request with status {status}: category AUTHENTICATION_ERROR, code ACCESS_TOKEN_EXPIRED"
    )
    assert "Check SQUARE_ACCESS_TOKEN" in found.remedy and len(httpserver.log) == 1


def test_a_field_that_square_refuses_is_named(httpserver: HTTPServer) -> None:
    body = error(category="INVALID_REQUEST_ERROR", code="NOT_FOUND", field="location_id", detail="L17")
    found = refused(httpserver, json_response(body, 404))
    assert found.what.endswith(": category INVALID_REQUEST_ERROR, code NOT_FOUND, field location_id")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"errors": 1}', '{"errors": []}', "\xff\xfe"])
def test_a_refusal_without_words_of_squares_is_told_by_its_status(httpserver: HTTPServer, body: str) -> None:
    assert refused(httpserver, json_response(body, 404)).what == "Square refused the request with status 404"


def test_no_word_of_a_refusal_can_carry_the_token(httpserver: HTTPServer, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    token = TOKEN.get_secret_value()
    found = refused(httpserver, json_response(error(category="EAAA", code=token, field="canary", detail=token), 400))
    told = "".join([str(found), repr(found), repr(found.__cause__), caplog.text])
    assert CANARY not in told and found.what.endswith("with status 400")


def test_nothing_that_is_kept_of_a_fetch_holds_the_token(httpserver: HTTPServer, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    adapter = feed_of(serve(httpserver, payments(3), [refund()]), page_size=2)
    reading = reading_of(adapter)
    kept = b"".join(reading.bodies).decode() + repr(reading.raw) + repr(adapter) + adapter.source + caplog.text
    assert CANARY not in kept


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(httpserver: HTTPServer, status: int) -> None:
    answers = [json_response("{}", status), json_response(page_of("payments", [payment()]))]
    httpserver.expect_request("/v2/payments").respond_with_handler(lambda _: answers.pop(0))
    serve_nothing(httpserver, "refunds", "payouts")
    assert len(reading_of(feed_of(url_of(httpserver), locations=[MAIN])).rows) == 1


def test_a_wait_longer_than_we_wait_is_handed_on(httpserver: HTTPServer) -> None:
    body = error(category="RATE_LIMIT_ERROR", code="RATE_LIMITED")
    found = refused(httpserver, json_response(body, 429, **{"Retry-After": "3600"}))
    assert isinstance(found, FeedUnavailable) and found.retry_after_s == 3_600 and len(httpserver.log) == 1


@pytest.mark.parametrize(
    "configuration",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"access_token_env": "EAAAabc"},
        {"locations": []},
        {"locations": ["L1", "L1"]},
        {"locations": ["L1&limit=1"]},
        {"cash_and_external": "drop"},
        {"base_url": "https://EAAAabc@connect.squareup.com"},
        {"own_token": "EAAAabc"},
        {"payouts": "some"},
        {"merchant_id": "name"},
    ],
)
def test_a_wrong_configuration_is_refused_when_it_is_read(configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SquareApiFeed(kind="square_api", **configuration)


def test_a_probe_asks_for_one_payment(httpserver: HTTPServer) -> None:
    feed_of(serve_bodies(httpserver, page_of("payments", [payment()]))).probe()
    assert queries(httpserver) == [{"limit": "1"}] and NOON
