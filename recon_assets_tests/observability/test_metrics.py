"""What Prometheus is told about a record, by days that were really published to it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.domain.messages import MessageKind
from recon_assets.domain.readings import WATCHED_DAYS, Reading, WatchedProcessor
from recon_assets.observability.metrics import RecordCollector, exposition
from recon_assets.store.database import Database
from recon_assets.store.health import HealthStatus, record_health
from recon_assets.store.outbox import abandon, put_again, put_message, take_messages
from recon_assets.store.readings import read_all
from recon_assets.store.runs import record_failure
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY, conclusion, missing, publish

ENDED = datetime.combine(DAY + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
NOW = ENDED + timedelta(hours=9)
Told = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def watched(name: str = "stripe", *, until: date = DAY, since: date = date(2020, 1, 1)) -> WatchedProcessor:
    ends = datetime.combine(until + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    return WatchedProcessor(name, since, until, ends)


def never(error: Exception) -> None:
    raise AssertionError(error)


def parsed(text: str) -> Told:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(connection: TenantConnection, *processors: WatchedProcessor, at: datetime = NOW) -> Told:
    read = read_all(connection, processors or [watched()], at=at)
    return parsed(exposition(RecordCollector(lambda: read, release="1.2.3", failed=never)))


def of(found: Told, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def test_a_day_with_discrepancies_is_proven_and_its_money_is_told(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a", 399), missing("b", 1_000)])
    found = told(connection)
    assert of(found, "recon_latest_day_proven", processor="stripe") == 1
    assert of(found, "recon_latest_day_verdict", processor="stripe", verdict="discrepancies") == 1
    assert of(found, "recon_latest_day_verdict", processor="stripe", verdict="reconciled") == 0
    assert of(found, "recon_latest_day_verdict", processor="stripe", verdict="none") == 0
    assert of(found, "recon_discrepancies", processor="stripe", currency="USD") == 2
    assert of(found, "recon_money_at_stake_minor_units", processor="stripe", currency="USD") == 1_399
    assert of(found, "recon_proof_residual_minor_units", processor="stripe", currency="USD") == 0
    assert of(found, "recon_oldest_discrepancy_age_seconds", processor="stripe", currency="USD") == 33 * 3_600
    assert of(found, "recon_unproven_days", processor="stripe") == 0
    assert of(found, "recon_days_since_last_proven_day", processor="stripe") == 0
    assert of(found, "recon_feed_lag_seconds", processor="stripe") == 9 * 3_600
    assert of(found, "recon_latest_day_end_timestamp_seconds", processor="stripe") == ENDED.timestamp()
    assert of(found, "recon_record_reachable") == 1
    assert next(labels for name, labels in found if name == "recon_build_info")[1] == ("version", "1.2.3")


def test_an_incomplete_day_is_not_proven_and_the_lag_grows(connection, tmp_path: Path) -> None:
    for back, reasons in ((2, ()), (1, ("the feed was short",)), (0, ("the feed was empty",))):
        day = DAY - timedelta(days=back)
        publish(connection, tmp_path, key=str(back), rows=[], answer=conclusion([], reasons=reasons, day=day))
    found = told(connection)
    assert of(found, "recon_latest_day_proven", processor="stripe") == 0
    assert of(found, "recon_latest_day_verdict", processor="stripe", verdict="incomplete") == 1
    assert of(found, "recon_unproven_days", processor="stripe") == 2
    assert of(found, "recon_days_since_last_proven_day", processor="stripe") == 2
    assert of(found, "recon_feed_lag_seconds", processor="stripe") == 9 * 3_600 + 2 * 86_400


def test_a_day_with_a_residual_is_not_proven(connection, superuser, tmp_path: Path) -> None:
    """No code of ours publishes one as concluded: the row is turned, as after a tampering."""
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    superuser.execute("SET session_replication_role = replica; ALTER TABLE reconciliation_proofs DISABLE TRIGGER ALL")
    superuser.execute("UPDATE reconciliation_proofs SET ledger_total_minor = ledger_total_minor + 7")
    found = told(connection)
    assert of(found, "recon_latest_day_proven", processor="stripe") == 0
    assert of(found, "recon_proof_residual_minor_units", processor="stripe", currency="USD") == 7
    assert of(found, "recon_feed_lag_seconds", processor="stripe") is None


def test_what_never_ran_is_unanswered_and_absent_is_not_zero(connection) -> None:
    found = told(connection)
    assert of(found, "recon_latest_day_verdict", processor="stripe", verdict="none") == 1
    assert of(found, "recon_latest_day_proven", processor="stripe") == 0
    assert of(found, "recon_unproven_days", processor="stripe") == 0
    for name in ("recon_feed_lag_seconds", "recon_days_since_last_proven_day", "recon_last_run_duration_seconds"):
        assert of(found, name, processor="stripe") is None
    assert not [name for name, _ in found if name.startswith(("recon_discrepancies", "recon_audit"))]


def test_days_that_nobody_ran_count_from_the_first_that_was_run(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    later = watched(until=DAY + timedelta(days=10))
    assert of(told(connection, later), "recon_unproven_days", processor="stripe") == 10
    much_later = watched(until=DAY + timedelta(days=1_000))
    assert of(told(connection, much_later), "recon_unproven_days", processor="stripe") == WATCHED_DAYS
    assert of(told(connection, much_later), "recon_days_since_last_proven_day", processor="stripe") == 1_000
    starts_late = watched(until=DAY + timedelta(days=10), since=DAY + timedelta(days=9))
    assert of(told(connection, starts_late), "recon_unproven_days", processor="stripe") == 2


def test_runs_of_the_last_day_and_the_last_run(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    record_failure(
        connection,
        processor="stripe",
        business_date=DAY,
        dagster_run_id="later",
        idempotency_key="b",
        stage="report",
        reason="the disk is full",
        started_at=datetime.now(UTC) - timedelta(seconds=5),
    )
    found = told(connection, at=datetime.now(UTC))
    assert of(found, "recon_recent_runs", processor="stripe", status="failed") == 1
    assert of(found, "recon_recent_runs", processor="stripe", status="aborted") == 0
    assert of(found, "recon_latest_day_proven", processor="stripe") == 1, "the older answer stands"
    took = of(found, "recon_last_run_duration_seconds", processor="stripe")
    assert took is not None and 5 <= took < 600


def test_what_waits_and_what_was_given_up(connection) -> None:
    empty = told(connection)
    assert of(empty, "recon_outbox_waiting") == of(empty, "recon_outbox_oldest_age_seconds") == 0
    with connection.transaction():
        for key in "ab":
            put_message(connection, MessageKind.RUN_FAILED, run_id=None, payload={}, dedupe_key=key)
    (first, _) = take_messages(connection, kinds=[MessageKind.RUN_FAILED], limit=2, lease=timedelta(minutes=1))
    abandon(connection, first, error="no such receiver")
    found = told(connection, at=datetime.now(UTC) + timedelta(hours=2))
    assert of(found, "recon_outbox_waiting") == 1
    assert of(found, "recon_outbox_given_up") == 1
    age = of(found, "recon_outbox_oldest_age_seconds")
    assert age is not None
    assert 7_200 <= age < 7_800
    put_again(connection, [MessageKind.RUN_FAILED], since=first.created_at - timedelta(hours=1))
    assert of(told(connection, at=datetime.now(UTC)), "recon_outbox_given_up") == 0


def test_components_say_what_was_found_last(connection) -> None:
    record_health(connection, component="audit", status=HealthStatus.DOWN, reason="a leaf differs")
    found = told(connection)
    assert of(found, "recon_component_state", component="audit", state="down") == 1
    assert of(found, "recon_component_state", component="audit", state="healthy") == 0
    assert of(found, "recon_component_check_timestamp_seconds", component="audit") is not None


def test_the_newest_seal_has_a_number_and_an_age(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    found = told(connection, at=datetime.now(UTC) + timedelta(hours=2))
    assert of(found, "recon_audit_seal_number") == 1
    age = of(found, "recon_audit_seal_age_seconds")
    assert age is not None
    assert 7_200 <= age < 7_800


def test_the_reading_is_of_one_tenant_and_leaves_no_transaction(database: Database, connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    with database.connect() as other:
        other.tenant = UUID(int=99)
        found = told(other)
    assert of(found, "recon_latest_day_proven", processor="stripe") == 0
    assert of(found, "recon_money_at_stake_minor_units", processor="stripe", currency="USD") is None
    assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_when_the_record_cannot_be_read_nothing_else_is_told() -> None:
    failures: list[Exception] = []

    def read() -> Reading:
        raise StoreUnavailable("nothing answers", where="db", remedy="Start it.")

    text = exposition(RecordCollector(read, release="1", failed=failures.append))
    assert parsed(text) == {("recon_record_reachable", ()): 0}
    assert [str(failure) for failure in failures] == ["nothing answers (db). Start it."]
