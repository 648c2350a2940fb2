"""Times as a file writes them, as UTC microseconds. What is ambiguous in the text is settled by the description.

An hour that a clock change repeats is read as its first pass; a time that a clock change leaves out is refused.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.feeds.files.description_values import ISO_8601, OFFSET, UNIX_SECONDS, Times, is_zone

NOT_A_TIME: Final = "not a time of the format and zone that `times` describes"
UNKNOWN_ZONE: Final = "unknown time zone: add it to `times.zones`"

_INSTANT: Final = pa.timestamp("us", "UTC")
_WALL_TIME: Final = pa.timestamp("us")
_ISO_TEXT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)? ?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_UNIX_TEXT: Final = r"^-?[0-9]{1,11}$"
_REMEMBERED_TIMES: Final = 100_000
"""More than the seconds of a day: a file with whole seconds parses each text once."""

_PATTERN_OF_DIRECTIVE: Final = {
    "Y": r"(?P<Y>[0-9]{4})",
    "m": r"(?P<m>[0-9]{2})",
    "d": r"(?P<d>[0-9]{2})",
    "H": r"(?P<H>[0-9]{2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "z": r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
}


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads whole columns by the description of one feed."""

    times: Times

    def read(self, text: pa.Array, zones: pa.Array | None = None) -> pa.Array:
        """UTC microseconds; null where the text is null or no time. `zones` is each row's own time zone."""
        if zones is None:
            return self._read(text, self.times.fixed_zone)
        encoded, nothing = zones.dictionary_encode(), pa.scalar(None, pa.string())
        instants = pa.nulls(len(text), _INSTANT)
        for index, word in enumerate(encoded.dictionary.to_pylist()):
            zone = self.zone_of(word)
            if zone is not None:
                here = pc.equal(encoded.indices, index)
                instants = pc.coalesce(instants, self._read(pc.if_else(here, text, nothing), zone))
        return instants

    def zone_of(self, word: str) -> str | None:
        """The zone that a word of the file means: by the description, or because it is unambiguous itself.

        Names such as EST and CET are in the IANA list too, but mean other things to other writers: they are not known.
        """
        word = word.strip()
        if word in self.times.zones:
            return self.times.zones[word]
        return word if word in {"UTC", "GMT"} or (("/" in word or OFFSET.fullmatch(word)) and is_zone(word)) else None

    def _read(self, text: pa.Array, zone: str | None) -> pa.Array:
        if self.times.format == UNIX_SECONDS:
            plain = pc.if_else(pc.match_substring_regex(text, _UNIX_TEXT), text, pa.scalar(None, pa.string()))
            return pc.cast(pc.cast(pc.cast(plain, pa.int64()), pa.timestamp("s", "UTC")), _INSTANT)
        iso = text if self.times.format == ISO_8601 else _rearranged(text, self.times.format)
        with suppress(pa.ArrowInvalid):  # else no offsets, or a row that is no time
            return pc.cast(iso, _INSTANT)
        if zone is not None:
            with suppress(pa.ArrowInvalid):  # else offsets in some rows only, or a row that is no time
                return _in_zone(pc.cast(iso, _WALL_TIME), zone)
        one_by_one = [_instant(value, self.times.format, zone) for value in text.to_pylist()]
        return pa.array(one_by_one, type=_INSTANT)


def _in_zone(wall_times: pa.Array, time_zone: str) -> pa.Array:
    """Wall times of a zone as instants; null where a clock change left the time out."""
    instants = pc.assume_timezone(wall_times, timezone=time_zone, ambiguous="earliest", nonexistent="earliest")
    exists = pc.equal(pc.local_timestamp(instants), wall_times)
    return pc.cast(pc.if_else(exists, instants, pa.scalar(None, instants.type)), _INSTANT)


@cache
def _rearrangement(time_format: str) -> tuple[str, str] | None:
    """A regular expression and a replacement that write a simple format as ISO 8601; None for other formats."""
    pieces = re.split(r"%(.)", time_format)
    directives = pieces[1::2]
    if len(set(directives)) != len(directives) or not {"Y", "m", "d"} <= set(directives) <= set(_PATTERN_OF_DIRECTIVE):
        return None
    if set("HMS") & set(directives) and not set("HMS") <= set(directives):
        return None
    literals = [re.escape(piece) for piece in pieces[::2]]
    pattern = "".join(
        literal + _PATTERN_OF_DIRECTIVE[directive] for literal, directive in zip(literals, directives, strict=False)
    )
    group = {directive: f"\\{number}" for number, directive in enumerate(directives, start=1)}
    replacement = f"{group['Y']}-{group['m']}-{group['d']}"
    if "H" in group:
        replacement += f"T{group['H']}:{group['M']}:{group['S']}"
    return f"^{pattern}{literals[-1]}$", replacement + group.get("z", "")


def _rearranged(text: pa.Array, time_format: str) -> pa.Array:
    """The texts as ISO 8601 where the format is simple; any other text as one that is no ISO time."""
    rearrangement = _rearrangement(time_format)
    if rearrangement is None:
        return pa.array(["?"] * len(text), type=pa.string())
    pattern, replacement = rearrangement
    fits = pc.match_substring_regex(text, pattern)
    return pc.if_else(fits, pc.replace_substring_regex(text, pattern, replacement), "?")


def _zone(name: str) -> tzinfo:
    """An IANA zone, or that of an offset such as -07:00."""
    if not OFFSET.fullmatch(name):
        return ZoneInfo(name)
    hours, minutes = int(name[1:3]), int(name[4:])
    away = timedelta(hours=hours, minutes=minutes)
    return timezone(-away if name[0] == "-" else away)


@lru_cache(maxsize=_REMEMBERED_TIMES)
def _instant(text: str | None, time_format: str, time_zone: str | None) -> datetime | None:
    """One time, by Python's own strict parsers; None when there is none or it is no time."""
    if text is None:
        return None
    try:
        if time_format != ISO_8601:
            parsed = datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone is added below
        elif _ISO_TEXT.fullmatch(text):
            parsed = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        else:
            return None
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
        if time_zone is None:
            return None
        zone = _zone(time_zone)
        instant = parsed.replace(tzinfo=zone).astimezone(UTC)
        return instant if instant.astimezone(zone).replace(tzinfo=None) == parsed else None
    except (ValueError, OverflowError):
        return None


def unreadable(text: pa.Array, instants: pa.Array) -> list[int]:
    """Rows whose text is there and is no time."""
    return np.flatnonzero(pc.and_(pc.is_valid(text), pc.is_null(instants)).to_numpy(zero_copy_only=False)).tolist()
