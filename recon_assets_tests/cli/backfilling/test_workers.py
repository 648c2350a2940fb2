"""Which day is given next, and how many processes are worth it."""

from datetime import date, timedelta

import pytest

from recon_assets.cli.backfilling.plan import NEVER_RUN, DayToRun
from recon_assets.cli.backfilling.workers import Queues, workers_worth_it

FIRST = date(2025, 9, 1)


def days_of(name: str, count: int) -> list[DayToRun]:
    return [DayToRun(name, FIRST + timedelta(days=number), NEVER_RUN) for number in range(count)]


def test_a_processor_is_in_one_process_at_a_time_and_its_oldest_day_comes_first() -> None:
    first, second = days_of("stripe", 2)
    queues = Queues([first, second])
    assert queues.take() == first
    assert queues.take() is None
    queues.done(first)
    assert queues.take() == second


def test_the_processor_with_the_most_left_is_next_so_that_all_end_together() -> None:
    queues = Queues([*days_of("paypal", 1), *days_of("square", 3), *days_of("stripe", 2)])
    taken = [queues.take() for _ in range(2)]
    assert [day.processor for day in taken if day] == ["square", "stripe"]


@pytest.mark.parametrize(
    ("processors", "days", "cores", "expected"),
    [(1, 90, 8, 1), (3, 365, 2, 2), (3, 365, 8, 3), (3, 5, 8, 1), (3, 8, 8, 2), (3, 8, 1, 1)],
)
def test_a_process_is_started_for_days_enough(processors: int, days: int, cores: int, expected: int) -> None:
    every = [day for number in range(processors) for day in days_of(f"p{number}", days)]
    assert workers_worth_it(every, cores=cores) == expected
