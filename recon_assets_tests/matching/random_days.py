"""Hypothesis strategies of small days dense with collisions, and of rules of every kind.

A frame holds many small days: each has a number of its own in its ids, so that one call of the engine compares all.
"""

from datetime import date
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from recon_assets.matching.rule_scores import Features, Scored
from recon_assets.matching.rule_values import (
    AmountRule,
    DateWindow,
    DayCount,
    FeeSchedule,
    Grace,
    KeyColumn,
    SideFilter,
    Tolerance,
    Values,
    Where,
)
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.matching.frames import Record

_IDS: Final = ("1{0}", "1{0}", "1{0}", "2{0}", "01{0}", "PP-1{0}", "pp-1{0}", " 1{0} ", "1{0}-x", "a{0}", "A{0}")
_REFERENCES: Final = (None, "1{0}", "2{0}", "PP-1{0}", "r{0}", "R{0}")
_ABOVE_FLOAT: Final = 2**53
_AMOUNTS: Final = (1000, 1000, 1000, 1001, 999, 1002, 1010, -1000, -1, 0, 2000, 3000, _ABOVE_FLOAT, _ABOVE_FLOAT + 1)


def records(number: int) -> SearchStrategy[Record]:
    """A record of the small day of that number."""
    tag = f"{number:02}"

    def one_of(*texts: str | None) -> SearchStrategy[str | None]:
        return st.sampled_from([text and text.format(tag) for text in texts])

    return st.builds(
        Record,
        transaction_id=one_of(*_IDS),
        amount_minor=st.sampled_from(_AMOUNTS),
        currency=st.sampled_from(["USD", "USD", "EUR"]),
        status=st.sampled_from(["completed", "completed", "pending"]),
        second=st.integers(0, 5),
        merchant_id=one_of("M{0}", "M{0}", "N{0}", None),
        reference_number=one_of(*_REFERENCES),
        fee_minor=st.sampled_from([None, None, 59, 60]),
        record_id=one_of(None, "1{0}", "2{0}"),
        order_id=one_of(None, "O{0}", "Q{0}"),
        payout_id=one_of(None, "P{0}", "S{0}"),
        transaction_type=st.sampled_from(["charge", "charge", "refund", None]),
        movement=st.sampled_from([None, "payment", "payment", "refund", "unclassified"]),
    )


@st.composite
def frames(draw: DrawFn, *, small_days: int) -> tuple[list[Record], list[Record]]:
    """Transactions and ledger entries of many small days, shuffled."""
    both: tuple[list[Record], list[Record]] = ([], [])
    for number in range(10, 10 + small_days):
        one = records(number)
        for frame in both:
            frame += draw(st.lists(one, max_size=5))
    for frame in both:
        draw(st.randoms(use_true_random=False)).shuffle(frame)
    return both


def open_records(number: int) -> SearchStrategy[Record]:
    """A record with few values, so that many are alike on different days."""
    tag = f"{number:02}"
    return st.builds(
        Record,
        transaction_id=st.sampled_from([f"1{tag}", f"2{tag}", f"3{tag}"]),
        amount_minor=st.sampled_from([1000, 1000, 1000, 2000]),
        status=st.sampled_from(["completed", "completed", "completed", "pending"]),
        second=st.integers(0, 2),
        merchant_id=st.sampled_from([f"M{tag}", f"M{tag}", None]),
        reference_number=st.sampled_from([None, f"1{tag}", f"4{tag}"]),
        movement=st.sampled_from(["payment", "payment", "refund"]),
    )


_NORMALISERS: Final = (
    "trim",
    "upper",
    "lower",
    "digits",
    "strip_leading_zeros",
    {"strip_prefix": "PP-"},
    {"strip_suffix": "-x"},
)
_KEY_NAMES: Final = (
    "transaction_id",
    "transaction_id",
    "reference_number",
    "order_id",
    "merchant_id",
    "payout_id",
    "record_id",
)


@st.composite
def key_columns(draw: DrawFn) -> tuple[KeyColumn, ...]:
    """One key alternative."""
    names = draw(st.lists(st.sampled_from(_KEY_NAMES), min_size=1, max_size=2, unique=True))
    return tuple(
        KeyColumn(
            processor=name,
            ledger=draw(st.sampled_from([name, name, "transaction_id"])),
            normalise=draw(st.lists(st.sampled_from(_NORMALISERS), max_size=3)),
        )
        for name in names
    )


