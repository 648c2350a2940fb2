"""What is to be told, written in the transaction that it is about, and taken from here to be delivered afterwards.

A message is delivered at least once: whoever takes one and dies leaves it to the next when his lease is over, so the
receiver may see a message twice, with the same `id`. Not here: the channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recon_assets.store.errors import translated_errors
from recon_assets.store.tenancy import TenantConnection

MAX_ERROR_CHARACTERS: Final = 2_000


class MessageKind(StrEnum):
    """What happened."""

    RUN_PUBLISHED = "run_published"
    RUN_FAILED = "run_failed"
    ARCHIVE_WAITING = "archive_waiting"


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


def put_message(
    connection: TenantConnection,
    kind: MessageKind,
    *,
    run_id: UUID,
    payload: Mapping[str, object],
) -> None:
    """Write a message about a run, once per kind and run. The caller's transaction makes it and its cause one."""
    connection.execute(
        """
        INSERT INTO outbox (kind, dedupe_key, run_id, payload) VALUES (%s, %s, %s, %s)
        ON CONFLICT ON CONSTRAINT told_once DO NOTHING
        """,
        [str(kind), str(run_id), run_id, Jsonb(dict(payload))],
    )


def take_messages(
    connection: TenantConnection, *, kinds: Sequence[MessageKind], limit: int, lease: timedelta
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


def postpone(connection: TenantConnection, message: Message, *, error: str, wait: timedelta) -> None:
    """It did not arrive: somebody takes it again after `wait`. `error` carries no payment values."""
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
