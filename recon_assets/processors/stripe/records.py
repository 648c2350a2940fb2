"""What a balance transaction means, column by column.

`transaction_id` is `source`: the charge, refund, dispute or payout that our ledger knows; a row without a source (a fee
of Stripe's own) is known by its own id. `record_id` is that own id, `txn_...`. A balance transaction, once there, is
final: `pending` only says that the money is not available for a payout yet, so both statuses are completed. What fails
later is a row of its own. `payout_id` is known for payouts themselves; which payout a charge went into is not said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.record_structs import EpochSeconds, MinorUnits, PageOfRecords, RecordReader
from recon_assets.feeds.record_tables import (
    BATCH_ROWS,
    BadRows,
    chunk_of_pages,
    chunks_in_order,
    instants_of_seconds,
    records_of,
    words,
)
from recon_assets.processors.stripe.currencies import amounts_of
from recon_assets.processors.stripe.movements import movement_of

LIST_FIELD: Final = "data"
_PAYOUTS: Final = (Movement.PAYOUT, Movement.PAYOUT_REVERSAL)
_SALES: Final = (Movement.PAYMENT, Movement.REFUND)
FEE_DIFFERS: Final = "the fee is not the sum of its details"
FEE_CURRENCY: Final = "a part of the fee is in another currency than the amount"
_WHOLE_NUMBER: Final = "not a whole number of minor units within 64 bits"
_TIME: Final = "not a time in Unix seconds"
_REASONS: Final = {
    "amount": _WHOLE_NUMBER,
    "fee": _WHOLE_NUMBER,
    "net": _WHOLE_NUMBER,
    "created": _TIME,
    "status": "a status that Stripe does not document",
}


class Source(msgspec.Struct, gc=False):
    """What an expanded `source` is read for."""

    id: str
    metadata: dict[str, str] | None = None


class FeeDetail(msgspec.Struct, gc=False):
    """One part of a fee."""

    amount: MinorUnits
    currency: str


class BalanceTransaction(msgspec.Struct, gc=False):
    """The fields that are used, with the types that Stripe documents."""

    id: str
    amount: MinorUnits
    fee: MinorUnits
    net: MinorUnits
    currency: str
    created: EpochSeconds
    type: str
    status: Literal["available", "pending"]
    source: str | Source | None = None
    reporting_category: str | None = None
    fee_details: list[FeeDetail] | None = None


class _Stamp(msgspec.Struct, gc=False):
    created: EpochSeconds


@dataclass(frozen=True, slots=True)
class MetadataKeys:
    """Keys in the metadata of the source (of the charge, refund, ...) that hold what our columns ask for."""

    reference_number: str | None = None
    order_id: str | None = None
    merchant_id: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Key by column, of those that are named."""
        columns = {name: getattr(self, name) for name in ("reference_number", "order_id", "merchant_id")}
        return {column: key for column, key in columns.items() if key is not None}


def chunks_of(files: Sequence[Path], keys: MetadataKeys, *, batch_rows: int = BATCH_ROWS) -> Iterator[ParsedChunk]:
    """The rows of all pages by time and id. Every page is read twice: for its earliest time, and for its records."""
    stamps = RecordReader(_Stamp, list_field=LIST_FIELD)
    reader = RecordReader(BalanceTransaction, list_field=LIST_FIELD, reasons=_REASONS)
    return chunks_in_order(
        ((_earliest(file, stamps), file) for file in files),
        read=lambda file: reader.read(file.read_bytes(), file.name),
        chunk_of=lambda pages: chunk_of(pages, keys),
        batch_rows=batch_rows,
    )


def chunk_of(pages: Sequence[PageOfRecords[BalanceTransaction]], keys: MetadataKeys) -> ParsedChunk:
    """The records of some pages, in their order."""
    records: list[BalanceTransaction] = records_of(pages)

    def column(name: str) -> list[Any]:
        return list(map(attrgetter(name), records))

    sources = column("source")
    source_ids = pa.array([s if s is None or type(s) is str else s.id for s in sources], type=pa.string())
    ids = pa.array(column("id"), type=pa.string())
    types = words(column("type"))
    movement = _movements(words(column("reporting_category")), types)
    amounts = amounts_of(
        currency=column("currency"),
        amount=column("amount"),
        fee=column("fee"),
        net=column("net"),
        is_sale=_is_one_of(movement, _SALES).cast(pa.int64()).to_numpy(zero_copy_only=False),
    )
    return chunk_of_pages(
        pages,
        {
            "transaction_id": pc.coalesce(source_ids, ids),
            "record_id": ids,
            "payout_id": pc.if_else(_is_one_of(movement, _PAYOUTS), source_ids, None),
            "transaction_type": types,
            "movement": movement,
            "amount_minor": pa.array(amounts.amount_minor),
            "currency": amounts.currency,
            "fee_minor": pa.array(amounts.fee_minor),
            "net_minor": pa.array(amounts.net_minor),
            "status": words([Status.COMPLETED.value]).take(pa.array(np.zeros(len(records), dtype=np.int32))),
            "occurred_at": instants_of_seconds(column("created")),
            **{name: _metadata(sources, key) for name, key in keys.named.items()},
        },
        [*amounts.bad_rows, *_fee_differences(records)],
    )


def _fee_differences(records: Sequence[BalanceTransaction]) -> list[BadRows]:
    """Stripe says that a fee is the sum of its details. Not held where it gives no details at all."""
    differs, is_other = (np.zeros(len(records), dtype=np.bool_) for _ in range(2))
    for row, record in enumerate(records):
        if record.fee_details is None:
            continue
        total = 0
        for part in record.fee_details:
            total += part.amount
            if part.currency != record.currency:
                is_other[row] = True
        if total != record.fee:
            differs[row] = True
    return [BadRows("fee_details", FEE_CURRENCY, is_other), BadRows("fee_details", FEE_DIFFERS, differs)]


def _metadata(sources: Sequence[str | Source | None], key: str) -> pa.Array:
    """The value of `key`; blank and absent alike are null."""
    found = [s.metadata.get(key) if isinstance(s, Source) and s.metadata else None for s in sources]
    return pa.array([value if value and value.strip() else None for value in found], type=pa.string())


def _movements(categories: pa.DictionaryArray, types: pa.DictionaryArray) -> pa.DictionaryArray:
    by_category = _taken([movement_of(category=w, type_="") for w in categories.dictionary.to_pylist()], categories)
    by_type = _taken([movement_of(category=None, type_=w) for w in types.dictionary.to_pylist()], types)
    return pc.coalesce(by_category, by_type).dictionary_encode()


def _taken(new_words: list[Movement], column: pa.DictionaryArray) -> pa.Array:
    return pa.array([word.value for word in new_words], type=pa.string()).take(column.indices)


def _is_one_of(movement: pa.DictionaryArray, wanted: Sequence[Movement]) -> pa.Array:
    held = pa.array([word in {w.value for w in wanted} for word in movement.dictionary.to_pylist()], type=pa.bool_())
    return held.take(movement.indices)


def _earliest(file: Path, stamps: RecordReader[_Stamp]) -> int:
    """The first second of a page; 0 when it holds no record with a time: then it is read first."""
    page = stamps.read(file.read_bytes(), file.name)
    return min((record.created for record in page.records), default=0)
