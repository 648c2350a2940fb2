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
from recon_assets.store.outbox import (
    GivenUp,
    Notice,
    abandon,
    delivered,
    given_up,
    postpone,
    put_again,
    put_message,
    put_notices,
    take_messages,
    waiting,
)
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


def notice(number: int, kind: str = "notice_email") -> Notice:
    return Notice(kind, f"key {number}", {"receiver": f"receiver {number}"})


def take_notices(connection):
    return take_messages(connection, kinds=["notice_email"], limit=9, lease=OVER)


def test_an_event_and_its_notices_are_settled_together_and_a_second_hand_puts_no_second(connection, tmp_path) -> None:
    run = publish(connection, tmp_path, key="a", rows=[])
    (event,) = take(connection, lease=OVER)
    (slow,) = take(connection)
    for hand in (event, slow):
        put_notices(connection, hand, [notice(1), notice(2)])
    assert take(connection) == ()
    found = take_notices(connection)
    assert [(one.run_id, one.payload) for one in found] == [(run.run_id, notice(n).payload) for n in (1, 2)]


def test_notices_of_an_event_that_can_not_be_put_leave_it(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    (event,) = take(connection, lease=OVER)
    with pytest.raises(StoreRefused):
        put_notices(connection, event, [notice(1), Notice("NOT A KIND", "key", {})])
    assert len(take(connection)) == 1
    assert take_notices(connection) == ()


def test_what_was_given_up_is_put_again_once_and_then_no_longer_missed(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    put_notices(connection, take(connection)[0], [notice(1)])
    kinds, past = ["notice_email"], datetime.now(UTC) - LEASE
    for _ in range(2):
        (given,) = take_notices(connection)
        abandon(connection, given, error="no such user")
        assert given_up(connection, kinds, since=past) == GivenUp(1, "no such user")
        assert given_up(connection, ["notice_chat"], since=past).count == 0
        assert given_up(connection, kinds, since=datetime.now(UTC) + LEASE).count == 0
        assert [put_again(connection, kinds, since=past) for _ in range(2)] == [1, 0]
        assert given_up(connection, kinds, since=past) == GivenUp(0, None)


def test_a_message_about_no_run_needs_a_key(connection) -> None:
    with pytest.raises(AssertionError, match="a key of its own"), connection.transaction():
        put_message(connection, MessageKind.FEED_LATE, run_id=None, payload={})
