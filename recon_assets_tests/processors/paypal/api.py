"""A PayPal to test against: a real server whose records, limits and refusals a test chooses."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.feeds.adapter import Adapter, Surroundings
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets_tests.sandbox.reading import QUICK, Reading, reading_of

CLIENT_ID, SECRET, TOKEN = "canary-client-id", "canary-client-secret", "canary-access-token"
READ_SCOPE = "https://uri.paypal.com/services/reporting/search/read"
DAY = business_day("paypal", date(2025, 9, 30))
NOON = datetime(2025, 9, 30, 12, tzinfo=UTC)
NOT_AVAILABLE = {"name": "INVALID_REQUEST", "message": "Data for the given start date is not available."}
TOO_LARGE = {"name": "RESULTSET_TOO_LARGE", "message": "Result set size is greater than the maximum limit."}


def record(
    identity: str = "5TY05013RG002845M",
    *,
    at: datetime = NOON,
    value: str = "465.00",
    currency: str = "USD",
    **said: Any,
) -> dict[str, Any]:
    """One record; `said` are further fields of `transaction_info`, None to leave one out."""
    info = {
        "transaction_id": identity,
        "transaction_event_code": "T0006",
        "transaction_initiation_date": f"{at:%Y-%m-%dT%H:%M:%S%z}",
        "transaction_updated_date": f"{at:%Y-%m-%dT%H:%M:%S%z}",
        "transaction_amount": {"currency_code": currency, "value": value},
        "transaction_status": "S",
        **said,
    }
    return {"transaction_info": {name: value for name, value in info.items() if value is not None}}


def money(value: str, currency: str = "USD") -> dict[str, str]:
    return {"currency_code": currency, "value": value}


@dataclass
class PayPal:
    """Serves `records` whose initiation is from start to end, both included, in the order given.

    `change` may answer a page otherwise: it gets the query and the page, and returns a document or a response.
    """

    httpserver: HTTPServer
    records: list[dict[str, Any]] = field(default_factory=list)
    most_items: int = 10_000
    refreshed_at: str | None = "2025-10-01T06:59:59+0000"
    scope: str = READ_SCOPE
    change: Callable[[dict[str, str], dict[str, Any]], Any] | None = None
    expired: list[str] = field(default_factory=list)
    tokens: int = 0
    queries: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.httpserver.expect_request("/v1/oauth2/token", method="POST").respond_with_handler(self._token)
        self.httpserver.expect_request("/v1/reporting/transactions").respond_with_handler(self._transactions)

    @property
    def windows(self) -> list[tuple[str, str]]:
        """Asked for, each once, in order."""
        return list(dict.fromkeys((query["start_date"], query["end_date"]) for query in self.queries))

    def adapter(self, *, page_size: int = 500, **different: Any) -> Adapter:
        feed = PayPalApiFeed(base_url=self.httpserver.url_for(""), page_size=page_size, **different)
        return feed.adapter(Surroundings(processor="paypal", limits=replace(QUICK, **self.limits)))

    limits: dict[str, Any] = field(default_factory=dict)

    def read(self, day: BusinessDay = DAY, **different: Any) -> Reading:
        return reading_of(self.adapter(**different), day)

    def _token(self, request: Request) -> Response:
        basic = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        if (
            request.headers.get("Authorization") != f"Basic {basic}"
            or request.form["grant_type"] != "client_credentials"
        ):
            return answered({"error": "invalid_client", "error_description": SECRET}, status=401)
        self.tokens += 1
        token = {"scope": self.scope, "access_token": f"{TOKEN}-{self.tokens}", "token_type": "Bearer"}
        return answered({**token, "expires_in": 32400})

    def _transactions(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token.startswith(TOKEN) or token in self.expired:
            return answered({"name": "INVALID_TOKEN", "message": token}, status=401)
        query = dict(request.args)
        self.queries.append(query)
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_date", "end_date"))
        assert end - start <= timedelta(days=31)
        found = [entry for entry in self.records if start <= _selected_by(entry) <= end]
        page, size = int(query["page"]), int(query["page_size"])
        document = {
            "transaction_details": found[(page - 1) * size : page * size],
            "page": page,
            "total_items": len(found),
            "total_pages": -(-len(found) // size),
            **({"last_refreshed_datetime": self.refreshed_at} if self.refreshed_at else {}),
        }
        changed = self.change(query, document) if self.change else document
        if isinstance(changed, Response):
            return changed
        return answered(TOO_LARGE, status=400) if len(found) > self.most_items else answered(changed)


def answered(document: Any, *, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")


def _selected_by(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["transaction_info"]["transaction_initiation_date"])
