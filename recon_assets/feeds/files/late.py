"""Late files: which days of a feed by files have files that the last stored raw feed of the day did not use.

What belongs here: comparing listings with what was used. Nothing is downloaded. Not here: when a run is asked for
(`recon_assets.automation`), and what is in the files.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from recon_assets.domain.records import Side
from recon_assets.feeds.files.places import OpenPlace, Place, PlacedFile
from recon_assets.feeds.raw import RawFile

LOOK_BACK_DAYS: Final = 7
MAX_LOOK_BACK_DAYS: Final = 62
"""Each day is a listing of its own at every look."""

SETTLE_MINUTES: Final = 3
MAX_SETTLE_MINUTES: Final = 24 * 60


class LateFiles(BaseModel):
    """`late_files` of a description: how many ended business dates are looked at, and how long a file must rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    look_back_days: Annotated[int, Field(strict=True, ge=1, le=MAX_LOOK_BACK_DAYS)] = LOOK_BACK_DAYS
    settle_minutes: Annotated[int, Field(strict=True, ge=0, le=MAX_SETTLE_MINUTES)] = SETTLE_MINUTES


class FilesFeed(Protocol):
    """A feed whose days are files in a place."""

    @property
    def place(self) -> Place:
        """Where they are."""
        ...

    @property
    def late_files(self) -> LateFiles:
        """Its configuration."""
        ...

    def listed(self, files: OpenPlace, business_date: date) -> list[PlacedFile]:
        """The files that a fetch of the day would bring now."""
        ...


def days_in_look_back(late_files: LateFiles, *, last_ended: date, start_date: date) -> list[date]:
    """The business dates that are looked at, oldest first: they end with `last_ended`, none is before `start_date`."""
    days = (last_ended - timedelta(days=back) for back in reversed(range(late_files.look_back_days)))
    return [day for day in days if day >= start_date]


def late_by_day(feed: FilesFeed, used: Mapping[date, Sequence[RawFile]]) -> dict[date, list[PlacedFile]]:
    """Of the days in `used`, with the files that each used, those that have other files now, and these files.

    Connects once, and not at all for no day. Raises what the place raises.
    """
    if not used:
        return {}
    with feed.place.opened() as files:
        late = {day: not_used(feed.listed(files, day), of_day) for day, of_day in used.items()}
    return {day: found for day, found in late.items() if found}


def not_used(listed: Iterable[PlacedFile], used: Iterable[RawFile]) -> list[PlacedFile]:
    """The listed files that were not used in the version that they have now.

    A file that was used before versions were kept is known by its size alone. One that is gone is not late.
    """
    known = {(file.source, file.size_bytes, file.version) for file in used}
    return [
        file
        for file in listed
        if known.isdisjoint({(file.path, file.size_bytes, file.version), (file.path, file.size_bytes, None)})
    ]


def versions_of(late: Mapping[Side, Sequence[PlacedFile]]) -> str:
    """One name for a set of file versions: SHA-256, equal for equal sets in any order."""
    every = sorted(
        [side.value, file.path, file.size_bytes, file.version] for side, files in late.items() for file in files
    )
    return hashlib.sha256(json.dumps(every).encode()).hexdigest()
