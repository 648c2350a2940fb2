"""What follows from a class, what a day's answer counts, and what a check says when it counted nothing."""

from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.conclusion import Conclusion, PassMatches, count_of_outcome, count_of_warnings
from recon_assets.domain.discrepancies import WARNINGS, DiscrepancyClass, Outcome, Priority
from recon_assets.domain.risk import ComplianceStatus, Risk, RiskLevel
from recon_assets.domain.verdict import Verdict

COUNTS = {
    DiscrepancyClass.MISSING_IN_LEDGER: 5,
    DiscrepancyClass.AMOUNT_MISMATCH: 2,
    DiscrepancyClass.PENDING_IN_LEDGER: 3,
    DiscrepancyClass.PENDING_AT_PROCESSOR: 1,
    DiscrepancyClass.MATCHED_IN_TOLERANCE: 4,
    DiscrepancyClass.MATCHED_PRIOR_DAY: 6,
    DiscrepancyClass.UNCLASSIFIED: 1,
}
ANSWER = Conclusion(
    processor="stripe",
    business_date=date(2025, 9, 30),
    processor_transactions=40,
    ledger_entries=36,
    matched_by_pass={"transaction_id": PassMatches.of_pairs(20), "payouts": PassMatches(2, 2, 9)},
    count_by_class=COUNTS,
    proofs=(),
    incomplete_reasons=(),
    verdict=Verdict.DISCREPANCIES,
    risk=Risk(None, None, RiskLevel.LOW, ComplianceStatus.COMPLIANT),
    rule_version="0" * 64,
)


@pytest.mark.parametrize(
    ("classes", "outcome", "priority"),
    [
        ("missing_at_processor duplicate_in_ledger", Outcome.DISCREPANCY, Priority.UNEXPLAINED_MONEY),
        (
            "amount_mismatch currency_mismatch fee_mismatch duplicate_at_processor ambiguous",
            Outcome.DISCREPANCY,
            Priority.AMOUNTS_DISAGREE,
        ),
        ("missing_in_ledger", Outcome.DISCREPANCY, Priority.CASH_NOT_BOOKED),
        ("status_mismatch", Outcome.DISCREPANCY, Priority.DATA_QUALITY),
        ("pending_at_processor", Outcome.PENDING, Priority.UNEXPLAINED_MONEY),
        ("pending_in_ledger", Outcome.PENDING, Priority.CASH_NOT_BOOKED),
        ("matched_in_tolerance matched_prior_day restated unclassified", Outcome.OK, Priority.DATA_QUALITY),
    ],
)
def test_a_class_says_what_it_means_and_how_soon_to_look(classes: str, outcome: Outcome, priority: Priority) -> None:
    found = {DiscrepancyClass(word) for word in classes.split()}

    assert {(kind.outcome, kind.priority) for kind in found} == {(outcome, priority)}
    alike = {kind for kind in DiscrepancyClass if (kind.outcome, kind.priority) == (outcome, priority)}
    assert alike == found, "no other class means the same"


def test_a_warning_is_no_disagreement_and_does_not_wait() -> None:
    assert {kind.outcome for kind in WARNINGS} == {Outcome.OK}
    assert DiscrepancyClass.MATCHED_PRIOR_DAY not in WARNINGS, "a late record that came is no reason to look"


def test_an_answer_counts_by_what_its_classes_mean() -> None:
    assert (ANSWER.discrepancy_count, ANSWER.pending_count, ANSWER.missing_count) == (7, 4, 5)
    assert count_of_outcome(COUNTS, Outcome.OK) == 11
    assert count_of_warnings(COUNTS) == 5
    assert replace(ANSWER, count_by_class={}).missing_count == 0


def test_a_match_of_one_with_several_counts_once() -> None:
    assert ANSWER.matched == 22
    both = PassMatches.of_pairs(20) + PassMatches(matches=2, processor_records=2, ledger_records=9)
    assert both == PassMatches(matches=22, processor_records=22, ledger_records=29)


def test_a_check_that_counted_nothing_has_no_figures_and_stays_as_it_is() -> None:
    outcome = CheckOutcome("ids_are_unique", passed=True, severity=Severity.ERROR, description="No id comes twice.")

    assert (outcome.rows_checked, outcome.failed_rules, outcome.facts) == (0, {}, {})
    with pytest.raises(FrozenInstanceError):
        outcome.passed = False  # type: ignore[misc]
