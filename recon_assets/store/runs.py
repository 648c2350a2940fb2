"""The life of a run before and beside its answer: the locks of day and processor, its beginning, its failure.

Not here: giving the answer (`publication`) and reading what was (`history`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.domain.messages import MessageKind
from recon_assets.store.errors import translated_errors
from recon_assets.store.messages import run_failed_payload
from recon_assets.store.outbox import put_message
from recon_assets.store.tenancy import TenantConnection

DAY_LOCK_WAIT_S: Final = 30
"""How long a second run of the same processor-day waits for the first before it gives up."""

PROCESSOR_LOCK_WAIT_S: Final = 300
"""How long a day waits for another day of its processor to be chained and published."""

MAX_REASON_CHARACTERS: Final = 2_000
WORKER_DIED: Final = "the worker died before it could publish; a later run found the day unlocked"

_DAY_LOCK_SEED: Final = 20_260_701
_VERSION_LOCK_SEED: Final = 20_260_702
"""Two kinds of lock on the same name: of the day (a session's), and of the taking of a version (a transaction's)."""

_PROCESSOR_LOCK_SEED: Final = 20_260_703
"""On the name of a processor: held by a session that chains days, and by each transaction that publishes."""


@dataclass(frozen=True, slots=True)
class BegunRun:
    """`already_published`: an earlier attempt with the same idempotency key has given the answer."""

    run_id: UUID
    version: int
    already_published: bool


@contextmanager
def processor_day_lock(
    connection: TenantConnection, processor: str, business_date: date, *, wait_s: float = DAY_LOCK_WAIT_S
) -> Iterator[None]:
    """Hold the processor-day for this connection: one run at a time, over all processes and machines.

    A session lock: it ends with the connection, so a killed worker frees its day. It needs a direct connection, not a
    pooler's. What is not committed at the end is rolled back. Raises `StoreUnavailable` after `wait_s`.
    """
    name = _lock_name(connection, processor, business_date)
    busy = StoreUnavailable(
        f"another run of {processor} {business_date} is in progress",
        where="the lock of the processor-day",
        remedy="Wait for it to end, then try again.",
    )
    with session_lock(connection, name, seed=_DAY_LOCK_SEED, wait_s=wait_s, busy=busy):
        yield


@contextmanager
def processor_lock(
    connection: TenantConnection, processor: str, *, wait_s: float = PROCESSOR_LOCK_WAIT_S
) -> Iterator[None]:
    """Hold the processor while the days around one are read, chained and published: no other day of it publishes.

    Taken after `processor_day_lock`, never before it: who holds the processor waits for no day, so nobody waits in a
    circle. A session lock like that one. Raises `StoreUnavailable` after `wait_s`.
    """
    name = _processor_name(connection, processor)
    busy = StoreUnavailable(
        f"another day of {processor} is being published",
        where="the lock of the processor",
        remedy="Wait for it to end, then try again.",
    )
    with session_lock(connection, name, seed=_PROCESSOR_LOCK_SEED, wait_s=wait_s, busy=busy):
        yield


def lock_processor_until_commit(connection: TenantConnection, processor: str) -> None:
    """The same lock for the rest of the transaction; whoever holds `processor_lock` has it at once."""
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))",
        [_processor_name(connection, processor), _PROCESSOR_LOCK_SEED],
    )


@contextmanager
def session_lock(
    connection: TenantConnection, name: str, *, seed: int, wait_s: float, busy: StoreUnavailable
) -> Iterator[None]:
    """Hold an advisory lock until the end, or the end of the connection. Raises `busy` after `wait_s`."""
    assert_idle(connection)
    try:
        with translated_errors("taking a lock"), connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{max(1, int(wait_s * 1000))}ms"])
            try:
                connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))", [name, seed])
            except errors.LockNotAvailable:
                raise busy from None
        yield
    finally:
        with suppress(psycopg.OperationalError):  # the connection is gone, and the lock with it
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.rollback()
            with connection.transaction():
                connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", [name, seed])


def begin_run(
    connection: TenantConnection,
    *,
    processor: str,
    business_date: date,
    idempotency_key: str,
    dagster_run_id: str | None,
    started_at: datetime,
) -> BegunRun:
    """Register an attempt, as the next version of its day. The caller holds the processor-day.

    A run of the day that is still `running` has lost its worker, since the caller holds the lock: it becomes
    `aborted`. A key that has been published already is not begun again.
    """
    assert_idle(connection)
    with translated_errors("beginning the run"), connection.transaction():
        _lock_versions(connection, processor, business_date)
        # in this transaction: from its commit on the running run is what keeps the month from being retired
        connection.execute("SELECT ensure_month(%s)", [business_date])
        published = connection.execute(
            """
            SELECT id, version FROM reconciliation_runs
            WHERE
                idempotency_key = %s AND status IN ('completed', 'incomplete', 'unchanged')
                AND processor_name = %s AND run_date = %s
            """,
            [idempotency_key, processor, business_date],
        ).fetchone()
        if published:
            return BegunRun(run_id=published[0], version=published[1], already_published=True)
        connection.execute(
            """
            UPDATE reconciliation_runs
            SET status = 'aborted', end_time = greatest(clock_timestamp(), start_time), failure_reason = %s
            WHERE processor_name = %s AND run_date = %s AND status = 'running'
            """,
            [WORKER_DIED, processor, business_date],
        )
        begun = connection.execute(
            """
            INSERT INTO reconciliation_runs
                (processor_name, run_date, version, status, idempotency_key, dagster_run_id, start_time)
            SELECT %(processor)s, %(date)s, coalesce(max(version), 0) + 1, 'running', %(key)s, %(dagster)s, %(start)s
            FROM reconciliation_runs WHERE processor_name = %(processor)s AND run_date = %(date)s
            RETURNING id, version
            """,
            {
                "processor": processor,
                "date": business_date,
                "key": idempotency_key,
                "dagster": dagster_run_id,
                "start": started_at,
            },
        ).fetchone()
        assert begun is not None, "an aggregate without GROUP BY inserts one row"
        return BegunRun(run_id=begun[0], version=begun[1], already_published=False)


def record_failure(  # noqa: PLR0913 (keyword-only facts of one row)
    connection: TenantConnection,
    *,
    processor: str,
    business_date: date,
    idempotency_key: str,
    dagster_run_id: str | None,
    stage: str,
    reason: str,
    started_at: datetime,
    in_backfill: bool = False,
) -> UUID | None:
    """Write down that an attempt failed; the current answer stays as it is. Returns the failed run's id.

    `idempotency_key` is that of the attempt, or what such keys begin with before their `:inputs`. The running row of
    this Dagster run becomes `failed`; another's with the same key may be alive and is left. Without one a failed row
    is added, once per Dagster run. None when there is nothing to add: this Dagster run has published, or its failure
    is known. `reason` carries no payment values.
    """
    assert_idle(connection)
    facts = {
        "processor": processor,
        "date": business_date,
        "key": idempotency_key,
        "dagster": dagster_run_id,
        "stage": stage,
        "reason": reason[:MAX_REASON_CHARACTERS],
        "start": started_at,
    }
    with translated_errors("recording the failure"), connection.transaction():
        _lock_versions(connection, processor, business_date)
        row: tuple[UUID, int] | None = connection.execute(
            """
            UPDATE reconciliation_runs
            SET
                status = 'failed', end_time = greatest(clock_timestamp(), start_time),
                failed_stage = %(stage)s, failure_reason = %(reason)s
            WHERE
                (idempotency_key = %(key)s OR starts_with(idempotency_key, %(key)s || ':')) AND status = 'running'
                AND processor_name = %(processor)s AND run_date = %(date)s
                AND dagster_run_id IS NOT DISTINCT FROM %(dagster)s
            RETURNING id, version
            """,
            facts,
        ).fetchone()
        if row is None:
            row = connection.execute(
                """
                INSERT INTO reconciliation_runs
                    (processor_name, run_date, version, status, idempotency_key, dagster_run_id,
                    start_time, end_time, failed_stage, failure_reason)
                SELECT
                    %(processor)s, %(date)s, coalesce(max(version), 0) + 1, 'failed', %(key)s, %(dagster)s,
                    %(start)s, greatest(clock_timestamp(), %(start)s), %(stage)s, %(reason)s
                FROM reconciliation_runs WHERE processor_name = %(processor)s AND run_date = %(date)s
                HAVING count(*) FILTER (
                    WHERE (idempotency_key = %(key)s OR starts_with(idempotency_key, %(key)s || ':'))
                    AND dagster_run_id IS NOT DISTINCT FROM %(dagster)s
                    AND status IN ('completed', 'incomplete', 'unchanged', 'failed')
                ) = 0
                RETURNING id, version
                """,
                facts,
            ).fetchone()
        if row is None:
            return None
        put_message(
            connection,
            MessageKind.RUN_FAILED,
            run_id=row[0],
            payload=run_failed_payload(
                processor=processor,
                business_date=business_date,
                stage=stage,
                reason=reason,
                version=row[1],
                in_backfill=in_backfill,
            ),
        )
        return row[0]


def assert_idle(connection: TenantConnection) -> None:
    """A transaction of the caller's would swallow our commit."""
    assert connection.closed or connection.info.transaction_status is TransactionStatus.IDLE, "commit first"


def _lock_versions(connection: TenantConnection, processor: str, business_date: date) -> None:
    """Two attempts of a day must not take the same version. Held until the transaction ends."""
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))",
        [_lock_name(connection, processor, business_date), _VERSION_LOCK_SEED],
    )


def _lock_name(connection: TenantConnection, processor: str, business_date: date) -> str:
    return f"{connection.tenant}|{processor}|{business_date.isoformat()}"


def _processor_name(connection: TenantConnection, processor: str) -> str:
    return f"{connection.tenant}|{processor}"
