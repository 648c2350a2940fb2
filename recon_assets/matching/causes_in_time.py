"""Causes in time: a feed that stops or starts late, and a part of the day that has nearly all discrepancies."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.causes import (
    MAX_MINUTES_FROM_CUT_OFF,
    MAX_WINDOW_HOURS,
    MIN_DISTINCT_TIMES,
    MIN_SILENCE_MINUTES,
    Cause,
    CauseKind,
    Spread,
    is_common,
    is_concentrated,
    is_silent_after,
)
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.records import Side
from recon_assets.matching.discrepancies_of_class import FRAME_OF_SIDE, OfClass
from recon_assets.matching.duckdb_runner import DuckDBRunner

_HOUR: Final = timedelta(hours=1)
_ALONE: Final = {
    DiscrepancyClass.MISSING_IN_LEDGER: Side.LEDGER,
    DiscrepancyClass.MISSING_AT_PROCESSOR: Side.PROCESSOR,
}
"""The side that lacks the record."""


def find_causes_in_time(of_class: OfClass, *, business_day: BusinessDay, time_zone: str) -> Cause | None:
    """The one that lies in time, if there is one; times are told in the processor's zone."""
    zone = ZoneInfo(time_zone)
    silence = _silence(of_class, zone) if of_class.kind in _ALONE else None
    window = _window(of_class, business_day, zone)
    if silence is None:
        return window.cause if window else None
    near = timedelta(minutes=MAX_MINUTES_FROM_CUT_OFF)
    is_cut_off = (
        window is not None
        and window.cause.kind is CauseKind.CUT_OFF
        and any(abs(edge - silence.at) <= near for edge in (window.starts, window.ends))
    )
    return window.cause if window and is_cut_off else silence.cause


@dataclass(frozen=True, slots=True)
class _Silence:
    cause: Cause
    at: datetime


@dataclass(frozen=True, slots=True)
class _Window:
    cause: Cause
    starts: datetime
    ends: datetime


def _silence(of_class: OfClass, zone: ZoneInfo) -> _Silence | None:
    assert of_class.kind is not None
    missing = _ALONE[of_class.kind]
    own, other = (_extent(of_class.runner, FRAME_OF_SIDE[side]) for side in (of_class.side, missing))
    if own is None or other is None:
        return None
    silence = timedelta(minutes=MIN_SILENCE_MINUTES)
    for kind, at, is_long, where, what in (
        (CauseKind.FEED_STOPS, other.last, own.last - other.last >= silence, ">", "stops"),
        (CauseKind.FEED_STARTS_LATE, other.first, other.first - own.first >= silence, "<", "starts"),
    ):
        condition = f"occurred_at {where} TIMESTAMPTZ '{at.astimezone(UTC).isoformat()}'"
        if not is_long or not _tells_time(of_class.runner, FRAME_OF_SIDE[missing]):
            continue
        count = of_class.count(condition)
        records, in_silence = of_class.records(condition)
        if is_silent_after(Spread(of_class.rows, count, records, in_silence)):
            place = "after" if kind is CauseKind.FEED_STOPS else "before"
            sentence = (
                f"the {missing} feed {what} at {at.astimezone(zone):%H:%M} {_name(zone, at)}:"
                f" {of_class.how_many(count)} lie {place} it"
            )
            return _Silence(of_class.cause(kind, sentence, where=condition), at)
    return None


@dataclass(frozen=True, slots=True)
class _Extent:
    first: datetime
    last: datetime


def _extent(runner: DuckDBRunner, frame: str) -> _Extent | None:
    """None where no record has a time."""
    (row,) = runner.rows(f"SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM {frame}")  # noqa: S608
    return None if row["first"] is None else _Extent(**row)


def _tells_time(runner: DuckDBRunner, frame: str) -> bool:
    """Whether its records happened at enough different times. Asked last: counting them takes most of all questions."""
    (row,) = runner.rows(f"SELECT count(DISTINCT occurred_at) AS times FROM {frame}")  # noqa: S608 - names of ours
    return int(row["times"]) >= MIN_DISTINCT_TIMES


def _window(of_class: OfClass, day: BusinessDay, zone: ZoneInfo) -> _Window | None:
    """The shortest run of hours, counted from the start of the business day, that has nearly all of them."""
    hour = f"CAST(floor(date_diff('second', TIMESTAMPTZ '{day.starts_at.isoformat()}', occurred_at) / 3600) AS BIGINT)"
    by_hour = Counter[int]()
    for row in of_class.runner.rows(
        f"SELECT {hour} AS hour, count(*) AS rows FROM discrepancies"  # noqa: S608 - SQL of ours
        f" WHERE {of_class.where} AND occurred_at IS NOT NULL GROUP BY 1"
    ):
        by_hour[row["hour"]] = row["rows"]
    for length in range(1, MAX_WINDOW_HOURS + 1):
        counts = [(-sum(by_hour[first + step] for step in range(length)), first) for first in by_hour]
        count, first = min(counts, default=(0, 0))
        if not is_common(-count, of=of_class.rows):
            continue
        starts, ends = day.starts_at + first * _HOUR, day.starts_at + (first + length) * _HOUR
        condition = (
            f"occurred_at >= TIMESTAMPTZ '{starts.isoformat()}' AND occurred_at < TIMESTAMPTZ '{ends.isoformat()}'"
        )
        if not is_concentrated(Spread(of_class.rows, -count, *of_class.records(condition))):
            return None
        at_the_edge = of_class.kind in _ALONE and (starts <= day.starts_at or ends >= day.ends_at)
        kind = CauseKind.CUT_OFF if at_the_edge else CauseKind.TIME_WINDOW
        sentence = (
            f"{of_class.how_many(-count)} lie within {starts.astimezone(zone):%H:%M} to {_end(ends, zone)}"
            f" {_name(zone, starts)}" + (": cut-off" if at_the_edge else "")
        )
        return _Window(of_class.cause(kind, sentence, where=condition), starts, ends)
    return None


def _end(at: datetime, zone: ZoneInfo) -> str:
    text = f"{at.astimezone(zone):%H:%M}"
    return "24:00" if text == "00:00" else text


def _name(zone: ZoneInfo, at: datetime) -> str:
    return at.astimezone(zone).strftime("%Z")
