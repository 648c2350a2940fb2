"""Events as they lie in the outbox, and how loudly each is told."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Protocol

import msgspec

from recon_assets.domain.checks import Severity
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.messages import (
    AlertSeverity,
    Amounts,
    ArchiveWaiting,
    AuditBroken,
    CheckFailed,
    DiscrepancyOverdue,
    FeedLate,
    MessageKind,
    RunFailed,
    RunPublished,
)
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.thresholds import SeverityThresholds

Event = RunPublished | RunFailed | CheckFailed | FeedLate | DiscrepancyOverdue | ArchiveWaiting | AuditBroken

TYPE_OF_KIND: Final[Mapping[MessageKind, type[Event]]] = {
    MessageKind.RUN_PUBLISHED: RunPublished,
    MessageKind.RUN_FAILED: RunFailed,
    MessageKind.CHECK_FAILED: CheckFailed,
    MessageKind.FEED_LATE: FeedLate,
    MessageKind.DISCREPANCY_OVERDUE: DiscrepancyOverdue,
    MessageKind.ARCHIVE_WAITING: ArchiveWaiting,
    MessageKind.AUDIT_BROKEN: AuditBroken,
}
_FIRST_TOLD_WITH: Final = {MessageKind.RUN_PUBLISHED: "proofs", MessageKind.RUN_FAILED: "version"}
"""What messages lack that were written before anybody delivered them."""


class OfADay(Protocol):
    """What every event has."""

    @property
    def processor(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def business_date(self) -> date:
        """The day that it is about."""
        ...


def is_history(event: Event) -> bool:
    """Whether it happened while a range of days was filled."""
    return isinstance(event, RunPublished | RunFailed | CheckFailed) and event.in_backfill


def is_from_before(kind: MessageKind, payload: Mapping[str, Any]) -> bool:
    """Whether the message is of a version that told nobody: news of then, which nobody is told now."""
    return kind in _FIRST_TOLD_WITH and _FIRST_TOLD_WITH[kind] not in payload


def event_of(kind: str, payload: Mapping[str, Any]) -> Event:
    """The event that a message tells. Raises `StoreRefused` for one that this version can't read."""
    try:
        return msgspec.convert(payload, TYPE_OF_KIND[MessageKind(kind)])
    except (ValueError, msgspec.ValidationError) as error:
        raise StoreRefused(
            f"the message is none that this version can read: {error}",
            where=f"outbox, kind {kind}",
            remedy="Let the version deliver it that wrote it, or tell it by hand: it stays in the outbox.",
        ) from error


def severity_of(event: Event, thresholds: SeverityThresholds) -> AlertSeverity:
    """How loudly `event` is told."""
    match event:
        case RunPublished():
            return _of_answer(event, thresholds)
        case DiscrepancyOverdue():
            return max(AlertSeverity.MEDIUM, _of_amounts(event.open_items, thresholds))
        case CheckFailed():
            return AlertSeverity.HIGH if event.severity is Severity.ERROR else AlertSeverity.MEDIUM
        case ArchiveWaiting():
            return AlertSeverity.MEDIUM
        case RunFailed() | FeedLate():
            return AlertSeverity.HIGH
        case AuditBroken():
            return AlertSeverity.CRITICAL


def _of_answer(event: RunPublished, thresholds: SeverityThresholds) -> AlertSeverity:
    """A residual is money that nobody can name: it is critical however small."""
    if any(proof.residual_minor for proof in event.proofs):
        return AlertSeverity.CRITICAL
    amounts = [decimal_from_minor(proof.discrepancy_amount_minor, exponent=proof.exponent) for proof in event.proofs]
    found = thresholds.severity(discrepancies=event.discrepancy_count, amounts=amounts)
    return max(found, AlertSeverity.HIGH) if event.verdict is Verdict.INCOMPLETE else found


def _of_amounts(amounts: Amounts, thresholds: SeverityThresholds) -> AlertSeverity:
    in_major = [decimal_from_minor(money.minor, exponent=money.exponent) for money in amounts.money]
    return thresholds.severity(discrepancies=amounts.count, amounts=in_major)
