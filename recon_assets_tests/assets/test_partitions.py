"""Which business date is over, and which days a processor has."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from recon_assets.assets.partitions import daily_partitions
from recon_assets_tests.assets.processors import processor

LOS_ANGELES = "America/Los_Angeles"


def last_ended(at: str, **different: str) -> str:
    return processor(**different).last_ended_business_date(datetime.fromisoformat(at)).isoformat()


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2025-10-01T01:00:00+00:00", "2025-09-30"),
        ("2025-10-01T00:00:00+00:00", "2025-09-30"),
        ("2025-09-30T23:59:59.999999+00:00", "2025-09-29"),
        ("2024-03-01T01:00:00+00:00", "2024-02-29"),
        ("2026-01-01T01:00:00+00:00", "2025-12-31"),
    ],
)
def test_in_utc_it_is_yesterday_from_midnight_on(at: str, day: str) -> None:
    assert last_ended(at) == day


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2025-10-01T01:00:00+00:00", "2025-09-29"),
        ("2025-10-01T06:59:59+00:00", "2025-09-29"),
        ("2025-10-01T07:00:00+00:00", "2025-09-30"),
        ("2025-12-02T01:00:00+00:00", "2025-11-30"),
        ("2025-12-02T07:59:59+00:00", "2025-11-30"),
        ("2025-12-02T08:00:00+00:00", "2025-12-01"),
    ],
)
def test_in_los_angeles_yesterday_is_not_over_at_01_utc(at: str, day: str) -> None:
    assert last_ended(at, time_zone=LOS_ANGELES) == day


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2025-03-10T01:00:00+00:00", "2025-03-08"),
        ("2025-03-10T06:59:59+00:00", "2025-03-08"),
        ("2025-03-10T07:00:00+00:00", "2025-03-09"),  # a day of 23 hours
        ("2025-11-03T01:00:00+00:00", "2025-11-01"),
        ("2025-11-03T07:59:59+00:00", "2025-11-01"),  # a day of 25 hours
        ("2025-11-03T08:00:00+00:00", "2025-11-02"),
    ],
)
def test_a_day_on_which_clocks_change_ends_at_its_own_midnight(at: str, day: str) -> None:
    assert last_ended(at, time_zone=LOS_ANGELES) == day


def test_a_cut_off_moves_the_end_of_the_day() -> None:
    cut_off = {"time_zone": LOS_ANGELES, "day_starts_at": "17:00"}

    assert last_ended("2025-10-01T23:59:59+00:00", **cut_off) == "2025-09-29"
    assert last_ended("2025-10-02T00:00:00+00:00", **cut_off) == "2025-09-30"


@pytest.mark.parametrize("zone", ["UTC", LOS_ANGELES, "Asia/Tokyo", "Pacific/Kiritimati", "Australia/Lord_Howe"])
def test_it_is_the_last_that_is_over_whatever_the_zone_hour_by_hour(zone: str) -> None:
    config = processor(time_zone=zone)
    for hour in range(24 * 3):
        at = datetime(2025, 11, 1, tzinfo=UTC) + timedelta(hours=hour)
        day = config.last_ended_business_date(at)
        assert config.business_day(day).ends_at <= at < config.business_day(day + timedelta(days=1)).ends_at


def test_the_same_instant_gives_the_same_day_in_whatever_zone_it_is_written() -> None:
    config, at = processor(time_zone="Pacific/Kiritimati"), datetime(2025, 10, 1, 10, 30, tzinfo=UTC)

    days = {config.last_ended_business_date(at.astimezone(timezone(timedelta(hours=h)))) for h in (-12, 0, 14)}

    assert days == {date(2025, 10, 1)}


def test_a_processor_has_a_partition_for_every_day_from_its_first_on() -> None:
    keys = daily_partitions(processor(time_zone=LOS_ANGELES)).get_partition_keys(
        current_time=datetime(2025, 9, 4, 0, 30, tzinfo=UTC)
    )

    assert keys == ["2025-09-01", "2025-09-02", "2025-09-03"]
