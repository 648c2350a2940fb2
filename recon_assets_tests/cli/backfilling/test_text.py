"""The commands at the end of a backfill do what is left, and no more."""

from datetime import date, timedelta

from recon_assets.cli.backfilling.plan import FORCED, NEVER_RUN, DayToRun, Plan, days_between
from recon_assets.cli.backfilling.text import commands_left
from recon_assets.cli.outcome import DayOutcome

FIRST = date(2025, 9, 1)
DAYS = days_between(FIRST, FIRST + timedelta(days=3))


def planned(why: str, *processors: str) -> Plan:
    days = tuple(DayToRun(name, day, why) for day in DAYS for name in processors)
    return Plan(to_run=days, proven=0, not_looked_at=())


def failed(day: DayToRun) -> DayOutcome:
    return DayOutcome(day.processor, day.business_date, run=None, report=None, problem="no answer in time")


def test_failed_days_and_days_not_run_are_one_command_over_their_range() -> None:
    plan = planned(NEVER_RUN, "shop", "stripe")
    assert commands_left(plan, [failed(day) for day in plan.to_run]) == [
        "recon backfill --processors shop stripe --from 2025-09-01 --to 2025-09-04"
    ]
    assert commands_left(plan, [failed(plan.to_run[0])]) == [
        "recon backfill --processors shop stripe --from 2025-09-01 --to 2025-09-04"
    ]


def test_forced_days_that_were_not_run_are_forced_again_and_failed_ones_are_not() -> None:
    plan = planned(FORCED, "shop")
    assert commands_left(plan, [failed(plan.to_run[0])]) == [
        "recon backfill --processors shop --from 2025-09-01 --to 2025-09-01",
        "recon backfill --processors shop --from 2025-09-02 --to 2025-09-04 --force",
    ]


def test_when_nothing_is_left_there_is_no_command() -> None:
    assert commands_left(Plan(to_run=(), proven=4, not_looked_at=()), []) == []
