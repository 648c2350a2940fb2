"""What a record of the ledger's HTTP API means: one entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import Status
from recon_assets.feeds.http_pages import ParsedRecord
from recon_assets.feeds.json_records import FieldRefused, JsonFields, net_minor
from recon_assets.schemas.currencies import exponent_of

TIME_FIELD: Final = "created_at"


@dataclass(frozen=True, slots=True)
class LedgerApiEntry:
    """Read with the ledger's own words for a status, in lower case."""

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
