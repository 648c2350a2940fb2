"""Notifications as a resource: what is late is looked for, events become notices, notices are delivered.

What belongs here: a round, on the record. Who asks for one: the sensor (`automation.notifications`) and `recon notify`.
Not here: how a notice reaches its receiver (`resources.channels`).
"""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from recon_assets.configuration import Configuration
from recon_assets.domain.errors import ReconError, StoreRefused
from recon_assets.domain.messages import MessageKind
from recon_assets.notifications.delivery import (
    GIVEN_UP_AFTER,
    Outbox,
    Round,
    Taken,
    deliver,
    notice_kind,
    wait_after,
)
from recon_assets.notifications.events import is_from_before
from recon_assets.notifications.notices import notices_of
from recon_assets.notifications.reports import ReportLinks
from recon_assets.notifications.rules import Channel
from recon_assets.resources.channels import Channels
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.record import Record
from recon_assets.resources.report_links import BucketLinks
from recon_assets.settings import Settings
from recon_assets.store import outbox as store
from recon_assets.store.checks import is_recorded
from recon_assets.store.lateness import EndedDay, tell_late_days, tell_overdue
from recon_assets.store.tenancy import TenantConnection

COLLECT_EVERY_S: Final = 600.0
LATE_DAYS: Final = 3
"""How many days back a late feed, or a due date that has passed, is news."""

GRACE_OF_BEFORE: Final = timedelta(days=14)
"""How much longer than now records may have waited by rules of before that have not been forgotten."""

REPORT_WAIT: Final = timedelta(minutes=5)
"""How long an answer is not told because its report is not written yet."""
REPORT_AGAIN: Final = timedelta(seconds=15)
REPORT_IS_WRITTEN: Final = "reconciliation_is_proven"
"""The last check of a run: the report is written, and shipped if there is a bucket and it could be reached."""

EVENTS_A_ROUND: Final = 200
ROUTING_LEASE: Final = timedelta(minutes=2)
SHOWN_FOR: Final = timedelta(days=7)
"""How long a message that was given up is a fault of this deployment, unless it is put again."""


