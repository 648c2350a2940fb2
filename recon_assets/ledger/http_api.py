"""The internal ledger over HTTP: `GET {base_url}/transactions?processor=&date=&limit=&skip=`.

`{"transactions": [{"transaction_id", "amount", "currency", "merchant_id", "reference_number", "fee", "status",
"created_at", "transaction_type"?}], "total", "skip", "limit"}`; `amount` and `fee` are JSON numbers or decimal
strings in major units, `created_at` is ISO 8601 with an offset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import Status
from recon_assets.feeds.adapter import Adapter, Surroundings
from recon_assets.feeds.credentials import EnvironmentName
from recon_assets.feeds.http_pages import (
    DEFAULT_PAGE_SIZE,
    BaseUrl,
    HttpPagesAdapter,
    PageSize,
    ParsedRecord,
)
from recon_assets.feeds.json_records import FieldRefused, JsonFields, net_minor
from recon_assets.schemas.currencies import exponent_of

TIME_FIELD: Final = "created_at"

COMMON_STATUS_WORDS: Final[Mapping[str, Status]] = {
    **{status.value: status for status in Status},
    "succeeded": Status.COMPLETED,
    "paid": Status.COMPLETED,
    "settled": Status.COMPLETED,
    "captured": Status.COMPLETED,
    "posted": Status.COMPLETED,
    "processing": Status.PENDING,
    "authorized": Status.PENDING,
    "declined": Status.FAILED,
    "canceled": Status.CANCELLED,
    "voided": Status.CANCELLED,
    "refunded": Status.REVERSED,
}
"""In lower case. A configuration adds to these or overrules them."""


class LedgerApiFeed(BaseModel):
    """Configuration. `statuses` maps the ledger's own words, in any case, to the canonical status;
    `token_env` names the variable or secret of a bearer token, if the ledger asks for one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["ledger_api"] = "ledger_api"
    base_url: BaseUrl
    page_size: PageSize = DEFAULT_PAGE_SIZE
    token_env: EnvironmentName | None = None
    statuses: dict[str, Status] = Field(default_factory=dict)

    def adapter(self, around: Surroundings) -> Adapter:
        """The ledger's entries for the processor."""
        own_words = {word.strip().lower(): status for word, status in self.statuses.items()}
        return HttpPagesAdapter(
            kind=self.kind,
            url=f"{self.base_url}/transactions",
            processor=around.processor,
            record_list_field="transactions",
            page_size=self.page_size,
            limits=around.limits,
            parse=_Entry({**COMMON_STATUS_WORDS, **own_words}).parse,
            token_env=self.token_env,
            credentials=around.credentials,
            time_field=TIME_FIELD,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    statuses: Mapping[str, Status]

    def parse(self, entry: JsonFields, _day: BusinessDay) -> ParsedRecord:
        """One row of the ledger. Whether it lies in the day is a check on the whole frame."""
        code = entry.text("currency")
        currency = code.upper()
        exponent = exponent_of(currency) if code.isascii() else None
        if exponent is None:
            raise FieldRefused("currency", "no currency code of ISO 4217")
        amount_minor = entry.amount_minor("amount", exponent=exponent)
        fee_minor = entry.optional_amount_minor("fee", exponent=exponent)
        return ParsedRecord(
            transaction_id=entry.text("transaction_id"),
            reference_number=entry.optional_text("reference_number"),
            merchant_id=entry.optional_text("merchant_id"),
            transaction_type=entry.optional_text("transaction_type"),
            amount_minor=amount_minor,
            currency=currency,
            fee_minor=fee_minor,
            net_minor=None if fee_minor is None else net_minor(amount_minor=amount_minor, fee_minor=fee_minor),
            status=self._status(entry),
            occurred_at=entry.instant(TIME_FIELD),
        )

    def _status(self, entry: JsonFields) -> Status:
        status = self.statuses.get(entry.text("status").strip().lower())
        if status is None:
            raise FieldRefused("status", "a word that is not mapped to a status")
        return status
