"""The daily schedule at fixed instants: which partition it asks for, and when it asks for none."""

from datetime import datetime

import dagster as dg
import pytest

from recon_assets.automation.schedules import daily_schedule
from recon_assets_tests.assets.processors import processor


def asked_for(at: str, **different: str) -> dg.RunRequest | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.fromisoformat(at))
        answer = daily_schedule(processor(**different))(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        ("2025-10-01T01:00:00+00:00", "UTC", "2025-09-30"),
        ("2025-10-01T01:00:00+00:00", "Asia/Tokyo", "2025-09-30"),
        ("2025-10-01T01:00:00+00:00", "America/Los_Angeles", "2025-09-29"),
        ("2025-03-10T01:00:00+00:00", "America/Los_Angeles", "2025-03-08"),
        ("2025-11-03T01:00:00+00:00", "America/Los_Angeles", "2025-11-01"),
    ],
)
def test_one_run_of_the_last_finished_day_is_asked_for_under_the_key_of_that_day(at: str, zone: str, day: str) -> None:
    request = asked_for(at, time_zone=zone, start_date="2025-01-01")

    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.partition_key) == (day, day)


def test_the_first_day_is_asked_for_and_the_day_before_it_is_skipped_with_the_reason() -> None:
    first, before = asked_for("2025-09-02T01:00:00+00:00"), asked_for("2025-09-01T01:00:00+00:00")

    assert isinstance(first, dg.RunRequest)
    assert first.partition_key == "2025-09-01"
    assert isinstance(before, dg.SkipReason)
    assert before.skip_message == "Square starts on 2025-09-01; 2025-08-31 is before it."


def test_the_same_instant_asks_for_the_same_run_again_so_that_dagster_runs_it_once() -> None:
    assert asked_for("2025-10-01T01:00:00+00:00") == asked_for("2025-10-01T01:00:00+00:00")


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_partition_asked_for_exists_at_that_instant(zone: str) -> None:
    at = datetime.fromisoformat("2025-10-01T01:00:00+00:00")
    request = asked_for(at.isoformat(), time_zone=zone)
    days = dg.DailyPartitionsDefinition(start_date="2025-09-01", timezone="UTC")

    assert isinstance(request, dg.RunRequest)
    assert request.partition_key in days.get_partition_keys(current_time=at)


def test_it_runs_every_day_at_01_utc_without_being_switched_on() -> None:
    schedule = daily_schedule(processor())

    assert (schedule.name, schedule.job_name) == ("reconcile_square_daily", "reconcile_square")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 1 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
