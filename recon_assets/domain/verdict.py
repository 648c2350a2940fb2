"""The verdict of a run: the first rule that holds, and green only when proven."""

from collections.abc import Sequence
from enum import StrEnum

from recon_assets.domain.proof import CurrencyProof


class Verdict(StrEnum):
    """In the order in which they are tried."""

    INCOMPLETE = "incomplete"
    DISCREPANCIES = "discrepancies"
    RECONCILED_WITH_WARNINGS = "reconciled_with_warnings"
    RECONCILED_WITH_PENDING = "reconciled_with_pending"
    RECONCILED = "reconciled"


def completeness_reasons(
    *,
    processor_rows: int,
    ledger_rows: int,
    both_feeds_say_empty: bool,
    feed_problems: Sequence[str],
    processor_rejected: int,
    ledger_rejected: int,
    proofs: Sequence[CurrencyProof],
) -> tuple[str, ...]:
    """Why there is no conclusion; empty when there is one. Sentences for people, without payment values."""
    reasons = list(feed_problems)
    if processor_rows == 0 and ledger_rows > 0:
        reasons.append("the processor feed is empty, the ledger feed is not")
    if ledger_rows == 0 and processor_rows > 0:
        reasons.append("the ledger feed is empty, the processor feed is not")
    if processor_rows == 0 and ledger_rows == 0 and not both_feeds_say_empty:
        reasons.append("both feeds are empty and did not both say that nothing happened")
    if processor_rejected:
        reasons.append(f"{processor_rejected} processor row(s) were rejected")
    if ledger_rejected:
        reasons.append(f"{ledger_rejected} ledger row(s) were rejected")
    reasons.extend(f"the proof leaves a residual in {p.currency}" for p in proofs if p.residual_minor)
    return tuple(reasons)


def conclude(*, incomplete_reasons: Sequence[str], discrepancy_count: int) -> Verdict:
    """The first verdict that holds. Tolerance, unclassified and pending rows are concluded by later passes."""
    if incomplete_reasons:
        return Verdict.INCOMPLETE
    if discrepancy_count:
        return Verdict.DISCREPANCIES
    return Verdict.RECONCILED
