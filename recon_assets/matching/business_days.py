"""Counting days, all of them or business days only: Monday to Friday, less the holidays that are given. Pure.

Zero days is the day itself, whatever day it is. From a day that is no business day, the first business day after it
is one day later, and the last before it one day earlier.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Dates = npt.NDArray[np.datetime64]

Count = Literal["calendar", "business"]

_WEEK: Final = tuple(date(2001, 1, day) for day in range(1, 8))
_FURTHEST_DAYS: Final = 75
"""A count that a holiday lengthens starts or ends no further from it: 31 business days are 45 days without holidays."""


def day_after(day: date, days: int, *, count: Count, holidays: Sequence[date] = ()) -> date:
    """The date `days` days after `day`."""
    if count == "calendar" or not days:
        return day + timedelta(days=days)
    return _date(_shifted(_days([day]), days, holidays))


def day_before(day: date, days: int, *, count: Count, holidays: Sequence[date] = ()) -> date:
    """The date `days` days before `day`."""
    if count == "calendar" or not days:
        return day - timedelta(days=days)
    return _date(_shifted(_days([day]), -days, holidays))


def longest_reach(days: int, *, count: Count, holidays: Sequence[date] = ()) -> int:
    """The most calendar days that `days` days can be, before or after any day."""
    if count == "calendar" or not days:
        return days
    import numpy as np

    away = np.arange(-_FURTHEST_DAYS, _FURTHEST_DAYS + 1)
    around = np.unique(_days(holidays)[:, np.newaxis] + away)
    cases = [(_days(_WEEK), ()), (around, holidays)] if holidays else [(_days(_WEEK), ())]
    return max(
        int(np.abs(_shifted(starts, shift, free) - starts).astype(int).max())
        for starts, free in cases
        for shift in (days, -days)
    )


def _shifted(starts: "Dates", days: int, holidays: Sequence[date]) -> "Dates":
    import numpy as np

    roll: Literal["backward", "forward"] = "backward" if days > 0 else "forward"
    return np.busday_offset(starts, days, roll=roll, holidays=_days(holidays))


def _date(dates: "Dates") -> date:
    """The one date of an array of one."""
    first: date = dates.tolist()[0]
    return first


def _days(dates: Sequence[date]) -> "Dates":
    import numpy as np

    return np.array(dates, dtype="datetime64[D]")
