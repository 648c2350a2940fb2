"""The verdict of a run: the first rule that holds, and green only when proven."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.records import Side


class Verdict(StrEnum):
    """In the order in which they are tried."""

    INCOMPLETE = "incomplete"
    DISCREPANCIES = "discrepancies"
    RECONCILED_WITH_WARNINGS = "reconciled_with_warnings"
    RECONCILED_WITH_PENDING = "reconciled_with_pending"
    RECONCILED = "reconciled"


@dataclass(frozen=True, slots=True)
class FeedState:
    """What came of one side. `rejected` counts records by the reason why they were no rows.

    `problems` are sentences about what did not come. Neither carries payment values.
    """

    side: Side
    rows: int
    rejected: Mapping[str, int]
    says_empty: bool
    problems: tuple[str, ...]


def completeness_reasons(
    *, processor: FeedState, ledger: FeedState, proofs: Sequence[CurrencyProof]
) -> tuple[str, ...]:
    """Why there is no conclusion, in sentences for people; empty when there is one."""
    reasons = [f"{feed.side} feed: {problem}" for feed in (processor, ledger) for problem in feed.problems]
    if processor.rows == 0 and ledger.rows == 0:
        if not (processor.says_empty and ledger.says_empty):
            reasons.append("both feeds are empty and did not both say that nothing happened")
    else:
        reasons.extend(
            f"the {feed.side} feed is empty, the other is not" for feed in (processor, ledger) if feed.rows == 0
        )
    reasons.extend(
        f"{sum(feed.rejected.values())} {feed.side} record(s) were rejected: "
        + ", ".join(f"{reason} ({count})" for reason, count in sorted(feed.rejected.items()))
        for feed in (processor, ledger)
        if feed.rejected
    )
    reasons.extend(f"the proof leaves a residual in {proof.currency}" for proof in proofs if proof.residual_minor)
    return tuple(reasons)


def conclude(
    *, incomplete_reasons: Sequence[str], discrepancy_count: int, warning_count: int = 0, pending_count: int = 0
) -> Verdict:
    """The first verdict that holds."""
    if incomplete_reasons:
        return Verdict.INCOMPLETE
    if discrepancy_count:
        return Verdict.DISCREPANCIES
    if warning_count:
        return Verdict.RECONCILED_WITH_WARNINGS
    if pending_count:
        return Verdict.RECONCILED_WITH_PENDING
    return Verdict.RECONCILED
