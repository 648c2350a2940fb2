"""Windows of business days: no gap, no overlap, DST included."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

import pytest

from recon_assets.domain.business_day import business_day


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_adjacent_days_neither_overlap_nor_leave_a_gap_for_two_years(zone: str) -> None:
    first = date(2024, 1, 1)
    days = [business_day("square", first + timedelta(days=n), time_zone=zone) for n in range(731)]

    assert all(before.ends_at == after.starts_at for before, after in itertools.pairwise(days))


def test_a_day_is_23_hours_long_when_clocks_go_forward() -> None:
    day = business_day("stripe", date(2025, 3, 30), time_zone="Europe/Berlin")

    assert day.ends_at - day.starts_at == timedelta(hours=23)


def test_a_cut_off_shifts_the_window() -> None:
    day = business_day("square", date(2025, 9, 30), time_zone="America/Los_Angeles", day_starts_at=time(17))

    assert day.starts_at == datetime(2025, 10, 1, 0, 0, tzinfo=UTC)
    assert day.text == "2025-09-30"