@st.composite
def tolerances(draw: DrawFn) -> Tolerance:
    """None, or of any base and direction."""
    minor, basis_points = draw(st.sampled_from([0, 1, 2])), draw(st.sampled_from([0, 0, 10, 20, 10_000]))
    said: dict[str, Any] = {"minor": minor, "basis_points": basis_points}
    if minor or basis_points:
        said["direction"] = draw(st.sampled_from(["either", "processor_more", "ledger_more"]))
    if basis_points:
        said["base"] = draw(st.sampled_from(["processor", "ledger", "larger", "smaller"]))
    return Tolerance(**said)


def _filters() -> SearchStrategy[SideFilter]:
    def of(*values: str) -> SearchStrategy[Values[str]]:
        some = st.lists(st.sampled_from(values), min_size=1, max_size=2).map(tuple)
        return some.map(lambda one: Values(is_in=one)) | some.map(lambda one: Values(not_in=one))

    return st.one_of(
        st.just(SideFilter()),
        st.just(SideFilter()),
        st.builds(SideFilter, movement=of("payment", "refund", "unclassified")),
        st.builds(SideFilter, transaction_type=of("charge", "refund"), currency=of("USD", "EUR")),
        st.builds(SideFilter, status=of("completed", "pending"), merchant_id=of("M10", "N11")),
    )


def windows(most: int = 3) -> SearchStrategy[DateWindow]:
    """A window of dates, of all days or of business days."""
    days = st.integers(0, most)
    return st.builds(DateWindow, days_before=days, days_after=days, count=st.sampled_from(["calendar", "business"]))


@st.composite
def keyed_passes(draw: DrawFn, *, name: str) -> Pass:
    """A pass with keys, one to one."""
    return Pass(
        name=name,
        where=Where(processor=draw(_filters()), ledger=draw(_filters())),
        keys=tuple(draw(st.lists(key_columns(), min_size=1, max_size=2, unique=True))),
        amount=AmountRule(tolerance=draw(tolerances())),
        dates=draw(st.none() | windows()),
        differs=draw(st.sampled_from(["report", "leave"])),
    )


@st.composite
def group_passes(draw: DrawFn, *, name: str) -> Pass:
    """A pass that sums one side."""
    return Pass(
        name=name,
        where=Where(processor=draw(_filters()), ledger=draw(_filters())),
        keys=(draw(key_columns()),),
        cardinality=draw(st.sampled_from(["one_to_many", "many_to_one"])),
        group_by=draw(st.sampled_from(["payout_id", "order_id", "transaction_id", "merchant_id"])),
    )


@st.composite
def scored_passes(draw: DrawFn, *, name: str) -> Pass:
    """A pass without keys."""
    said = draw(st.fixed_dictionaries(dict.fromkeys(Features.model_fields, st.integers(0, 3))))
    features = Features(**(said | {"amount_equal": said["amount_equal"] + 1}))
    tolerance = draw(tolerances())
    confirm_from = draw(st.integers(1, features.highest_score))
    return Pass(
        name=name,
        where=Where(processor=draw(_filters()), ledger=draw(_filters())),
        scored=Scored(
            features=features,
            amount_band_minor=tolerance.minor + draw(st.sampled_from([0, 1, 10])),
            time_close_seconds=draw(st.integers(1, 3)) if features.time_close else None,
            confirm_from=confirm_from,
            suggest_from=draw(st.integers(1, confirm_from)),
            margin=draw(st.integers(1, 2)),
        ),
        amount=AmountRule(tolerance=tolerance),
    )


_DAY_COUNTS: Final = st.builds(DayCount, days=st.integers(0, 3), count=st.sampled_from(["calendar", "business"]))
_FEES: Final = st.builds(
    FeeSchedule,
    basis_points=st.just(290),
    fixed_minor=st.sampled_from([{"USD": 30}, {"USD": 31, "EUR": 0}]),
    tolerance_minor=st.sampled_from([0, 1]),
)


@st.composite
def rules(draw: DrawFn, *, most_passes: int = 4) -> MatchingRules:
    """Rules with passes of every kind, in any order."""
    kinds = draw(
        st.lists(
            st.sampled_from([keyed_passes, keyed_passes, group_passes, scored_passes]), min_size=1, max_size=most_passes
        )
    )
    return MatchingRules(
        passes=tuple(draw(kind(name=f"pass_{number}")) for number, kind in enumerate(kinds)),
        grace=Grace(ledger=draw(_DAY_COUNTS), processor=draw(_DAY_COUNTS)),
        fees=draw(st.none() | _FEES),
        holidays=draw(st.sampled_from([(), (date(2025, 10, 1),)])),
    )
