"""Days without a conclusion are seen, also those that nobody ran: the view, the check, the sensor."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from recon_assets.automation.completeness import CHECK, completeness_sensor, every_day_is_answered_check
from recon_assets.configuration import ProcessorConfig
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
from recon_assets.store.runs import record_failure
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.assets.processors import processor
from recon_assets_tests.store.builders import conclusion, publish


def days_ago(number: int) -> date:
    """0 is the last day that is due in UTC: that which the schedule took at 01:00, two hours or more ago."""
    return (datetime.now(UTC) - timedelta(hours=3)).date() - timedelta(days=1 + number)


@pytest.fixture
def record(settings: Settings):
    with closing(Record(settings)) as opened:
        yield opened


@pytest.fixture
def answer(connection: TenantConnection, tmp_path):
    def publish_it(day: date, **said) -> None:
        figures = conclusion([], day=day, processor="square", **said)
        publish(connection, tmp_path, key=f"{day} {sorted(said)}", rows=[], answer=figures)

    return publish_it


def fail(connection: TenantConnection, day: date) -> None:
    record_failure(
        connection,
        processor="square",
        business_date=day,
        idempotency_key=f"failed {day}",
        dagster_run_id="dagster-failed",
        stage="transactions",
        reason="it did not answer",
        started_at=datetime.now(UTC),
    )


def square(**different: str) -> ProcessorConfig:
    return processor(start_date=days_ago(4).isoformat(), **different)


def tick(record: Record, *configs: ProcessorConfig, cursor: str | None = None) -> dg.SensorResult:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"record": record})
        told = completeness_sensor(configs)(context)
    assert isinstance(told, dg.SensorResult)
    return told


def rows(connection: psycopg.Connection, columns: str = "business_date, why, reason") -> list[tuple]:
    with connection.transaction():
        return connection.execute(f"SELECT {columns} FROM v_unproven_days".encode()).fetchall()


def test_days_never_run_failed_and_incomplete_are_named_and_concluded_ones_are_not(record, connection, answer) -> None:
    answer(days_ago(4))
    fail(connection, days_ago(3))
    answer(days_ago(2), reasons=("it came short",))
    answer(days_ago(1))
    fail(connection, days_ago(1))  # its older answer stands

    told = tick(record, square())

    (event,) = told.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.check_name, event.passed, event.severity) == (CHECK, False, dg.AssetCheckSeverity.ERROR)
    assert event.metadata["days_without_a_conclusion"].value == 3
    assert event.metadata["days"].value == (
        f"{days_ago(3)} (failed), {days_ago(2)} (incomplete), {days_ago(0)} (never run)"
    )
    assert rows(connection) == [
        (days_ago(0), "never run", None),
        (days_ago(2), "incomplete", "it came short"),
        (days_ago(3), "failed", "it did not answer"),
    ]


def test_an_answer_for_every_day_is_green_and_the_same_is_not_told_again(record, connection, answer) -> None:
    for number in range(5):
        answer(days_ago(number))
    first = tick(record, square())
    again = tick(record, square(), cursor=first.cursor)

    assert [event.passed for event in first.asset_events] == [True]
    assert again.asset_events == []
    assert again.skip_reason is not None
    assert again.skip_reason.skip_message == "square: no day(s) without a conclusion."


def test_what_changed_is_told_and_a_failure_is_a_row_and_a_message(record, connection, answer) -> None:
    first = tick(record, square(), cursor="not ours")
    answer(days_ago(4))
    second = tick(record, square(), cursor=first.cursor)

    counts = [
        event.metadata["days_without_a_conclusion"].value for event in (*first.asset_events, *second.asset_events)
    ]
    assert counts == [5, 4]
    with connection.transaction():
        kept = connection.execute(
            "SELECT asset_key, passed, failed_rules FROM data_quality_checks WHERE check_name = %s ORDER BY checked_at",
            [CHECK],
        ).fetchall()
        messages = connection.execute("SELECT payload ->> 'check_name' FROM outbox WHERE kind = 'check_failed'")
        assert {name for (name,) in messages} == {CHECK}
    assert kept == [
        ("square/business_days", False, {"never run": 5}),
        ("square/business_days", False, {"never run": 4}),
    ]


def test_a_day_that_is_not_due_yet_is_not_missed(record, connection) -> None:
    told = tick(record, processor(start_date=datetime.now(UTC).date().isoformat()))
    assert [event.passed for event in told.asset_events] == [True]


def test_the_view_ends_where_the_schedule_of_the_processors_zone_does(record, connection) -> None:
    zones = {"kiribati": "Pacific/Kiritimati", "utc": "UTC", "angeles": "America/Los_Angeles"}
    configs = [square(name=name, time_zone=zone) for name, zone in zones.items()]
    tick(record, *configs)

    scheduled = datetime.combine(days_ago(-1), datetime.min.time(), UTC) + timedelta(hours=1)
    with connection.transaction():
        newest = dict(
            connection.execute("SELECT processor_name, max(business_date) FROM v_unproven_days GROUP BY 1").fetchall()
        )
    assert newest == {config.name: config.last_ended_business_date(scheduled) for config in configs}


def test_a_processor_without_a_calendar_begins_with_its_first_attempt(connection, answer) -> None:
    answer(days_ago(2))
    assert [day for day, *_ in rows(connection)] == [days_ago(0), days_ago(1)]


def test_a_calendar_that_changed_is_kept_and_one_that_did_not_is_no_event(record, connection) -> None:
    written = (
        "SELECT count(*) FROM system_configuration WHERE updated_at > '-infinity'",
        "SELECT updated_at FROM system_configuration",
    )
    tick(record, square())
    with connection.transaction():
        before = connection.execute(written[1].encode()).fetchall()
    tick(record, square())
    with connection.transaction():
        assert connection.execute(written[1].encode()).fetchall() == before
    tick(record, square(time_zone="Asia/Tokyo"))
    with connection.transaction():
        assert connection.execute(written[1].encode()).fetchall() > before
        assert connection.execute(written[0].encode()).fetchall() == [(1,)]


def test_the_check_can_be_executed_by_hand(record, connection) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = dg.Definitions(
            assets=[dg.AssetSpec(["square", "business_days"])],
            asset_checks=[every_day_is_answered_check(square())],
            resources={"record": record},
            executor=dg.in_process_executor,
        )
        done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        (evaluation,) = done.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.description == "never run (5)"


def test_a_database_that_can_not_be_asked_is_told_and_nothing_is_forgotten(settings: Settings, unused_port) -> None:
    gone = settings.model_copy(update={"db_host": "127.0.0.1", "db_port": unused_port})
    with closing(Record(gone)) as record:
        told = tick(record, square(), cursor="{}")
    assert told.skip_reason is not None
    assert told.skip_reason.skip_message.startswith("The days can't be looked at: ")
    assert told.cursor == "{}"
