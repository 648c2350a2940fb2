"""Payments, refunds, payouts with their entries, and a server that lists them as Square does."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.http_limits import HttpLimits
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.raw import RawFeed, RawFeedWriter
from recon_assets.processors.square.adapter import SquareAdapter
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY

TOKEN = SecretStr("EAAAcanary4711")
NOON = SAMPLE_DAY.starts_at + timedelta(hours=12)
MAIN, OTHER = "LMAIN", "LOTHER"

Record = dict[str, Any]


def at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def money(amount: Any, currency: str = "USD") -> Record:
    return {"amount": amount, "currency": currency}


def fee(amount: Any, currency: str = "USD", type_: str = "INITIAL") -> Record:
    return {"effective_at": at(NOON), "type": type_, "amount_money": money(amount, currency)}


def payment(number: int = 1, **changes: Any) -> Record:
    """By card, 10.00 USD with 0.59 of fee, a second after the one before."""
    return {
        "id": f"pay_{number:04d}",
        "created_at": at(NOON + timedelta(seconds=number)),
        "status": "COMPLETED",
        "amount_money": money(1_000),
        "total_money": money(1_000),
        "processing_fee": [fee(59)],
        "source_type": "CARD",
        "location_id": MAIN,
        "order_id": f"order_{number}",
    } | changes


def refund(number: int = 1, **changes: Any) -> Record:
    """5.00 USD back to a card."""
    return {
        "id": f"pay_{number:04d}_ref",
        "created_at": at(NOON + timedelta(hours=1, seconds=number)),
        "status": "COMPLETED",
        "amount_money": money(500),
        "destination_type": "CARD",
        "location_id": MAIN,
        "payment_id": f"pay_{number:04d}",
    } | changes


def payout(number: int = 1, amount: int = 941, **changes: Any) -> Record:
    """To the bank at eight in the evening; the currency by the name that Square's examples have."""
    return {
        "id": f"po_{number:04d}",
        "created_at": at(NOON + timedelta(hours=8, seconds=number)),
        "status": "PAID",
        "type": "BATCH",
        "amount_money": coded(amount),
        "location_id": MAIN,
        "end_to_end_id": f"L21{number:04d}",
    } | changes


def entry(number: int = 1, type_: str = "CHARGE", gross: int = 1_000, fee: int = 59, **changes: Any) -> Record:
    """Of the first payout; a charge unless it is said."""
    return {
        "id": f"poe_{number:04d}",
        "payout_id": "po_0001",
        "effective_at": at(NOON - timedelta(days=1)),
        "type": type_,
        "gross_amount_money": coded(gross),
        "fee_amount_money": coded(fee),
        "net_amount_money": coded(gross - fee),
    } | changes


def coded(amount: Any, currency: str = "USD") -> Record:
    return {"amount": amount, "currency_code": currency}


def page_of(name: str, records: Sequence[Any], cursor: str | None = None) -> bytes:
    return json.dumps(({name: list(records)} if records else {}) | ({"cursor": cursor} if cursor else {})).encode()


def feed_of(base_url: str, *, limits: HttpLimits = QUICK, **configuration: Any) -> SquareAdapter:
    """With a token of the test's own: nothing is in the environment."""
    feed = SquareApiFeed(kind="square_api", base_url=base_url, **configuration)
    adapter = feed.with_token(base_url=feed.base_url, access_token=TOKEN).adapter(
        Surroundings(processor="square", limits=limits)
    )
    assert isinstance(adapter, SquareAdapter)
    return adapter


def frame_of_day(adapter: SquareAdapter, folder: Path) -> tuple[RawFeed, Frame]:
    """The sample day fetched, read and written into `folder`, as a run does it; the frame's file is in `frame`."""
    with RawFeedWriter(
        storage_root=folder, folder="raw", day=SAMPLE_DAY, side=Side.PROCESSOR, feed_kind=adapter.kind
    ) as writer:
        adapter.fetch(SAMPLE_DAY, writer)
        raw = writer.finish()
    chunks = adapter.read(raw, folder / "raw", SAMPLE_DAY)
    return raw, write_frame(chunks, side=Side.PROCESSOR, storage_root=folder, folder="frame")


def url_of(httpserver: HTTPServer) -> str:
    return httpserver.url_for("").rstrip("/")


def serve(
    httpserver: HTTPServer,
    payments: Sequence[Record] = (),
    refunds: Sequence[Record] = (),
    payouts: Sequence[Record] = (),
    entries: Mapping[str, Sequence[Record]] | None = None,
    *,
    end_is_in: bool = True,
) -> str:
    """All lists by Square's parameters: refunds without a location are all, the others' without one the main one's."""

    def answer(name: str, records: Sequence[Record]) -> None:
        def listed(request: Request) -> Response:
            asked = request.args
            location = asked.get("location_id", None if name == "refunds" else MAIN)
            start, end = (datetime.fromisoformat(asked[side]) for side in ("begin_time", "end_time"))
            within = [
                record
                for record in records
                if location in {None, record["location_id"]}
                and start <= (instant := datetime.fromisoformat(record["created_at"]))
                and (instant < end or (end_is_in and instant == end))
            ]
            within.sort(key=lambda record: str(record["created_at"]), reverse=asked.get("sort_order") != "ASC")
            return paged_answer(request, name, within)

        httpserver.expect_request(f"/v2/{name}").respond_with_handler(listed)

    answer("payments", payments)
    answer("refunds", refunds)
    answer("payouts", payouts)
    for payout_id, listed in (entries or {}).items():
        serve_entries(httpserver, payout_id, listed)
    serve_locations(httpserver, MAIN, OTHER)
    return url_of(httpserver)


def serve_entries(httpserver: HTTPServer, payout_id: str, entries: Sequence[Record]) -> None:
    httpserver.expect_request(f"/v2/payouts/{payout_id}/payout-entries").respond_with_handler(
        lambda request: paged_answer(request, "payout_entries", entries)
    )


def paged_answer(request: Request, name: str, records: Sequence[Record]) -> Response:
    place, limit = int(request.args.get("cursor", "c0")[1:]), int(request.args["limit"])
    cursor = f"c{place + limit}" if place + limit < len(records) else None
    return json_response(page_of(name, records[place : place + limit], cursor))


def serve_locations(httpserver: HTTPServer, *ids: str) -> None:
    records = [{"id": location, "status": "ACTIVE", "name": f"Shop {location}"} for location in ids]
    httpserver.expect_request("/v2/locations").respond_with_response(json_response(page_of("locations", records)))


def serve_bodies(httpserver: HTTPServer, *bodies: bytes) -> str:
    """Payments of one location: each body once, in order; the last one stays. Nothing else."""
    left = list(bodies)
    httpserver.expect_request("/v2/payments").respond_with_handler(
        lambda _: json_response(left.pop(0) if len(left) > 1 else left[0])
    )
    serve_nothing(httpserver, "refunds", "payouts")
    serve_locations(httpserver, MAIN)
    return url_of(httpserver)


def serve_nothing(httpserver: HTTPServer, *names: str) -> None:
    for name in names:
        httpserver.expect_request(f"/v2/{name}").respond_with_response(json_response(b"{}"))


def json_response(body: bytes | str, status: int = 200, **headers: str) -> Response:
    return Response(body, status=status, headers=headers, content_type="application/json")
