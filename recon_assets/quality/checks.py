"""The checks of every stage, as pure functions from what is known to an outcome."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.verdict import Verdict
from recon_assets.quality.facts import FrameFacts

DESCRIPTIONS: Mapping[str, str] = {
    "feed_is_complete": "The feed came whole: every file and page it promised is here.",
    "every_record_was_read": "As many records were read or rejected as the feed said it holds, and none was rejected.",
    "schema_holds": "Every row keeps the rules of the canonical schema; each broken rule is counted.",
    "ids_are_unique": "No transaction id occurs twice on this side.",
    "records_lie_in_the_business_day": "Every record happened within the business date of its partition.",
    "proof_residual_is_zero": "Processor total minus ledger total is the sum of the named discrepancies, per currency.",
    "days_around_are_known": "The records that the days around this one left open were there, as they were published.",
    "report_totals_agree": "Every file of the report says the same as the database of record, to the minor unit.",
    "reconciliation_is_proven": "The day has a conclusion: feeds complete, nothing rejected, no residual in the proof.",
    "every_day_is_answered": "Every business day that is over has a conclusion, from the first one on.",
}

NAMED_DAYS = 40
"""Of days without a conclusion in one outcome; `v_unproven_days` has all."""


def feed_is_complete(*, problems: Sequence[str], files: int, size_bytes: int) -> CheckOutcome:
    """On a raw feed: nothing that the feed promised is missing."""
    return _outcome(
        "feed_is_complete",
        failed_rules=Counter(problems),
        rows_checked=files,
        facts={"files": files, "bytes": size_bytes},
    )


def every_record_was_read(*, promised: int | None, rows: int, rejected: Mapping[str, int]) -> CheckOutcome:
    """On a frame: nothing was lost or refused between the raw bytes and the rows. `rejected` counts per reason."""
    read = rows + sum(rejected.values())
    failed = dict(rejected)
    if promised is not None and promised != read:
        failed["the feed promised another number of records"] = abs(promised - read)
    return _outcome(
        "every_record_was_read",
        failed_rules=failed,
        rows_checked=read,
        facts={"records_read": read, "records_promised": "not stated" if promised is None else promised},
    )


def schema_holds(*, rows_checked: int, rule_failures: Mapping[str, int]) -> CheckOutcome:
    """On a frame: the pandera model's failures, per rule."""
    return _outcome("schema_holds", failed_rules=rule_failures, rows_checked=rows_checked)


def ids_are_unique(facts: FrameFacts) -> CheckOutcome:
    """On a frame. A warning: the matching names every duplicate, and some processors repeat ids by design."""
    failed = {"transaction id occurs again": facts.repeated_ids} if facts.repeated_ids else {}
    return _outcome("ids_are_unique", failed_rules=failed, rows_checked=facts.rows, severity=Severity.WARN)


def records_lie_in_the_business_day(facts: FrameFacts) -> CheckOutcome:
    """On a frame. A warning: a row of another day is compared all the same."""
    failed = {"outside the business date": facts.outside_day} if facts.outside_day else {}
    return _outcome(
        "records_lie_in_the_business_day", failed_rules=failed, rows_checked=facts.rows, severity=Severity.WARN
    )


def proof_residual_is_zero(conclusion: Conclusion) -> CheckOutcome:
    """On the discrepancies: the two halves of the proof meet in every currency."""
    failed = {f"residual in {proof.currency}": 1 for proof in conclusion.proofs if proof.residual_minor}
    return _outcome("proof_residual_is_zero", failed_rules=failed, rows_checked=len(conclusion.proofs))


def days_around_are_known(*, known: Collection[date], unknown: Collection[date]) -> CheckOutcome:
    """On the discrepancies. A warning: what these days left open could not be matched with this day."""
    failed = {f"the open records of {day} are gone or were changed: run that day again": 1 for day in sorted(unknown)}
    return _outcome(
        "days_around_are_known", failed_rules=failed, rows_checked=len(known) + len(unknown), severity=Severity.WARN
    )


def report_totals_agree(differences: Sequence[str], *, figures: int) -> CheckOutcome:
    """On the report: `differences` name the figures that disagree with the record."""
    return _outcome("report_totals_agree", failed_rules=dict.fromkeys(differences, 1), rows_checked=figures)


def reconciliation_is_proven(conclusion: Conclusion) -> CheckOutcome:
    """On the whole day: there is a verdict other than `incomplete`."""
    return _outcome(
        "reconciliation_is_proven",
        failed_rules=dict.fromkeys(conclusion.incomplete_reasons, 1),
        rows_checked=conclusion.processor_transactions + conclusion.ledger_entries,
        facts={"verdict": conclusion.verdict.value, "discrepancies": conclusion.discrepancy_count},
        passed=conclusion.verdict is not Verdict.INCOMPLETE,
    )


def every_day_is_answered(unproven: Mapping[date, str], *, days_over: int) -> CheckOutcome:
    """On the days of a processor that are over: those of them that have no conclusion, each with what became of it."""
    days = sorted(unproven)
    named = ", ".join(f"{day} ({unproven[day]})" for day in days[:NAMED_DAYS])
    more = f" and {len(days) - NAMED_DAYS} more" if len(days) > NAMED_DAYS else ""
    return _outcome(
        "every_day_is_answered",
        failed_rules=Counter(unproven[day] for day in days),
        rows_checked=days_over,
        facts={"days_without_a_conclusion": len(days), "days": f"{named}{more}" or "none"},
    )


def _outcome(
    name: str,
    *,
    failed_rules: Mapping[str, int],
    rows_checked: int,
    severity: Severity = Severity.ERROR,
    facts: Mapping[str, int | str] | None = None,
    passed: bool | None = None,
) -> CheckOutcome:
    return CheckOutcome(
        name=name,
        passed=not failed_rules if passed is None else passed,
        severity=severity,
        description=DESCRIPTIONS[name],
        rows_checked=rows_checked,
        failed_rules=dict(failed_rules),
        facts=dict(facts or {}),
    )
