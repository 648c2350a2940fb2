"""What the record says of the state of the whole service at one instant: the figures that are watched.

Not here: how they are read (`store.readings`) and under what names they are told (`observability.metrics`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from recon_assets.domain.verdict import Verdict

WATCHED_DAYS: Final = 400
"""How many ended business dates, the newest first, are looked at for days without proof and for money at stake."""


@dataclass(frozen=True, slots=True)
class WatchedProcessor:
    """Whose days are looked at: from its first, `since`, to `until`, the latest that is over, at `until_ended_at`."""

    name: str
    since: date
    until: date
    until_ended_at: datetime


@dataclass(frozen=True, slots=True)
class AtStake:
    """The discrepancies of one currency that the current answers of the watched days have.

    Amounts are gross, in minor units. `oldest` is the earliest business date that has one, None when none has.
    """

    currency: str
    discrepancies: int
    amount_minor: int
    residual_minor: int
    oldest: date | None


@dataclass(frozen=True, slots=True)
class ProcessorReading:
    """One processor. A day is proven when its current answer has a conclusion and every residual is zero.

    `verdict` is that of the latest ended day, None while it has no answer. `last_proven` is None before the first.
    `unproven_days` counts watched days from its first attempted one on. The last run is the newest attempt of the
    newest attempted day; it has no end while it is running.
    """

    watched: WatchedProcessor
    verdict: Verdict | None
    is_latest_proven: bool
    last_proven: date | None
    unproven_days: int
    last_run_started_at: datetime | None
    last_run_ended_at: datetime | None
    runs_by_status: Mapping[str, int]
    at_stake: Sequence[AtStake]

    @property
    def last_run_took(self) -> timedelta | None:
        """None while no run has ended."""
        if self.last_run_started_at is None or self.last_run_ended_at is None:
            return None
        return self.last_run_ended_at - self.last_run_started_at


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to go out. `oldest` is None when nothing does."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ComponentReading:
    """What the newest probe of a component found: `healthy`, `degraded` or `down`."""

    component: str
    status: str
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class SealReading:
    """The newest seal of the audit log: its number, dense from 1, and when it was made."""

    number: int
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything at one instant, out of one snapshot. `seal` is None before the first seal of the audit log."""

    at: datetime
    processors: Sequence[ProcessorReading]
    outbox: Queue
    given_up: int
    archives: Queue
    seal: SealReading | None
    components: Sequence[ComponentReading]
    schema_version: int
