"""What a payment and a refund mean, column by column.

`transaction_id` is the id of the payment or refund, by which our ledger knows it. `total_money` is what the buyer paid,
tip included. `processing_fee` is a list, summed; it is empty until Square has assessed it, and the fee is then not
known. An application's fee is no part of it: Square takes that as a movement of its own. Refunds are negative, and so
are fees that come back with them.

CASH and EXTERNAL are sales that a merchant wrote down at Square: no money moves there and none reaches a payout. They
are left out and counted, or rows, as the configuration says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.feeds.record_structs import PageOfRecords
from recon_assets.feeds.record_tables import BadRows, chunk_of_pages, records_of, replaced_words, words
from recon_assets.processors.square.columns import (
    OUT_OF_RANGE,
    Booleans,
    Integers,
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
from recon_assets.processors.square.documents import Fee
from recon_assets.processors.square.paging import PAYMENTS, REFUNDS

FEE_CURRENCY: Final = "a fee in another currency than the amount"


@dataclass(frozen=True, slots=True)
class Sales:
    """Where one of the two lists has its columns. `sign` is that of its amounts as movements."""

    movement: Movement
    sign: int
    money: str
    tender: str
    reference: str
    statuses: Mapping[str, Status]


SALES: Final[Mapping[str, Sales]] = {
    PAYMENTS: Sales(
        movement=Movement.PAYMENT,
        sign=1,
        money="total_money",
        tender="source_type",
        reference="reference_id",
        statuses={
            "APPROVED": Status.PENDING,
            "PENDING": Status.PENDING,
            "COMPLETED": Status.COMPLETED,
            "CANCELED": Status.CANCELLED,
            "FAILED": Status.FAILED,
        },
    ),
    REFUNDS: Sales(
        movement=Movement.REFUND,
        sign=-1,
        money="amount_money",
        tender="destination_type",
        reference="payment_id",
        statuses={
            "PENDING": Status.PENDING,
            "COMPLETED": Status.COMPLETED,
            "REJECTED": Status.FAILED,
            "FAILED": Status.FAILED,
        },
    ),
}


def sales_chunk(pages: Sequence[PageOfRecords[Any]], sales: Sales, names: dict[str, str] | None) -> ParsedChunk:
    """The records of some pages of one list, in their order."""
    records = records_of(pages)
    moneys = field(records, sales.money)
    currencies, amounts = codes_of(moneys), minor_of(moneys) * sales.sign
    fees = _fees_of(field(records, "processing_fee"), currencies)
    nets, is_beyond = less(amounts, fees.minor)
    bad = [
        unknown_currencies(currencies),
        BadRows("processing_fee", FEE_CURRENCY, fees.differs),
        BadRows("processing_fee", OUT_OF_RANGE, fees.is_beyond),
        BadRows("net", OUT_OF_RANGE, fees.is_known & is_beyond),
    ]
    ids = pa.array(field(records, "id"), type=pa.string())
    columns = {
        "transaction_id": ids,
        "record_id": ids,
        "reference_number": texts(field(records, sales.reference)),
        "order_id": texts(field(records, "order_id")),
        "merchant_id": merchants(field(records, "location_id"), names),
        "transaction_type": _types(words(field(records, sales.tender)), sales.movement.value),
        "movement": constant(sales.movement.value, len(records)),
        "amount_minor": pa.array(amounts),
        "currency": words(currencies),
        "fee_minor": minor_column(fees.minor, fees.is_known),
        "net_minor": minor_column(nets, fees.is_known & ~is_beyond),
        "status": replaced_words(words(field(records, "status")), sales.statuses),
        "occurred_at": instants(field(records, "created_at")),
    }
    return chunk_of_pages(pages, columns, bad)


def _types(tenders: pa.DictionaryArray, kind: str) -> pa.DictionaryArray:
    """Square has no word of its own for it: the list, and what was paid with or into."""
    named = replaced_words(tenders, {tender: f"{kind}_{tender.lower()}" for tender in tenders.dictionary.to_pylist()})
    return pc.fill_null(named.dictionary_decode(), kind).dictionary_encode()


@dataclass(frozen=True, slots=True)
class _Fees:
    """The fee of each record, 0 where it is not known or beyond 64 bits, and what is wrong with it."""

    minor: Integers
    is_known: Booleans
    is_beyond: Booleans
    differs: Booleans


def _fees_of(lists: Sequence[list[Fee] | None], currencies: Sequence[str | None]) -> _Fees:
    rows = len(lists)
    counts = np.array([len(listed) if listed else 0 for listed in lists], dtype=np.int64)
    moneys = [fee.amount_money for listed in lists if listed for fee in listed]
    minor, is_beyond, differs = np.zeros(rows, dtype=np.int64), np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    firsts = np.cumsum(counts) - counts
    if moneys:
        is_one = counts == 1
        minor[is_one] = minor_of(moneys)[firsts[is_one]]
        owed_in = [code for listed, code in zip(lists, currencies, strict=True) if listed for _ in listed]
        other = booleans([code != owed for code, owed in zip(codes_of(moneys), owed_in, strict=True)])
        differs[np.repeat(np.arange(rows), counts)[other]] = True
    for row in np.flatnonzero(counts > 1):
        total = sum(money.amount for money in moneys[firsts[row] : firsts[row] + counts[row]])
        is_beyond[row] = abs(total) > MAX_MINOR
        minor[row] = 0 if is_beyond[row] else total
    return _Fees(minor, counts > 0, is_beyond, differs)
