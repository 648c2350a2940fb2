"""The internal ledger over HTTP: `GET {base_url}/transactions?processor=&date=&limit=&skip=`.

`{"transactions": [{"transaction_id", "amount", "currency", "merchant_id", "reference_number", "fee", "status",
"created_at", "transaction_type"?}], "total", "skip", "limit"}`; `amount` and `fee` are JSON numbers or decimal
strings in major units, `created_at` is ISO 8601 with an offset.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from recon_assets.domain.records import Status
from recon_assets.feeds.addresses import DEFAULT_PAGE_SIZE, BaseUrl, PageSize
from recon_assets.feeds.credentials import EnvironmentName

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

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

    def adapter(self, around: "Surroundings") -> "Adapter":
        """The ledger's entries for the processor."""
        from recon_assets.feeds.http_pages import HttpPagesAdapter
        from recon_assets.ledger.http_entries import TIME_FIELD, LedgerApiEntry

        own_words = {word.strip().lower(): status for word, status in self.statuses.items()}
        return HttpPagesAdapter(
            kind=self.kind,
            url=f"{self.base_url}/transactions",
            processor=around.processor,
            record_list_field="transactions",
            page_size=self.page_size,
            limits=around.limits,
            parse=LedgerApiEntry({**COMMON_STATUS_WORDS, **own_words}).parse,
            token_env=self.token_env,
            credentials=around.credentials,
            time_field=TIME_FIELD,
        )
