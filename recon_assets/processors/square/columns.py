"""Columns that payments, refunds, payouts and entries of payouts have alike: currencies, money, times, texts.

Not here: which field a column comes from (`sales`, `settlement`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.money import MAX_MINOR
from recon_assets.feeds.record_tables import BadRows, words
from recon_assets.processors.square.documents import Money
from recon_assets.schemas.currencies import exponents
from recon_assets.schemas.frames import PARSED_SCHEMA

UNKNOWN_CURRENCY: Final = "no currency of ISO 4217"
OUT_OF_RANGE: Final = "out of range for 64 bits of minor units"

_OCCURRED_AT: Final = PARSED_SCHEMA.field("occurred_at").type

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def field(records: Sequence[Any], name: str) -> list[Any]:
    """One field of every record."""
    return list(map(attrgetter(name), records))


def codes_of(moneys: Sequence[Money]) -> list[str | None]:
    """The currency of each, by whichever name it is said."""
    codes, others = field(moneys, "currency"), field(moneys, "currency_code")
    return codes if not any(others) and None not in codes else [money.code for money in moneys]


def minor_of(moneys: Sequence[Money]) -> Integers:
    """The amount of each."""
    return np.array(field(moneys, "amount"), dtype=np.int64)


def unknown_currencies(codes: Sequence[str | None]) -> BadRows:
    """Rows without a currency of ISO 4217."""
    unknown = {code for code in set(codes) if code not in exponents()}
    return BadRows("currency", UNKNOWN_CURRENCY, booleans([code in unknown for code in codes]))


def less(amounts: Integers, fees: Integers) -> tuple[Integers, Booleans]:
    """`amounts - fees`, and where that is out of range."""
    with np.errstate(over="ignore"):
        left = amounts - fees
    return left, (((amounts ^ fees) & (amounts ^ left)) < 0) | (left < -MAX_MINOR)


def minor_column(values: Integers, is_known: Booleans) -> pa.Array:
    """Null where the value is not known."""
    return pa.array(values, mask=~is_known)


def booleans(values: Sequence[bool]) -> Booleans:
    """As an array."""
    return np.array(values, dtype=np.bool_)


def constant(word: str, rows: int) -> pa.DictionaryArray:
    """The same word in every row."""
    return words([word]).take(pa.array(np.zeros(rows, dtype=np.int32)))


def texts(values: Sequence[str | None]) -> pa.Array:
    """Blank and absent alike are null."""
    array = pa.array(values, type=pa.string())
    is_blank = pc.equal(pc.utf8_trim_whitespace(array), "")
    return pc.if_else(is_blank, None, array) if pc.any(is_blank).as_py() else array


def instants(values: Sequence[datetime]) -> pa.Array:
    """Not left to Arrow: once pandera is imported, it takes the wall time of another zone for that of UTC."""
    if set(map(attrgetter("tzinfo"), values)) != {UTC}:
        values = [at.astimezone(UTC) for at in values]
    return pa.array(values, type=_OCCURRED_AT)


def merchants(locations: Sequence[str | None], names: "dict[str, str] | None") -> pa.Array:
    """The location, or where `names` are wanted its name, which is null for a location that has none."""
    return texts(locations if names is None else [names.get(location or "") for location in locations])
