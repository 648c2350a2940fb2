"""The rows of the record against the audit events that speak of them, recomputed in Python.

Rows that never change must hash to the digest of their BULK_INSERT event; rows that may change must be as their last
event left them. Rows of retired months are read where they are now, in `recon_retired`. What belongs here: this
comparison; not here: whether the events themselves are genuine.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg
from psycopg import sql

from recon_assets.store.audit_findings import Problem, Verification
from recon_assets.store.audit_format import AuditEvent, RowText, digest_of_rows

_FIRST_DISCREPANCIES: Final = (
    "id run_id discrepancy_id processor_name business_date class outcome priority side transaction_id occurrence "
    "currency exponent amount_minor amount processor_amount_minor processor_currency processor_status processor_seq "
    "processor_raw_file processor_record_number ledger_amount_minor ledger_currency ledger_status ledger_seq "
    "ledger_raw_file ledger_record_number merchant_id reference_number fee_minor fee status occurred_at"
)
_FIRST_PROOFS: Final = (
    "run_id currency exponent processor_transactions ledger_entries processor_total_minor ledger_total_minor "
    "signed_discrepancies_minor residual_minor discrepancy_count discrepancy_amount_minor volume_minor"
)
FIRST_COLUMNS: Final = {
    "discrepancies": tuple(_FIRST_DISCREPANCIES.split(" ")),
    "reconciliation_proofs": tuple(_FIRST_PROOFS.split(" ")),
    "discrepancy_events": (),
    "matches": (),
}
"""Tables whose rows never change. Events from before migration 0005 name no columns: they covered these."""

_COLUMNS: Final = """
    SELECT a.attname::text, t.typname::text
    FROM pg_catalog.pg_attribute AS a INNER JOIN pg_catalog.pg_type AS t ON a.atttypid = t.oid
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

RETIRED_SCHEMA: Final = "recon_retired"
_RETIRED: Final = """
    SELECT c.relname::text
    FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'recon_retired' AND c.relkind = 'r' ORDER BY c.relname
"""

CHANGING_TABLES: Final = (
    "reconciliation_runs",
    "data_quality_checks",
    "system_configuration",
    "outbox",
    "prior_day_matches",
    "archives",
)


@dataclass(frozen=True, slots=True, order=True)
class _Form:
    """As which text rows were hashed: PostgreSQL's `record` or `jsonb` (until migration 0018) of these columns."""

    text: str
    columns: tuple[str, ...]


@dataclass(slots=True)
class _Digests:
    """What the BULK_INSERT events of one run and table say together."""

    first_seq: int
    form: _Form
    rows: int = 0
    largest: int = 0
    sha256: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Retirement:
    """What a RETIRE event says of its table."""

    seq: int
    rows: int
    file: str
    sha256: str


@dataclass(slots=True)
class EventsOfRows:
    """What the events say of rows: filled while they stream by, so that the log is read once."""

    digests: dict[tuple[str, str | None], _Digests] = field(default_factory=dict)
    last_events: dict[str, dict[str, tuple[str, bytes | None]]] = field(default_factory=lambda: defaultdict(dict))
    """Per table and row: the event's seq, and the SHA-256 of its new value; None once the row was deleted."""
    retired: dict[str, _Retirement] = field(default_factory=dict)
    """Per name of the retired table, with its schema."""

    def note(self, event: AuditEvent) -> None:
        """Remember what this event says, if it speaks of rows that are compared."""
        if event.action == "BULK_INSERT" and event.table_name in FIRST_COLUMNS:
            self._note_digest(event, event.table_name)
        elif event.table_name in CHANGING_TABLES and event.action in {"INSERT", "UPDATE", "DELETE"}:
            value = event.new_value or event.old_value or "{}"
            digest = hashlib.sha256(event.new_value.encode()).digest() if event.new_value else None
            self.last_events[event.table_name][_id_in(value)] = (event.seq, digest)
        elif event.action == "RETIRE":
            said = _object(event.new_value)
            self.retired[event.table_name or ""] = _Retirement(
                int(event.seq), int(event.row_count), str(said.get("file")), str(said.get("sha256"))
            )

    def _note_digest(self, event: AuditEvent, table: str) -> None:
        said = _object(event.new_value)
        columns = said.get("columns")
        named = tuple(map(str, columns)) if isinstance(columns, list) else FIRST_COLUMNS[table]
        form = _Form(str(said.get("text", "jsonb")), named)
        known = self.digests.setdefault((table, event.run_id), _Digests(int(event.seq), form))
        known.rows += int(event.row_count)
        known.largest = max(known.largest, int(event.row_count))
        known.sha256.append(str(said.get("sha256")))


