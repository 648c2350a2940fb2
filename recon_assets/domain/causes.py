"""What many discrepancies of one day have in common: a likely cause in one sentence, with its share and its money.

What belongs here: the word for each kind of cause, and when there is enough evidence to say it. Not here: counting,
which is `matching.causes`. Nobody is helped by a guess: a pattern is named only when it is in most of at least ten
discrepancies, and when the records without it differ much more rarely. A merchant with nine tenths of all
transactions has nine tenths of most discrepancies, and is the cause of none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MIN_DISCREPANCIES: Final = 10
"""Fewer of one class have no pattern that is worth a word."""

MIN_SHARE_BASIS_POINTS: Final = 8_000
"""So much of a class must have the pattern."""

MIN_EXPECTED_ELSEWHERE: Final = 8
"""So many discrepancies would be without the pattern if they were spread as the records are, or nothing is said."""

MIN_TIMES_RARER_ELSEWHERE: Final = 5
"""And there must be so many times fewer. Together: by chance about once in 300 days with discrepancies."""

MIN_DISTINCT_AMOUNTS: Final = 3
"""A difference is constant only if the amounts are not: one price sold ten times proves nothing."""

MIN_RATE_DIFFERENCE_MINOR: Final = 5
"""Smaller differences, in minor units, fit any rate."""

MIN_DISTINCT_TIMES: Final = 10
"""A feed with fewer has no clock (all its records at midnight, say), so it does not stop at a time."""

MIN_SILENCE_MINUTES: Final = 5
"""A feed that ends so long before the other has stopped."""

MAX_MINUTES_FROM_CUT_OFF: Final = 10
"""A cut-off is at a full hour: a feed whose last record is further from it has stopped at some other time."""

MAX_WINDOW_HOURS: Final = 3
"""A longer part of the day is no window."""

MAX_CAUSES: Final = 3

BASIS_POINTS: Final = 10_000


class CauseKind(StrEnum):
    """In the order in which they are said when they explain equally many: the more certain first."""

    WHOLE_FEED_MISSING = "whole_feed_missing"
    FEED_STOPS = "feed_stops"
    FEED_STARTS_LATE = "feed_starts_late"
    NET_FOR_GROSS = "net_for_gross"
    CONSTANT_DIFFERENCE = "constant_difference"
    CONSTANT_RATE = "constant_rate"
    CUT_OFF = "cut_off"
    TIME_WINDOW = "time_window"
    ONE_RAW_FILE = "one_raw_file"
    ONE_MERCHANT = "one_merchant"
    ONE_STATUS = "one_status"
    ONE_CURRENCY = "one_currency"


@dataclass(frozen=True, slots=True)
class Cause:
    """What `discrepancy_count` discrepancies share. It may be the reason, and is where to look first.

    `share_basis_points` is their part of all discrepancies of the day, rounded down. `amounts` is their gross money in
    minor units by currency: the sum of absolute differences, of fees where fees differ.
    """

    kind: CauseKind
    sentence: str
    discrepancy_count: int
    share_basis_points: int
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a pattern lies in the discrepancies of one class, and in all the records that they are a part of."""

    discrepancies: int
    with_pattern: int
    records: int
    records_with_pattern: int


def is_common(count: int, *, of: int) -> bool:
    """Whether enough discrepancies of a class have a pattern, and they are enough to speak of."""
    return count >= MIN_DISCREPANCIES and count * BASIS_POINTS >= of * MIN_SHARE_BASIS_POINTS


def is_concentrated(spread: Spread) -> bool:
    """Whether the pattern is common among the discrepancies and much rarer without them."""
    if not is_common(spread.with_pattern, of=spread.discrepancies):
        return False
    expected_elsewhere = spread.discrepancies * (spread.records - spread.records_with_pattern)
    elsewhere = (spread.discrepancies - spread.with_pattern) * spread.records
    return (
        expected_elsewhere >= MIN_EXPECTED_ELSEWHERE * spread.records
        and elsewhere * MIN_TIMES_RARER_ELSEWHERE <= expected_elsewhere
    )


def is_silent_after(spread: Spread) -> bool:
    """Whether records and discrepancies are those of a feed whose other side went silent.

    `with_pattern` are those in the silence: there nearly all records (95 %) are alone, and outside of it few (20 %).
    """
    outside = spread.records - spread.records_with_pattern
    return (
        is_common(spread.with_pattern, of=spread.discrepancies)
        and spread.with_pattern * 100 >= spread.records_with_pattern * 95
        and outside >= MIN_DISCREPANCIES
        and (spread.discrepancies - spread.with_pattern) * 5 <= outside
    )


def best(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """At most `MAX_CAUSES`, those that explain most first; always in the same order."""
    kinds = list(CauseKind)
    ranked = sorted(causes, key=lambda it: (-it.discrepancy_count, kinds.index(it.kind), it.sentence))
    return tuple(ranked[:MAX_CAUSES])


def how_many(count: int, *, of: int) -> str:
    """`all 412`, or `358 of 412 (86 %)`: rounded down, so that 100 % is all."""
    return f"all {of:,}" if count == of else f"{count:,} of {of:,} ({count * 100 // of} %)"
