"""`recon audit verify`: is the record still what was written? Recomputed here, with no function of the database's own.

The server is asked for stored values only, by built-in functions; text, leaves, roots, seals and digests are computed
in Python, in one snapshot. What it can't know by itself is a history rewritten to its end: that is what remembered
heads are for.

Every row must be seen. Who bypasses row-level security has PostgreSQL's word for it: with `row_security = off` it
refuses rather than hides. `recon_auditor`, who may only SELECT, has this release's: its policies show it all
(`all_rows ... USING (TRUE)`). That they are the only ones, that row-level security is on where it was, and that the
group is in no other, is in the schema's fingerprint, so a policy that hides rows is a finding. They can't change in
between: the tables are locked against that (ACCESS SHARE, as any reading does) before the snapshot is taken. What this
does not hold against is a superuser who writes PostgreSQL's catalogues themselves (`allow_system_table_mods`), past the
locks, and takes it back within one verification: the other way shows every row even then.

Not here: rows against events (`audit_rows`), events against the rules (`audit_rules`) and the schema
(`schema_fingerprint`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from recon_assets.store.audit import SEAL_COLUMNS
from recon_assets.store.audit_findings import Problem, Verification
from recon_assets.store.audit_format import GENESIS, AuditEvent, MerkleTree, Seal, event_leaf
from recon_assets.store.audit_rows import (
    CHANGING_TABLES,
    FIRST_COLUMNS,
    RETIRED_SCHEMA,
    EventsOfRows,
    check_rows,
    retired_tables,
)
from recon_assets.store.audit_rules import EventsObeyRules
from recon_assets.store.errors import translated_errors
from recon_assets.store.roles import AUDITOR
from recon_assets.store.runs import assert_idle
from recon_assets.store.schema_fingerprint import check_schema
from recon_assets.store.tenancy import TenantConnection

STATEMENT_TIMEOUT_S: Final = 3_600

_EVENTS: Final = """
    COPY (SELECT
        e.seq::text, e.id::text, ((extract(EPOCH FROM e.event_time) * 1000000)::bigint)::text, e.actor, e.action,
        e.table_name, e.row_count::text, e.run_id::text, e.old_value::text, e.new_value::text, e.context::text
    FROM public.audit_log AS e ORDER BY e.seq) TO STDOUT
"""
_INSIDE: Final = "SELECT seal_no, event_seq, run_id::text, problem FROM public.verify_audit()"


def verify_audit(connection: TenantConnection, *, sql_dir: Path, heads: Sequence[tuple[int, str]] = ()) -> Verification:
    """Everything recomputed independently. `heads` are seals kept elsewhere: number and hash in hex.

    `sql_dir` is that of the release, with its `schema_fingerprint.json`. Nothing is written. The connection acts as
    `recon_auditor`, or as a login that bypasses row-level security. Raises `StoreRefused` when it is another one, or
    may not read a table.
    """
    found = Verification()
    with _snapshot(connection):
        check_schema(connection, found, sql_dir=sql_dir)
        seals = _read_seals(connection)
        rows = EventsOfRows()
        _check_chain(seals, found)
        _check_events(seals, _events(connection, rows, found), found)
        check_rows(connection, rows, found)
    _check_heads(seals, heads, found)
    return found


def verify_inside(connection: TenantConnection) -> list[Problem]:
    """What the database's own `verify_audit()` finds: quick, and as trustworthy as its functions are."""
    with _snapshot(connection):
        return [
            Problem("inside", what, seal_no=seal_no, event_seq=seq, run_id=run_id)
            for seal_no, seq, run_id, what in connection.execute(_INSIDE).fetchall()
        ]


@contextmanager
def _snapshot(connection: TenantConnection) -> Iterator[None]:
    """One read-only snapshot, in which names mean PostgreSQL's own and values are printed in one way."""
    assert_idle(connection)
    with translated_errors("verifying the record"):
        tables = _tables_shown_by_policies(connection)
    settings = {
        "search_path": "pg_catalog",
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "row_security": "on" if tables else "off",  # off: who may not see every row is refused, not shown a part
        "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
    }
    before = connection.isolation_level, connection.read_only
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        # not the connection's own: that asks for the tenant first, and so takes the snapshot before the locks
        with translated_errors("verifying the record"), psycopg.Connection.transaction(connection):
            if tables:
                only = sql.SQL(", ").join(sql.SQL("ONLY {}").format(table) for table in tables)
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(only))
            for name, value in settings.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])
            yield
    finally:
        if not connection.closed:
            connection.isolation_level, connection.read_only = before


