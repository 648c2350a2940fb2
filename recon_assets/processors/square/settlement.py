"""What a payout and an entry of a payout mean, column by column.

A payout takes money out of the balance at Square: a deposit in the bank, positive at Square, is negative here. SENT and
PAID both have left the balance. `reference_number` is the text that the bank line has. Its own fee is an entry.

An entry is a row only where no other record is that money (`entry_types`). Square lists entries by their payout and not
by their time, and with a payout come entries of days before: so a row of an entry belongs to the day and the moment of
its payout. A fee of its own is an amount, what it is worth, whichever of gross and fee Square puts it in.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.feeds.record_tables import BadRows, chunk_of_pages, records_of, replaced_words, words
from recon_assets.processors.square.columns import (
    booleans,
    codes_of,
    constant,
    field,
    instants,
    less,
    merchants,
    minor_column,
    minor_of,
    texts,
    unknown_currencies,
)
from recon_assets.processors.square.documents import Payout, PayoutEntry
from recon_assets.processors.square.entry_types import SAID_ELSEWHERE, movement_of

ANOTHER_PAYOUT: Final = "an entry of a payout that is not of this day"
ENTRY_CURRENCY: Final = "gross, fee and net in more than one currency"
NET_DIFFERS: Final = "net is not gross less fee"

BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
"""The time of an entry whose payout is not known."""

_STATUSES: Final = {"SENT": Status.COMPLETED, "PAID": Status.COMPLETED, "FAILED": Status.FAILED}
_FEES: Final = (Movement.FEE, Movement.FEE_REVERSAL)


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    """What the entries of a payout take from it."""

    created_at: datetime
    location_id: str | None


def payouts_chunk(pages: Sequence[PageOfRecords[Payout]], names: dict[str, str] | None) -> ParsedChunk:
    """The payouts of some pages, in their order."""
    records = records_of(pages)
    moneys = field(records, "amount_money")
    currencies, amounts = codes_of(moneys), pa.array(-minor_of(moneys))
    ids = pa.array(field(records, "id"), type=pa.string())
    columns = {
        "transaction_id": ids,
        "record_id": ids,
        "reference_number": texts(field(records, "end_to_end_id")),
        "payout_id": ids,
        "merchant_id": merchants(field(records, "location_id"), names),
        "transaction_type": words([f"payout_{payout.type.lower()}" if payout.type else "payout" for payout in records]),
        "movement": constant(Movement.PAYOUT.value, len(records)),
        "amount_minor": amounts,
        "currency": words(currencies),
        "fee_minor": pa.array(np.zeros(len(records), dtype=np.int64)),
        "net_minor": amounts,
        "status": replaced_words(words(field(records, "status")), _STATUSES),
        "occurred_at": instants(field(records, "created_at")),
    }
    return chunk_of_pages(pages, columns, [unknown_currencies(currencies)])


def said_elsewhere(pages: Sequence[PageOfRecords[PayoutEntry]]) -> Counter[str]:
    """How many entries are the money of another record, by the reason."""
    types = Counter(entry.type for page in pages for entry in page.records)
    reasons: Counter[str] = Counter()
    for type_, count in types.items():
        reasons.update({SAID_ELSEWHERE[type_]: count} if type_ in SAID_ELSEWHERE else {})
    return reasons


def entries_chunk(
    pages: Sequence[PageOfRecords[PayoutEntry]], payouts: Mapping[str, PayoutFacts], names: dict[str, str] | None
) -> ParsedChunk:
    """The entries of some pages, in their order, none of which is said elsewhere. `payouts` are those of the day."""
    records: list[PayoutEntry] = records_of(pages)
    facts = [payouts.get(entry.payout_id) for entry in records]
    movements = [movement_of(entry.type) for entry in records]
    net_moneys, gross_moneys = field(records, "net_amount_money"), field(records, "gross_amount_money")
    charged = field(records, "fee_amount_money")
    currencies, gross, nets = codes_of(net_moneys), minor_of(gross_moneys), minor_of(net_moneys)
    fees = np.array([money.amount if money else 0 for money in charged], dtype=np.int64)
    has_fee, is_fee = booleans([money is not None for money in charged]), booleans([m in _FEES for m in movements])
    worth, is_beyond = less(gross, fees)
    bad = [
        BadRows("payout_id", ANOTHER_PAYOUT, booleans([fact is None for fact in facts])),
        unknown_currencies(currencies),
        BadRows("currency", ENTRY_CURRENCY, booleans(_codes_differ(records, currencies))),
        BadRows("net_amount_money", NET_DIFFERS, has_fee & (is_beyond | (worth != nets))),
    ]
    ids = pa.array(field(records, "id"), type=pa.string())
    columns: dict[str, Any] = {
        "transaction_id": ids,
        "record_id": ids,
        "reference_number": texts([entry.reference for entry in records]),
        "payout_id": pa.array(field(records, "payout_id"), type=pa.string()),
        "merchant_id": merchants([fact.location_id if fact else None for fact in facts], names),
        "transaction_type": words([entry.type.lower() for entry in records]),
        "movement": words([movement.value for movement in movements]),
        "amount_minor": pa.array(np.where(is_fee, nets, gross)),
        "currency": words(currencies),
        "fee_minor": minor_column(np.where(is_fee, 0, fees), has_fee | is_fee),
        "net_minor": pa.array(nets),
        "status": constant(Status.COMPLETED.value, len(records)),
        "occurred_at": instants([fact.created_at if fact else BEFORE_ALL for fact in facts]),
    }
    return chunk_of_pages(pages, columns, bad)


def _codes_differ(records: Sequence[PayoutEntry], currencies: Sequence[str | None]) -> list[bool]:
    return [
        entry.gross_amount_money.code != code
        or (entry.fee_amount_money is not None and entry.fee_amount_money.code != code)
        for entry, code in zip(records, currencies, strict=True)
    ]
