"""When a late file is asked for: only after it, and all others of its day, were seen unchanged for long enough.

What belongs here: what is remembered from tick to tick, in the sensor's cursor, and the decision. Not here: looking at
places (`looking`) and Dagster's requests (`late_files`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec


@dataclass(frozen=True, slots=True)
class Watched:
    """A day with late files: a name for their versions, since when they are seen, and whether a run was asked for."""

    versions: str
    since: datetime
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """Days by ISO date: all that have late files now, and those of them that a run is to be asked for."""

    watched: Mapping[str, Watched]
    due: tuple[str, ...]

    def asked_for(self, days: frozenset[str]) -> dict[str, Watched]:
        """What to remember once runs of `days` were asked for."""
        return {day: replace(seen, asked=True) if day in days else seen for day, seen in self.watched.items()}


def settled(before: Mapping[str, Watched], late: Mapping[str, str], *, at: datetime, rest: timedelta) -> Settled:
    """Compare what was seen earlier with what is late at the instant `at`: day to the name of its set of versions.

    A set that changed waits anew. A day whose files were all used since is forgotten.
    """
    watched = {day: _seen_again(before.get(day), versions, at) for day, versions in late.items()}
    due = tuple(day for day, seen in sorted(watched.items()) if not seen.asked and at - seen.since >= rest)
    return Settled(watched, due)


def _seen_again(before: Watched | None, versions: str, at: datetime) -> Watched:
    """A clock that was set back begins anew: it can't say how long ago something was."""
    if before is None or before.versions != versions or before.since > at:
        return Watched(versions, at)
    return before


def to_cursor(watched: Mapping[str, Watched]) -> str:
    """As Dagster keeps it."""
    return msgspec.json.encode(watched, order="sorted").decode()


def from_cursor(cursor: str | None) -> dict[str, Watched]:
    """What was remembered; nothing where there is no cursor or one that is not ours: then files only wait anew."""
    if not cursor:
        return {}
    try:
        found = msgspec.json.decode(cursor, type=dict[str, Watched])
    except msgspec.DecodeError:
        return {}
    return {day: seen for day, seen in found.items() if seen.since.tzinfo is not None}
