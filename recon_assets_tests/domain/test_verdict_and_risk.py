"""When a day is green, and what its discrepancies are worth."""

from dataclasses import replace
from decimal import Decimal

import pytest

from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.records import Side
from recon_assets.domain.risk import ComplianceStatus, RiskLevel, assess
from recon_assets.domain.verdict import FeedState, Verdict, completeness_reasons, conclude

PROCESSOR = FeedState(side=Side.PROCESSOR, rows=30, rejected={}, says_empty=False, problems=())
LEDGER = FeedState(side=Side.LEDGER, rows=25, rejected={}, says_empty=False, problems=())
SAMPLE = CurrencyProof(
    currency="USD",
    exponent=2,
    processor_transactions=30,
    ledger_entries=25,
    processor_total_minor=657750,
    ledger_total_minor=655755,
    signed_discrepancies_minor=1995,
    discrepancy_count=5,
    discrepancy_amount_minor=1995,
    volume_minor=657750,
)


def reasons(processor: FeedState = PROCESSOR, ledger: FeedState = LEDGER, proof: CurrencyProof = SAMPLE) -> str:
    return "; ".join(completeness_reasons(processor=processor, ledger=ledger, proofs=[proof]))


def test_two_whole_feeds_and_a_closed_proof_allow_a_conclusion() -> None:
    assert reasons() == ""


@pytest.mark.parametrize(
    ("processor", "ledger", "said"),
    [
        (PROCESSOR, replace(LEDGER, rows=0), "the ledger feed is empty"),
        (PROCESSOR, replace(LEDGER, rows=0, says_empty=True), "the ledger feed is empty"),
        (replace(PROCESSOR, rows=0), LEDGER, "the processor feed is empty"),
        (replace(PROCESSOR, rows=0), replace(LEDGER, rows=0), "both feeds are empty"),
        (replace(PROCESSOR, rows=0, says_empty=True), replace(LEDGER, rows=0), "both feeds are empty"),
        (replace(PROCESSOR, rejected={"b": 2, "a": 1}), LEDGER, "3 processor record(s) were rejected: a (1), b (2)"),
        (PROCESSOR, replace(LEDGER, problems=("short by 3",)), "ledger feed: short by 3"),
    ],
)
def test_whatever_did_not_come_is_a_reason(processor: FeedState, ledger: FeedState, said: str) -> None:
    assert said in reasons(processor, ledger)


def test_a_day_on_which_both_feeds_say_nothing_happened_is_complete() -> None:
    nothing = {"rows": 0, "says_empty": True}

    assert not completeness_reasons(
        processor=replace(PROCESSOR, **nothing), ledger=replace(LEDGER, **nothing), proofs=[]
    )


def test_a_residual_is_a_reason() -> None:
    assert reasons(proof=replace(SAMPLE, signed_discrepancies_minor=1994)) == "the proof leaves a residual in USD"


def test_incomplete_comes_before_discrepancies_and_discrepancies_before_green() -> None:
    noted = {"warning_count": 1, "pending_count": 2}

    assert conclude(incomplete_reasons=["late"], discrepancy_count=5, **noted) is Verdict.INCOMPLETE
    assert conclude(incomplete_reasons=[], discrepancy_count=5, **noted) is Verdict.DISCREPANCIES
    assert conclude(incomplete_reasons=[], discrepancy_count=0, **noted) is Verdict.RECONCILED_WITH_WARNINGS
    assert conclude(incomplete_reasons=[], discrepancy_count=0, pending_count=2) is Verdict.RECONCILED_WITH_PENDING
    assert conclude(incomplete_reasons=[], discrepancy_count=0) is Verdict.RECONCILED


def test_the_sample_day_is_low_risk_and_compliant() -> None:
    risk = assess([SAMPLE], verdict=Verdict.DISCREPANCIES)

    assert (risk.discrepancy_rate, risk.value_at_risk_rate) == (Decimal("0.1667"), Decimal("0.0030"))
    assert (risk.level, risk.compliance) == (RiskLevel.LOW, ComplianceStatus.COMPLIANT)


@pytest.mark.parametrize(
    ("amount", "volume", "level"),
    [
        (49, 10_000, RiskLevel.LOW),
        (50, 10_000, RiskLevel.MEDIUM),
        (199, 10_000, RiskLevel.MEDIUM),
        (200, 10_000, RiskLevel.HIGH),
        (99_999, 10**10, RiskLevel.LOW),
        (100_000, 10**10, RiskLevel.MEDIUM),
        (1_000_000, 10**10, RiskLevel.HIGH),
        (1, 0, RiskLevel.HIGH),
        (0, 0, RiskLevel.LOW),
    ],
)
def test_risk_levels_begin_exactly_at_their_thresholds(amount: int, volume: int, level: RiskLevel) -> None:
    proof = replace(SAMPLE, discrepancy_amount_minor=amount, volume_minor=volume)

    assert assess([proof], verdict=Verdict.DISCREPANCIES).level is level


def test_the_worst_currency_counts_and_currencies_are_not_added() -> None:
    yen = replace(SAMPLE, currency="JPY", exponent=0, discrepancy_amount_minor=10_000, volume_minor=10_000)

    risk = assess([SAMPLE, yen], verdict=Verdict.DISCREPANCIES)

    assert (risk.level, risk.value_at_risk_rate) == (RiskLevel.HIGH, Decimal("1.0000"))


def test_an_incomplete_day_is_never_compliant() -> None:
    clean = replace(SAMPLE, discrepancy_amount_minor=0, discrepancy_count=0)

    assert assess([clean], verdict=Verdict.INCOMPLETE).compliance is ComplianceStatus.NEEDS_REVIEW


def test_a_rate_without_anything_to_divide_by_is_absent_not_zero() -> None:
    assert assess([], verdict=Verdict.RECONCILED).discrepancy_rate is None
