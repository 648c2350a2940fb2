"""What a round does with what fails, without a network: an outbox in memory, and channels that fail."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from recon_assets.domain.errors import (
    ChannelUnavailable,
    ConfigurationError,
    FeedRefused,
    ReceiverRefused,
    ReconError,
    StoreRefused,
)
from recon_assets.notifications.delivery import (
    FIRST_WAIT,
    GIVEN_UP_AFTER,
    LONGEST_WAIT,
    Outbox,
    Taken,
    deliver,
    notice_kind,
    wait_after,
)
from recon_assets.notifications.rules import Channel


@dataclass(frozen=True)
class Kept:
    kind: str = notice_kind(Channel.EMAIL)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    attempts: int = 0
    id: UUID = field(default_factory=uuid4)
    payload: dict = field(default_factory=dict)


class InMemory(Outbox):
    """Each notice is taken once a round, as with a lease that lasts."""

    def __init__(self, *notices: Kept) -> None:
        self.waiting = list(notices)
        self.ended: list[tuple[str, str | None]] = []
        self.waits: list[timedelta] = []

    def take(self, kinds: Collection[str], *, lease: timedelta) -> Taken | None:
        found = next((notice for notice in self.waiting if notice.kind in kinds), None)
        if found is None:
            return None
        self.waiting.remove(found)
        return replace(found, attempts=found.attempts + 1)

    def delivered(self, notice: Taken) -> None:
        self.ended.append(("delivered", None))

    def postpone(self, notice: Taken, *, error: str, wait: timedelta) -> None:
        self.ended.append(("postponed", error))
        self.waits.append(wait)

    def abandon(self, notice: Taken, *, error: str) -> None:
        self.ended.append(("abandoned", error))

    @property
    def ends(self) -> list[str]:
        return [end for end, _ in self.ended]


def unavailable(**about: bool) -> ChannelUnavailable:
    return ChannelUnavailable("no session", where="mail server", remedy="Wait.", **about)


WRONG = ConfigurationError("wrong login", where="mail server", remedy="Correct it.")
NO_RIGHT = FeedRefused("no right to the secret", where="Secrets Manager", remedy="Grant it.")
REFUSED = ReceiverRefused("550 no such user", where="mail server", remedy="Correct it.")
UNREADABLE = StoreRefused("no notice", where="outbox", remedy="Look.")


def fails_with(error: ReconError | None):
    def send(taken: Taken) -> None:
        if error:
            raise error

    return send


def go(outbox: InMemory, error: ReconError | None):
    return deliver(outbox, {channel: fails_with(error) for channel in Channel}, until=lambda: False)


def test_everything_that_is_due_is_delivered() -> None:
    outbox = InMemory(*(Kept(kind=notice_kind(channel)) for channel in Channel))
    assert (go(outbox, None).delivered, outbox.ends, outbox.waiting) == (3, ["delivered"] * 3, [])


def test_a_channel_that_is_down_is_tried_once_a_round_and_the_others_go_on() -> None:
    outbox = InMemory(Kept(), Kept(), Kept(kind=notice_kind(Channel.CHAT)))
    down = {Channel.EMAIL: fails_with(unavailable()), Channel.CHAT: fails_with(None)}
    done = deliver(outbox, down, until=lambda: False)
    assert (done.postponed, done.delivered, len(outbox.waiting)) == (1, 1, 1)


def test_a_receiver_who_must_wait_holds_up_nobody_else() -> None:
    outbox = InMemory(Kept(), Kept())
    assert go(outbox, unavailable(is_of_receiver=True)).postponed == 2


@pytest.mark.parametrize("error", [REFUSED, UNREADABLE])
def test_what_can_never_arrive_is_given_up_with_the_reason_and_others_go_on(error: ReconError) -> None:
    outbox = InMemory(Kept(), Kept())
    done = go(outbox, error)
    assert (done.given_up, outbox.ended) == (2, [("abandoned", str(error))] * 2)


def test_what_could_not_be_delivered_for_a_day_is_given_up() -> None:
    old = datetime.now(UTC) - GIVEN_UP_AFTER
    outbox = InMemory(Kept(created_at=old))
    assert go(outbox, unavailable()).given_up == 1
    assert outbox.ended == [("abandoned", f"not delivered within 24 h: {unavailable()}")]


@pytest.mark.parametrize("error", [WRONG, NO_RIGHT])
def test_a_wrong_configuration_is_waited_for_however_long_it_takes(error: ReconError) -> None:
    outbox = InMemory(Kept(created_at=datetime.now(UTC) - 10 * GIVEN_UP_AFTER))
    assert (go(outbox, error).postponed, outbox.ended) == (1, [("postponed", str(error))])


def test_what_may_have_arrived_is_counted() -> None:
    done = go(InMemory(Kept()), unavailable(may_have_arrived=True))
    assert (done.postponed, done.may_have_arrived, done.failed) == (1, 1, 1)
    assert done.problems == {str(unavailable()): 1}


def test_a_round_ends_when_its_time_is_up() -> None:
    outbox = InMemory(Kept(), Kept())
    answers = iter([False, True])
    done = deliver(outbox, {Channel.EMAIL: fails_with(None)}, until=lambda: next(answers))
    assert (done.delivered, len(outbox.waiting)) == (1, 1)


def test_a_fault_of_the_program_is_not_swallowed() -> None:
    def send(taken: Taken) -> None:
        raise ZeroDivisionError

    outbox = InMemory(Kept())
    with pytest.raises(ZeroDivisionError):
        deliver(outbox, {Channel.EMAIL: send}, until=lambda: False)
    assert outbox.ended == []


@pytest.mark.parametrize("attempts", [1, 2, 3, 8, 1_000])
def test_waits_grow_to_an_hour_and_differ(attempts: int) -> None:
    longest = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    waits = {wait_after(attempts) for _ in range(50)}
    assert all(longest / 2 <= wait <= longest for wait in waits)
    assert len(waits) > 1
