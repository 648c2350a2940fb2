"""What a report tells beside the answer: checks, the days before, what is open. It is read by who has the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recon_assets.domain.trend import AnsweredDay, OpenDiscrepancies

TREND_DAYS: Final = 30


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
class Surroundings:
    """`title` is the processor's name for people. `trend` is by date; a day without an answer is not in it."""

    title: str = ""
    checks: tuple[ReportedCheck, ...] = ()
    trend: tuple[AnsweredDay, ...] = ()
    open_discrepancies: tuple[OpenDiscrepancies, ...] = ()
