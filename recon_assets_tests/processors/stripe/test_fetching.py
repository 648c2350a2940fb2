"""One business day is fetched whole, or the day says what is wrong with it. Real servers only."""

import json
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Response

from recon_assets.domain.business_day import BusinessDay, business_day
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
from recon_assets.processors.stripe.adapter import StripeAdapter
from recon_assets.processors.stripe.api import STRIPE_VERSION, Access
from recon_assets.processors.stripe.feed import StripeApiFeed
from recon_assets.processors.stripe.records import MetadataKeys
from recon_assets.sandbox.faults import Faults
from recon_assets.sandbox.server import running_sandbox
from recon_assets_tests.processors.stripe.building import (
    KEY,
    PATH,
    feed_of,
    json_response,
    page_of,
    serve,
    serve_bodies,
    transaction,
    url_of,
)
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY, Reading, reading_of

CANARY = "canary4711"


def newest_first(count: int) -> list[dict[str, Any]]:
    return [transaction(number) for number in range(count, 0, -1)]


def queries(httpserver: HTTPServer) -> list[dict[str, str]]:
    return [dict(request.args) for request, _ in httpserver.log]


# Paging


def test_pages_follow_the_last_id_until_there_is_no_more(httpserver: HTTPServer) -> None:
    reading = reading_of(feed_of(serve(httpserver, newest_first(7)), page_size=3))
    assert [found["record_id"] for found in reading.rows] == [f"txn_{number:04d}" for number in range(1, 8)]
    assert [query.get("starting_after") for query in queries(httpserver)] == [None, "txn_0005", "txn_0002"]
    assert {query["limit"] for query in queries(httpserver)} == {"3"}
    assert [file.name for file in reading.raw.files] == ["page-00001.json", "page-00002.json", "page-00003.json"]
    assert (reading.raw.problems, reading.raw.promised_records, reading.raw.says_empty) == ((), None, False)


def test_a_day_that_fills_its_last_page_needs_no_further_one(httpserver: HTTPServer) -> None:
    assert len(reading_of(feed_of(serve(httpserver, newest_first(6)), page_size=3)).rows) == 6
    assert len(httpserver.log) == 2


def test_pages_are_kept_byte_for_byte(httpserver: HTTPServer) -> None:
    body = b'{ "object":"list", "data":[], \n "has_more" :false, "url":"/v1" } '
    assert reading_of(feed_of(serve_bodies(httpserver, body))).bodies == [body]


def test_an_empty_list_without_more_is_stripes_word_that_nothing_happened(httpserver: HTTPServer) -> None:
    reading = reading_of(feed_of(serve(httpserver, [])))
    assert reading.raw.says_empty and reading.raw.problems == () and reading.rows == []


@pytest.mark.parametrize(
    ("bodies", "problem"),
    [
        ([page_of([], has_more=True)], "page-00001.json: the feed says that there is more and served no record"),
        (
            [page_of(newest_first(2), has_more=True), page_of(newest_first(2), has_more=True)],
            "page-00002.json: the feed served records of the page before again",
        ),
        (
            [page_of(newest_first(2), has_more=True), page_of(newest_first(2))],
            "page-00002.json: the feed served records of the page before again",
        ),
        (
            [page_of([transaction(n)], has_more=True) for n in (3, 2, 3)],
            "page-00003.json: the feed served an earlier page again: its cursor leads in a circle",
        ),
        (
            [page_of([transaction(1, id=None)], has_more=True)],
            "page-00001.json: the last record has no id, so the next page can't be asked for",
        ),
        (
            [page_of([transaction(1), transaction(2, created=0)])],
            "the feed served 1 record(s) that were not created within the business day",
        ),
    ],
)
def test_what_does_not_add_up_makes_the_day_incomplete(
    httpserver: HTTPServer, bodies: list[bytes], problem: str
) -> None:
    reading = reading_of(feed_of(serve_bodies(httpserver, *bodies)))
    assert reading.raw.problems == (problem,) and not reading.raw.says_empty
    assert len(httpserver.log) == len(reading.bodies) <= len(bodies)


