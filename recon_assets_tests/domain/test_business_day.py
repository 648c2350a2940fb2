"""Windows of business days: no gap, no overlap, DST included."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from recon_assets.domain.business_day import BusinessDay, business_day

FIRST, DAYS = date(2024, 1, 1), 731
"""Two years, with the changes of clocks of 2024 and 2025."""
HOUR = timedelta(hours=1)
LOS_ANGELES, BERLIN, LORD_HOWE = "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe"
SANTIAGO = "America/Santiago"
"""Its clocks go from midnight to one: there is no 00:00 on that day."""
ZONES = ["UTC", LOS_ANGELES, BERLIN, LORD_HOWE, SANTIAGO]
CUT_OFFS = [time(0), time(17), time(2, 30)]
"""02:30 is skipped and repeated in Los Angeles and Berlin; on Lord Howe it is where the half hour ends."""

in_every_zone = pytest.mark.parametrize("zone", ZONES)
with_every_cut_off = pytest.mark.parametrize("cut_off", CUT_OFFS, ids=str)


def two_years(zone: str, cut_off: time) -> list[BusinessDay]:
    return [
        business_day("square", FIRST + timedelta(days=n), time_zone=zone, day_starts_at=cut_off) for n in range(DAYS)
    ]


@in_every_zone
@with_every_cut_off
def test_every_hour_of_two_years_is_in_exactly_one_day(zone: str, cut_off: time) -> None:
    days = two_years(zone, cut_off)
    starts_at, place, hours = days[0].starts_at, 0, 0
    while (hour := starts_at + hours * HOUR) < days[-1].ends_at:
        near = days[max(0, place - 1) : place + 3]
        (found,) = [day for day in near if day.starts_at <= hour < day.ends_at]
        place = days.index(found, max(0, place - 1))
        hours += 1
    assert place == DAYS - 1
    assert abs(hours - DAYS * 24) <= 1
    assert all(before.ends_at == after.starts_at for before, after in itertools.pairwise(days))


@in_every_zone
@with_every_cut_off
def test_the_day_of_an_hour_is_the_one_its_wall_clock_says(zone: str, cut_off: time) -> None:
    """Where the wall clock is of one mind: not from the last hour before a change to the third hour after it."""
    local = ZoneInfo(zone)
    since_midnight = timedelta(hours=cut_off.hour, minutes=cut_off.minute)
    judged = 0
    for day in two_years(zone, cut_off):
        for hour in range((day.ends_at - day.starts_at) // HOUR):
            at = day.starts_at + hour * HOUR
            wall = at.astimezone(local)
            if len({(at + n * HOUR).astimezone(local).utcoffset() for n in range(-3, 2)}) > 1:
                continue
            judged += 1
            assert (wall.replace(tzinfo=None) - since_midnight).date() == day.business_date
    assert judged > DAYS * 24 - 50


@pytest.mark.parametrize(
    ("zone", "lengths"),
    [
        ("UTC", {}),
        (LOS_ANGELES, {23: 2, 25: 2}),
        (BERLIN, {23: 2, 25: 2}),
        (LORD_HOWE, {23.5: 2, 24.5: 2}),
        (SANTIAGO, {23: 2, 25: 2}),
    ],
)
@with_every_cut_off
def test_a_day_has_24_hours_except_where_clocks_change(zone: str, lengths: dict[float, int], cut_off: time) -> None:
    found = [(day.ends_at - day.starts_at) / HOUR for day in two_years(zone, cut_off)]
    assert {length: found.count(length) for length in set(found) - {24}} == lengths


@pytest.mark.parametrize(
    ("zone", "day", "cut_off", "starts_at"),
    [
        pytest.param(BERLIN, date(2025, 3, 30), time(2, 30), "2025-03-30T03:30+02:00", id="skipped"),
        pytest.param(LOS_ANGELES, date(2025, 3, 9), time(2, 30), "2025-03-09T03:30-07:00", id="skipped in the west"),
        pytest.param(SANTIAGO, date(2025, 9, 7), time(0), "2025-09-07T01:00-03:00", id="skipped midnight"),
        pytest.param(BERLIN, date(2025, 10, 26), time(2, 30), "2025-10-26T02:30+02:00", id="repeated"),
        pytest.param(LOS_ANGELES, date(2025, 9, 30), time(17), "2025-10-01T00:00+00:00", id="a cut-off in the evening"),
    ],
)
def test_a_day_starts_at_its_cut_off_and_after_the_change_of_clocks_that_skips_it(
    zone: str, day: date, cut_off: time, starts_at: str
) -> None:
    found = business_day("stripe", day, time_zone=zone, day_starts_at=cut_off)
    assert found.starts_at == datetime.fromisoformat(starts_at)
    assert found.starts_at.tzinfo is UTC and found.ends_at.tzinfo is UTC
    assert found.text == day.isoformat()
