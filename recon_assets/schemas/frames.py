"""Arrow types of the canonical frames, and the code that lets the matching compare currency and status as one integer.

A frame is a Parquet file (LZ4, row groups of `ROW_GROUP_ROWS`) of one side of one processor-day.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from recon_assets.domain.records import Side, Status

ROW_GROUP_ROWS: Final = 122_880
"""DuckDB's own row group size: reads are parallel and statistics are fine enough."""

WORD: Final = pa.dictionary(pa.int32(), pa.string())

PARSED_SCHEMA: Final = pa.schema(
    [
        pa.field("raw_file", WORD, nullable=False),
        pa.field("record_number", pa.int64(), nullable=False),
        pa.field("transaction_id", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("reference_number", pa.string()),
        pa.field("order_id", pa.string()),
        pa.field("payout_id", pa.string()),
        pa.field("merchant_id", pa.string()),
        pa.field("transaction_type", WORD),
        pa.field("movement", WORD),
        pa.field("amount_minor", pa.int64()),
        pa.field("currency", WORD),
        pa.field("fee_minor", pa.int64()),
        pa.field("net_minor", pa.int64()),
        pa.field("status", WORD),
        pa.field("occurred_at", pa.timestamp("us", "UTC")),
    ]
)
"""What an adapter hands over: one row per raw record it could parse.

`raw_file` and `record_number` (from 1 within the file) are the way back to the byte. `transaction_id` is the id by
which the other side knows the movement; `record_id` the feed's own id of the row where that is another. Amounts are
minor units of `currency`; money in is positive, a fee we pay is positive. What the feed did not say is null, not zero.
"""

FRAME_SCHEMA: Final = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        *PARSED_SCHEMA,
        pa.field("agreement_code", pa.int32(), nullable=False),
    ]
)
"""A parsed row plus `seq`, its address in the frame (from 0), and `agreement_code`."""

_WORDS: Final = [field.name for field in PARSED_SCHEMA if field.type == WORD]
_INTEGERS: Final = [field.name for field in FRAME_SCHEMA if pa.types.is_integer(field.type)]

FRAME_WRITING: Final = {
    "compression": "lz4",
    "use_dictionary": [*_WORDS, "merchant_id", "payout_id"],
    "column_encoding": dict.fromkeys([*_INTEGERS, "occurred_at"], "DELTA_BINARY_PACKED"),
}
"""How pyarrow writes a frame (docs/decisions/0010).

For ids, times and amounts Parquet would collect a dictionary and then give it up: that takes a third of the time of
writing and makes the file twice as large. Integers stand as differences, in as many bits as these need.
"""

FRAME_FILE_OF_SIDE: Final = {Side.PROCESSOR: "transactions.parquet", Side.LEDGER: "ledger_entries.parquet"}

_STATUSES: Final = list(Status)
_STATUS_SLOTS: Final = 8
_LETTERS: Final = 26
assert len(_STATUSES) <= _STATUS_SLOTS


def agreement_code(currency: str, status: str) -> int:
    """Currency and status packed exactly in one integer: equal codes mean equal currency and equal status."""
    first, second, third = (ord(letter) - ord("A") for letter in currency)
    return ((first * _LETTERS + second) * _LETTERS + third) * _STATUS_SLOTS + _STATUSES.index(Status(status))


def agreement_codes(currency: pa.DictionaryArray, status: pa.DictionaryArray) -> pa.Array:
    """`agreement_code` for whole columns without nulls, whose words are already known to be valid."""
    currency_words, status_words = currency.dictionary.to_pylist(), status.dictionary.to_pylist()
    by_currency = np.array([agreement_code(word, _STATUSES[0]) for word in currency_words], dtype=np.int32)
    by_status = np.array([_STATUSES.index(Status(word)) for word in status_words], dtype=np.int32)
    return pa.array(by_currency[currency.indices.to_numpy()] + by_status[status.indices.to_numpy()], type=pa.int32())
