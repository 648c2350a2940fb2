"""Days in which every class of discrepancy occurs that a day by itself can have, in several currencies."""

from pathlib import Path

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.matching.rule_values import AmountRule, DayCount, Grace, Tolerance
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import Day, reconciled

OF_OTHER_DAYS = {DiscrepancyClass.MATCHED_PRIOR_DAY, DiscrepancyClass.RESTATED}
PENDING = {DiscrepancyClass.PENDING_IN_LEDGER, DiscrepancyClass.PENDING_AT_PROCESSOR}
_BOTH = [Record("same", 123_456), Record("same in yen", 70_000, "JPY"), Record("same in dinars", 1_234_567, "KWD")]
PROCESSOR = [
    *_BOTH,
    Record("lost", 399, reference_number="ORDER-1", fee_minor=42),
    Record("cent", 1_000),
    Record("more than a cent", 1_000),
    Record("yen", 700, "JPY"),
    Record("mixed", 50_000),
    Record("undecided", 2_000),
    Record("fee", 3_000, fee_minor=117),
    Record("twice"),
    Record("twice", second=1),
    Record("booked twice"),
    Record("news", movement="unclassified"),
    Record("tied", 900, reference_number="R-7"),
]
LEDGER = [
    *_BOTH,
    Record("cent", 999),
    Record("more than a cent", 950),
    Record("yen", 800, "JPY"),
    Record("mixed", 45_000, "EUR"),
    Record("undecided", 2_000, status="pending"),
    Record("fee", 3_000, fee_minor=87),
    Record("twice"),
    Record("booked twice"),
    Record("booked twice", second=1),
    Record("news"),
    Record("ghost", 5, "KWD"),
    Record("candidate 1", 900, reference_number="R-7"),
    Record("candidate 2", 900, reference_number="R-7"),
]


def _rules(*, grace_days: int = 0) -> MatchingRules:
    first, *others = MatchingRules().passes
    tolerant = first.model_copy(update={"amount": AmountRule(tolerance=Tolerance(minor=1))})
    grace = Grace(ledger=DayCount(days=grace_days), processor=DayCount(days=grace_days))
    return MatchingRules(passes=(tolerant, *others), grace=grace)


def every_class_day(folder: Path) -> Day:
    """All but the pending ones and those of other days."""
    return reconciled(folder, PROCESSOR, LEDGER, rules=_rules())


def pending_day(folder: Path) -> Day:
    """The same within grace: what was missing is pending."""
    return reconciled(folder, PROCESSOR, LEDGER, rules=_rules(grace_days=3))
