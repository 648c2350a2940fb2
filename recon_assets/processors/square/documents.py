"""Payments, refunds, payouts and payout entries as Square documents them: the fields that are used, and their readers.

Not here: what a field means (`sales`, `settlement`) and paging.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.feeds.record_structs import MinorUnits, PageOfRecords, RecordReader
from recon_assets.processors.square.paging import ENTRIES, PAYMENTS, PAYOUTS, REFUNDS, decode_page

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


class Payout(msgspec.Struct, gc=False):
    """One of `GET /v2/payouts`. Its own fee is an entry of it or of a later payout, and not read here."""

    id: str
    created_at: Instant
    status: Literal["SENT", "FAILED", "PAID"]
    amount_money: Money
    type: str | None = None
    location_id: str | None = None
    end_to_end_id: str | None = None


class EntryDetails(msgspec.Struct, gc=False):
    """What an entry is about, where its type has details."""

    payment_id: str | None = None
    payout_id: str | None = None
    dispute_id: str | None = None


class PayoutEntry(msgspec.Struct, gc=False):
    """One of `GET /v2/payouts/{id}/payout-entries`. Of the details only those with an id in them are read."""

    id: str
    payout_id: str
    type: str
    gross_amount_money: Money
    net_amount_money: Money
    fee_amount_money: Money | None = None
    type_app_fee_refund_details: EntryDetails | None = None
    type_app_fee_revenue_details: EntryDetails | None = None
    type_automatic_savings_details: EntryDetails | None = None
    type_automatic_savings_reversed_details: EntryDetails | None = None
    type_deposit_fee_details: EntryDetails | None = None
    type_deposit_fee_reversed_details: EntryDetails | None = None
    type_dispute_details: EntryDetails | None = None
    type_free_processing_details: EntryDetails | None = None
    type_hold_adjustment_details: EntryDetails | None = None
    type_open_dispute_details: EntryDetails | None = None
    type_other_details: EntryDetails | None = None
    type_release_adjustment_details: EntryDetails | None = None
    type_square_capital_payment_details: EntryDetails | None = None
    type_square_capital_reversed_payment_details: EntryDetails | None = None
    type_square_payroll_transfer_details: EntryDetails | None = None
    type_square_payroll_transfer_reversed_details: EntryDetails | None = None
    type_tax_on_fee_details: EntryDetails | None = None
    type_third_party_fee_details: EntryDetails | None = None
    type_third_party_fee_refund_details: EntryDetails | None = None

    @property
    def reference(self) -> str | None:
        """The dispute, payout or payment that the entry is about."""
        about: EntryDetails | None = getattr(self, f"type_{self.type.lower()}_details", None)
        return (about.dispute_id or about.payout_id or about.payment_id) if about else None


class Stamp(msgspec.Struct, gc=False):
    """The time of a payment, a refund or a payout."""

    created_at: Instant


class EntryStamp(msgspec.Struct, gc=False):
    """What says the time of an entry: its payout."""

    payout_id: str


_REASONS: Final = {
    "created_at": "not a time with its offset",
    "status": "a status that Square does not document",
}

Record = TypeVar("Record", bound=msgspec.Struct)


class ListReader(Generic[Record]):
    """Reads the pages of one of Square's lists, which leave the list out where it is empty."""

    def __init__(self, record_type: type[Record], list_name: str) -> None:
        self._reader = RecordReader(record_type, list_field=list_name, reasons=_REASONS)
        self._list_name = list_name

    def read_list(self, body: bytes, raw_file: str) -> PageOfRecords[Record]:
        """Every record of `body`. Raises `FeedNotUnderstood` when `body` is no such page."""
        try:
            return self._reader.read(body, raw_file)
        except FeedNotUnderstood:
            decode_page(body, self._list_name, raw_file)
            return PageOfRecords(raw_file, (), (), ())


PAYOUT_READER: Final = ListReader(Payout, PAYOUTS)
ENTRY_READER: Final = ListReader(PayoutEntry, ENTRIES)
READERS: Final[Mapping[str, ListReader[Any]]] = {
    PAYMENTS: ListReader(Payment, PAYMENTS),
    REFUNDS: ListReader(Refund, REFUNDS),
    PAYOUTS: PAYOUT_READER,
    ENTRIES: ENTRY_READER,
}
STAMP_READERS: Final[Mapping[str, ListReader[Stamp]]] = {
    name: ListReader(Stamp, name) for name in (PAYMENTS, REFUNDS, PAYOUTS)
}
ENTRY_STAMP_READER: Final = ListReader(EntryStamp, ENTRIES)
