"""From events to notices: one event for one receiver by one channel, and back to what is sent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.messages import AlertSeverity, MessageKind
from recon_assets.notifications.content import content_of
from recon_assets.notifications.events import Event, event_of, severity_of
from recon_assets.notifications.rules import Channel, NotificationRules
from recon_assets.notifications.shape import Content


@dataclass(frozen=True, slots=True)
class Notice:
    """`receiver` is an address, or the name of the variable with a service's URL; `event` is the event's payload."""

    event_id: UUID
    event_kind: MessageKind
    severity: int
    receiver: str
    event: dict[str, Any]

    @property
    def key(self) -> str:
        """The same for the same event and receiver."""
        return f"{self.event_id}:{self.receiver}"

    def as_payload(self) -> dict[str, Any]:
        """As the outbox keeps it."""
        found = msgspec.to_builtins(self)
        assert isinstance(found, dict), "a notice is a mapping"
        return found

    def read(self) -> Event:
        """The event. Raises `StoreRefused` like `events.event_of`."""
        return event_of(self.event_kind, self.event)

    def content(self, *, title: str) -> Content:
        """Its words; `title` is the processor's name for people."""
        return content_of(self.read(), title=title, severity=AlertSeverity(self.severity))


def notice_of(payload: dict[str, Any]) -> Notice:
    """A notice as the outbox kept it. Raises `StoreRefused` for one that this version can't read."""
    try:
        return msgspec.convert(payload, Notice)
    except msgspec.ValidationError as error:
        raise StoreRefused(
            f"the notice is none that this version can read: {error}",
            where="outbox",
            remedy="Let the version deliver it that wrote it.",
        ) from error


def notices_of(
    event_id: UUID,
    kind: MessageKind,
    payload: dict[str, Any],
    *,
    rules: NotificationRules,
    receivers: Callable[[Channel, str], Sequence[str]],
) -> Iterator[tuple[Channel, Notice]]:
    """The notices of an event, each receiver once per channel.

    `receivers` gives what stands behind a receiver of the rules: addresses, or the name itself; nothing where it is not
    configured. Raises `StoreRefused` for an event that can't be read.
    """
    event = event_of(kind, payload)
    severity = severity_of(event, rules.severity)
    seen: set[tuple[Channel, str]] = set()
    for channel, said in rules.told(event, severity, kind):
        for receiver in receivers(channel, said):
            if (channel, receiver) not in seen:
                seen.add((channel, receiver))
                yield channel, Notice(event_id, kind, int(severity), receiver, payload)
