"""What is said: made from an event alone, so that its figures are the record's.

Not here: what is said of an answer (`answer`), and what it looks like in a mail (`mail`) or a chat (`chat`).
"""

from recon_assets.domain.messages import (
    AlertSeverity,
    ArchiveWaiting,
    AuditBroken,
    CheckFailed,
    DiscrepancyOverdue,
    FeedLate,
    RunFailed,
    RunPublished,
)
from recon_assets.domain.plain_words import words
from recon_assets.notifications.answer import content_of_answer
from recon_assets.notifications.events import Event
from recon_assets.notifications.shape import MAX_SUBJECT_CHARACTERS, Content, Table, sentence
from recon_assets.notifications.words import amounts, number_of, one_line


def content_of(event: Event, *, title: str, severity: AlertSeverity) -> Content:
    """The words for `event`. `title` is the processor's name for people."""
    match event:
        case RunPublished():
            return content_of_answer(event, title, severity)
        case AuditBroken():
            return _audit(event, severity)
        case _:
            return _of_a_day(event, title, severity)


def _of_a_day(
    event: RunFailed | CheckFailed | FeedLate | DiscrepancyOverdue | ArchiveWaiting, title: str, severity: AlertSeverity
) -> Content:
    match event:
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


def _audit(event: AuditBroken, severity: AlertSeverity) -> Content:
    """Of all processors, so no title of one."""
    start = f"{event.business_date}: the record is not what was written, {number_of(event.count, 'finding')}"
    return _short(
        severity,
        start=start,
        cause=None,
        label="audit broken",
        sentences=("Change nothing and keep the database as it is: docs/audit.md says what each finding means",),
        tables=(Table("First findings", ("Finding",), tuple((one_line(found),) for found in event.findings)),),
        command="recon audit verify",
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
        first_line=sentence(one_line(f"{start}. Likely cause: {cause}" if cause else start)),
        change=None,
        sentences=tuple(sentence(one_line(text)) for text in sentences),
        tables=tables,
        command=command,
    )