def test_a_cursor_that_never_ends_meets_the_limit_of_pages(httpserver: HTTPServer) -> None:
    numbers = iter(range(10_000, 0, -1))
    httpserver.expect_request(PATH).respond_with_handler(
        lambda _: json_response(page_of([transaction(next(numbers))], has_more=True))
    )
    limits = HttpLimits(attempts=1, max_records=400, spare_pages=1)
    adapter = StripeAdapter("stripe_api", access(url_of(httpserver)), 100, MetadataKeys(), limits)
    with pytest.raises(LimitExceeded, match=r"more than 5 pages \(max_pages\)"):
        reading_of(adapter)


def test_pages_together_meet_the_limit_of_records(httpserver: HTTPServer) -> None:
    limits = HttpLimits(attempts=1, max_records=8)
    base_url = serve(httpserver, newest_first(9))
    with pytest.raises(LimitExceeded, match=r"more than 8 records \(max_records\)"):
        reading_of(StripeAdapter("stripe_api", access(base_url), 2, MetadataKeys(), limits))


def test_pages_together_meet_the_limit_of_bytes(httpserver: HTTPServer) -> None:
    limits = HttpLimits(attempts=1, total_max_bytes=500)
    base_url = serve(httpserver, newest_first(9))
    with pytest.raises(LimitExceeded, match=r"more than 500 bytes \(total_max_bytes\)"):
        reading_of(StripeAdapter("stripe_api", access(base_url), 1, MetadataKeys(), limits))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!doctype html>", "HTML, not JSON"),
        (b"[]", "not a list in Stripe's shape"),
        (b'{"object":"list","data":[],"has_more":"no"}', "not a list in Stripe's shape"),
        (b'{"object":"list","data":[{"id"', "not a list in Stripe's shape"),
        (b'{"object":"charge","data":[],"has_more":false}', "no list"),
    ],
)
def test_an_answer_that_is_no_list_is_not_understood(httpserver: HTTPServer, body: bytes, what: str) -> None:
    with pytest.raises(FeedNotUnderstood, match=what):
        reading_of(feed_of(serve_bodies(httpserver, body)))


def test_a_record_that_is_none_does_not_stop_the_pages(httpserver: HTTPServer) -> None:
    pages = [page_of([transaction(3, amount="x"), transaction(2)], has_more=True), page_of([transaction(1)])]
    reading = reading_of(feed_of(serve_bodies(httpserver, *pages)))
    assert (len(reading.rows), len(reading.rejected), reading.raw.problems) == (2, 1, ())


# The business day


@pytest.mark.parametrize(
    ("business_date", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 9, 30), 24)]
)
def test_a_day_is_asked_for_as_long_as_it_is(httpserver: HTTPServer, business_date: date, hours: int) -> None:
    day = business_day("stripe", business_date, time_zone="Europe/Berlin")
    reading_of(feed_of(serve(httpserver, [])), day)
    (query,) = queries(httpserver)
    assert int(query["created[lt]"]) - int(query["created[gte]"]) == hours * 3600
    assert datetime.fromtimestamp(int(query["created[gte]"]), UTC) == day.starts_at


def test_adjacent_days_have_every_second_once(httpserver: HTTPServer) -> None:
    """Around both ends of the day on which Berlin's clocks go back."""
    days = [business_day("stripe", date(2025, 10, 25 + n), time_zone="Europe/Berlin") for n in range(3)]
    edges = [int(day.starts_at.timestamp()) for day in days[1:]] + [int(days[-1].ends_at.timestamp())]
    instants = sorted(edge + offset for edge in edges for offset in (-1, 0, 1))
    records = [transaction(number, created=instant) for number, instant in enumerate(instants)]
    adapter = feed_of(serve(httpserver, records[::-1]), page_size=2)
    found = [row["record_id"] for day in days for row in reading_of(adapter, day).rows]
    assert found == [record["id"] for record in records if record["created"] < edges[-1]]


