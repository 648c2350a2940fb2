"""Risk and compliance of a report: what the discrepancies mean for the money that went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import IntEnum, StrEnum

from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict

RATE_PLACES = Decimal("0.0001")


class RiskLevel(IntEnum):
    """Ordered, so that the risk of a day is the largest of its currencies."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class ComplianceStatus(StrEnum):
    """COMPLIANT when the risk is LOW and there is a conclusion."""

    COMPLIANT = "COMPLIANT"
    NEEDS_REVIEW = "NEEDS_REVIEW"


@dataclass(frozen=True, slots=True)
class RiskThresholds:
    """Rates are fractions of the volume, amounts are in major units of each currency."""

    low_below_rate: Decimal = Decimal("0.005")
    low_below_amount: Decimal = Decimal("1000.00")
    high_from_rate: Decimal = Decimal("0.02")
    high_from_amount: Decimal = Decimal("10000.00")


@dataclass(frozen=True, slots=True)
class Risk:
    """Rates are fractions with four places; `value_at_risk_rate` is the highest of the day's currencies.

    A rate is None when there is nothing to divide by: absent is not zero.
    """

    discrepancy_rate: Decimal | None
    value_at_risk_rate: Decimal | None
    level: RiskLevel
    compliance: ComplianceStatus


def assess(proofs: Sequence[CurrencyProof], *, verdict: Verdict, thresholds: RiskThresholds | None = None) -> Risk:
    """Risk of a day from its proofs, by value at risk per currency; the worst currency counts."""
    limits = thresholds or RiskThresholds()
    transactions = sum(p.processor_transactions for p in proofs)
    discrepancies = sum(p.discrepancy_count for p in proofs)
    rates = [rate for p in proofs if (rate := _value_at_risk(p)) is not None]
    level = max((_level(p, limits) for p in proofs), default=RiskLevel.LOW)
    compliant = level is RiskLevel.LOW and verdict is not Verdict.INCOMPLETE
    return Risk(
        discrepancy_rate=_rate(discrepancies, transactions),
        value_at_risk_rate=max(rates, default=None),
        level=level,
        compliance=ComplianceStatus.COMPLIANT if compliant else ComplianceStatus.NEEDS_REVIEW,
    )


def _rate(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(RATE_PLACES, ROUND_HALF_EVEN) if whole else None


def _value_at_risk(proof: CurrencyProof) -> Decimal | None:
    return _rate(proof.discrepancy_amount_minor, proof.volume_minor)


def _level(proof: CurrencyProof, limits: RiskThresholds) -> RiskLevel:
    amount = decimal_from_minor(proof.discrepancy_amount_minor, exponent=proof.exponent)
    if not amount:
        return RiskLevel.LOW
    exact_rate = Decimal(proof.discrepancy_amount_minor) / proof.volume_minor if proof.volume_minor else Decimal(1)
    if exact_rate >= limits.high_from_rate or amount >= limits.high_from_amount:
        return RiskLevel.HIGH
    if exact_rate < limits.low_below_rate and amount < limits.low_below_amount:
        return RiskLevel.LOW
    return RiskLevel.MEDIUM
