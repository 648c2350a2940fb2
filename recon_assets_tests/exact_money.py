"""Random amounts of every kind of currency, and what must come out of a feed that they go into.

An amount is drawn as an integer and written as text; what is expected is added up from that text again, by Python's
`Decimal`, so that nothing of the program's own arithmetic is in it. Not here: the documents of the feeds.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from hypothesis import settings
from hypothesis import strategies as st

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Adapter
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.raw import RawFeed, RawFeedWriter

LIMIT: Final = 2**63 - 1
PLACES: Final = {"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4}
SOME: Final = settings(max_examples=30)
"""Enough to meet every edge below, and few enough for a second or two."""

_EXACT: Final = Context(prec=60)
_EDGES: Final = [0, 1, -1, 2**53 + 1, LIMIT, -LIMIT, LIMIT - 1]
_JUST_BEYOND: Final = [LIMIT + 1, -LIMIT - 1, -LIMIT - 2, 2**64, -(2**64), 10**19 - 1]

CURRENCIES: Final = st.sampled_from(sorted(PLACES))
FITTING: Final = st.one_of(st.integers(-(10**7), 10**7), st.integers(-LIMIT, LIMIT), st.sampled_from(_EDGES))
ANY_MINOR: Final = st.one_of(FITTING, FITTING, st.sampled_from(_JUST_BEYOND))


@dataclass(frozen=True, slots=True)
class Amount:
    """`digits` with the point before the last `places` of them: more places than the currency has are too many."""

    digits: int
    places: int
    currency: str

    @property
    def text(self) -> str:
        """As plain decimal text in major units."""
        sign, figures = ("-" if self.digits < 0 else ""), f"{abs(self.digits):0{self.places + 1}}"
        return sign + (f"{figures[: -self.places]}.{figures[-self.places :]}" if self.places else figures)

    @property
    def minor_text(self) -> str:
        """As text in minor units: with a point where that is no whole number of them."""
        return str(Amount(self.digits, self.places - PLACES[self.currency], self.currency).text)

    @property
    def minor(self) -> int | None:
        """What must be read; None where it must be rejected."""
        return minor_of(self.text, self.currency)


def minor_of(text: str, currency: str) -> int | None:
    """Plain decimal text in minor units, by `Decimal`; None where it is no whole number of them in 64 bits."""
    exact = Decimal(text).scaleb(PLACES[currency], _EXACT)
    return int(exact) if exact == int(exact) and abs(exact) <= LIMIT else None


@st.composite
def amounts(draw: st.DrawFn, *, currencies: st.SearchStrategy[str] = CURRENCIES) -> Amount:
    """Mostly amounts that fit, some just beyond 64 bits, some with a place too many."""
    currency = draw(currencies)
    if draw(st.integers(0, 9)) == 0:
        tenths = draw(st.integers(-(10**9), 10**9).filter(lambda digits: digits % 10))
        return Amount(tenths, PLACES[currency] + 1, currency)
    return Amount(draw(ANY_MINOR), PLACES[currency], currency)


@dataclass(frozen=True, slots=True)
class Payment:
    """One record of a feed: an amount, and a fee in the same currency where there is one."""

    number: int
    amount: Amount
    fee: Amount | None = None

    @property
    def id(self) -> str:
        return f"T{self.number:03}"

    def fits(self, *, has_net: bool) -> bool:
        """Whether amount and fee, and what is left where the feed has that too, are all minor units in 64 bits."""
        amount, fee = self.amount.minor, self.fee.minor if self.fee else 0
        return amount is not None and fee is not None and (not has_net or abs(amount - fee) <= LIMIT)


@st.composite
def payments(
    draw: st.DrawFn, *, with_fees: bool = False, currencies: st.SearchStrategy[str] = CURRENCIES
) -> list[Payment]:
    """Up to a dozen, numbered."""
    drawn = draw(st.lists(amounts(currencies=currencies), max_size=12))
    fees = [draw(st.none() | amounts(currencies=st.just(amount.currency))) if with_fees else None for amount in drawn]
    return [Payment(number, amount, fee) for number, (amount, fee) in enumerate(zip(drawn, fees, strict=True), start=1)]


@dataclass(frozen=True, slots=True)
class Normalised:
    """What one feed became: its frame as a run writes it, read again."""

    raw: RawFeed
    frame: Frame
    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    def total(self, column: str) -> dict[str, int]:
        """By currency."""
        sums: Counter[str] = Counter()
        for row in self.rows:
            sums[row["currency"]] += row[column] or 0
        return {currency: total for currency, total in sums.items() if total}


def normalised(adapter: Adapter, day: BusinessDay, *, pages: Mapping[str, bytes] | None = None) -> Normalised:
    """Fetch and normalise the day; `pages` stand in for what an API would have served."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with RawFeedWriter(
            storage_root=root, folder="raw", day=day, side=Side.PROCESSOR, feed_kind=adapter.kind
        ) as into:
            if pages is None:
                adapter.fetch(day, into)
            for name, body in (pages or {}).items():
                into.add_file(name, source=name, chunks=(body,))
            raw = into.finish()
        chunks = adapter.read(raw, root / "raw", day)
        frame = write_frame(chunks, side=Side.PROCESSOR, storage_root=root, folder="frame")
        return Normalised(
            raw,
            frame,
            pq.read_table(root / "frame" / frame.file).to_pylist(),
            pq.read_table(root / "frame" / frame.rejected_file).to_pylist(),
        )


def expect_exactly(sent: Sequence[Payment], got: Normalised, *, has_net: bool = True) -> None:
    """Every record is a row or a rejection with its rule, and the rows add up to what was sent, by `Decimal`."""
    fitting = [payment for payment in sent if payment.fits(has_net=has_net)]
    assert got.frame.rows + got.frame.rejected_rows + sum(got.frame.left_out.values()) == len(sent)
    assert sorted(row["transaction_id"] for row in got.rows) == [payment.id for payment in fitting]
    assert all(row["reason"] and not re.search(r"\d{3}", row["reason"]) for row in got.rejected)
    assert got.total("amount_minor") == _sums([payment.amount for payment in fitting])
    assert got.total("fee_minor") == _sums([payment.fee for payment in fitting if payment.fee])


def _sums(sent: Sequence[Amount]) -> dict[str, int]:
    sums: dict[str, Decimal] = {}
    for amount in sent:
        sums[amount.currency] = _EXACT.add(sums.get(amount.currency, Decimal(0)), Decimal(amount.text))
    return {code: int(total.scaleb(PLACES[code], _EXACT)) for code, total in sums.items() if total}
