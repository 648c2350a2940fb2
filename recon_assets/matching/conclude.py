"""From what the matching found to the conclusion of the day: proof, verdict, risk. Pure."""

from datetime import date

from recon_assets.domain.causes import Cause
from recon_assets.domain.conclusion import Conclusion, count_of_outcome, count_of_warnings
from recon_assets.domain.discrepancies import Outcome
from recon_assets.domain.risk import RiskThresholds, assess
from recon_assets.domain.verdict import FeedState, completeness_reasons, conclude
from recon_assets.matching.engine import Matching


def conclude_day(
    *,
    processor: str,
    business_date: date,
    matching: Matching,
    feeds: tuple[FeedState, FeedState],
    thresholds: RiskThresholds,
    causes: tuple[Cause, ...] = (),
) -> Conclusion:
    """The answer of the day. `feeds` are the processor's and the ledger's state, in this order; `causes` are those
    that `causes.find_causes` found."""
    processor_feed, ledger_feed = feeds
    reasons = completeness_reasons(processor=processor_feed, ledger=ledger_feed, proofs=matching.proofs)
    counts = matching.count_by_class
    verdict = conclude(
        incomplete_reasons=reasons,
        discrepancy_count=count_of_outcome(counts, Outcome.DISCREPANCY),
        warning_count=count_of_warnings(counts),
        pending_count=count_of_outcome(counts, Outcome.PENDING),
    )
    return Conclusion(
        processor=processor,
        business_date=business_date,
        processor_transactions=matching.processor_transactions,
        ledger_entries=matching.ledger_entries,
        matched_by_pass=matching.matched_by_pass,
        count_by_class=counts,
        proofs=matching.proofs,
        incomplete_reasons=reasons,
        verdict=verdict,
        risk=assess(matching.proofs, verdict=verdict, thresholds=thresholds),
        rule_version=matching.rule_version,
        causes=causes,
    )
