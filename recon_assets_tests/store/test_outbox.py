"""Messages are written with what they are about, taken by one deliverer at a time, and end once."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import errors

from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.messages import MessageKind, RunPublished
from recon_assets.store.outbox import abandon, delivered, postpone, take_messages, waiting
from recon_assets.store.runs import record_failure
from recon_assets_tests.store.builders import DAY, STARTED, conclusion, missing, publish

LEASE = timedelta(minutes=5)
OVER = timedelta(0)


def take(connection, *, limit: int = 9, lease: timedelta = LEASE):
    return take_messages(connection, kinds=list(MessageKind), limit=limit, lease=lease)


def test_an_answer_and_its_message_are_one(connection, tmp_path: Path) -> None:
    run = publish(connection, tmp_path, key="a", rows=[missing("a")])
    (message,) = take(connection)
    assert (message.kind, message.run_id, message.attempts) == ("run_published", run.run_id, 1)
    told = msgspec.convert(message.payload, RunPublished)
    assert (told.processor, told.business_date, told.version, told.verdict, told.discrepancy_count) == (
        "stripe",
        DAY,
        1,
        "discrepancies",
        1,
    )
    with pytest.raises(StoreRefused):
        publish(connection, tmp_path, key="b", rows=[missing("a")], answer=conclusion([]))
    assert waiting(connection).count == 1


def test_a_failure_is_told_once_per_attempt(connection) -> None:
    for _ in range(2):
        record_failure(
            connection,
            processor="stripe",
            business_date=DAY,
            idempotency_key="a",
            dagster_run_id="d",
            stage="transactions",
            reason="no answer",
            started_at=STARTED,
        )
    (message,) = take(connection)
    assert (message.kind, message.payload["stage"], message.payload["reason"]) == (
        "run_failed",
        "transactions",
        "no answer",
    )


def test_a_message_is_in_one_hand_until_its_lease_is_over(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    assert len(take(connection, lease=OVER)) == 1
    (again,) = take(connection)
    assert again.attempts == 2
    assert take(connection) == ()
    assert waiting(connection).count == 1
    delivered(connection, again)
    assert (waiting(connection).count, waiting(connection).oldest) == (0, None)


def test_many_deliverers_at_once_never_take_the_same_message(database, connection, tmp_path: Path) -> None:
    for number in range(20):
        publish(connection, tmp_path, key=str(number), rows=[missing(str(number))])
    taken: list[object] = []

    def deliver() -> None:
        with database.connect() as own:
            while messages := take(own, limit=2):
                taken.extend(message.id for message in messages)

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(set(taken))) == (20, 20)


def test_what_did_not_arrive_is_tried_again_later_and_what_can_not_is_kept_with_its_reason(
    connection, tmp_path
) -> None:
    for number in "ab":
        publish(connection, tmp_path, key=number, rows=[missing(number)])
    first, second = take(connection)
    postpone(connection, first, error="no route", wait=OVER)
    abandon(connection, second, error="x" * 5_000)
    (again,) = take(connection)
    assert (again.id, again.attempts) == (first.id, 2)
    with connection.transaction():
        kept = connection.execute("SELECT length(last_error) FROM outbox WHERE abandoned_at IS NOT NULL").fetchall()
    assert kept == [(2_000,)]


def test_who_is_late_does_not_change_what_another_has_settled(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    (slow,) = take(connection, lease=OVER)
    (quick,) = take(connection)
    delivered(connection, quick)
    postpone(connection, slow, error="too late", wait=OVER)
    assert take(connection) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox SET payload = '{}'",
        "UPDATE outbox SET run_id = NULL",
        "UPDATE outbox SET attempts = attempts - 1",
        "DELETE FROM outbox",
        "TRUNCATE outbox",
    ],
)
def test_what_a_message_says_is_never_changed(connection, superuser, tmp_path, statement: str) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    take(connection)
    with pytest.raises(errors.InsufficientPrivilege):
        superuser.execute(statement.encode())


def test_a_delivered_message_is_closed(connection: psycopg.Connection, superuser, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    delivered(connection, take(connection)[0])
    with pytest.raises(errors.InsufficientPrivilege, match="illegal change of message"):
        superuser.execute("UPDATE outbox SET delivered_at = NULL")
    with connection.transaction():
        when = connection.execute("SELECT delivered_at FROM outbox").fetchone()[0]
    assert when <= datetime.now(UTC)