def check_rows(connection: psycopg.Connection, events: EventsOfRows, found: Verification) -> None:
    """Compare every row that events speak of, both ways: none changed, none missing, none that no event knows."""
    retired = retired_tables(connection)
    _check_retired({f"{RETIRED_SCHEMA}.{name}" for name in retired}, events, found)
    for table in FIRST_COLUMNS:
        places = [sql.Identifier("public", table)]
        if table == "discrepancies":
            places += [sql.Identifier(RETIRED_SCHEMA, name) for name in retired]
        _check_digests(connection, table, places, events, found)
    for table in CHANGING_TABLES:
        _check_last_events(connection, table, events.last_events[table], found)


def retired_tables(connection: psycopg.Connection) -> list[str]:
    """Names of the tables in `recon_retired`."""
    return [name for (name,) in connection.execute(_RETIRED).fetchall()]


def _check_retired(tables: set[str], events: EventsOfRows, found: Verification) -> None:
    """The tables of retired months are those that events speak of."""
    found.checked["retired months"] = len(tables)
    for name in sorted(tables - events.retired.keys()):
        found.problems.append(Problem("retired months", f"no event speaks of the retired table {name}"))
    for name in sorted(events.retired.keys() - tables):
        said = events.retired[name]
        what = (
            f"the retired table {name} is gone; its {said.rows} rows are in {said.file} of the archive,"
            f" SHA-256 {said.sha256}"
        )
        found.problems.append(Problem("retired months", what, event_seq=said.seq))


def _check_digests(
    connection: psycopg.Connection,
    table: str,
    places: Sequence[sql.Identifier],
    events: EventsOfRows,
    found: Verification,
) -> None:
    """`places` are all tables that hold rows of `table`; those of one run are in one of them."""
    expected = {run_id: said for (name, run_id), said in events.digests.items() if name == table}
    forms = sorted({said.form for said in expected.values()}) or [_Form("record", FIRST_COLUMNS[table])]
    for place in places:
        for form in forms:
            for run_id, group in groupby(_texts(connection, place, form), key=itemgetter(0)):
                said = expected.get(run_id)
                if (said.form if said else forms[0]) != form:
                    continue
                hashes = [hashlib.sha256(text().encode()).digest() for _, text in group]
                found.checked[f"{table} rows"] += len(hashes)
                if (what := _digest_problem(hashes, said)) is not None:
                    seq = said.first_seq if said else None
                    found.problems.append(Problem(f"{table} rows", what, event_seq=seq, run_id=run_id))
                expected.pop(run_id, None)
    for run_id, said in expected.items():
        what = f"no rows, the event says {said.rows}"
        found.problems.append(Problem(f"{table} rows", what, event_seq=said.first_seq, run_id=run_id))


def _texts(
    connection: psycopg.Connection, table: sql.Identifier, form: _Form
) -> Iterator[tuple[str | None, Callable[[], str]]]:
    """Run and text of every row, by run. Columns that the table does not have are left out: the hash will differ."""
    if form.text == "record":
        known = {name for name, _ in _columns(connection, table)}
        named = [sql.SQL("r.") + sql.Identifier(name) for name in form.columns if name in known]
        query = sql.SQL("COPY (SELECT r.run_id, ROW({})::text FROM {} AS r ORDER BY r.run_id) TO STDOUT")
        with connection.cursor() as cursor, cursor.copy(query.format(sql.SQL(", ").join(named), table)) as copy:
            copy.set_types(["text"] * 2)
            for run_id, text in copy.rows():
                yield run_id, partial(str, text)
    else:
        with _streamed(connection, table, order="run_id") as (columns, rows):
            kept = _pick(columns, form.columns)
            place, text_of = [name for name, _ in columns].index("run_id"), RowText([columns[at] for at in kept])
            for row in rows:
                yield row[place], partial(_text_of, text_of, row, kept)


