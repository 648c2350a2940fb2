"""What is said: the same content for every channel, made from an event alone, so that its figures are the record's.

Not here: what it looks like in a mail (`mail`) or a chat (`chat`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from recon_assets.domain.discrepancies import Outcome
from recon_assets.domain.messages import (
    AlertSeverity,
    ArchiveWaiting,
    Change,
    CheckFailed,
    DiscrepancyOverdue,
    FeedLate,
    Money,
    RunFailed,
    RunPublished,
)
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.events import Event
from recon_assets.notifications.words import amounts, counted, figure, number_of, one_line, words

MAX_SUBJECT_CHARACTERS: Final = 160
PHONE_CHARACTERS: Final = 34
"""Of figures, beside the first column, in a table that is 327 pixels wide."""
_TONE_OF_VERDICT: Final = {
    Verdict.INCOMPLETE: "unknown",
    Verdict.DISCREPANCIES: "bad",
    Verdict.RECONCILED_WITH_WARNINGS: "notice",
    Verdict.RECONCILED_WITH_PENDING: "notice",
    Verdict.RECONCILED: "good",
}


@dataclass(frozen=True, slots=True)
class Table:
    """The first column is text, all others are figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """`tone` is one of good, notice, bad, unknown. `first_line` says it all; `change` is what is new since the day
    before. `command` is what somebody at a terminal would type next."""

    severity: AlertSeverity
    tone: str
    label: str
    subject: str
    first_line: str
    change: str | None
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    command: str


def content_of(event: Event, *, title: str, severity: AlertSeverity) -> Content:
    """The words for `event`. `title` is the processor's name for people."""
    match event:
        case RunPublished():
            return _answer(event, title, severity)
        case RunFailed():
            return _failure(event, title, severity)
        case CheckFailed():
            return _check(event, title, severity)
        case FeedLate():
            return _late(event, title, severity)
        case DiscrepancyOverdue():
            return _overdue(event, title, severity)
        case ArchiveWaiting():
            return _archive(event, title, severity)


def _answer(event: RunPublished, title: str, severity: AlertSeverity) -> Content:
    at_stake = amounts(_at_stake(proof) for proof in event.proofs) or "nothing"
    concluded = event.verdict is not Verdict.INCOMPLETE
    said = _verdict_words(event)
    stake = f"{at_stake} at stake" if concluded else f"no conclusion, provisionally {at_stake} at stake"
    start = f"{title} {event.business_date}: {said}, {stake}"
    causes = [cause.sentence for cause in event.causes] or list(event.incomplete_reasons)
    cause = f". Likely cause: {causes[0]}" if causes else ""
    return Content(
        severity=severity,
        tone=_TONE_OF_VERDICT[event.verdict],
        label=words(event.verdict),
        subject=one_line(f"[{severity.word}] {start}", longest=MAX_SUBJECT_CHARACTERS),
        first_line=_sentence(one_line(start + cause)),
        change=_change_words(event.change),
        sentences=tuple(_sentence(one_line(text)) for text in _further_sentences(event, causes[1:])),
        tables=tuple(_tables_of_answer(event)),
        command=f"recon show {event.processor} {event.business_date}",
    )


def _verdict_words(event: RunPublished) -> str:
    if event.verdict is Verdict.DISCREPANCIES:
        return number_of(event.discrepancy_count, "discrepancy", "discrepancies")
    if event.verdict is Verdict.RECONCILED_WITH_PENDING:
        return f"{words(event.verdict)} ({number_of(event.pending_count, 'record')})"
    return words(event.verdict)


def _further_sentences(event: RunPublished, causes: list[str]) -> Iterator[str]:
    yield from causes
    for proof in event.proofs:
        if proof.residual_minor:
            yield (
                f"The proof leaves {figure(proof.residual_minor, exponent=proof.exponent)} {proof.currency} that no"
                " named row explains"
            )
    if event.version > 1:
        yield f"This is version {event.version} of the day's answer; the ones before are superseded"


def _change_words(change: Change | None) -> str | None:
    """None when there is no conclusion to compare."""
    if change is None:
        return None
    if change.is_of_older_answer:
        start = "Since the day's earlier answer"
    elif change.since is None:
        start = "The first concluded day"
    else:
        start = f"Since {change.since}"
    parts = [
        f"{counted(found)} {word}"
        for found, word in ((change.new, "new"), (change.resolved, "resolved"), (change.persisting, "still open"))
        if found.count
    ]
    return f"{start}: {', '.join(parts) or 'nothing new, nothing open'}."


def _tables_of_answer(event: RunPublished) -> Iterator[Table]:
    for outcome, title in (
        (Outcome.DISCREPANCY, "Discrepancies"),
        (Outcome.PENDING, "Waiting within the grace"),
        (Outcome.OK, "Explained"),
    ):
        rows = tuple(
            (words(found.kind), f"{found.count:,}", amounts(found.money) or "-")
            for found in sorted(event.by_class, key=lambda found: found.kind.priority)
            if found.kind.outcome is outcome
        )
        if rows:
            said = title if event.verdict is not Verdict.INCOMPLETE else f"{title} (provisional)"
            yield Table(said, ("Class", "Rows", "Amount"), rows)
    for proofs in _beside_one_another(event.proofs):
        yield Table("Proof", ("", *(proof.currency for proof in proofs)), tuple(_proof_rows(proofs)))
    yield Table(
        "Figures",
        ("", ""),
        (
            ("Verdict", words(event.verdict)),
            ("Processor transactions", f"{event.processor_transactions:,}"),
            ("Ledger entries", f"{event.ledger_entries:,}"),
            ("Matched", f"{event.matched:,}"),
            ("Discrepancies", f"{event.discrepancy_count:,}"),
            ("Pending", f"{event.pending_count:,}"),
            ("Discrepancy rate", event.discrepancy_rate or "-"),
            ("Value at risk rate", event.value_at_risk_rate or "-"),
            ("Risk", event.risk_level if event.verdict is not Verdict.INCOMPLETE else "-"),
            ("Compliance", words(event.compliance.lower())),
        ),
    )


