"""The sandbox in Stripe's shape: `GET /v1/balance_transactions` for the products of the days that are asked for.

Newest first, paged by `starting_after`, with a key of test mode in `Authorization`. A product is a charge about 11:00
UTC whose `source` is the id that our ledger knows; expanded, it has the product's SKU and merchant in its metadata.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from recon_assets.sandbox.data import agreed_fee_minor, created_at, products_of, transaction_id

PROCESSOR: Final = "stripe"
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 100
MAX_DAYS: Final = 40
_SAMPLE_DAY: Final = datetime(2025, 9, 30, tzinfo=UTC)
_DAY_S: Final = 86_400
_AVAILABLE_AFTER_S: Final = 2 * _DAY_S
_KEY: Final = re.compile(r"Bearer (sk|rk)_test_\w+")

Json = dict[str, Any]


async def balance_transactions(request: Request) -> Response:
    """One page, or an error in Stripe's shape."""
    asked = request.query_params
    if not _KEY.fullmatch(request.headers.get("Authorization", "")):
        return _error(401, {"type": "invalid_request_error", "message": "Invalid API Key provided"})
    try:
        limit = int(asked.get("limit", DEFAULT_LIMIT))
        start = int(asked.get("created[gte]", int(_SAMPLE_DAY.timestamp())))
        end = int(asked.get("created[lt]", start + _DAY_S))
    except ValueError:
        return _refused("created", "parameter_invalid_integer")
    if not 1 <= limit <= MAX_LIMIT:
        return _refused("limit", "parameter_invalid_integer")
    if not start < end <= start + MAX_DAYS * _DAY_S:
        return _refused("created", "parameter_invalid")
    records = _records(start, end, is_expanded=asked.get("expand[]") == "data.source")
    cursor = asked.get("starting_after")
    place = _place_after(records, cursor)
    if place is None:
        return _refused("starting_after", "resource_missing")
    never_ends = "sandbox.never_ends" in request.scope
    if "sandbox.repeats_first_page" in request.scope or (never_ends and place >= len(records)):
        place = 0
    page, has_more = records[place : place + limit], never_ends or place + limit < len(records)
    if "sandbox.serves_no_records" in request.scope:
        page, has_more = [], bool(records)
    return _json({"object": "list", "data": page, "has_more": has_more, "url": "/v1/balance_transactions"}, status=200)


def _place_after(records: list[Json], cursor: str | None) -> int | None:
    """Where the page after `cursor` begins; None when there is no such record."""
    if cursor is None:
        return 0
    places = [place for place, record in enumerate(records, start=1) if record["id"] == cursor]
    return places[0] if places else None


def _records(start: int, end: int, *, is_expanded: bool) -> list[Json]:
    """Newest first, of `start <= created < end` in Unix seconds."""
    first, last = (datetime.fromtimestamp(second, UTC).date() for second in (start, end - 1))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    records = [record for day in days for record in _records_of(day, is_expanded=is_expanded)]
    within = [record for record in records if start <= record["created"] < end]
    return sorted(within, key=lambda record: (record["created"], record["id"]), reverse=True)


def _records_of(business_date: date, *, is_expanded: bool) -> Iterator[Json]:
    seen: set[int] = set()
    for product in products_of(PROCESSOR, business_date):
        suffix = "b" if product.id in seen else ""
        seen.add(product.id)
        created = int(datetime.fromisoformat(created_at(business_date, product.id)).timestamp())
        source_id = transaction_id(PROCESSOR, business_date, product.id)
        fee = agreed_fee_minor(product.price_minor)
        metadata = {"sku": product.sku, "merchant_id": product.merchant}
        yield {
            "id": f"txn_sandbox{business_date:%Y%m%d}{product.id:04d}{suffix}",
            "object": "balance_transaction",
            "amount": product.price_minor,
            "available_on": created + _AVAILABLE_AFTER_S,
            "balance_type": "payments",
            "created": created,
            "currency": "usd",
            "description": product.title,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [
                {
                    "amount": fee,
                    "application": None,
                    "currency": "usd",
                    "description": "Stripe processing fees",
                    "type": "stripe_fee",
                }
            ],
            "net": product.price_minor - fee,
            "reporting_category": "charge",
            "source": {"id": source_id, "object": "charge", "metadata": metadata} if is_expanded else source_id,
            "status": "available",
            "type": "charge",
        }


def _refused(parameter: str, code: str) -> Response:
    return _error(400, {"type": "invalid_request_error", "code": code, "param": parameter, "message": "Invalid"})


def _error(status: int, error: Json) -> Response:
    return _json({"error": error}, status=status)


def _json(document: object, *, status: int) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
