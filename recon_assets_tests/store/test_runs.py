import threading
from datetime import timedelta

import psycopg
import pytest

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.store.database import Database
from recon_assets.store.history import current_run, latest_attempts, recent_runs, run_by_id
from recon_assets.store.runs import begin_run, processor_day_lock, processor_lock, record_failure
from recon_assets_tests.store.builders import DAY, STARTED, begin, conclusion, missing, publish

NEXT = DAY + timedelta(days=1)


def fail(connection: psycopg.Connection, key: str, reason: str = "the feed did not answer"):
    return record_failure(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key=key,
        dagster_run_id=f"dagster-{key}",
        stage="raw_processor_feed",
        reason=reason,
        started_at=STARTED,
    )


def test_versions_of_a_day_count_up_and_other_days_are_apart(connection) -> None:
    assert begin(connection, "a").version == 1
    assert begin(connection, "b").version == 2
    assert begin(connection, "c", processor="paypal").version == 1


def test_a_run_whose_worker_died_is_aborted_by_the_next_one(connection) -> None:
    dead = begin(connection, "a")
    again = begin(connection, "a")
    assert (again.version, again.already_published) == (2, False)
    run = run_by_id(connection, dead.run_id)
    assert run.status == "aborted"
    assert "died" in run.failure_reason


def test_a_clock_ahead_of_the_databases_does_not_keep_a_run_from_ending(connection) -> None:
    run = begin_run(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key="a",
        dagster_run_id="dagster-a",
        started_at=STARTED + timedelta(days=36_500),
    )
    assert fail(connection, "a") == run.run_id


def test_a_day_is_held_by_one_connection_at_a_time(database: Database, connection) -> None:
    with (
        database.connect() as other,
        processor_day_lock(connection, "stripe", DAY),
        processor_day_lock(other, "paypal", DAY),
    ):
        with (
            pytest.raises(StoreUnavailable, match="another run of stripe 2025-09-30 is in progress"),
            processor_day_lock(other, "stripe", DAY, wait_s=0.05),
        ):
            pass
        begin(connection, "inside the lock")
    with database.connect() as other, processor_day_lock(other, "stripe", DAY, wait_s=0.05):
        pass


def test_a_processor_is_held_by_one_of_its_days_at_a_time(database: Database, connection, tmp_path) -> None:
    with (
        database.connect() as other,
        processor_day_lock(connection, "stripe", DAY),
        processor_day_lock(other, "stripe", NEXT),
        processor_lock(connection, "stripe"),
    ):
        with (
            pytest.raises(StoreUnavailable, match="another day of stripe is being published"),
            processor_lock(other, "stripe", wait_s=0.05),
        ):
            pass
        with processor_lock(other, "paypal", wait_s=0.05):
            pass
        publish(connection, tmp_path, key="who holds it publishes", rows=[missing("a")])
    with database.connect() as other, processor_lock(other, "stripe", wait_s=0.05):
        pass


def test_two_days_of_a_processor_do_not_publish_at_once(database: Database, connection, superuser, tmp_path) -> None:
    """Also when a caller does not hold the processor."""
    published = []

    def publish_next_day() -> None:
        with database.connect() as other:
            published.append(publish(other, tmp_path, key="next", rows=[], answer=conclusion([], day=NEXT)))

    publishing = threading.Thread(target=publish_next_day)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"
    with processor_lock(connection, "stripe"):
        publishing.start()
        while superuser.execute(waiting).fetchone() != (1,):
            pass
        assert published == []
    publishing.join()
    assert [run.version for run in published] == [1]


def test_the_day_is_free_again_after_an_error_and_after_a_lost_connection(
    database: Database, connection, superuser
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), processor_day_lock(connection, "stripe", DAY):
        connection.execute("SELECT 1 / 0")
    with database.connect() as lost, processor_day_lock(lost, "stripe", DAY):
        superuser.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])
    with processor_day_lock(connection, "stripe", DAY, wait_s=1):
        pass


def test_a_failure_ends_the_running_attempt_and_leaves_the_answer(connection, tmp_path) -> None:
    published = publish(connection, tmp_path, key="good", rows=[missing("a")])
    running = begin(connection, "bad")
    assert fail(connection, "bad") == running.run_id
    (day,) = latest_attempts(connection, processors=["stripe"], since=DAY, until=DAY)
    assert (day.latest.status, day.latest.failed_stage) == ("failed", "raw_processor_feed")
    assert day.latest.failure_reason == "the feed did not answer"
    assert day.current.id == published.run_id == current_run(connection, "stripe", DAY).id


def test_a_failure_before_the_run_began_is_one_row_per_key(connection) -> None:
    assert fail(connection, "a") is not None
    assert fail(connection, "a") is None
    assert fail(connection, "b") is not None
    assert [(run.idempotency_key, run.version) for run in recent_runs(connection, limit=5)] == [("b", 2), ("a", 1)]


def test_a_failure_after_the_answer_does_not_touch_it(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    assert fail(connection, "a") is None
    assert [run.status for run in recent_runs(connection)] == ["completed"]


def test_a_failure_finds_the_attempt_whose_key_goes_on_with_its_inputs(connection) -> None:
    running = begin_run(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key="root:stripe:2025-09-30:inputs",
        dagster_run_id="dagster-root:stripe:2025-09-30",
        started_at=STARTED,
    )
    assert fail(connection, "root:stripe:2025-09-30") == running.run_id
    assert fail(connection, "root:stripe:2025-09-3") is not None, "a part of a key is another key"


def test_an_endless_reason_is_cut(connection) -> None:
    run = run_by_id(connection, fail(connection, "a", reason="x" * 10_000))
    assert len(run.failure_reason) == 2_000


def test_a_day_that_was_never_tried_has_no_state(connection) -> None:
    assert latest_attempts(connection, processors=["stripe"], since=DAY, until=DAY) == ()
    assert current_run(connection, "stripe", DAY) is None


def test_a_failure_of_another_dagster_run_with_the_same_key_leaves_a_live_attempt_running(connection) -> None:
    alive = begin(connection, "a")
    failed = record_failure(
        connection,
        processor="stripe",
        business_date=DAY,
        idempotency_key="a",
        dagster_run_id="another, tired of waiting for the day",
        stage="discrepancies",
        reason="another run is in progress",
        started_at=STARTED,
    )
    assert failed not in {None, alive.run_id}
    assert run_by_id(connection, alive.run_id).status == "running"
