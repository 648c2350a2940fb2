"""Counting days: every day, or Monday to Friday less the holidays."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.matching.business_days import day_after, day_before, longest_reach

FRIDAY = date(2025, 9, 26)
SATURDAY, SUNDAY, MONDAY = (FRIDAY + timedelta(days=more) for more in (1, 2, 3))
DATES = st.dates(date(2024, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "days", "later"),
    [
        (FRIDAY, 0, FRIDAY),
        (FRIDAY, 1, MONDAY),
        (SATURDAY, 0, SATURDAY),
        (SATURDAY, 1, MONDAY),
        (SUNDAY, 1, MONDAY),
        (MONDAY, 4, MONDAY + timedelta(days=4)),
        (MONDAY, 5, MONDAY + timedelta(days=7)),
    ],
)
def test_business_days_pass_over_the_weekend(day: date, days: int, later: date) -> None:
    assert day_after(day, days, count="business") == later


@pytest.mark.parametrize(
    ("day", "days", "earlier"), [(MONDAY, 1, FRIDAY), (SUNDAY, 1, FRIDAY), (SATURDAY, 1, FRIDAY), (SUNDAY, 0, SUNDAY)]
)
def test_business_days_pass_over_the_weekend_backwards_too(day: date, days: int, earlier: date) -> None:
    assert day_before(day, days, count="business") == earlier


def test_a_holiday_is_no_business_day() -> None:
    assert day_after(FRIDAY, 1, count="business", holidays=[MONDAY]) == MONDAY + timedelta(days=1)
    assert day_before(MONDAY + timedelta(days=1), 1, count="business", holidays=[MONDAY]) == FRIDAY


def test_calendar_days_are_all_days() -> None:
    assert day_after(FRIDAY, 2, count="calendar", holidays=[SATURDAY]) == SUNDAY
    assert day_before(MONDAY, 2, count="calendar") == SATURDAY


@pytest.mark.parametrize(
    ("days", "count", "reach"), [(0, "business", 0), (3, "calendar", 3), (1, "business", 3), (5, "business", 7)]
)
def test_the_reach_of_a_count_is_its_longest_case_in_calendar_days(days: int, count: str, reach: int) -> None:
    assert longest_reach(days, count=count, holidays=[]) == reach


def test_holidays_lengthen_the_reach() -> None:
    christmas = [date(2025, 12, 24), date(2025, 12, 25), date(2025, 12, 26)]  # Wednesday to Friday

    assert longest_reach(1, count="business", holidays=christmas) == 6  # Tuesday to Monday


def test_the_reach_is_known_for_any_date_that_may_be_written_as_a_holiday() -> None:
    assert longest_reach(1, count="business", holidays=[date.min, date.max]) == 4  # a Monday and a Friday


@settings(max_examples=100, deadline=None)
@given(day=DATES, days=st.integers(0, 31), holidays=st.lists(DATES, max_size=8))
def test_no_count_is_longer_than_its_reach_and_each_has_as_many_business_days(
    day: date, days: int, holidays: list[date]
) -> None:
    later = day_after(day, days, count="business", holidays=holidays)
    earlier = day_before(day, days, count="business", holidays=holidays)

    def business(first: date, last: date) -> int:
        every = (first + timedelta(days=more) for more in range((last - first).days + 1))
        return sum(one.weekday() < 5 and one not in holidays for one in every)

    assert business(day + timedelta(days=1), later) == days
    assert business(earlier, day - timedelta(days=1)) == days
    reach = longest_reach(days, count="business", holidays=holidays)
    assert max((later - day).days, (day - earlier).days) <= reach
