"""Counting days, all of them or business days only: Monday to Friday, less the holidays that are given. Pure.

Zero days is the day itself, whatever day it is. From a day that is no business day, the first business day after it
is one day later, and the last before it one day earlier.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal

Count = Literal["calendar", "business"]

_WEEK: Final = tuple(date(2001, 1, day) for day in range(1, 8))
_FURTHEST_DAYS: Final = 75
"""A count that a holiday lengthens starts or ends no further from it: 31 business days are 45 days without holidays."""


def day_after(day: date, days: int, *, count: Count, holidays: Sequence[date] = ()) -> date:
    """The date `days` days after `day`."""
    if count == "calendar" or not days:
        return day + timedelta(days=days)
    return _shifted([day], days, holidays)[0]


def day_before(day: date, days: int, *, count: Count, holidays: Sequence[date] = ()) -> date:
    """The date `days` days before `day`."""
    if count == "calendar" or not days:
        return day - timedelta(days=days)
    return _shifted([day], -days, holidays)[0]


def longest_reach(days: int, *, count: Count, holidays: Sequence[date] = ()) -> int:
    """The most calendar days that `days` days can be, before or after any day."""
    if count == "calendar" or not days:
        return days
    around = {
        holiday + timedelta(days=away) for holiday in holidays for away in range(-_FURTHEST_DAYS, _FURTHEST_DAYS + 1)
    }
    return max(
        max(abs((end - start).days) for start, end in zip(starts, _shifted(starts, shift, free), strict=True))
        for starts, free in ((list(_WEEK), ()), (sorted(around) or list(_WEEK), holidays))
        for shift in (days, -days)
    )


def _shifted(starts: Sequence[date], days: int, holidays: Sequence[date]) -> list[date]:
    import numpy as np

    shifted: list[date] = np.busday_offset(
        np.array(starts, dtype="datetime64[D]"),
        days,
        roll="backward" if days > 0 else "forward",
        holidays=np.array(holidays, dtype="datetime64[D]"),
    ).tolist()
    return shifted
