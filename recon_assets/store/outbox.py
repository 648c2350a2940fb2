"""What is to be told, written in the transaction that it is about, and taken from here to be delivered afterwards.

Two sorts of rows: an event, of one of `MessageKind`, and a notice, which tells one event to one receiver by one
channel. Whoever takes an event puts its notices and settles it in one transaction, so that each receiver's notice is
delivered, tried again and given up by itself.

A message is delivered at least once: whoever takes one and dies leaves it to the next when his lease is over, so the
receiver may see a message twice, with the same id. Not here: who is told, the words and the channels (`notifications`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recon_assets.domain.messages import MessageKind
from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

MAX_ERROR_CHARACTERS: Final = 2_000
AGAIN: Final = " again"
"""What the key of a notice that was given up has at its end when it is put once more."""

_GIVEN_UP: Final = """
    FROM outbox AS a WHERE a.abandoned_at > %(since)s AND a.kind = ANY(%(kinds)s) AND (
        SELECT 1 FROM outbox AS b WHERE b.kind = a.kind AND b.dedupe_key = a.dedupe_key || %(again)s
    ) IS NULL
"""
"""Not by EXISTS: the planner would merge the few with an index of all messages, of which one key each is looked up."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message in the hands of a deliverer. `attempts` counts this attempt too."""

    id: UUID
    kind: str
    run_id: UUID | None
    payload: dict[str, Any]
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is neither delivered nor given up. `oldest` is None when nothing waits."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """An event for one receiver. `key` is the same whenever the same event is for the same receiver and channel."""

    kind: str
    key: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Notices that nobody got and nobody has put again. `newest_error` carries no payment values."""

    count: int
    newest_error: str | None


def put_message(
    connection: TenantConnection,
    kind: MessageKind,
    *,
    run_id: UUID | None,
    payload: Mapping[str, object],
    dedupe_key: str | None = None,
) -> None:
    """Write a message, once per kind and `dedupe_key`, which is the run if it is left out.

    The caller's transaction makes it and its cause one.
    """
    assert run_id is not None or dedupe_key is not None, "a message about no run has a key of its own"
    _put(connection, str(kind), dedupe_key or str(run_id), run_id=run_id, payload=payload)


def put_notices(connection: TenantConnection, message: Message, notices: Sequence[Notice]) -> None:
    """The event is told to these receivers: their notices are put and it is settled, in one transaction."""
    with translated_errors("putting notices"), connection.transaction():
        for notice in notices:
            _put(connection, notice.kind, notice.key, run_id=message.run_id, payload=notice.payload)
        delivered(connection, message)


def put_again(connection: TenantConnection, kinds: Sequence[str], *, since: datetime) -> int:
    """Put once more the notices that were given up after `since`; returns how many. Each gets its time anew."""
    with translated_errors("putting messages again"), connection.transaction():
        return connection.execute(
            f"""
            INSERT INTO outbox (kind, dedupe_key, run_id, payload)
            SELECT a.kind, a.dedupe_key || %(again)s, a.run_id, a.payload {_GIVEN_UP}
            ON CONFLICT ON CONSTRAINT told_once DO NOTHING
            """.encode(),
            {"again": AGAIN, "kinds": list(kinds), "since": since},
        ).rowcount


def given_up(connection: TenantConnection, kinds: Sequence[str], *, since: datetime) -> GivenUp:
    """The notices that were given up after `since` and not put again."""
    with translated_errors("looking at the outbox"), connection.transaction():
        count, newest_error = connection.execute(
            f"SELECT count(*), (array_agg(a.last_error ORDER BY a.abandoned_at DESC))[1] {_GIVEN_UP}".encode(),
            {"again": AGAIN, "kinds": list(kinds), "since": since},
        ).fetchall()[0]
        return GivenUp(count, newest_error)


def take_messages(
    connection: TenantConnection, *, kinds: Sequence[str], limit: int, lease: timedelta
) -> tuple[Message, ...]:
    """The oldest due messages, which nobody else is given until `lease` is over."""
    with (
        translated_errors("taking messages"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Message)) as cursor,
    ):
        cursor.execute(
            """
            UPDATE outbox SET attempts = attempts + 1, due_at = clock_timestamp() + %(lease)s
            WHERE id IN (
                SELECT id FROM outbox
                WHERE delivered_at IS NULL AND abandoned_at IS NULL AND due_at <= clock_timestamp()
                AND kind = ANY(%(kinds)s)
                ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            RETURNING id, kind, run_id, payload, created_at, attempts
            """,
            {"lease": lease, "kinds": [str(kind) for kind in kinds], "limit": limit},
        )
        return tuple(sorted(cursor.fetchall(), key=lambda message: message.created_at))


def delivered(connection: TenantConnection, message: Message) -> None:
    """It arrived. What another deliverer has said meanwhile stands."""
    _settle(connection, message, "delivered_at = clock_timestamp()", error=None)


def postpone(connection: TenantConnection, message: Message, *, error: str | None, wait: timedelta) -> None:
    """It did not arrive: somebody takes it again after `wait`. `error`, if it failed, carries no payment values."""
    _settle(connection, message, "due_at = clock_timestamp() + %(wait)s", error=error, wait=wait)


def abandon(connection: TenantConnection, message: Message, *, error: str) -> None:
    """It can't arrive, such as when its receiver does not exist. It stays here, with the reason."""
    _settle(connection, message, "abandoned_at = clock_timestamp()", error=error)


def waiting(connection: TenantConnection) -> Waiting:
    """How many messages wait, and since when the oldest does."""
    with (
        translated_errors("looking at the outbox"),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Waiting)) as cursor,
    ):
        cursor.execute(
            """
            SELECT count(*), min(created_at) AS oldest FROM outbox
            WHERE delivered_at IS NULL AND abandoned_at IS NULL
            """
        )
        found = cursor.fetchone()
        assert found is not None, "an aggregate without GROUP BY has a row"
        return found


def _put(
    connection: TenantConnection, kind: str, key: str, *, run_id: UUID | None, payload: Mapping[str, object]
) -> None:
    connection.execute(
        """
        INSERT INTO outbox (kind, dedupe_key, run_id, payload) VALUES (%s, %s, %s, %s)
        ON CONFLICT ON CONSTRAINT told_once DO NOTHING
        """,
        [kind, key, run_id, Jsonb(dict(payload))],
    )


def _settle(
    connection: TenantConnection, message: Message, change: str, *, error: str | None, **parameters: object
) -> None:
    statement = f"""
        UPDATE outbox SET {change}, last_error = coalesce(%(error)s, last_error)
        WHERE id = %(id)s AND delivered_at IS NULL AND abandoned_at IS NULL
    """  # noqa: S608 (assignments of ours)
    shortened = error[:MAX_ERROR_CHARACTERS] if error else None
    with translated_errors("settling a message"), connection.transaction():
        connection.execute(statement.encode(), {"id": message.id, "error": shortened} | parameters)
