"""What Transaction Search answers, and what one record of it means.

What belongs here: PayPal's JSON. Not here: which pages there are (`windows`). A record of another shape does not spoil
its page: it becomes a `FieldRefused`, and so a rejected row.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR, NotRepresentable, minor_from_text
from recon_assets.domain.records import Status
from recon_assets.feeds.http_answers import raise_html
from recon_assets.feeds.json_records import FieldRefused
from recon_assets.processors.paypal.entries import Entry, net_of, reference_of
from recon_assets.schemas.currencies import exponent_of

STATUSES: Final[Mapping[str, Status]] = {
    "S": Status.COMPLETED,
    "P": Status.PENDING,  # some move the balance already: they count
    "D": Status.FAILED,
    "V": Status.REVERSED,
}

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FIELD_IN_ERROR: Final = re.compile(r"`\$(?:\.\w+)*?\.?(\w+)`$")
_MISSING_FIELD: Final = re.compile(r"missing required field `(\w+)`")


class MoneyText(msgspec.Struct, frozen=True):
    """A decimal string in major units, negative for money out."""

    currency_code: str
    value: str


class TransactionInfo(msgspec.Struct, frozen=True):
    """The fields that we read. `transaction_updated_date` may be days later than the initiation."""

    transaction_id: str
    transaction_event_code: str
    transaction_initiation_date: str
    transaction_amount: MoneyText
    transaction_status: str
    transaction_updated_date: str | None = None
    fee_amount: MoneyText | None = None
    paypal_reference_id: str | None = None
    bank_reference_id: str | None = None
    invoice_id: str | None = None
    custom_field: str | None = None


class StoreInfo(msgspec.Struct, frozen=True):
    """Which of our shops it was, if shops have numbers at PayPal."""

    store_id: str | None = None


class Detail(msgspec.Struct, frozen=True):
    """One record."""

    transaction_info: TransactionInfo
    store_info: StoreInfo | None = None


class _Envelope(msgspec.Struct):
    total_items: int
    total_pages: int
    page: int | None = None
    last_refreshed_datetime: str | None = None
    transaction_details: msgspec.Raw = msgspec.Raw(b"[]")


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `digest` is of its records' text: the same page served again has the same."""

    details: tuple[Detail | FieldRefused, ...]
    total_items: int
    total_pages: int
    number: int | None
    last_refreshed_at: datetime | None
    digest: str


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_DETAILS: Final = msgspec.json.Decoder(tuple[Detail, ...])
_RECORDS: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_DETAIL: Final = msgspec.json.Decoder(Detail)


def decode_page(body: bytes, *, where: str) -> Page:
    """Read one answer. Raises `FeedNotUnderstood` when it is no page at all."""
    text = body.removeprefix(_BYTE_ORDER_MARK)
    if text.lstrip()[:1] == b"<":
        raise_html(where)
    try:
        envelope = _ENVELOPE.decode(text)
        details = _details(envelope.transaction_details)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FeedNotUnderstood(
            "the answer is no page of Transaction Search", where=where, remedy="Check base_url and the feed's kind."
        ) from error
    if not (0 <= envelope.total_items <= MAX_MINOR and 0 <= envelope.total_pages <= MAX_MINOR):
        raise FeedNotUnderstood(
            "the page's totals are no counts", where=where, remedy="Report it to the operator of the feed."
        )
    return Page(
        details=details,
        total_items=envelope.total_items,
        total_pages=envelope.total_pages,
        number=envelope.page,
        last_refreshed_at=_refreshed_at(envelope, where),
        digest=hashlib.sha256(envelope.transaction_details).hexdigest(),
    )


def _refreshed_at(envelope: _Envelope, where: str) -> datetime | None:
    if not envelope.last_refreshed_datetime:
        return None
    try:
        return instant_of(envelope.last_refreshed_datetime, "last_refreshed_datetime")
    except FieldRefused as refusal:
        raise FeedNotUnderstood(
            f"'{refusal.column}' is {refusal.reason}", where=where, remedy="Report it to the operator of the feed."
        ) from refusal


def instant_of(text: str, field: str) -> datetime:
    """An ISO 8601 time in UTC; PayPal writes the offset without a colon. Raises `FieldRefused`."""
    try:
        at = datetime.fromisoformat(text)
        in_utc = at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError) as error:
        raise FieldRefused(field, "not an ISO 8601 date and time") from error
    if in_utc is None:
        raise FieldRefused(field, "a time without an offset")
    return in_utc


def entry_of(detail: Detail, *, raw_file: str, record_number: int) -> Entry:
    """What one record says. Raises `FieldRefused` for a record that is no movement."""
    info = detail.transaction_info
    if not info.transaction_id.strip():
        raise FieldRefused("transaction_id", "is blank")
    status = STATUSES.get(info.transaction_status)
    if status is None:
        raise FieldRefused("transaction_status", "a status that PayPal does not describe")
    amount_minor = _minor(info.transaction_amount, "transaction_amount")
    fee_minor = _fee_minor(info)
    return Entry(
        occurred_at=instant_of(info.transaction_initiation_date, "transaction_initiation_date"),
        transaction_id=info.transaction_id,
        event_code=info.transaction_event_code,
        currency=info.transaction_amount.currency_code,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        net_minor=net_of(amount_minor, fee_minor),
        status=status,
        reference_number=reference_of(
            paypal_reference=_stated(info.paypal_reference_id),
            bank_reference=_stated(info.bank_reference_id),
            custom_field=_stated(info.custom_field),
        ),
        order_id=_stated(info.invoice_id),
        merchant_id=_stated(detail.store_info.store_id) if detail.store_info else None,
        raw_file=raw_file,
        record_number=record_number,
    )


def _details(listed: msgspec.Raw) -> tuple[Detail | FieldRefused, ...]:
    """All at once when all are of the shape; one by one when one is not."""
    try:
        return _DETAILS.decode(listed)
    except msgspec.ValidationError:
        return tuple(_detail(record) for record in _RECORDS.decode(listed))


def _detail(record: msgspec.Raw) -> Detail | FieldRefused:
    try:
        return _DETAIL.decode(record)
    except (msgspec.ValidationError, RecursionError) as error:
        missing, wrong = _MISSING_FIELD.search(str(error)), _FIELD_IN_ERROR.search(str(error))
        if missing:
            return FieldRefused(missing[1], "is missing")
        return FieldRefused(wrong[1] if wrong else "", "not of the type that PayPal describes")


def _fee_minor(info: TransactionInfo) -> int | None:
    """PayPal writes what it charges as a negative amount; ours is positive."""
    if info.fee_amount is None:
        return None
    if info.fee_amount.currency_code != info.transaction_amount.currency_code:
        raise FieldRefused("fee_amount", "in another currency than the amount")
    return -_minor(info.fee_amount, "fee_amount")


def _minor(money: MoneyText, field: str) -> int:
    exponent = exponent_of(money.currency_code)
    if exponent is None:
        raise FieldRefused("currency_code", "no currency code of ISO 4217")
    sign, digits = ("-", money.value[1:]) if money.value.startswith("-") else ("", money.value)
    whole = "0" if digits.startswith(".") else ""  # PayPal's own rule for values allows `-.50`
    try:
        return minor_from_text(f"{sign}{whole}{digits}", exponent=exponent)
    except NotRepresentable as error:
        raise FieldRefused(field, str(error)) from error


def _stated(text: str | None) -> str | None:
    return text if text and text.strip() else None
