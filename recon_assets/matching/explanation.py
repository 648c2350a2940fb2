"""What is said of one record: the words of an explanation. How they are found is in `explain`."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from recon_assets.domain.records import Side
from recon_assets.matching.evidence_files import Record

MAX_MEMBERS: Final = 20
"""Of a match with a group, and of refused candidates: how many are named."""
MAX_EXAMPLES: Final = 3
"""Of records that share a key: how many are named for each step."""


class MatchKind(StrEnum):
    """How a match came about."""

    CLEAN = "clean"
    """The key is there once on each side, and all agrees."""
    ALIKE = "alike"
    EQUAL = "equal"
    NEAR = "near"
    DIFFERING = "differing"
    GROUP = "group"
    SCORED = "scored"


class Seen(StrEnum):
    """What a step of the rules made of a record."""

    FILTERED = "filtered"
    NO_KEY = "no_key"
    NOTHING_HAS_ITS_KEY = "nothing_has_its_key"
    OTHERS_HAVE_ITS_KEY = "others_have_its_key"
    SCORES = "scores"
    """It has no keys: what it refused is among the candidates."""


@dataclass(frozen=True, slots=True)
class MatchOf:
    """The match of a record. `step` is the key alternative, from 1; `keys` its columns, the processor's and ledger's.

    `others` are the records of the other side, `beside` those of its own in a group: the first `MAX_MEMBERS` of both.
    """

    pass_name: str
    step: int
    keys: tuple[tuple[str, str], ...]
    kind: MatchKind
    others: tuple[Record, ...]
    beside: tuple[Record, ...] = ()
    other_count: int = 1
    beside_count: int = 0


@dataclass(frozen=True, slots=True)
class RowOf:
    """A row of the day's discrepancies about the record. Amounts are signed minor units of `currency`."""

    discrepancy_id: str
    kind: str
    outcome: str
    priority: int
    pass_name: str | None
    differs: str | None
    currency: str
    amount_minor: int
    fee_difference_minor: int | None
    due_on: date | None
    counterpart_date: date | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A candidate that was looked at and not matched. `decision`: `tied` or `suggested`; keyed passes have no score."""

    pass_name: str
    step: int
    decision: str
    score: int | None
    other: Record


@dataclass(frozen=True, slots=True)
class Other:
    """A record of the other side with the key of ours, and what became of it: a class, `matched`, or nothing known."""

    record: Record
    fate: str
    by_pass: str | None


@dataclass(frozen=True, slots=True)
class Tried:
    """What one step saw. `equal` of the `others` have its currency and amount too."""

    pass_name: str
    step: int
    keys: tuple[tuple[str, str], ...]
    seen: Seen
    others: int = 0
    equal: int = 0
    examples: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that the day's files say about one record. `record` is None for one that the processor took back.

    `tried` and `refused` are told of records without a match. `is_unclear`: neither a match nor a row was found, which
    files and rules of one answer never leave.
    """

    business_date: date
    side: Side
    record: Record | None
    rows: tuple[RowOf, ...]
    match: MatchOf | None
    refused: tuple[Refused, ...] = ()
    refused_count: int = 0
    tried: tuple[Tried, ...] = ()
    is_unclear: bool = False