def _tables_shown_by_policies(connection: TenantConnection) -> list[sql.Identifier]:
    """All that are read, where the connection acts as the auditor; none where policies do not count."""
    with connection.transaction():
        if connection.execute("SELECT current_user::text").fetchone() != (AUDITOR,):
            return []
        retired = retired_tables(connection)
    tables = ("audit_log", "audit_seals", *FIRST_COLUMNS, *CHANGING_TABLES)
    return [
        *(sql.Identifier("public", table) for table in tables),
        *(sql.Identifier(RETIRED_SCHEMA, table) for table in retired),
    ]


def _read_seals(connection: TenantConnection) -> list[Seal]:
    with connection.cursor(row_factory=class_row(Seal)) as cursor:
        return cursor.execute(f"SELECT {SEAL_COLUMNS} FROM public.audit_seals ORDER BY seal_no").fetchall()  # noqa: S608


def _events(connection: TenantConnection, rows: EventsOfRows, found: Verification) -> Iterator[tuple[int, AuditEvent]]:
    """By COPY: the server reads on while we hash."""
    rules = EventsObeyRules()
    with connection.cursor() as cursor, cursor.copy(_EVENTS) as copy:
        copy.set_types(["text"] * len(AuditEvent._fields))
        for values in copy.rows():
            event = AuditEvent._make(values)
            rows.note(event)
            rules.look_at(event, found)
            found.checked["events"] += 1
            yield int(event.seq), event


def _check_chain(seals: Sequence[Seal], found: Verification) -> None:
    """Numbers without a gap, links, ranges that meet, and hashes of the seals' own fields."""
    last_hash, last_to, expected = GENESIS, 0, 1
    for seal in seals:

        def problem(what: str, seal: Seal = seal) -> None:
            found.problems.append(Problem("seals", what, seal_no=seal.seal_no, event_seq=seal.from_seq))

        if seal.seal_no != expected:
            problem(f"seal {expected} is missing")
        if seal.prev_hash != last_hash:
            problem("does not link to the seal before it")
        if seal.from_seq != last_to + 1:
            problem(f"begins at event {seal.from_seq}, the seal before it ends at {last_to}")
        if seal.seal_hash != seal.computed_hash():
            problem("its hash is not that of its fields")
        last_hash, last_to, expected = seal.seal_hash, seal.to_seq, seal.seal_no + 1
    found.checked["seals"] = len(seals)


def _check_events(seals: Sequence[Seal], events: Iterator[tuple[int, AuditEvent]], found: Verification) -> None:
    """Every event lies in one seal or after the last; each seal's events are as many as, and hash to, what it says."""
    pending = next(events, None)
    while pending and pending[0] < 1:
        found.problems.append(Problem("events", "an event that no seal can cover", event_seq=pending[0]))
        pending = next(events, None)
    for seal in seals:
        first, uncovered = pending[0] if pending else None, 0
        while pending and pending[0] < seal.from_seq:
            uncovered += 1
            pending = next(events, None)
        if uncovered:
            what = f"{uncovered} events before it that no seal covers"
            found.problems.append(Problem("events", what, seal_no=seal.seal_no, event_seq=first))
        tree = MerkleTree()
        while pending and pending[0] <= seal.to_seq:
            tree.add(event_leaf(pending[1]))
            pending = next(events, None)
        if tree.leaves != seal.row_count:
            what = f"holds {tree.leaves} events, {seal.row_count} were sealed"
            found.problems.append(Problem("events", what, seal_no=seal.seal_no, event_seq=seal.from_seq))
        elif tree.root() != seal.merkle_root:
            what = f"an event from {seal.from_seq} to {seal.to_seq} was changed"
            found.problems.append(Problem("events", what, seal_no=seal.seal_no, event_seq=seal.from_seq))
    while pending:
        found.unsealed += 1
        pending = next(events, None)


def _check_heads(seals: Sequence[Seal], heads: Sequence[tuple[int, str]], found: Verification) -> None:
    """Are the seals that somebody kept elsewhere still in the chain?"""
    hashes = {seal.seal_no: seal.seal_hash.hex() for seal in seals}
    for seal_no, kept in heads:
        found.checked["remembered heads"] += 1
        if seal_no not in hashes:
            found.problems.append(Problem("heads", "the remembered seal is not there", seal_no=seal_no))
        elif hashes[seal_no] != kept.lower():
            what = "has another hash than the remembered one: history was rewritten"
            found.problems.append(Problem("heads", what, seal_no=seal_no))