def _text_of(text_of: RowText, row: Sequence[str | None], kept: Sequence[int]) -> str:
    return text_of.of([row[at] for at in kept])


def _digest_problem(hashes: list[bytes], said: _Digests | None) -> str | None:
    if said is None:
        return f"{len(hashes)} rows that no event speaks of"
    if len(hashes) != said.rows:
        return f"{len(hashes)} rows, the event says {said.rows}"
    if len(said.sha256) == 1 and said.sha256[0] == digest_of_rows(hashes):
        return None
    if said.largest == 1 and sorted(said.sha256) == sorted(digest_of_rows([each]) for each in hashes):
        return None  # inserted one by one: each has an event of its own
    return "rows do not hash to what the event says"


def _check_last_events(
    connection: psycopg.Connection, table: str, said: dict[str, tuple[str, bytes | None]], found: Verification
) -> None:
    unseen = {row_id: seq for row_id, (seq, digest) in said.items() if digest is not None}
    differing: list[tuple[str, str, dict[str, str | None]]] = []
    with _streamed(connection, sql.Identifier("public", table), order="id") as (columns, rows):
        names = [name for name, _ in columns]
        place, text = names.index("id"), RowText(columns)
        for row in rows:
            found.checked[f"{table} rows"] += 1
            row_id = row[place] or ""
            unseen.pop(row_id, None)
            seq, digest = said.get(row_id, (None, None))
            if seq is None or digest is None:
                seq_no = int(seq) if seq else None
                what = f"row {row_id} of {table} is there, and no event speaks of it"
                found.problems.append(Problem(f"{table} rows", what, event_seq=seq_no))
            elif hashlib.sha256(text.of(row).encode()).digest() != digest:
                differing.append((row_id, seq, dict(zip(names, row, strict=True))))
    for row_id, seq, values in differing:
        if not _same_in_the_columns_of_then(connection, seq, columns, values):
            what = f"row {row_id} of {table} is not what its last event says"
            found.problems.append(Problem(f"{table} rows", what, event_seq=int(seq)))
    for row_id, seq in unseen.items():
        found.problems.append(Problem(f"{table} rows", f"row {row_id} of {table} is gone", event_seq=int(seq)))


def _same_in_the_columns_of_then(
    connection: psycopg.Connection, seq: str, columns: list[tuple[str, str]], values: dict[str, str | None]
) -> bool:
    """A migration may have added columns since the event: then its own columns decide."""
    row = connection.execute("SELECT new_value::text FROM public.audit_log WHERE seq = %s::bigint", [seq]).fetchone()
    assert row is not None, "the snapshot has just shown it"
    then = [columns[at] for at in _pick(columns, tuple(_object(row[0])))]
    return RowText(then).of([values[name] for name, _ in then]) == str(row[0])


def _pick(columns: Sequence[tuple[str, str]], names: tuple[str, ...]) -> list[int]:
    return [at for at, (name, _) in enumerate(columns) if name in names]


def _columns(connection: psycopg.Connection, table: sql.Identifier) -> list[tuple[str, str]]:
    return connection.execute(_COLUMNS, [table.as_string(connection)]).fetchall()


@contextmanager
def _streamed(
    connection: psycopg.Connection, table: sql.Identifier, *, order: str
) -> Iterator[tuple[list[tuple[str, str]], Iterator[Sequence[str | None]]]]:
    """Names and types of the columns, and the rows with every value as PostgreSQL prints it."""
    columns = _columns(connection, table)
    query = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT").format(table, sql.Identifier(order))
    with (
        connection.cursor() as cursor,
        cursor.copy(query) as copy,
    ):
        copy.set_types(["text"] * len(columns))
        yield columns, copy.rows()


def _id_in(value: str) -> str:
    """The row's id: read from the text, since a key of that name is the first of two letters in jsonb's order."""
    start = value.find('{"id": "')
    return value[8:44] if start == 0 else str(_object(value).get("id"))


def _object(value: str | None) -> dict[str, Any]:
    """What an event says, and nothing where it says what no trigger of ours would: that differs from every row."""
    said = json.loads(value or "{}")
    return said if isinstance(said, dict) else {}
