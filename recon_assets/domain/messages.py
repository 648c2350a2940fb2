"""What is worth telling people, as plain facts: written with what they are about, read by whoever tells them.

What belongs here: the kinds of message and their figures. Not here: keeping them (`store.outbox`), who is told, and the
words (`notifications`). No text in a message holds a card number, a credential or an address that opens something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Final

from recon_assets.domain.checks import Severity
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.masking import masked_cards
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import ComplianceStatus
from recon_assets.domain.verdict import Verdict

MAX_SENTENCE_CHARACTERS: Final = 1_000
MAX_SENTENCES: Final = 20
WHOLE_RECORD: Final = "record"
"""What a message is about that is of no processor alone."""


class MessageKind(StrEnum):
    """What happened."""

    RUN_PUBLISHED = "run_published"
    RUN_FAILED = "run_failed"
    CHECK_FAILED = "check_failed"
    FEED_LATE = "feed_late"
    DISCREPANCY_OVERDUE = "discrepancy_overdue"
    ARCHIVE_WAITING = "archive_waiting"
    AUDIT_BROKEN = "audit_broken"


class AlertSeverity(IntEnum):
    """How loudly something is told; ordered, so that a rule can say from which on."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """As configuration and messages write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` is an amount in minor units of `currency`, which has `exponent` decimal places."""

    currency: str
    exponent: int
    minor: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many rows, and the sum of their absolute amounts per currency; currencies are never added."""

    count: int = 0
    money: tuple[Money, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The rows of one class in an answer."""

    kind: DiscrepancyClass
    count: int
    money: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from `since`, the newest concluded day before, and from an older answer of the same day, which
    `is_of_older_answer` says there was.

    `new` are discrepancies that were none before, also by falling due; `resolved` those that the answer resolved, of
    whatever day; `persisting` those that were known and are still open.
    """

    since: date | None
    new: Amounts
    resolved: Amounts
    persisting: Amounts
    is_of_older_answer: bool = False


@dataclass(frozen=True, slots=True)
class RunPublished:
    """An answer, with every figure that a message about it shows.

    Rates are decimal texts, `causes` the sentences of its likely causes.
    """

    processor: str
    business_date: date
    version: int
    verdict: Verdict
    discrepancy_count: int
    pending_count: int
    processor_transactions: int
    ledger_entries: int
    matched: int
    by_class: tuple[ClassFigures, ...]
    proofs: tuple[CurrencyProof, ...]
    risk_level: str
    compliance: ComplianceStatus
    discrepancy_rate: str | None
    value_at_risk_rate: str | None
    incomplete_reasons: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    change: Change | None = None
    in_backfill: bool = False


@dataclass(frozen=True, slots=True)
class RunFailed:
    """An attempt that gave no answer; an older answer of the day stands."""

    processor: str
    business_date: date
    stage: str
    reason: str
    version: int
    in_backfill: bool = False


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """A data-quality check that did not pass, whether or not it stopped the run. `failed_rules` counts violations."""

    processor: str
    business_date: date
    asset_key: str
    check_name: str
    severity: Severity
    description: str
    rows_checked: int
    failed_rules: Mapping[str, int]
    in_backfill: bool = False


@dataclass(frozen=True, slots=True)
class FeedLate:
    """A day that is over, and its allowance too, and that still has no conclusion. `state` is its newest attempt's."""

    processor: str
    business_date: date
    allowance_hours: int
    state: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiscrepancyOverdue:
    """Discrepancies of one class and day that were still open when the day `due_on` ended."""

    processor: str
    business_date: date
    kind: DiscrepancyClass
    due_on: date
    open_items: Amounts


@dataclass(frozen=True, slots=True)
class ArchiveWaiting:
    """Evidence that is kept here and has not reached the archive yet."""

    processor: str
    business_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class AuditBroken:
    """The record is not what was written: what a verification on `business_date` (UTC) found. Of no processor alone.

    `findings` are sentences about seals, events and rows, the first of `count`.
    """

    business_date: date
    count: int
    findings: tuple[str, ...]

    @property
    def processor(self) -> str:
        """What stands where others have the processor: the record of all."""
        return WHOLE_RECORD


def plain(text: str) -> str:
    """`text` for a message: card-like numbers masked, and no longer than `MAX_SENTENCE_CHARACTERS`."""
    masked = masked_cards(text)
    return masked if len(masked) <= MAX_SENTENCE_CHARACTERS else masked[: MAX_SENTENCE_CHARACTERS - 1] + "…"


def plain_sentences(texts: Sequence[str]) -> tuple[str, ...]:
    """The first `MAX_SENTENCES` of them, and how many more there are."""
    shown = tuple(plain(text) for text in texts[:MAX_SENTENCES])
    more = len(texts) - len(shown)
    return (*shown, f"and {more} more") if more > 0 else shown
