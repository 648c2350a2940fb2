"""Balance transactions, their pages, and a server that pages them as Stripe does."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.feeds.adapter import Surroundings
from recon_assets.processors.stripe.adapter import StripeAdapter
from recon_assets.processors.stripe.feed import StripeApiFeed
from recon_assets_tests.sandbox.reading import QUICK, SAMPLE_DAY

PATH = "/v1/balance_transactions"
KEY = SecretStr("sk_test_canary4711")
NOON = int(SAMPLE_DAY.starts_at.timestamp()) + 12 * 3600


def transaction(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A charge of 10.00 USD with 0.59 of fee, a second after the one before."""
    amount, fee = changes.get("amount", 1_000), changes.get("fee", 59)
    return {
        "id": f"txn_{number:04d}",
        "object": "balance_transaction",
        "amount": amount,
        "created": NOON + number,
        "currency": "usd",
        "fee": fee,
        "net": amount - fee if isinstance(amount, int) and isinstance(fee, int) else 0,
        "reporting_category": "charge",
        "source": f"ch_{number:04d}",
        "status": "available",
        "type": "charge",
    } | changes


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in transaction().items() if key != name}


def page_of(records: Sequence[Any], *, has_more: bool = False) -> bytes:
    return json.dumps({"object": "list", "data": list(records), "has_more": has_more, "url": PATH}).encode()


def feed_of(base_url: str, **configuration: Any) -> StripeAdapter:
    """With a key of the test's own: nothing is in the environment."""
    feed = StripeApiFeed(kind="stripe_api", base_url=base_url, **configuration)
    adapter = feed.with_key(base_url=feed.base_url, api_key=KEY).adapter(Surroundings(processor="stripe", limits=QUICK))
    assert isinstance(adapter, StripeAdapter)
    return adapter


def url_of(httpserver: HTTPServer) -> str:
    return httpserver.url_for("").rstrip("/")


def serve(httpserver: HTTPServer, records: Sequence[dict[str, Any]]) -> str:
    """All of `records`, in this order, filtered and paged by Stripe's parameters. Gives the base URL."""

    def answer(request: Request) -> Response:
        asked = request.args
        within = [r for r in records if int(asked["created[gte]"]) <= r["created"] < int(asked["created[lt]"])]
        ids = [record["id"] for record in within]
        place = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        limit = int(asked["limit"])
        return json_response(page_of(within[place : place + limit], has_more=place + limit < len(within)))

    httpserver.expect_request(PATH).respond_with_handler(answer)
    return url_of(httpserver)


def serve_bodies(httpserver: HTTPServer, *bodies: bytes) -> str:
    """Each body once, in order; the last one stays."""
    left = list(bodies)
    httpserver.expect_request(PATH).respond_with_handler(
        lambda _: json_response(left.pop(0) if len(left) > 1 else left[0])
    )
    return url_of(httpserver)


def json_response(body: bytes | str, status: int = 200, **headers: str) -> Response:
    return Response(body, status=status, headers=headers, content_type="application/json")
