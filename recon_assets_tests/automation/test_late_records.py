"""The schedule that asks an API again: which days it asks for, once a day, and where there is none."""

from datetime import datetime

import dagster as dg

from recon_assets.automation.late_records import late_records_schedules
from recon_assets_tests.assets.processors import processor


def asked_for(at: str, look_back_days: int) -> list[dg.RunRequest] | dg.SkipReason:
    (schedule,) = late_records_schedules(processor(late_records={"look_back_days": look_back_days}))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.fromisoformat(at))
        answer = schedule(context)
    assert isinstance(answer, list | dg.SkipReason)
    return answer


def test_the_days_before_the_newest_are_asked_for_oldest_first_and_by_another_key_each_day() -> None:
    today = asked_for("2025-10-01T04:00:00+00:00", 3)
    tomorrow = asked_for("2025-10-02T04:00:00+00:00", 3)

    assert isinstance(today, list)
    assert isinstance(tomorrow, list)
    assert [request.partition_key for request in today] == ["2025-09-27", "2025-09-28", "2025-09-29"]
    assert not {request.run_key for request in today} & {request.run_key for request in tomorrow}
    assert asked_for("2025-10-01T04:00:00+00:00", 3) == today


def test_days_before_the_first_one_are_not_asked_for() -> None:
    few, none = asked_for("2025-09-03T04:00:00+00:00", 31), asked_for("2025-09-02T04:00:00+00:00", 31)

    assert isinstance(few, list)
    assert [request.partition_key for request in few] == ["2025-09-01"]
    assert isinstance(none, dg.SkipReason)
    assert none.skip_message == "Square starts on 2025-09-01: there is no day before 2025-09-01."


def test_without_a_word_in_the_configuration_there_is_no_such_schedule() -> None:
    assert late_records_schedules(processor()) == []