def test_a_day_that_begins_within_a_second_begins_with_the_next_one(httpserver: HTTPServer) -> None:
    start = datetime(2025, 9, 30, 0, 0, 0, 500_000, tzinfo=UTC)
    day = BusinessDay("stripe", date(2025, 9, 30), start, start + timedelta(days=1))
    reading_of(feed_of(serve(httpserver, [])), day)
    assert int(queries(httpserver)[0]["created[gte]"]) == int(start.timestamp()) + 1


# Headers, keys, refusals


def access(base_url: str, **changes: Any) -> Access:
    return Access(**{"base_url": base_url, "api_key_env": "STRIPE_API_KEY", "mode": "test", "own_key": KEY} | changes)


def test_a_request_names_key_version_and_connected_account(httpserver: HTTPServer) -> None:
    reading_of(feed_of(serve(httpserver, []), account="acct_1ABC"))
    headers = httpserver.log[0][0].headers
    assert headers["Authorization"] == f"Bearer {KEY.get_secret_value()}"
    assert (headers["Stripe-Version"], headers["Stripe-Account"]) == (STRIPE_VERSION, "acct_1ABC")


def test_sources_are_expanded_only_for_their_metadata(httpserver: HTTPServer) -> None:
    base_url = serve(httpserver, [])
    reading_of(feed_of(base_url))
    reading_of(feed_of(base_url, metadata={"order_id": "order"}))
    assert [query.get("expand[]") for query in queries(httpserver)] == [None, "data.source"]


