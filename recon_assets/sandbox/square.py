"""Square's API as the sandbox serves it: locations, payments, refunds, payouts and their entries.

Each merchant is a location of its name, and its products are payments by card there, about 11:00 UTC. Without a
location payments and payouts are those of the first, as at Square. There are no refunds. At 20:00 UTC each location is
paid out what it sold that day, less the fees and the fee of the payout. A cursor is the number of records before its
page; both ends of a range are included.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from recon_assets.sandbox.data import (
    Product,
    agreed_fee_minor,
    all_products,
    created_at,
    products_of,
    transaction_id,
)

PROCESSOR: Final = "square"
MERCHANTS: Final = tuple(dict.fromkeys(product.merchant for product in all_products()))
LOCATIONS: Final = {f"LSANDBOX{number:02}": merchant for number, merchant in enumerate(MERCHANTS, start=1)}
MAX_LIMIT: Final = 100
MAX_SPAN: Final = timedelta(days=40)
PAYOUT_FEE_MINOR: Final = 25
_TOKEN: Final = "Bearer sandbox-"  # noqa: S105 - what every token begins with
_PAYOUT: Final = re.compile(r"po_sandbox-(\d{4}-\d{2}-\d{2})-(LSANDBOX\d{2})")

Json = dict[str, Any]
RecordsOfDay = Callable[[date, str], Iterator[Json]]


def square_routes() -> list[Route]:
    """The five addresses."""
    return [
        Route("/v2/locations", _locations),
        Route("/v2/payments", _of_days("payments", _payments)),
        Route("/v2/refunds", _of_days("refunds", lambda _day, _location: iter(()))),
        Route("/v2/payouts", _of_days("payouts", _payouts)),
        Route("/v2/payouts/{payout_id}/payout-entries", _payout_entries),
    ]


async def _locations(request: Request) -> Response:
    if not _is_known(request):
        return _unauthorized()
    listed = [{"id": location, "name": name, "status": "ACTIVE"} for location, name in LOCATIONS.items()]
    return _json({"locations": listed}, status=200)


def _of_days(list_name: str, records_of: RecordsOfDay) -> Callable[[Request], Awaitable[Response]]:
    """One page of what a location has in a range of time, or an error in Square's shape."""

    async def answer(request: Request) -> Response:
        if not _is_known(request):
            return _unauthorized()
        asked = request.query_params
        location = asked.get("location_id", next(iter(LOCATIONS)))
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
        first, count = starts_at.astimezone(UTC).date(), (ends_at - starts_at).days + 2
        found = [record for n in range(count) for record in records_of(first + timedelta(days=n), location)]
        within = [record for record in found if starts_at <= datetime.fromisoformat(record["created_at"]) <= ends_at]
        within.sort(key=lambda record: str(record["created_at"]), reverse=asked.get("sort_order") != "ASC")
        return _page(request, list_name, within)

    return answer


async def _payout_entries(request: Request) -> Response:
    if not _is_known(request):
        return _unauthorized()
    payout = _PAYOUT.fullmatch(request.path_params["payout_id"])
    if payout is None or payout[2] not in LOCATIONS:
        return _refused("NOT_FOUND", "payout_id", status=404)
    return _page(request, "payout_entries", list(_entries(date.fromisoformat(payout[1]), payout[2])))


def _page(request: Request, list_name: str, records: list[Json]) -> Response:
    asked = request.query_params
    try:
        limit, place = min(int(asked.get("limit", MAX_LIMIT)), MAX_LIMIT), int(asked.get("cursor", "0"))
    except ValueError:
        limit = place = -1
    if limit < 1 or not 0 <= place <= len(records):
        return _refused("INVALID_CURSOR", "cursor", status=400)
    never_ends = "sandbox.never_ends" in request.scope
    first = 0 if "sandbox.repeats_first_page" in request.scope or (never_ends and place >= len(records)) else place
    page = [] if "sandbox.serves_no_records" in request.scope else records[first : first + limit]
    following = place + limit
    if following >= len(records) and not never_ends:
        return _json({list_name: page} if page else {}, status=200)
    return _json({list_name: page, "cursor": str(min(following, len(records)))}, status=200)


def _sold(day: date, location: str) -> list[Product]:
    return [product for product in products_of(PROCESSOR, day) if product.merchant == LOCATIONS[location]]


def _payments(day: date, location: str) -> Iterator[Json]:
    for product in _sold(day, location):
        at = created_at(day, product.id)
        yield {
            "id": transaction_id(PROCESSOR, day, product.id),
            "created_at": at,
            "updated_at": at,
            "amount_money": _money(product.price_minor),
            "total_money": _money(product.price_minor),
            "processing_fee": [
                {"effective_at": at, "type": "INITIAL", "amount_money": _money(agreed_fee_minor(product.price_minor))}
            ],
            "status": "COMPLETED",
            "source_type": "CARD",
            "reference_id": product.sku,
            "location_id": location,
        }


def _payouts(day: date, location: str) -> Iterator[Json]:
    at = f"{day}T20:00:00.000Z"
    yield {
        "id": _payout_id(day, location),
        "created_at": at,
        "updated_at": at,
        "amount_money": _money(sum(entry["net_amount_money"]["amount"] for entry in _entries(day, location))),
        "arrival_date": str(day + timedelta(days=1)),
        "destination": {"type": "BANK_ACCOUNT", "id": "bact:sandbox"},
        "end_to_end_id": f"L{day:%y%m%d}{location[-2:]}",
        "location_id": location,
        "payout_fee": [{"amount_money": _money(PAYOUT_FEE_MINOR), "effective_at": at, "type": "TRANSFER_FEE"}],
        "status": "PAID",
        "type": "BATCH",
        "version": 1,
    }


def _entries(day: date, location: str) -> Iterator[Json]:
    for product in _sold(day, location):
        gross, fee = product.price_minor, agreed_fee_minor(product.price_minor)
        payment = {"payment_id": transaction_id(PROCESSOR, day, product.id)}
        yield _entry(day, location, f"{product.id:04d}", "CHARGE", gross, fee) | {"type_charge_details": payment}
    details = {"payout_id": _payout_id(day, location)}
    yield _entry(day, location, "fee", "DEPOSIT_FEE", -PAYOUT_FEE_MINOR, 0) | {"type_deposit_fee_details": details}


def _entry(day: date, location: str, name: str, type_: str, gross: int, fee: int) -> Json:
    return {
        "id": f"poe_sandbox-{day}-{location}-{name}",
        "payout_id": _payout_id(day, location),
        "effective_at": f"{day}T20:00:00.000Z",
        "type": type_,
        "gross_amount_money": _money(gross),
        "fee_amount_money": _money(fee),
        "net_amount_money": _money(gross - fee),
    }


def _payout_id(day: date, location: str) -> str:
    return f"po_sandbox-{day}-{location}"


def _money(amount: int) -> Json:
    return {"amount": amount, "currency": "USD"}


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
