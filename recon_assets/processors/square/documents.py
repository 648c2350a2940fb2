"""Payments and refunds as Square documents them: the fields that are used, with their types, and their readers.

Not here: what a field means (`records`) and paging.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from recon_assets.feeds.record_structs import MinorUnits, RecordReader
from recon_assets.processors.square.paging import PAYMENTS, REFUNDS

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Money(msgspec.Struct, gc=False):
    """Minor units of ISO 4217. Some of Square's documents write `currency_code`."""

    amount: MinorUnits
    currency: str | None = None
    currency_code: str | None = None

    @property
    def code(self) -> str | None:
        """The currency; None when both names are there and differ."""
        if self.currency is None:
            return self.currency_code
        return self.currency if self.currency_code is None or self.currency_code == self.currency else None


class Fee(msgspec.Struct, gc=False):
    """One assessment, or a later correction of it."""

    amount_money: Money


class Payment(msgspec.Struct, gc=False):
    """One of `GET /v2/payments`."""

    id: str
    created_at: Instant
    status: Literal["APPROVED", "PENDING", "COMPLETED", "CANCELED", "FAILED"]
    total_money: Money
    source_type: str | None = None
    processing_fee: list[Fee] | None = None
    order_id: str | None = None
    reference_id: str | None = None
    location_id: str | None = None

    @property
    def money(self) -> Money:
        """What the buyer paid, tip included."""
        return self.total_money

    @property
    def tender(self) -> str | None:
        """What was paid with."""
        return self.source_type

    @property
    def reference(self) -> str | None:
        """What the merchant said it belongs to."""
        return self.reference_id


class Refund(msgspec.Struct, gc=False):
    """One of `GET /v2/refunds`."""

    id: str
    created_at: Instant
    status: Literal["PENDING", "COMPLETED", "REJECTED", "FAILED"]
    amount_money: Money
    destination_type: str | None = None
    processing_fee: list[Fee] | None = None
    order_id: str | None = None
    payment_id: str | None = None
    location_id: str | None = None

    @property
    def money(self) -> Money:
        """What goes back to the buyer, as a positive amount."""
        return self.amount_money

    @property
    def tender(self) -> str | None:
        """What it was paid back into."""
        return self.destination_type

    @property
    def reference(self) -> str | None:
        """The payment that is refunded."""
        return self.payment_id


Record = Payment | Refund


class Stamp(msgspec.Struct, gc=False):
    """The time of either."""

    created_at: Instant


_REASONS: Final = {
    "created_at": "not a time with its offset",
    "status": "a status that Square does not document",
}

READERS: Final[Mapping[str, RecordReader[Any]]] = {
    PAYMENTS: RecordReader(Payment, list_field=PAYMENTS, reasons=_REASONS),
    REFUNDS: RecordReader(Refund, list_field=REFUNDS, reasons=_REASONS),
}
STAMP_READERS: Final[Mapping[str, RecordReader[Stamp]]] = {
    name: RecordReader(Stamp, list_field=name) for name in (PAYMENTS, REFUNDS)
}
