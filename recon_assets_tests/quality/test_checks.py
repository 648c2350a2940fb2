"""Each check passes when the fact of its name is true, fails when it is not, and tells counts, never values."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.conclusion import Conclusion, PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import ComplianceStatus, Risk, RiskLevel
from recon_assets.domain.verdict import Verdict
from recon_assets.quality import checks
from recon_assets.quality.facts import FrameFacts

PROOF = CurrencyProof(
    currency="USD",
    exponent=2,
    processor_transactions=3,
    ledger_entries=2,
    processor_total_minor=8675309,
    ledger_total_minor=8675208,
    signed_discrepancies_minor=101,
    discrepancy_count=1,
    discrepancy_amount_minor=101,
    volume_minor=8675309,
)
CONCLUSION = Conclusion(
    processor="stripe",
    business_date=date(2025, 9, 30),
    processor_transactions=3,
    ledger_entries=2,
    matched_by_pass={"transaction_id": PassMatches.of_pairs(2)},
    count_by_class={DiscrepancyClass.MISSING_IN_LEDGER: 1},
    proofs=(PROOF,),
    incomplete_reasons=(),
    verdict=Verdict.DISCREPANCIES,
    risk=Risk(Decimal("0.3333"), Decimal("0.0001"), RiskLevel.LOW, ComplianceStatus.COMPLIANT),
    rule_version="4" * 64,
)
OFF_BY_A_CENT = replace(PROOF, currency="EUR", signed_discrepancies_minor=100)
INCOMPLETE = replace(
    CONCLUSION, verdict=Verdict.INCOMPLETE, incomplete_reasons=("processor feed: late", "the ledger feed is empty")
)
CLEAN = FrameFacts(rows=10, repeated_ids=0, outside_day=0)

PASSING = [
    checks.feed_is_complete(problems=[], files=2, size_bytes=100),
    checks.every_record_was_read(promised=3, rows=3, rejected={}),
    checks.schema_holds(rows_checked=3, rule_failures={}),
    checks.ids_are_unique(CLEAN),
    checks.records_lie_in_the_business_day(CLEAN),
    checks.proof_residual_is_zero(CONCLUSION),
    checks.days_around_are_known(known=[date(2025, 9, 29)], unknown=[]),
    checks.report_totals_agree([], figures=4),
    checks.reconciliation_is_proven(CONCLUSION),
    checks.every_day_is_answered({}, days_over=3),
]
FAILING = [
    checks.feed_is_complete(problems=["page 2 did not come"], files=1, size_bytes=100),
    checks.every_record_was_read(promised=3, rows=1, rejected={}),
    checks.schema_holds(rows_checked=3, rule_failures={"status_is_ours": 1}),
    checks.ids_are_unique(replace(CLEAN, repeated_ids=2)),
    checks.records_lie_in_the_business_day(replace(CLEAN, outside_day=3)),
    checks.proof_residual_is_zero(replace(CONCLUSION, proofs=(PROOF, OFF_BY_A_CENT))),
    checks.days_around_are_known(known=[], unknown=[date(2025, 9, 29)]),
    checks.report_totals_agree(["amounts in CSV"], figures=4),
    checks.reconciliation_is_proven(INCOMPLETE),
    checks.every_day_is_answered({date(2025, 9, 29): "never run", date(2025, 9, 28): "failed"}, days_over=3),
]
WARNINGS = {"ids_are_unique", "records_lie_in_the_business_day", "days_around_are_known"}


def named(outcomes: list[CheckOutcome]) -> list[str]:
    return [outcome.name for outcome in outcomes]


def test_every_check_is_described_and_seen_passing_and_failing_here() -> None:
    assert named(PASSING) == named(FAILING) == list(checks.DESCRIPTIONS)
    assert [outcome.description for outcome in PASSING] == list(checks.DESCRIPTIONS.values())


@pytest.mark.parametrize("outcome", PASSING, ids=named(PASSING))
def test_a_check_passes_when_its_fact_is_true_and_has_no_broken_rule(outcome: CheckOutcome) -> None:
    assert (outcome.passed, outcome.failed_rules) == (True, {})
    assert outcome.rows_checked > 0


@pytest.mark.parametrize("outcome", FAILING, ids=named(FAILING))
def test_a_check_fails_when_its_fact_is_not_true_and_names_the_broken_rule(outcome: CheckOutcome) -> None:
    assert not outcome.passed
    assert all(count > 0 for count in outcome.failed_rules.values())
    assert outcome.failed_rules


@pytest.mark.parametrize("outcome", PASSING + FAILING, ids=named(PASSING + FAILING))
def test_only_what_the_matching_copes_with_is_a_warning(outcome: CheckOutcome) -> None:
    assert outcome.severity is (Severity.WARN if outcome.name in WARNINGS else Severity.ERROR)


@pytest.mark.parametrize("outcome", PASSING + FAILING, ids=named(PASSING + FAILING))
def test_no_outcome_holds_a_payment_value(outcome: CheckOutcome) -> None:
    told = repr(outcome)

    amounts = ("8675309", "86753.09", "8675208", "86752.08", "101", "1.01")
    assert not [amount for amount in amounts if amount in told]


def test_every_problem_of_a_feed_is_a_broken_rule() -> None:
    outcome = checks.feed_is_complete(problems=["page 2 did not come", "short"], files=1, size_bytes=100)

    assert outcome.failed_rules == {"page 2 did not come": 1, "short": 1}
    assert (outcome.rows_checked, outcome.facts) == (1, {"files": 1, "bytes": 100})


def test_a_problem_that_a_feed_has_twice_counts_twice() -> None:
    assert checks.feed_is_complete(problems=["short", "short"], files=2, size_bytes=9).failed_rules == {"short": 2}


@pytest.mark.parametrize(
    ("promised", "rows", "rejected", "failed"),
    [
        (None, 3, {}, {}),
        (0, 0, {}, {}),
        (5, 3, {"no amount": 2}, {"no amount": 2}),
        (None, 3, {"no amount": 2}, {"no amount": 2}),
        (5, 3, {}, {"the feed promised another number of records": 2}),
        (2, 3, {}, {"the feed promised another number of records": 1}),
        (0, 3, {}, {"the feed promised another number of records": 3}),
        (9, 3, {"a": 1, "b": 2}, {"a": 1, "b": 2, "the feed promised another number of records": 3}),
    ],
)
def test_records_lost_refused_or_too_many_are_counted(
    promised: int | None, rows: int, rejected: Mapping[str, int], failed: Mapping[str, int]
) -> None:
    outcome = checks.every_record_was_read(promised=promised, rows=rows, rejected=rejected)

    assert (outcome.passed, outcome.failed_rules) == (not failed, failed)
    assert outcome.rows_checked == rows + sum(rejected.values())
    assert outcome.facts["records_promised"] == ("not stated" if promised is None else promised)


def test_facts_of_a_frame_become_counts() -> None:
    facts = FrameFacts(rows=10, repeated_ids=2, outside_day=3)

    assert checks.ids_are_unique(facts).failed_rules == {"transaction id occurs again": 2}
    assert checks.records_lie_in_the_business_day(facts).failed_rules == {"outside the business date": 3}
    assert checks.ids_are_unique(facts).rows_checked == 10


def test_only_the_currency_with_a_residual_is_named() -> None:
    outcome = checks.proof_residual_is_zero(replace(CONCLUSION, proofs=(PROOF, OFF_BY_A_CENT)))

    assert (outcome.failed_rules, outcome.rows_checked) == ({"residual in EUR": 1}, 2)


def test_residuals_of_two_currencies_do_not_cancel_out() -> None:
    other = replace(PROOF, currency="GBP", signed_discrepancies_minor=102)

    assert len(checks.proof_residual_is_zero(replace(CONCLUSION, proofs=(OFF_BY_A_CENT, other))).failed_rules) == 2


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.INCOMPLETE])
def test_a_day_with_any_conclusion_is_proven_with_discrepancies_too(verdict: Verdict) -> None:
    outcome = checks.reconciliation_is_proven(replace(CONCLUSION, verdict=verdict))

    assert outcome.passed
    assert outcome.facts == {"verdict": verdict.value, "discrepancies": 1}


def test_an_incomplete_day_is_not_proven_and_every_reason_is_named() -> None:
    outcome = checks.reconciliation_is_proven(INCOMPLETE)

    assert outcome.failed_rules == {"processor feed: late": 1, "the ledger feed is empty": 1}
    assert outcome.rows_checked == 5


def test_an_incomplete_day_without_a_reason_is_not_proven_either() -> None:
    assert not checks.reconciliation_is_proven(replace(INCOMPLETE, incomplete_reasons=())).passed


def test_days_without_a_conclusion_are_named_oldest_first_up_to_a_limit_and_all_are_counted() -> None:
    days = {date.fromordinal(739_000 + number): "never run" for number in range(checks.NAMED_DAYS + 2)}
    outcome = checks.every_day_is_answered(days, days_over=90)

    named_days = str(outcome.facts["days"])
    assert outcome.failed_rules == {"never run": checks.NAMED_DAYS + 2}
    assert named_days.startswith(f"{min(days)} (never run), ")
    assert named_days.endswith(" and 2 more")
    assert named_days.count("(never run)") == checks.NAMED_DAYS
