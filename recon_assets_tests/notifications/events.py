"""Small builders: one event of each kind, with figures that differ from one another."""

from dataclasses import replace
from datetime import date

from recon_assets.domain.checks import Severity
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.messages import (
    Amounts,
    ArchiveWaiting,
    AuditBroken,
    Change,
    CheckFailed,
    ClassFigures,
    DiscrepancyOverdue,
    FeedLate,
    Money,
    RunFailed,
    RunPublished,
)
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import ComplianceStatus
from recon_assets.domain.verdict import Verdict

DAY = date(2025, 9, 30)
YEN = Money("JPY", 0, 1_234_567)


def usd(minor: int) -> Money:
    return Money("USD", 2, minor)


PROOF = CurrencyProof(
    currency="USD",
    exponent=2,
    processor_transactions=30,
    ledger_entries=25,
    processor_total_minor=657_750,
    ledger_total_minor=655_755,
    signed_discrepancies_minor=1_995,
    discrepancy_count=5,
    discrepancy_amount_minor=1_995,
    volume_minor=657_750,
    pending_count=1,
    pending_amount_minor=333,
)
DINARS = replace(PROOF, currency="KWD", exponent=3, discrepancy_amount_minor=5, pending_amount_minor=0)

ANSWER = RunPublished(
    processor="stripe",
    business_date=DAY,
    version=1,
    verdict=Verdict.DISCREPANCIES,
    discrepancy_count=5,
    pending_count=1,
    processor_transactions=30,
    ledger_entries=25,
    matched=24,
    by_class=(
        ClassFigures(DiscrepancyClass.MISSING_IN_LEDGER, 5, (usd(1_995),)),
        ClassFigures(DiscrepancyClass.PENDING_IN_LEDGER, 1, (usd(333),)),
        ClassFigures(DiscrepancyClass.MATCHED_IN_TOLERANCE, 2, (usd(2),)),
    ),
    proofs=(PROOF,),
    risk_level="LOW",
    compliance=ComplianceStatus.COMPLIANT,
    discrepancy_rate="0.1667",
    value_at_risk_rate="0.0030",
    causes=("all 5 lie within 23:00 to 24:00: cut-off",),
    change=Change(
        since=date(2025, 9, 29), new=Amounts(4, (usd(1_596),)), resolved=Amounts(), persisting=Amounts(1, (usd(399),))
    ),
)
RECONCILED = replace(
    ANSWER,
    verdict=Verdict.RECONCILED,
    discrepancy_count=0,
    pending_count=0,
    by_class=(),
    causes=(),
    proofs=(replace(PROOF, discrepancy_count=0, discrepancy_amount_minor=0, pending_count=0, pending_amount_minor=0),),
)
INCOMPLETE = replace(
    ANSWER,
    verdict=Verdict.INCOMPLETE,
    causes=(),
    change=None,
    incomplete_reasons=("the ledger feed is empty, the other is not", "2 processor record(s) were rejected"),
)
FAILED = RunFailed("stripe", DAY, "raw_ledger_feed", "no answer within 10 s", version=2)
CHECK = CheckFailed(
    "stripe", DAY, "stripe/transactions", "ids_are_unique", Severity.WARN, "No id occurs twice.", 30, {"again": 2}
)
LATE = FeedLate("stripe", DAY, 12, "incomplete", ("the ledger feed is empty, the other is not",))
NEVER_RUN = FeedLate("stripe", DAY, 12, "never run", ())
OVERDUE = DiscrepancyOverdue(
    "stripe", DAY, DiscrepancyClass.PENDING_IN_LEDGER, date(2025, 10, 2), Amounts(3, (usd(100), YEN))
)
ARCHIVE = ArchiveWaiting("stripe", DAY, "S3 answers 503 SlowDown")
AUDIT = AuditBroken(DAY, 2, ("events, seal 3: an event from 7 to 9 was changed", "seals, seal 4: seal 3 is missing"))

ALL = (ANSWER, FAILED, CHECK, LATE, OVERDUE, ARCHIVE, AUDIT)
