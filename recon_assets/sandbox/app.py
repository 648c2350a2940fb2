"""The sandbox's web application: `GET /products` as DummyJSON serves it and `GET /transactions` of the ledger.

The shapes of real processors have modules of their own, such as `stripe_api`.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from recon_assets.sandbox.data import Entry, Product, entries_of, products_of
from recon_assets.sandbox.faults import Faults, FaultyAnswers
from recon_assets.sandbox.paypal import paypal_routes
from recon_assets.sandbox.square import square_routes
from recon_assets.sandbox.stripe_api import balance_transactions

DEFAULT_LIMIT = 30
MAX_LIMIT = 100
DEFAULT_PROCESSOR = "stripe"
DEFAULT_DATE = "2025-09-30"

RecordsOfDay = Callable[[str, date], Sequence[Product | Entry]]


def sandbox_app(faults: Faults | None = None) -> ASGIApp:
    """The application. Without `processor` or `date` it shows the sample day."""
    app = Starlette(
        routes=[
            Route("/products", _endpoint("products", products_of)),
            Route("/transactions", _endpoint("transactions", entries_of)),
            *paypal_routes(),
            *square_routes(),
            Route("/v1/balance_transactions", balance_transactions),
        ]
    )
    return FaultyAnswers(app, faults or Faults())


def _endpoint(list_field: str, records_of: RecordsOfDay) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        asked = request.query_params
        try:
            business_date = date.fromisoformat(asked.get("date", DEFAULT_DATE))
            limit, skip = _natural(asked.get("limit", str(DEFAULT_LIMIT))), _natural(asked.get("skip", "0"))
        except ValueError:
            return _json({"message": "date must be YYYY-MM-DD, limit and skip whole numbers"}, status=400)
        records = records_of(asked.get("processor", DEFAULT_PROCESSOR).lower(), business_date)
        length = len(records) if limit == 0 else min(limit, MAX_LIMIT)
        page = [] if request.scope.get("sandbox.serves_no_records") else records[skip : skip + length]
        return _json({list_field: page, "total": len(records), "skip": skip, "limit": len(page)}, status=200)

    return answer


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("negative")
    return number


def _json(document: object, *, status: int) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
