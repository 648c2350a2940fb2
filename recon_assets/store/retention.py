"""Retention: which months of `discrepancies` are detached, and doing it. Nothing is ever deleted.

A month is first archived as a file (`month_archive`), then detached into the schema `recon_retired` with its event, in
one transaction. Whatever kills it in between, the next call begins where that one stopped. Not here: the detaching
itself (`retire_month` in sql/migrations) and the verification of retired months (`audit_rows`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store.audit import seal_audit
from recon_assets.store.errors import translated_errors
from recon_assets.store.month_archive import ArchivedMonth, archive_month
from recon_assets.store.runs import assert_idle
from recon_assets.store.tenancy import TenantConnection

RETENTION_LOCK: Final = 7_311_465_205
"""One `apply` at a time; the number means nothing else."""

MONTHS_OF_A_YEAR: Final = 12

_ATTACHED: Final = """
    SELECT c.relname::text, to_date(right(c.relname, 7), 'YYYY_MM'), pg_total_relation_size(c.oid)
    FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.discrepancies'::regclass ORDER BY c.relname
"""
_RETIRED: Final = """
    SELECT split_part(e.table_name, '.', 2), to_date(e.new_value ->> 'month', 'YYYY-MM'), e.row_count,
        pg_total_relation_size(c.oid), e.new_value ->> 'file', c.oid IS NOT NULL
    FROM public.audit_log AS e
    LEFT JOIN (
        SELECT t.oid, 'recon_retired.' || t.relname AS name
        FROM pg_catalog.pg_class AS t INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = 'recon_retired' AND t.relkind = 'r'
    ) AS c ON c.name = e.table_name
    WHERE e.action = 'RETIRE' ORDER BY e.seq
"""
_TAKEN: Final = """
    SELECT split_part(e.table_name, '.', 2) FROM public.audit_log AS e WHERE e.action = 'RETIRE'
    UNION
    SELECT t.relname::text FROM pg_catalog.pg_class AS t
    INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace WHERE n.nspname = 'recon_retired'
"""
_RUNNING: Final = """
    SELECT count(*) FROM public.reconciliation_runs
    WHERE status = 'running' AND run_date >= %(month)s AND run_date < %(month)s + interval '1 month'
"""


class MonthState(StrEnum):
    """What a month is, and what `apply` would do with it: only a DUE one is touched."""

    KEPT = "attached, young enough"
    EMPTY = "attached, old but without rows: stays"
    DUE = "attached, to be retired"
    RETIRED = "retired"
    GONE = "retired, and the table was dropped"


@dataclass(frozen=True, slots=True)
class Month:
    """A partition, or what was one. `rows` of a retired one is what its event says; `file` is in the archive."""

    name: str
    month: date
    rows: int
    size_bytes: int
    state: MonthState
    file: str | None = None


def first_kept_month(*, keep_attached_months: int, today: date) -> date:
    """The first day of the oldest month that stays attached. The month of `today` is one of those kept."""
    months = today.year * MONTHS_OF_A_YEAR + (today.month - 1) - (keep_attached_months - 1)
    return date(months // MONTHS_OF_A_YEAR, months % MONTHS_OF_A_YEAR + 1, 1)


def plan_retention(connection: TenantConnection, *, keep_attached_months: int | None, today: date) -> tuple[Month, ...]:
    """Every month by date, attached and retired. Without `keep_attached_months` none is due. Nothing is changed.

    Raises `StoreRefused` when the login does not see every tenant's rows.
    """
    kept_from = (
        first_kept_month(keep_attached_months=keep_attached_months, today=today) if keep_attached_months else None
    )
    with _everybodys_rows(connection, "reading the months"):
        found = [
            _attached(connection, name, month, size_bytes, kept_from)
            for name, month, size_bytes in connection.execute(_ATTACHED).fetchall()
        ]
        for name, month, rows, size_bytes, file, is_there in connection.execute(_RETIRED).fetchall():
            state = MonthState.RETIRED if is_there else MonthState.GONE
            found.append(Month(name, month, rows, size_bytes or 0, state, file))
    return tuple(sorted(found, key=lambda each: (each.month, each.file is None, len(each.name), each.name)))


@contextmanager
def one_apply_at_a_time(connection: TenantConnection) -> Iterator[None]:
    """Hold the lock of retention for this connection; raises `StoreUnavailable` when another process has it."""
    assert_idle(connection)
    with translated_errors("locking the retention"):
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [RETENTION_LOCK]).fetchone()
    if row != (True,):
        raise StoreUnavailable(
            "another `recon retention apply` is in progress", where="the lock of retention", remedy="Wait for it."
        )
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # the connection is gone, and the lock with it
            connection.execute("SELECT pg_advisory_unlock(%s)", [RETENTION_LOCK])


def retire(connection: TenantConnection, month: Month, *, archive: Path) -> ArchivedMonth:
    """Archive the month's rows below `archive`, then detach it. The caller holds `one_apply_at_a_time`.

    Raises `StoreUnavailable` when it can't be done now: a run of the month is in progress, rows came meanwhile, or
    readers did not end. Raises `StoreRefused` when the archive can't be trusted or the login may not do it. The month
    is then attached as before.
    """
    assert month.state is MonthState.DUE, "only what is due is touched"
    seal_audit(connection)  # so that the head in the manifest covers the events of the rows
    with translated_errors("reading the retired months"), connection.transaction():
        taken = frozenset(name for (name,) in connection.execute(_TAKEN).fetchall())
    archived = archive_month(connection, partition=month.name, month=month.month, root=archive, taken=taken)
    with _everybodys_rows(connection, f"retiring {month.name}"):
        try:
            connection.execute("SELECT retire_month(%s, %s, %s)", [month.month, archived.name, Jsonb(archived.event)])
        except errors.SerializationFailure:
            raise StoreUnavailable(
                "rows came into the month while it was archived", where=month.name, remedy="Apply again."
            ) from None
        # the table is locked, so whoever begins a run of the month now waits, and then finds it gone
        (running,) = connection.execute(_RUNNING, {"month": month.month}).fetchone() or (0,)
        if running:
            raise StoreUnavailable(
                f"{running} runs of the month are in progress",
                where=month.name,
                remedy="Apply again when they have ended; one whose worker died ends when its day is run again.",
            )
    return archived


def _attached(connection: TenantConnection, name: str, month: date, size_bytes: int, kept_from: date | None) -> Month:
    (rows,) = connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))).fetchone() or (
        0,
    )
    state = MonthState.KEPT
    if kept_from and month < kept_from:
        state = MonthState.DUE if rows else MonthState.EMPTY
    return Month(name, month, rows, size_bytes, state)


@contextmanager
def _everybodys_rows(connection: TenantConnection, doing: str) -> Iterator[None]:
    """A transaction that sees every tenant's rows or is refused."""
    assert_idle(connection)
    with translated_errors(doing), connection.transaction():
        connection.execute("SELECT set_config('row_security', 'off', true)")
        try:
            yield
        except errors.InsufficientPrivilege:
            raise StoreRefused(
                f"the login {connection.info.user} does not see every tenant's rows, or may not change the schema",
                where=doing,
                remedy="Set DB_MIGRATION_USER to a superuser, or to a member of recon_owner and recon_audit_owner"
                " with BYPASSRLS.",
            ) from None
