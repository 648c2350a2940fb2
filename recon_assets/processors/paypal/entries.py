"""One movement as PayPal reports it, from either feed, and a chunk of `PARSED_SCHEMA` made of many.

PayPal's ids are not unique: a payment and its reversal may share one. `transaction_id` stays what our ledger knows it
by; `record_id` tells the rows apart by id, event code, amount and time, and equal ones by a number.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pyarrow as pa

from recon_assets.domain.records import RejectedRow, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.json_records import net_minor
from recon_assets.processors.paypal.event_codes import movement_of
from recon_assets.schemas.columns import MAX_TEXT_CHARACTERS
from recon_assets.schemas.frames import PARSED_SCHEMA

_PLAIN: Final = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_TEXT_CHARACTERS}}}")


class Entry(NamedTuple):
    """Amounts are ISO minor units, positive for money in; a fee that we pay is positive, None when there was none."""

    occurred_at: datetime
    transaction_id: str
    event_code: str
    currency: str
    amount_minor: int
    fee_minor: int | None
    net_minor: int
    status: Status
    reference_number: str | None
    order_id: str | None
    merchant_id: str | None
    raw_file: str
    record_number: int


def net_of(amount_minor: int, fee_minor: int | None) -> int:
    """Gross less fee. PayPal states no fee where there is none, and says that net is then gross.

    Raises `FieldRefused` when it leaves 64 bits.
    """
    return amount_minor if fee_minor is None else net_minor(amount_minor=amount_minor, fee_minor=fee_minor)


def reference_of(*, paypal_reference: str | None, bank_reference: str | None, custom_field: str | None) -> str | None:
    """What the movement refers to: the sale that is refunded, else the bank's reference, else what we once passed on.

    The custom field is free text of the shop: it is a reference only where it can be one.
    """
    stated = paypal_reference or bank_reference
    if stated or custom_field is None:
        return stated or None
    return custom_field if _PLAIN.fullmatch(custom_field) else None


def chunk_of(entries: Sequence[Entry], rejected: Iterable[RejectedRow], *, seen: Counter[str]) -> ParsedChunk:
    """The rows in the order given. `seen` counts the identities of the rows before these and is added to."""
    columns = {name: [getattr(entry, name) for entry in entries] for name in _SAME_NAME}
    columns["record_id"] = [_record_id(entry, seen) for entry in entries]
    columns["payout_id"] = [None] * len(entries)
    columns["transaction_type"] = columns["event_code"]
    columns["movement"] = [movement_of(code).value for code in columns["event_code"]]
    arrays = [pa.array(columns[field.name], type=field.type) for field in PARSED_SCHEMA]
    return ParsedChunk(rows=pa.table(arrays, schema=PARSED_SCHEMA), rejected=tuple(rejected))


_SAME_NAME: Final = Entry._fields


def _record_id(entry: Entry, seen: Counter[str]) -> str:
    at = entry.occurred_at.astimezone(UTC)
    identity = f"{entry.transaction_id}/{entry.event_code}/{entry.amount_minor}{entry.currency}/{at:%Y%m%dT%H%M%SZ}"
    seen[identity] += 1
    return identity if seen[identity] == 1 else f"{identity}/{seen[identity]}"