def test_the_key_comes_from_the_variable_that_is_named(httpserver: HTTPServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("OTHER_KEY", "rk_live_fromtheenvironment")
    feed = StripeApiFeed(kind="stripe_api", base_url=serve(httpserver, []), api_key_env="OTHER_KEY")
    reading_of(feed.adapter(Surroundings(processor="stripe", limits=QUICK)))
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer rk_live_fromtheenvironment"


@pytest.mark.parametrize(
    ("key", "mode", "what"),
    [
        ("sk_test_canary4711", "live", "OTHER_KEY holds a test key, and the feed is configured for mode: live"),
        ("rk_live_canary4711", "test", "OTHER_KEY holds a live key, and the feed is configured for mode: test"),
        ("pk_live_canary4711", "live", "the value of OTHER_KEY is no secret or restricted key of Stripe"),
        ("sk_live_canary\n4711", "live", "the value of OTHER_KEY is no secret or restricted key of Stripe"),
    ],
)
def test_a_key_of_no_use_is_refused_before_anything_is_sent(
    httpserver: HTTPServer, key: str, mode: str, what: str
) -> None:
    of_no_use = access(url_of(httpserver), api_key_env="OTHER_KEY", mode=mode, own_key=SecretStr(key))
    with pytest.raises(ConfigurationError, match=what) as caught:
        reading_of(StripeAdapter("stripe_api", of_no_use, 100, MetadataKeys(), QUICK))
    assert "canary" not in str(caught.value) and httpserver.log == []


def test_a_key_that_is_not_set_is_named(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    feed = StripeApiFeed(kind="stripe_api").adapter(Surroundings(processor="stripe", limits=QUICK))
    with pytest.raises(ConfigurationError, match="STRIPE_API_KEY has no value"):
        feed.probe()
    assert feed.source == "https://api.stripe.com/v1/balance_transactions (live mode)"


def test_the_source_says_whose_account_and_that_it_is_a_test(httpserver: HTTPServer) -> None:
    assert feed_of("https://api.stripe.com").source.endswith("/v1/balance_transactions (test mode)")
    assert feed_of("https://x.example", account="acct_1").source.endswith("(test mode, account acct_1)")


def refused(httpserver: HTTPServer, response: Response) -> ReconError:
    httpserver.expect_request(PATH).respond_with_response(response)
    with pytest.raises(ReconError) as caught:
        reading_of(feed_of(url_of(httpserver)))
    return caught.value


def error(**fields: str) -> str:
    return json.dumps({"error": fields})


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_stripe_refuses_is_named_by_its_variable(httpserver: HTTPServer, status: int) -> None:
    body = error(type="invalid_request_error", code="api_key_expired", message=f"Expired: {KEY.get_secret_value()}")
    found = refused(httpserver, json_response(body, status, **{"Request-Id": "req_Abc123"}))
    assert isinstance(found, FeedRefused)
    assert found.what == (
        f"Stripe refused the request with status {status}:"
        " type invalid_request_error, code api_key_expired, request req_Abc123"
    )
    assert "Check STRIPE_API_KEY" in found.remedy and len(httpserver.log) == 1


def test_a_parameter_that_stripe_refuses_is_named(httpserver: HTTPServer) -> None:
    body = error(type="invalid_request_error", param="created[gte]", message="Invalid integer: 17")
    found = refused(httpserver, json_response(body, 400))
    assert isinstance(found, FeedRefused) and found.what.endswith(": type invalid_request_error, param created[gte]")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"error": 1}', '{"error": {"type": {"a": 1}}}', "\xff\xfe"])
def test_a_refusal_without_words_of_stripes_is_told_by_its_status(httpserver: HTTPServer, body: str) -> None:
    assert refused(httpserver, json_response(body, 404)).what == "Stripe refused the request with status 404"


def test_no_word_of_a_refusal_can_carry_the_key(httpserver: HTTPServer, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    key = KEY.get_secret_value()
    body = error(type=key, code=f"{key}_expired", param="canary", message=key)
    found = refused(httpserver, json_response(body, 400, **{"Request-Id": "req_canary4711"}))
    told = "".join([str(found), repr(found), repr(found.__cause__), caplog.text])
    assert key not in told and "test_canary" not in told and found.what.endswith("status 400: request req_canary4711")


def test_nothing_that_is_kept_of_a_fetch_holds_the_key(httpserver: HTTPServer, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    adapter = feed_of(serve(httpserver, newest_first(3)), page_size=2)
    reading = reading_of(adapter)
    kept = b"".join(reading.bodies).decode() + repr(reading.raw) + repr(adapter) + adapter.source + caplog.text
    assert CANARY not in kept


@pytest.mark.parametrize(
    "response",
    [
        json_response("{}", 429, **{"Retry-After": "0"}),
        json_response(error(type="invalid_request_error", code="rate_limit"), 429),
        json_response("{}", 500),
        json_response("{}", 503, **{"Stripe-Should-Retry": "true"}),
        json_response(error(type="invalid_request_error", code="lock_timeout"), 409),
        json_response("{}", 400, **{"Stripe-Should-Retry": "true"}),
    ],
)
def test_what_may_pass_is_tried_again(httpserver: HTTPServer, response: Response) -> None:
    answers = [response, json_response(page_of([transaction(1)]))]
    httpserver.expect_request(PATH).respond_with_handler(lambda _: answers.pop(0))
    assert len(reading_of(feed_of(url_of(httpserver))).rows) == 1


def test_a_wait_longer_than_we_wait_is_handed_on(httpserver: HTTPServer) -> None:
    found = refused(httpserver, json_response("{}", 429, **{"Retry-After": "3600"}))
    assert isinstance(found, FeedUnavailable) and found.retry_after_s == 3_600 and len(httpserver.log) == 1


@pytest.mark.parametrize("status", [409, 500])
def test_what_stripe_says_is_of_no_use_is_not_tried_again(httpserver: HTTPServer, status: int) -> None:
    found = refused(httpserver, json_response("{}", status, **{"Stripe-Should-Retry": "false"}))
    assert isinstance(found, FeedRefused) and len(httpserver.log) == 1


@pytest.mark.parametrize(
    "configuration",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"api_key_env": "sk_live_abc"},
        {"account": "cus_1"},
        {"mode": "sandbox"},
        {"base_url": "https://sk_live_abc@api.stripe.com"},
        {"metadata": {"amount": "x"}},
        {"own_key": "sk_live_abc"},
    ],
)
def test_a_wrong_configuration_is_refused_when_it_is_read(configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StripeApiFeed(kind="stripe_api", **configuration)


# The sandbox


def from_sandbox(faults: Faults | None = None, *, page_size: int = 7, day: BusinessDay = SAMPLE_DAY) -> Reading:
    with running_sandbox(faults) as sandbox:
        metadata = {"reference_number": "sku", "merchant_id": "merchant_id"}
        return reading_of(feed_of(sandbox.base_url, page_size=page_size, metadata=metadata), day)


def test_the_sample_day_is_the_one_of_the_stand_in_feed() -> None:
    from recon_assets.processors.products_api import ProductsApiFeed

    with running_sandbox() as sandbox:
        stand_in = reading_of(
            ProductsApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor="stripe", limits=QUICK))
        )
    reading = from_sandbox()
    assert len(reading.rows) == 30 and reading.rejected == [] and reading.raw.problems == ()
    assert sum(reading.column("amount_minor")) == 657_750
    for column in ("transaction_id", "amount_minor", "fee_minor", "net_minor", "currency", "status",
                   "reference_number", "merchant_id", "transaction_type"):  # fmt: skip
        assert reading.column(column) == stand_in.column(column)
    assert set(reading.column("movement")) == {"payment"}


