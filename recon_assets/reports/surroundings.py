"""What a report tells beside the answer: checks, the days before, what is open. It is read by who has the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from recon_assets.domain.verdict import Verdict

TREND_DAYS: Final = 30
AGEING_BUCKETS: Final = ("0-1", "2-7", "8-30", "over 30")
"""Days since the business date."""


@dataclass(frozen=True, slots=True)
class ReportedCheck:
    """One check of the day as it came out. `failed_rules` counts per rule."""

    stage: str
    name: str
    passed: bool
    is_warning: bool
    description: str
    failed_rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrendDay:
    """The current answer of one day. `amounts` is the gross discrepancy amount in minor units, by currency."""

    business_date: date
    verdict: Verdict
    discrepancy_count: int
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Discrepancies of one ageing bucket and currency that are not resolved. `amount_minor` is gross."""

    bucket: str
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`title` is the processor's name for people. `trend` is by date; a day without an answer is not in it."""

    title: str = ""
    checks: tuple[ReportedCheck, ...] = ()
    trend: tuple[TrendDay, ...] = ()
    open_items: tuple[OpenItems, ...] = ()
