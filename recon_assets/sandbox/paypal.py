"""PayPal's API as the sandbox serves it: `POST /v1/oauth2/token` and `GET /v1/reporting/transactions`.

The client id is the name of the processor whose days are asked for, any secret does, and the token is good for as long
as the sandbox runs. Records are those of `data`, about 11:00 UTC of their day; both ends of the range are included.
"""

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from recon_assets.domain.money import decimal_from_minor
from recon_assets.sandbox.data import Product, products_of

MAX_ITEMS: Final = 10_000
MAX_PAGE_SIZE: Final = 500
DEFAULT_PAGE_SIZE: Final = 100
MAX_SPAN: Final = timedelta(days=31)

_READ_SCOPE: Final = "https://uri.paypal.com/services/reporting/search/read"
_TOKEN: Final = "sandbox-token-of-"  # noqa: S105 - what every token begins with
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%z"


def paypal_routes() -> list[Route]:
    """The two addresses."""
    return [
        Route("/v1/oauth2/token", _token, methods=["POST"]),
        Route("/v1/reporting/transactions", _transactions),
    ]


async def _token(request: Request) -> Response:
    client_id = _client_id(request.headers.get("Authorization", ""))
    form = parse_qs((await request.body()).decode(errors="replace"))
    if client_id is None or form.get("grant_type") != ["client_credentials"]:
        return _json({"error": "invalid_client", "error_description": "Client Authentication failed"}, status=401)
    return _json(
        {"scope": _READ_SCOPE, "access_token": _TOKEN + client_id, "token_type": "Bearer", "expires_in": 32_400},
        status=200,
    )


async def _transactions(request: Request) -> Response:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token.startswith(_TOKEN):
        return _refusal("INVALID_TOKEN", "The token is not valid.", status=401)
    if request.scope.get("sandbox.not_yet"):
        return _refusal("INVALID_REQUEST", "Data for the given start date is not available.", status=400)
    asked = request.query_params
    try:
        starts_at, ends_at = (datetime.fromisoformat(asked[name]) for name in ("start_date", "end_date"))
        page, page_size = int(asked.get("page", "1")), int(asked.get("page_size", str(DEFAULT_PAGE_SIZE)))
        is_sound = starts_at.tzinfo and ends_at.tzinfo and starts_at <= ends_at <= starts_at + MAX_SPAN
    except (KeyError, ValueError):
        is_sound = None
    if not is_sound or page < 1 or not 1 <= page_size <= MAX_PAGE_SIZE:
        return _refusal("INVALID_REQUEST", "Request is not well-formed.", status=400)
    records = list(_records(token.removeprefix(_TOKEN), starts_at, ends_at))
    if len(records) > request.scope.get("sandbox.most_items", MAX_ITEMS):
        return _refusal("RESULTSET_TOO_LARGE", "Result set size is greater than the maximum limit.", status=400)
    served = [] if request.scope.get("sandbox.serves_no_records") else records
    return _json(
        {
            "transaction_details": served[(page - 1) * page_size : page * page_size],
            "account_number": "SANDBOX",
            "start_date": f"{starts_at:{_TIME_FORMAT}}",
            "end_date": f"{ends_at:{_TIME_FORMAT}}",
            "last_refreshed_datetime": f"{datetime.now(UTC):{_TIME_FORMAT}}",
            "page": page,
            "total_items": len(records),
            "total_pages": -(-len(records) // page_size),
        },
        status=200,
    )


def _records(processor: str, starts_at: datetime, ends_at: datetime) -> Iterator[dict[str, object]]:
    """What PayPal holds from `starts_at` to `ends_at`, both included."""
    first, last = starts_at.astimezone(UTC).date(), ends_at.astimezone(UTC).date()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for product in products_of(processor, day):
            at = datetime(day.year, day.month, day.day, 11, 0, product.id, tzinfo=UTC)
            if starts_at <= at <= ends_at:
                yield _record(processor, day, product, at)


def _record(processor: str, day: date, product: Product, at: datetime) -> dict[str, object]:
    return {
        "transaction_info": {
            "transaction_id": f"TXN_{processor.upper()}_{day:%Y%m%d}_{product.id:04d}",
            "transaction_event_code": "T0006",
            "transaction_initiation_date": f"{at:{_TIME_FORMAT}}",
            "transaction_updated_date": f"{at:{_TIME_FORMAT}}",
            "transaction_amount": _money(product.price_minor),
            "fee_amount": _money(-_fee_minor(product.price_minor)),
            "transaction_status": "S",
            "custom_field": product.sku,
        },
        "store_info": {"store_id": product.merchant},
    }


def _fee_minor(amount_minor: int) -> int:
    """2.9 % and 0.30, half a cent rounded up: what the ledger of the sandbox expects."""
    return (amount_minor * 29 + 500) // 1000 + 30


def _money(amount_minor: int) -> dict[str, str]:
    return {"currency_code": "USD", "value": str(decimal_from_minor(amount_minor, exponent=2))}


def _client_id(authorization: str) -> str | None:
    """Of basic authentication, when the secret is not blank."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user if scheme == "Basic" and user.isidentifier() and secret else None


def _refusal(name: str, message: str, *, status: int) -> Response:
    return _json({"name": name, "message": message, "debug_id": "sandbox", "details": [], "links": []}, status=status)


def _json(document: object, *, status: int) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
