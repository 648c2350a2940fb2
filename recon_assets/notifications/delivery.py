"""One round of deliveries: take, send, settle; when it is tried again, and when it is given up.

At least once: a message is settled only after its channel took it, so whoever dies between leaves it to the next. Not
here: the outbox itself (`store.outbox`), the channels, and how a notice becomes words.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any, Final, Protocol
from uuid import UUID

from recon_assets.domain.errors import ChannelUnavailable, ReceiverRefused, ReconError, StoreRefused, TransientError
from recon_assets.notifications.rules import Channel

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
GIVEN_UP_AFTER: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=3)
"""Longer than a session with a mail server may last (`smtp.SESSION_S`): nobody else sends a message meanwhile."""

_RANDOM: Final = SystemRandom()


class Taken(Protocol):
    """A notice in our hands. `attempts` counts this one too."""

    @property
    def id(self) -> UUID:
        """Of its row."""
        ...

    @property
    def kind(self) -> str:
        """`notice_kind` of its channel."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """A `notices.Notice` as JSON."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was put."""
        ...

    @property
    def attempts(self) -> int:
        """How often it was taken."""
        ...


class Outbox(Protocol):
    """Where notices wait."""

    def take(self, kinds: Collection[str], *, lease: timedelta) -> Taken | None:
        """The oldest that is due, which nobody else is given until `lease` is over."""
        ...

    def delivered(self, notice: Taken) -> None:
        """It arrived."""
        ...

    def postpone(self, notice: Taken, *, error: str, wait: timedelta) -> None:
        """It did not; it is due again after `wait`."""
        ...

    def abandon(self, notice: Taken, *, error: str) -> None:
        """It can't, or nobody tries any more."""
        ...


Send = Callable[[Taken], None]
"""Raises a `TransientError`, which is waited for for a day; `ReceiverRefused`, or `StoreRefused` for a notice that
can't be read, which end it; or another `ReconError`: something is wrongly configured, which is waited for."""


@dataclass(slots=True)
class Round:
    """What became of the notices of one round. `may_have_arrived` are among the postponed: they will come twice."""

    delivered: int = 0
    postponed: int = 0
    given_up: int = 0
    may_have_arrived: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """All that did not arrive."""
        return self.postponed + self.given_up


def deliver(outbox: Outbox, channels: Mapping[Channel, Send], *, until: Callable[[], bool]) -> Round:
    """Send what is due until nothing is, or `until` says that time is up.

    A channel that can't be reached, or is wrongly configured, is left alone for the rest of the round.
    """
    done = Round()
    open_channels = dict(channels)
    while open_channels and not until():
        notice = outbox.take([notice_kind(channel) for channel in open_channels], lease=LEASE)
        if notice is None:
            break
        channel = channel_of(notice.kind)
        try:
            channels[channel](notice)
        except ReconError as error:
            if _settled_after(outbox, notice, error, done):
                open_channels.pop(channel, None)
        else:
            outbox.delivered(notice)
            done.delivered += 1
    return done


def _settled_after(outbox: Outbox, notice: Taken, error: ReconError, done: Round) -> bool:
    """Settle a notice that did not arrive; returns whether its whole channel is of no use now."""
    done.problems[str(error)] += 1
    may_have_arrived = isinstance(error, ChannelUnavailable) and error.may_have_arrived
    is_of_receiver = isinstance(error, ChannelUnavailable) and error.is_of_receiver
    may_come = not isinstance(error, ReceiverRefused | StoreRefused)
    is_transient = isinstance(error, TransientError)
    is_over = is_transient and datetime.now(UTC) - notice.created_at >= GIVEN_UP_AFTER
    if may_come and not is_over:
        outbox.postpone(notice, error=str(error), wait=wait_after(notice.attempts))
        done.postponed += 1
        done.may_have_arrived += may_have_arrived
    else:
        hours = int(GIVEN_UP_AFTER / timedelta(hours=1))
        outbox.abandon(notice, error=f"not delivered within {hours} h: {error}" if may_come else str(error))
        done.given_up += 1
    return may_come and not is_of_receiver


def wait_after(attempts: int) -> timedelta:
    """Twice as long after each attempt, up to `LONGEST_WAIT`, and by chance up to half of it less: not all at once."""
    longest: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    return longest * _RANDOM.uniform(0.5, 1.0)


def notice_kind(channel: Channel) -> str:
    """The kind of a channel's notices in the outbox."""
    return f"notice_{channel.value}"


def channel_of(kind: str) -> Channel:
    """The channel of a notice's kind."""
    return Channel(kind.removeprefix("notice_"))