def test_a_charge_that_is_there_twice_has_two_rows_with_ids_of_their_own() -> None:
    reading = from_sandbox(day=business_day("stripe", date(2025, 9, 29)))
    assert len(reading.rows) == len(set(reading.column("record_id"))) == 31
    assert len(set(reading.column("transaction_id"))) == 30


@pytest.mark.parametrize(
    "faults", [Faults(status=503, times=2), Faults(status=429, retry_after=0, times=2), Faults(cut=True, times=2)]
)
def test_a_fault_of_the_sandbox_that_passes_leaves_no_trace(faults: Faults) -> None:
    reading = from_sandbox(faults)
    assert len(reading.rows) == 30 and reading.raw.problems == ()


@pytest.mark.parametrize(
    ("faults", "problem"),
    [
        (Faults(empty=True), "the feed says that there is more and served no record"),
        (Faults(repeats_first_page=True), "the feed served records of the page before again"),
        (Faults(never_ends=True), "the feed served an earlier page again: its cursor leads in a circle"),
        (Faults(empty=True, only_path="/transactions"), None),
    ],
)
def test_a_fault_of_the_sandbox_that_stays_is_noted(faults: Faults, problem: str | None) -> None:
    problems = from_sandbox(faults).raw.problems
    assert [text.partition(": ")[2] for text in problems] == ([problem] if problem else [])


def test_the_sandbox_wants_a_test_key_and_answers_in_stripes_words(monkeypatch: Any) -> None:
    with running_sandbox() as sandbox:
        live = access(sandbox.base_url, mode="live", own_key=SecretStr("sk_live_x"))
        with pytest.raises(FeedRefused, match="status 401: type invalid_request_error"):
            StripeAdapter("stripe_api", live, 100, MetadataKeys(), QUICK).probe()
        feed_of(sandbox.base_url).probe()


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "created[gte]=x", "created[gte]=9&created[lt]=1", "starting_after=txn_none"]
)
def test_the_sandbox_refuses_what_stripe_refuses(query: str) -> None:
    import requests

    with running_sandbox() as sandbox:
        answer = requests.get(
            f"{sandbox.base_url}{PATH}?{query}", headers={"Authorization": "Bearer sk_test_x"}, timeout=5
        )
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"
