"""What is watched: how long the last run took, as far as that is known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from recon_assets.domain.readings import ProcessorReading, WatchedProcessor

BEGAN = datetime(2025, 10, 1, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "ended", "took"),
    [
        (BEGAN, BEGAN + timedelta(seconds=90), timedelta(seconds=90)),
        (BEGAN, None, None),
        (None, None, None),
    ],
)
def test_a_run_took_no_time_that_is_known_until_it_has_ended(
    started: datetime | None, ended: datetime | None, took: timedelta | None
) -> None:
    reading = ProcessorReading(
        watched=WatchedProcessor("stripe", date(2025, 9, 1), date(2025, 9, 30), BEGAN),
        verdict=None,
        is_latest_proven=False,
        last_proven=None,
        unproven_days=0,
        last_run_started_at=started,
        last_run_ended_at=ended,
        runs_by_status={},
        at_stake=(),
    )
    assert reading.last_run_took == took
