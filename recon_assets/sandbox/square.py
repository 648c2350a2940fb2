"""Square's API as the sandbox serves it: `GET /v2/locations`, `/v2/payments` and `/v2/refunds`.

Two locations share the products of a day: odd ids at the first, even ones at the second, each a payment by card about
11:00 UTC. Without a location payments are those of the first, as at Square. There are no refunds. A cursor is the
number of records before its page; both ends of the range are included.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from recon_assets.sandbox.data import Product, agreed_fee_minor, created_at, products_of, transaction_id

PROCESSOR: Final = "square"
LOCATIONS: Final = ("LSANDBOX1", "LSANDBOX2")
MAX_LIMIT: Final = 100
MAX_SPAN: Final = timedelta(days=40)
_TOKEN: Final = "Bearer sandbox-"  # noqa: S105 - what every token begins with

Json = dict[str, Any]


def square_routes() -> list[Route]:
    """The three addresses."""
    return [
        Route("/v2/locations", _locations),
        Route("/v2/payments", _payments),
        Route("/v2/refunds", _refunds),
    ]


async def _locations(request: Request) -> Response:
    if not _is_known(request):
        return _unauthorized()
    return _json({"locations": [{"id": location, "status": "ACTIVE"} for location in LOCATIONS]}, status=200)


async def _refunds(request: Request) -> Response:
    return _json({}, status=200) if _is_known(request) else _unauthorized()


async def _payments(request: Request) -> Response:
    """One page, or an error in Square's shape."""
    if not _is_known(request):
        return _unauthorized()
    asked = request.query_params
    location = asked.get("location_id", LOCATIONS[0])
    if location not in LOCATIONS:
        return _refused("NOT_FOUND", "location_id", status=404)
    try:
        ends_at = datetime.fromisoformat(asked.get("end_time", "2025-10-01T00:00:00Z"))
        starts_at = datetime.fromisoformat(asked.get("begin_time", (ends_at - timedelta(days=1)).isoformat()))
        is_range = starts_at.tzinfo is not None and starts_at < ends_at <= starts_at + MAX_SPAN
    except (TypeError, ValueError):
        is_range = False
    if not is_range:
        return _refused("INVALID_TIME_RANGE", "begin_time", status=400)
    records = sorted(
        _records(location, starts_at, ends_at),
        key=lambda record: str(record["created_at"]),
        reverse=asked.get("sort_order") != "ASC",
    )
    try:
        limit, place = min(int(asked.get("limit", MAX_LIMIT)), MAX_LIMIT), int(asked.get("cursor", "0"))
    except ValueError:
        limit = place = -1
    if limit < 1 or not 0 <= place <= len(records):
        return _refused("INVALID_CURSOR", "cursor", status=400)
    return _page(request, records, place, limit)


def _page(request: Request, records: list[Json], place: int, limit: int) -> Response:
    never_ends = "sandbox.never_ends" in request.scope
    first = 0 if "sandbox.repeats_first_page" in request.scope or (never_ends and place >= len(records)) else place
    page = [] if "sandbox.serves_no_records" in request.scope else records[first : first + limit]
    following = place + limit
    if following >= len(records) and not never_ends:
        return _json({"payments": page} if page else {}, status=200)
    return _json({"payments": page, "cursor": str(min(following, len(records)))}, status=200)


def _records(location: str, starts_at: datetime, ends_at: datetime) -> Iterator[Json]:
    """What one location has from `starts_at` to `ends_at`, both included."""
    first, last = starts_at.astimezone(UTC).date(), ends_at.astimezone(UTC).date()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for product in products_of(PROCESSOR, day):
            at = created_at(day, product.id)
            if location == LOCATIONS[1 - product.id % 2] and starts_at <= datetime.fromisoformat(at) <= ends_at:
                yield _record(day, product, at, location)


def _record(day: date, product: Product, at: str, location: str) -> Json:
    amount = {"amount": product.price_minor, "currency": "USD"}
    fee = {"amount": agreed_fee_minor(product.price_minor), "currency": "USD"}
    return {
        "id": transaction_id(PROCESSOR, day, product.id),
        "created_at": at,
        "updated_at": at,
        "amount_money": amount,
        "total_money": amount,
        "processing_fee": [{"effective_at": at, "type": "INITIAL", "amount_money": fee}],
        "status": "COMPLETED",
        "source_type": "CARD",
        "reference_id": product.sku,
        "location_id": location,
    }


def _is_known(request: Request) -> bool:
    return request.headers.get("Authorization", "").startswith(_TOKEN)


def _unauthorized() -> Response:
    return _error({"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}, status=401)


def _refused(code: str, field: str, *, status: int) -> Response:
    return _error({"category": "INVALID_REQUEST_ERROR", "code": code, "field": field}, status=status)


def _error(error: Json, *, status: int) -> Response:
    return _json({"errors": [error | {"detail": "The sandbox refuses this."}]}, status=status)


def _json(document: object, *, status: int) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
