"""Paging by limit, skip and total: complete, short, circular, endless. A real server serves every page."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood, FeedRefused, LimitExceeded
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.addresses import BaseUrl
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.http_pages import HttpPagesAdapter
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets_tests.sandbox.reading import QUICK, Reading, reading_of

PageOf = Callable[[int, int], Any]
"""(skip, limit) to the document served."""


def entry(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"T{number:02}",
        "amount": "1.00",
        "currency": "USD",
        "status": "paid",
        "created_at": "2025-09-30T10:00:00Z",
        **changes,
    }


def document(records: list[Any], total: Any) -> dict[str, Any]:
    return {"transactions": records, "total": total}


def well_behaved(count: int) -> PageOf:
    return lambda skip, limit: document([entry(number) for number in range(count)][skip : skip + limit], count)


def adapter_of(
    httpserver: HTTPServer, page_of: PageOf, *, page_size: int = 10, limits: HttpLimits = QUICK, **configuration: Any
) -> HttpPagesAdapter:
    def serve(request: Request) -> Response:
        served = page_of(int(request.args["skip"]), int(request.args["limit"]))
        return Response(served if isinstance(served, bytes) else json.dumps(served), content_type="application/json")

    httpserver.expect_request("/transactions").respond_with_handler(serve)
    feed = LedgerApiFeed(base_url=httpserver.url_for(""), page_size=page_size, **configuration)
    adapter = feed.adapter(Surroundings(processor="stripe", limits=limits))
    assert isinstance(adapter, HttpPagesAdapter)
    return adapter


def read(httpserver: HTTPServer, page_of: PageOf, **options: Any) -> Reading:
    return reading_of(adapter_of(httpserver, page_of, **options))


def test_all_pages_are_stored_in_order_and_add_up_to_the_promise(httpserver: HTTPServer) -> None:
    reading = read(httpserver, well_behaved(25))
    assert [file.name for file in reading.raw.files] == ["page-00001.json", "page-00002.json", "page-00003.json"]
    assert reading.column("transaction_id") == [f"T{number:02}" for number in range(25)]
    assert reading.column("record_number") == [*range(1, 11), *range(1, 11), *range(1, 6)]
    assert reading.raw.promised_records == 25 and reading.raw.problems == () and not reading.raw.says_empty


def test_a_day_that_is_read_in_several_batches_is_in_order_too(httpserver: HTTPServer) -> None:
    count, size = 30_000, 10_000
    at = [f"2025-09-30T{7919 * n % count // 3_600:02}:{7919 * n % count // 60 % 60:02}:00.5Z" for n in range(count)]
    records = [entry(number, created_at=time) for number, time in enumerate(at)]
    records[size : 2 * size] = sorted(records[size : 2 * size], key=lambda record: str(record["created_at"]))
    reading = read(httpserver, lambda skip, limit: document(records[skip : skip + limit], count), page_size=size)
    found = list(zip(reading.column("occurred_at"), reading.column("transaction_id"), strict=True))
    assert len(found) == count and found == sorted(found)


def test_a_total_that_is_a_multiple_of_the_page_needs_no_empty_page(httpserver: HTTPServer) -> None:
    assert len(read(httpserver, well_behaved(20)).raw.files) == 2


def test_every_request_names_the_processor_and_the_day(httpserver: HTTPServer) -> None:
    source = read(httpserver, well_behaved(1)).raw.files[0].source
    assert source == httpserver.url_for("/transactions?processor=stripe&date=2025-09-30&limit=10&skip=0")


def test_a_token_goes_with_every_request_and_with_none_where_none_is_named(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_TOKEN", "canary4711")
    read(httpserver, well_behaved(25), token_env="LEDGER_TOKEN")
    adapter_of(httpserver, well_behaved(1), token_env="LEDGER_TOKEN").probe()
    assert [request.headers["Authorization"] for request, _ in httpserver.log] == ["Bearer canary4711"] * 4
    httpserver.log.clear()
    read(httpserver, well_behaved(1))
    assert "Authorization" not in httpserver.log[0][0].headers


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_taken_is_named_and_not_told(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("LEDGER_TOKEN", "canary4711")
    httpserver.expect_oneshot_request("/transactions").respond_with_json({"message": "canary4711"}, status=status)
    with pytest.raises(FeedRefused, match=rf"status {status}.*Check LEDGER_TOKEN: ") as refused:
        read(httpserver, well_behaved(1), token_env="LEDGER_TOKEN")
    assert "canary" not in f"{refused.value!r}"


@pytest.mark.parametrize("token", ["canary 4711", "canary\n4711", "canaryé4711", "canary" * 2000])
def test_a_token_that_no_header_can_hold_is_refused_before_anything_is_sent(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("LEDGER_TOKEN", token)
    with pytest.raises(ConfigurationError, match="the value of LEDGER_TOKEN is no token") as refused:
        read(httpserver, well_behaved(1), token_env="LEDGER_TOKEN")
    assert "canary" not in f"{refused.value!r}" and httpserver.log == []


def test_the_stored_bytes_are_those_that_were_served(httpserver: HTTPServer) -> None:
    body = b'{ "transactions" : [ ],\n "total": 0 }'
    assert read(httpserver, lambda *_: body).bodies == [body]


def test_a_server_that_serves_shorter_pages_than_asked_is_followed(httpserver: HTTPServer) -> None:
    page_of = well_behaved(7)
    reading = read(httpserver, lambda skip, _: page_of(skip, 3))
    assert len(reading.rows) == 7 and reading.raw.problems == ()


def test_a_total_of_zero_with_an_empty_list_says_that_nothing_happened(httpserver: HTTPServer) -> None:
    raw = read(httpserver, well_behaved(0)).raw
    assert raw.says_empty and raw.promised_records == 0 and raw.problems == ()


def test_a_feed_that_ends_before_its_total_is_a_problem_and_not_an_error(httpserver: HTTPServer) -> None:
    reading = read(httpserver, lambda skip, _: document([entry(1)] if skip == 0 else [], 3))
    assert reading.raw.problems == ("page-00002.json: the feed promised 3 record(s) and ended after 1",)
    assert len(reading.rows) == 1 and reading.raw.promised_records == 3 and not reading.raw.says_empty


def test_an_empty_first_page_with_a_total_does_not_say_empty(httpserver: HTTPServer) -> None:
    raw = read(httpserver, lambda *_: document([], 30)).raw
    assert not raw.says_empty and raw.problems == ("page-00001.json: the feed promised 30 record(s) and ended after 0",)


def test_a_page_served_again_ends_the_paging_with_a_problem(httpserver: HTTPServer) -> None:
    raw = read(httpserver, lambda *_: document([entry(1), entry(2)], 100)).raw
    assert raw.problems == ("page-00002.json: the feed served an earlier page again",)


def test_a_total_that_changes_between_pages_is_a_problem(httpserver: HTTPServer) -> None:
    raw = read(httpserver, lambda skip, _: document([entry(skip)], 5 + skip)).raw
    assert raw.problems == ("page-00002.json: the feed first promised 5 record(s) and now 6",)
    assert raw.promised_records == 5


def test_more_records_than_promised_are_a_problem_and_kept(httpserver: HTTPServer) -> None:
    reading = read(httpserver, lambda *_: document([entry(1), entry(2)], 1))
    assert reading.raw.problems == ("page-00001.json: the feed promised 1 record(s) and served 2",)
    assert len(reading.rows) == 2


def test_more_pages_than_the_limit_are_refused(httpserver: HTTPServer) -> None:
    short_pages = well_behaved(7)
    limits = replace(QUICK, max_records=10, spare_pages=1)
    with pytest.raises(LimitExceeded, match=r"more than 2 pages \(max_pages\)"):
        read(httpserver, lambda skip, _: short_pages(skip, 3), limits=limits)
    assert len(httpserver.log) == 2


def test_exactly_as_many_records_as_the_limit_are_read_in_full_pages_and_none_to_spare(httpserver: HTTPServer) -> None:
    limits = replace(QUICK, max_records=20, spare_pages=0)
    assert len(read(httpserver, well_behaved(20), limits=limits).rows) == 20


@pytest.mark.parametrize("page_of", [well_behaved(21), lambda *_: document([entry(n) for n in range(21)], 20)])
def test_more_records_than_the_limit_are_refused_promised_or_served(httpserver: HTTPServer, page_of: PageOf) -> None:
    with pytest.raises(LimitExceeded, match=r"more than 20 records \(max_records\)"):
        read(httpserver, page_of, limits=replace(QUICK, max_records=20))
    assert len(httpserver.log) == 1


def test_a_feed_that_takes_longer_than_its_deadline_is_refused(httpserver: HTTPServer) -> None:
    with pytest.raises(LimitExceeded, match=r"takes longer than 0 s \(feed_deadline_s\)"):
        read(httpserver, well_behaved(1), limits=replace(QUICK, feed_deadline_s=0.0))


@pytest.mark.parametrize("page_size", [1, 3, 100, 9_999, 10_000])
def test_the_limit_of_pages_never_stops_a_feed_below_the_limit_of_records(page_size: int) -> None:
    full = replace(QUICK, spare_pages=0).max_pages(page_size)
    assert (full - 1) * page_size < QUICK.max_records <= full * page_size
    assert QUICK.max_pages(page_size) == full + QUICK.spare_pages


def test_more_bytes_in_total_than_the_limit_are_refused(httpserver: HTTPServer) -> None:
    with pytest.raises(LimitExceeded, match=r"more than 1500 bytes \(total_max_bytes\)"):
        read(httpserver, well_behaved(30), limits=replace(QUICK, total_max_bytes=1_500))


@pytest.mark.parametrize(
    ("served", "sentence"),
    [
        ([entry(1)], "not a JSON object"),
        (b"", "not a JSON object"),
        (b'{"transactions": [', "not a JSON object"),
        (b'{"transactions": [], "total": 0} extra', "not a JSON object"),
        (b'{"transactions": [], "total": 0, "x": NaN}', "not a JSON object"),
        (b'{"transactions": [{"amount": Infinity}], "total": 1}', "not a JSON object"),
        (b"\n<!doctype html><p>Sign in", "answered with HTML, not JSON"),
        ({"records": [], "total": 0}, "has no field 'transactions'"),
        ({"transactions": []}, "has no field 'total'"),
        (document([], "0"), "is not a whole number"),
        (document([], 0.5), "is not a whole number"),
        (document([], None), "is not a whole number"),
        (document([], True), "is not a whole number"),
        (document([], -1), "is no count"),
        (document([], 10**30), "is n"),
        ({"transactions": {}, "total": 0}, "is not a list"),
        ({"transactions": None, "total": 0}, "is not a list"),
        (b'{"transactions": [{"a": "\\ud800"}], "total": 1}', "not a JSON object"),
        (b'{"transactions": ' + b"[" * 100_000, "not a JSON object"),
    ],
)
def test_a_document_of_another_shape_is_not_understood(httpserver: HTTPServer, served: Any, sentence: str) -> None:
    with pytest.raises(FeedNotUnderstood, match=sentence):
        read(httpserver, lambda *_: served)


def test_a_byte_order_mark_is_no_obstacle(httpserver: HTTPServer) -> None:
    assert read(httpserver, lambda *_: b'\xef\xbb\xbf{"transactions": [], "total": 0}').raw.says_empty


def test_one_unreadable_record_is_a_rejected_row_and_leaves_the_others_alone(httpserver: HTTPServer) -> None:
    good = json.dumps(entry(1)).encode()
    bad = [b"7", b"null", b'"text"', b"[1]", b'{"a": "\xff"}', b'{"a": ' + b"9" * 5_000 + b"}"]
    body = b'{"transactions": [' + b",".join([good, *bad, good]) + b'], "total": 8}'
    reading = read(httpserver, lambda *_: body)
    assert reading.column("record_number") == [1, 8]
    assert [(row.record_number, row.reason) for row in reading.rejected] == [
        (number, "not a readable JSON object") for number in range(2, 8)
    ]


def test_reading_again_gives_the_same_rows_without_the_network(httpserver: HTTPServer) -> None:
    adapter = adapter_of(httpserver, well_behaved(3))
    first = reading_of(adapter)
    assert first.rows == reading_of(adapter).rows


def test_a_probe_asks_for_one_record_and_understands_it(httpserver: HTTPServer) -> None:
    adapter = adapter_of(httpserver, well_behaved(3))
    adapter.probe()
    request, _ = httpserver.log[0]
    assert len(httpserver.log) == 1 and request.args["limit"] == "1" and request.args["processor"] == "stripe"


def test_a_probe_refuses_what_a_fetch_would_refuse(httpserver: HTTPServer) -> None:
    with pytest.raises(FeedNotUnderstood, match="no field"):
        adapter_of(httpserver, lambda *_: {}).probe()


@pytest.mark.parametrize(
    "address",
    ["api.example.com", "ftp://example.com", "file:///etc/passwd", "http://", "https://user:word@example.com",
     "https://example.com?api_key=1", "https://example.com#x", "http://[half"],
)  # fmt: skip
def test_an_address_with_credentials_or_without_a_host_is_no_configuration(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(BaseUrl).validate_python(address)