@dataclass(slots=True)
class Told:
    """One round: deliveries, and how many notices were skipped because a channel or a receiver is not configured."""

    round: Round
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def skipped_line(self) -> str | None:
        """One line for the log, or None when nothing was skipped."""
        if not self.skipped:
            return None
        return "not configured, so nobody is told: " + "; ".join(
            f"{why} ({count})" for why, count in sorted(self.skipped.items())
        )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits and what was given up lately."""

    waiting: store.Waiting
    given_up: store.GivenUp

    @property
    def problem(self) -> str | None:
        """Why somebody must look, or None."""
        if self.given_up.count:
            return f"{self.given_up.count} given up, the last: {self.given_up.newest_error}"
        if self.waiting.oldest and datetime.now(UTC) - self.waiting.oldest > GIVEN_UP_AFTER:
            return f"the oldest waits for more than {GIVEN_UP_AFTER // timedelta(hours=1)} h"
        return None

    def __str__(self) -> str:
        if not self.waiting.oldest:
            return "nothing waits"
        minutes = (datetime.now(UTC) - self.waiting.oldest) // timedelta(minutes=1)
        return f"{self.waiting.count} waiting, the oldest for {minutes} min"


class Notifier:
    """Tells people.

    `links` gives addresses of reports, `collect_every_s` is how often what is late is looked for, and `report_wait` how
    long an answer waits for its report.
    """

    def __init__(
        self,
        settings: Settings,
        record: Record,
        configuration: Configuration,
        *,
        links: ReportLinks | None = None,
        collect_every_s: float = COLLECT_EVERY_S,
        report_wait: timedelta = REPORT_WAIT,
    ) -> None:
        self._record = record
        self._configuration = configuration
        self._rules = configuration.notifications
        self.channels = Channels(settings, configuration, links or BucketLinks(record, EvidenceBucket(settings)))
        self._collect_every_s = collect_every_s
        self._collected_at: float | None = None
        self._report_wait = report_wait

    def round(self, *, longest_s: float) -> Told:
        """Look for what is late, if it is time to; put notices; deliver for at most `longest_s`, plus one session."""
        ends = time.monotonic() + longest_s
        if self._collected_at is None or time.monotonic() - self._collected_at >= self._collect_every_s:
            self.collect(datetime.now(UTC))
            self._collected_at = time.monotonic()
        skipped, failed = self._route()
        with self._record.connect() as connection:
            done = deliver(_StoredOutbox(connection), self.channels.senders(), until=lambda: time.monotonic() >= ends)
        done.postponed += failed.total()
        done.problems += failed
        return Told(done, skipped)

    def collect(self, at: datetime) -> None:
        """Put messages about what is late at the instant `at`, each once."""
        allowance = timedelta(hours=self._rules.late_after_hours)
        with self._record.connect() as connection:
            for config in self._configuration.processors.values():
                last = config.last_ended_business_date(at)
                days = [last - timedelta(days=back) for back in reversed(range(LATE_DAYS))]
                ended = [EndedDay(day, config.business_day(day).ends_at) for day in days if day >= config.start_date]
                over = [day for day in ended if day.ended_at + allowance <= at]
                tell_late_days(connection, config.name, over, allowance_hours=self._rules.late_after_hours)
                tell_overdue(
                    connection, config.name, since=days[0], until=last, longest_grace=self._longest_grace(config.name)
                )

    def _longest_grace(self, processor: str) -> timedelta:
        """By the rules of now, and some days more for those of before."""
        rules = self._configuration.matching_rules(processor)
        reaches = [side.reach_days(holidays=rules.holidays) for side in (rules.grace.ledger, rules.grace.processor)]
        return timedelta(days=max(reaches)) + GRACE_OF_BEFORE

    def put_again(self) -> int:
        """Put once more what was given up lately; returns how many."""
        with self._record.connect() as connection:
            return store.put_again(connection, _ALL_KINDS, since=datetime.now(UTC) - SHOWN_FOR)

    def backlog(self) -> Backlog:
        """For `recon doctor`."""
        with self._record.connect() as connection:
            since = datetime.now(UTC) - SHOWN_FOR
            return Backlog(store.waiting(connection), store.given_up(connection, _ALL_KINDS, since=since))

    def _route(self) -> tuple[Counter[str], Counter[str]]:
        """Put the notices of every event that is due; returns why notices were skipped, and why events wait."""
        skipped: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        with self._record.connect() as connection:
            for message in store.take_messages(
                connection, kinds=list(MessageKind), limit=EVENTS_A_ROUND, lease=ROUTING_LEASE
            ):
                kind = MessageKind(message.kind)
                if self._waits_for_its_report(connection, message):
                    store.postpone(connection, message, error=None, wait=REPORT_AGAIN)
                    continue
                try:
                    notices = [] if is_from_before(kind, message.payload) else self._notices(message, kind, skipped)
                except StoreRefused as error:
                    store.abandon(connection, message, error=str(error))
                    continue
                except ReconError as error:  # receivers that are wrongly configured, or can't be looked up now
                    store.postpone(connection, message, error=str(error), wait=wait_after(message.attempts))
                    failed[str(error)] += 1
                    continue
                store.put_notices(connection, message, notices)
        return skipped, failed

    def _notices(self, message: store.Message, kind: MessageKind, skipped: Counter[str]) -> list[store.Notice]:
        def receivers(channel: Channel, said: str) -> Sequence[str]:
            found = self.channels.receivers(channel, said)
            if isinstance(found, str):
                skipped[found] += 1
                return ()
            return found

        found = notices_of(message.id, kind, message.payload, rules=self._rules, receivers=receivers)
        return [store.Notice(notice_kind(channel), notice.key, notice.as_payload()) for channel, notice in found]

    def _waits_for_its_report(self, connection: TenantConnection, message: store.Message) -> bool:
        """An answer is published before its report is written, which an e-mail is to carry."""
        if message.kind != MessageKind.RUN_PUBLISHED or message.run_id is None:
            return False
        if datetime.now(UTC) - message.created_at >= self._report_wait:
            return False
        return not is_recorded(connection, run_id=message.run_id, check_name=REPORT_IS_WRITTEN)


_ALL_KINDS: Final = (*map(str, MessageKind), *map(notice_kind, Channel))


class _StoredOutbox(Outbox):
    """The outbox of the record, on one connection."""

    def __init__(self, connection: TenantConnection) -> None:
        self._connection = connection

    def take(self, kinds: Collection[str], *, lease: timedelta) -> store.Message | None:
        return next(iter(store.take_messages(self._connection, kinds=list(kinds), limit=1, lease=lease)), None)

    def delivered(self, notice: Taken) -> None:
        store.delivered(self._connection, _stored(notice))

    def postpone(self, notice: Taken, *, error: str, wait: timedelta) -> None:
        store.postpone(self._connection, _stored(notice), error=error, wait=wait)

    def abandon(self, notice: Taken, *, error: str) -> None:
        store.abandon(self._connection, _stored(notice), error=error)


def _stored(notice: Taken) -> store.Message:
    assert isinstance(notice, store.Message), "taken from our outbox"
    return notice
