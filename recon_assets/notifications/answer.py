"""What is said of an answer: the verdict, the money, the cause, the change, and every figure in tables."""

from collections.abc import Iterator, Sequence
from typing import Final

from recon_assets.domain.discrepancies import Outcome
from recon_assets.domain.messages import AlertSeverity, Change, Money, RunPublished
from recon_assets.domain.plain_words import words
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.shape import MAX_SUBJECT_CHARACTERS, Content, Table, sentence
from recon_assets.notifications.words import amounts, counted, number_of, one_line

PHONE_CHARACTERS: Final = 34
"""Of figures, beside the first column, in a table that is 327 pixels wide."""

_TONE_OF_VERDICT: Final = {
    Verdict.INCOMPLETE: "unknown",
    Verdict.DISCREPANCIES: "bad",
    Verdict.RECONCILED_WITH_WARNINGS: "notice",
    Verdict.RECONCILED_WITH_PENDING: "notice",
    Verdict.RECONCILED: "good",
}


def content_of_answer(event: RunPublished, title: str, severity: AlertSeverity) -> Content:
    """The words for an answer; `title` is the processor's name for people."""
    at_stake = amounts(_at_stake(proof) for proof in event.proofs) or "nothing"
    concluded = event.verdict is not Verdict.INCOMPLETE
    said = _verdict_words(event)
    stake = f"{at_stake} at stake" if concluded else f"no conclusion, provisionally {at_stake} at stake"
    start = f"{title} {event.business_date}: {said}, {stake}"
    causes = list(dict.fromkeys((*event.causes, *event.incomplete_reasons)))
    cause = f". Likely cause: {causes[0]}" if causes else ""
    return Content(
        severity=severity,
        tone=_TONE_OF_VERDICT[event.verdict],
        label=words(event.verdict),
        subject=one_line(f"[{severity.word}] {start}", longest=MAX_SUBJECT_CHARACTERS),
        first_line=sentence(one_line(start + cause)),
        change=_change_words(event.change),
        sentences=tuple(sentence(one_line(text)) for text in _further_sentences(event, causes[1:])),
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
            yield (f"The proof leaves {proof.money_text(proof.residual_minor)} that no named row explains")
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
        yield (title, *(proof.amount_text(getattr(proof, name)) for proof in proofs))


def _at_stake(proof: CurrencyProof) -> Money:
    return Money(proof.currency, proof.exponent, proof.discrepancy_amount_minor)
