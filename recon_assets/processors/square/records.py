"""What a payment and a refund mean, column by column.

`transaction_id` is the id of the payment or refund, by which our ledger knows it. `total_money` is what the buyer paid,
tip included. `processing_fee` is a list, summed; it is empty until Square has assessed it, and the fee is then not
known. An application's fee is no part of it: Square takes that as a movement of its own. Refunds are negative, and so
are fees that come back with them.

CASH and EXTERNAL are sales that a merchant wrote down at Square: no money moves there and none reaches a payout. They
are left out and counted, or rows, as the configuration says.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.feeds.record_tables import BadRows, TimeOrder, chunk_of_pages, records_of, words
from recon_assets.processors.square.documents import READERS, STAMP_READERS, Payment, Record, Refund
from recon_assets.processors.square.paging import decode_page
from recon_assets.schemas.currencies import exponents
from recon_assets.schemas.frames import PARSED_SCHEMA

BATCH_ROWS: Final = 20_000
"""Records that are on their way to columns at a time."""

NEXT_DAY: Final = "created at the very end of the range that was asked for: it is the next business day's"
OUTSIDE_SQUARE: Final = "cash or external: written down at Square, where no money moved"
UNKNOWN_CURRENCY: Final = "no currency of ISO 4217"
FEE_CURRENCY: Final = "a fee in another currency than the amount"
OUT_OF_RANGE: Final = "out of range for 64 bits of minor units"

_NOT_AT_SQUARE: Final = frozenset({"CASH", "EXTERNAL"})
_STATUS_OF_PAYMENT: Final = {
    "APPROVED": Status.PENDING,
    "PENDING": Status.PENDING,
    "COMPLETED": Status.COMPLETED,
    "CANCELED": Status.CANCELLED,
    "FAILED": Status.FAILED,
}
_STATUS_OF_REFUND: Final = {
    "PENDING": Status.PENDING,
    "COMPLETED": Status.COMPLETED,
    "REJECTED": Status.FAILED,
    "FAILED": Status.FAILED,
}
_OCCURRED_AT: Final = PARSED_SCHEMA.field("occurred_at").type

Page = PageOfRecords[Payment] | PageOfRecords[Refund]


def chunks_of(
    files: Sequence[Path], *, day: BusinessDay, keep_outside_square: bool, batch_rows: int = BATCH_ROWS
) -> Iterator[ParsedChunk]:
    """The rows of all pages by time and id, whatever the order of pages and within them.

    Every page is read twice: for its earliest time, and for its records. So what is held is what overlaps.
    """
    found = [(file.name.partition("-")[0], file) for file in files]
    earliest = sorted(
        (second, file.name, list_name, file)
        for list_name, file in found
        if list_name in READERS and (second := _earliest(file, list_name)) is not None
    )
    order, batch, rows = TimeOrder(), list[Page](), 0
    for place, (_, _, list_name, file) in enumerate(earliest, start=1):
        batch.append(READERS[list_name].read(file.read_bytes(), file.name))
        rows += len(batch[-1].records)
        is_last = place == len(earliest)
        if rows >= batch_rows or is_last:
            chunk = chunk_of(batch, day=day, keep_outside_square=keep_outside_square)
            ready = order.rows_before(chunk.rows, None if is_last else earliest[place][0])
            yield ParsedChunk(rows=ready, rejected=chunk.rejected, left_out=chunk.left_out)
            batch, rows = [], 0


def chunk_of(pages: Sequence[Page], *, day: BusinessDay, keep_outside_square: bool) -> ParsedChunk:
    """The records of some pages, in their order, without those that are left out and counted."""
    left_out: Counter[str] = Counter()

    def is_kept(record: Record) -> bool:
        reason = None
        if record.created_at == day.ends_at:
            reason = NEXT_DAY
        elif not keep_outside_square and record.tender in _NOT_AT_SQUARE:
            reason = OUTSIDE_SQUARE
        left_out.update([reason] if reason else [])
        return reason is None

    chunk = _chunk_of_kept([_with_only(page, [is_kept(record) for record in page.records]) for page in pages])
    return ParsedChunk(rows=chunk.rows, rejected=chunk.rejected, left_out=dict(left_out))


def _with_only(page: Page, keep: Sequence[bool]) -> PageOfRecords[Any]:
    if all(keep):
        return page
    return PageOfRecords(
        page.raw_file, list(compress(page.numbers, keep)), list(compress(page.records, keep)), page.rejected
    )


def _chunk_of_kept(pages: Sequence[PageOfRecords[Any]]) -> ParsedChunk:
    records: list[Record] = records_of(pages)
    is_payment = [type(record) is Payment for record in records]
    moneys = [record.money for record in records]
    currencies = [money.code for money in moneys]
    amounts = [money.amount if is_in else -money.amount for money, is_in in zip(moneys, is_payment, strict=True)]
    fees = [
        sum(fee.amount_money.amount for fee in record.processing_fee) if record.processing_fee else None
        for record in records
    ]
    nets = [None if fee is None else amount - fee for amount, fee in zip(amounts, fees, strict=True)]
    bad = [
        BadRows("currency", UNKNOWN_CURRENCY, _is_true([code not in exponents() for code in currencies])),
        BadRows("processing_fee", FEE_CURRENCY, _is_true(_fee_differs(records, currencies))),
        BadRows("processing_fee", OUT_OF_RANGE, _is_true([_is_too_large(fee) for fee in fees])),
        BadRows("net", OUT_OF_RANGE, _is_true([_is_too_large(net) for net in nets])),
    ]
    ids = pa.array([record.id for record in records], type=pa.string())
    columns = {
        "transaction_id": ids,
        "record_id": ids,
        "reference_number": _texts([record.reference for record in records]),
        "order_id": _texts([record.order_id for record in records]),
        "merchant_id": _texts([record.location_id for record in records]),
        "transaction_type": words([_type(record) for record in records]),
        "movement": words([(Movement.PAYMENT if is_in else Movement.REFUND).value for is_in in is_payment]),
        "amount_minor": pa.array(amounts, type=pa.int64()),
        "currency": words(currencies),
        "fee_minor": _minor(fees),
        "net_minor": _minor(nets),
        "status": words([_status(record).value for record in records]),
        "occurred_at": pa.array([_utc(record.created_at) for record in records], type=_OCCURRED_AT),
    }
    return chunk_of_pages(pages, columns, bad)


def _fee_differs(records: Sequence[Record], currencies: Sequence[str | None]) -> list[bool]:
    return [
        bool(record.processing_fee) and any(fee.amount_money.code != currency for fee in record.processing_fee or ())
        for record, currency in zip(records, currencies, strict=True)
    ]


def _type(record: Record) -> str:
    """Square has no word of its own for it: the list, and what was paid with or into."""
    kind = "payment" if isinstance(record, Payment) else "refund"
    return f"{kind}_{record.tender.lower()}" if record.tender else kind


def _utc(instant: datetime) -> datetime:
    """Not left to Arrow: once pandera is imported, it takes the wall time of another zone for that of UTC."""
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _status(record: Record) -> Status:
    return _STATUS_OF_PAYMENT[record.status] if isinstance(record, Payment) else _STATUS_OF_REFUND[record.status]


def _texts(values: Sequence[str | None]) -> pa.Array:
    """Blank and absent alike are null."""
    return pa.array([value if value and value.strip() else None for value in values], type=pa.string())


def _is_true(values: Sequence[bool]) -> npt.NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)


def _is_too_large(value: int | None) -> bool:
    return value is not None and abs(value) > MAX_MINOR


def _minor(values: Sequence[int | None]) -> pa.Array:
    """A value that is out of range is null: its row is rejected."""
    return pa.array([None if _is_too_large(value) else value for value in values], type=pa.int64())


def _earliest(file: Path, list_name: str) -> int | None:
    """The first second of a page; 0 when it holds no record with a time: then it is read first. None: an empty page."""
    body = file.read_bytes()
    if not decode_page(body, list_name, file.name).records(list_name):
        return None
    stamps = STAMP_READERS[list_name].read(body, file.name).records
    return min((int(stamp.created_at.timestamp()) for stamp in stamps), default=0)