def _beside_one_another(proofs: Sequence[CurrencyProof]) -> Iterator[tuple[CurrencyProof, ...]]:
    """As many currencies in one table as a phone shows without scrolling; always at least one."""
    group: list[CurrencyProof] = []
    left = PHONE_CHARACTERS
    for proof in proofs:
        widest = max(len(row[1]) for row in _proof_rows((proof,))) + 2
        if group and widest > left:
            yield tuple(group)
            group, left = [], PHONE_CHARACTERS
        group.append(proof)
        left -= widest
    if group:
        yield tuple(group)


def _proof_rows(proofs: tuple[CurrencyProof, ...]) -> Iterator[tuple[str, ...]]:
    for title, name in (
        ("Processor total", "processor_total_minor"),
        ("Ledger total", "ledger_total_minor"),
        ("Explained by named rows", "signed_discrepancies_minor"),
        ("Residual", "residual_minor"),
        ("At stake (gross)", "discrepancy_amount_minor"),
        ("Pending (gross)", "pending_amount_minor"),
        ("Volume", "volume_minor"),
    ):
        yield (title, *(figure(getattr(proof, name), exponent=proof.exponent) for proof in proofs))


def _at_stake(proof: CurrencyProof) -> Money:
    return Money(proof.currency, proof.exponent, proof.discrepancy_amount_minor)


def _failure(event: RunFailed, title: str, severity: AlertSeverity) -> Content:
    start = f"{title} {event.business_date}: the run failed in {words(event.stage)}, money at stake unknown"
    return _short(
        severity,
        start=start,
        cause=event.reason,
        label="run failed",
        sentences=("An older answer of the day, if there is one, still stands.",),
        command=f"recon run --processors {event.processor} --date {event.business_date}",
    )


def _check(event: CheckFailed, title: str, severity: AlertSeverity) -> Content:
    start = f"{title} {event.business_date}: the check {words(event.check_name)} failed on {event.asset_key}"
    violations = sum(event.failed_rules.values())
    broken = tuple((one_line(rule), f"{count:,}") for rule, count in event.failed_rules.items())
    return _short(
        severity,
        start=start,
        cause=f"{next(iter(event.failed_rules))} ({violations:,})" if event.failed_rules else None,
        label=f"check failed ({event.severity})",
        sentences=(
            f"What should be true: {event.description}",
            f"{number_of(event.rows_checked, 'row')} checked. The same failure is told once",
        ),
        tables=(Table("Broken rules", ("Rule", "Violations"), broken),) if broken else (),
        command=f"recon show {event.processor} {event.business_date}",
    )


def _late(event: FeedLate, title: str, severity: AlertSeverity) -> Content:
    start = (
        f"{title} {event.business_date}: no conclusion {event.allowance_hours} h after the end of the day"
        f" ({event.state}), money at stake unknown"
    )
    return _short(
        severity,
        start=start,
        cause=event.reasons[0] if event.reasons else "the feed has not come, or nobody has run the day",
        label="feed late",
        sentences=event.reasons[1:],
        command=f"recon run --processors {event.processor} --date {event.business_date}",
    )


def _overdue(event: DiscrepancyOverdue, title: str, severity: AlertSeverity) -> Content:
    found = event.open_items
    start = (
        f"{title} {event.business_date}: {number_of(found.count, 'record')} {words(event.kind)} still open after"
        f" {event.due_on}, {amounts(found.money) or 'nothing'} at stake"
    )
    return _short(
        severity,
        start=start,
        cause=None,
        label="past due",
        sentences=("They waited for their counterpart until that day; it came on no day",),
        command=f"recon show {event.processor} {event.business_date}",
    )


def _archive(event: ArchiveWaiting, title: str, severity: AlertSeverity) -> Content:
    start = f"{title} {event.business_date}: the evidence waits to be archived"
    return _short(
        severity,
        start=start,
        cause=event.reason,
        label="archive waiting",
        sentences=("It is complete and kept locally, and shipped when the archive can be reached",),
        command="recon doctor",
    )


def _short(
    severity: AlertSeverity,
    *,
    start: str,
    cause: str | None,
    label: str,
    sentences: tuple[str, ...],
    command: str,
    tables: tuple[Table, ...] = (),
) -> Content:
    return Content(
        severity=severity,
        tone="notice" if severity <= AlertSeverity.MEDIUM else "bad",
        label=label,
        subject=one_line(f"[{severity.word}] {start}", longest=MAX_SUBJECT_CHARACTERS),
        first_line=_sentence(one_line(f"{start}. Likely cause: {cause}" if cause else start)),
        change=None,
        sentences=tuple(_sentence(one_line(text)) for text in sentences),
        tables=tables,
        command=command,
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
