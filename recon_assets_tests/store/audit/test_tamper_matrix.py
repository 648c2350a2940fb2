"""Every attack at every level: refused, without effect, or found, and which. The table is also in docs/security.md.

Each cell has a copy of one record. Refused and without effect mean that every row of every table is byte for byte as
before; found means that the verifier of `recon audit verify`, which has nothing to say about the copy before, names it
by exactly the checks that the table says.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count

import psycopg
import pytest

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store.audit import last_seal, seal_audit
from recon_assets.store.audit_format import Seal
from recon_assets.store.audit_verification import verify_audit
from recon_assets.store.database import Database
from recon_assets.store.roles import APPLICATION, embedded_login
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import TEMPLATE, session_as_superuser, settings_on
from recon_assets_tests.store.audit.attack import (
    NOT_FOUND,
    Attack,
    Finder,
    Found,
    Level,
    NotFound,
    Refused,
    Step,
    Unchanged,
)
from recon_assets_tests.store.audit.attack_table import ATTACKS, DOCUMENT, LIES_ABOUT_THE_PRESENT, with_section
from recon_assets_tests.store.audit.tampering import SQL, write_record
from recon_assets_tests.store.tenants import B, fill

OWNERS = {Level.OWNER: "recon_owner", Level.AUDIT_OWNER: "recon_audit_owner"}
FINDERS = {
    "seals": Finder.CHAIN,
    "events": Finder.CHAIN,
    "schema": Finder.SCHEMA,
    "heads": Finder.HEAD,
    "rules": Finder.RULES,
}
ATTACKED = (
    "archives",
    "audit_log",
    "audit_seals",
    "data_quality_checks",
    "discrepancies",
    "prior_day_matches",
    "reconciliation_proofs",
    "reconciliation_runs",
    "system_configuration",
)
SEAL_WAIT_MS = 50


@dataclass
class Record:
    """A copy of the record, a connection that looks at it and takes no part, and the head that somebody kept."""

    database: Database
    watcher: TenantConnection
    opened: ExitStack
    head: tuple[int, str]
    as_written: bool = False
    """Proven after an attack: the copy serves for the next one."""

    def digests(self) -> dict[str, str]:
        """Of every row of every table."""
        tables = self.watcher.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        query = (
            "SELECT count(*) || ':' || encode(sha256(convert_to(coalesce(string_agg(v, E'\\n' ORDER BY v), ''), 'UTF8')"
            "), 'hex') FROM (SELECT to_jsonb(t)::text AS v FROM public.{} AS t) AS r"
        )
        found = {name: self.watcher.execute(query.format(name).encode()).fetchone() for (name,) in tables}
        self.watcher.rollback()
        return {name: digest[0] for name, digest in found.items() if digest}

    def found_by(self) -> set[Finder]:
        try:
            found = verify_audit(self.watcher, sql_dir=SQL, heads=[self.head])
        except StoreRefused:
            return {Finder.STOP}
        return {FINDERS.get(problem.check, Finder.ROWS) for problem in found.problems}

    def unsealed(self) -> int:
        return verify_audit(self.watcher, sql_dir=SQL).unsealed


@pytest.fixture(scope="module")
def admin(server) -> Iterator[psycopg.Connection]:
    """Of the server, with logins on it that are members of one owner's group only."""
    with psycopg.connect(
        host=str(server.socket_dir), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        for group in OWNERS.values():
            connection.execute(f"CREATE ROLE {_login(group)} LOGIN IN ROLE {group}".encode())
        yield connection
        for group in OWNERS.values():
            connection.execute(f"DROP ROLE {_login(group)}".encode())


@pytest.fixture(scope="module")
def copies(server, admin, tmp_path_factory) -> Iterator[Callable[[], AbstractContextManager[Record]]]:
    """Copies of a record of two tenants, all of it sealed; one that is proven to be as it was is given out again."""
    folder = tmp_path_factory.mktemp("written")
    database = Database.from_settings(settings_on(server, folder, name="attacked"))
    admin.execute(f"CREATE DATABASE {database.name} TEMPLATE {TEMPLATE}".encode())
    with session_as_superuser(database) as connection:
        write_record(connection, folder)
        fill(database, B, folder)
        seal_audit(connection)
        seal = last_seal(connection)
        assert seal is not None
    numbers = count(1)
    kept: list[Record] = []

    @contextmanager
    def copy() -> Iterator[Record]:
        record = kept.pop() if kept else _copy_of(database, f"attacked_{next(numbers)}", admin, seal)
        record.as_written = False
        yield record
        if record.as_written:
            kept.append(record)
        else:
            record.opened.close()  # the database goes with its server: to drop it takes longer than to attack it

    yield copy
    for record in kept:
        record.opened.close()


def _copy_of(database: Database, name: str, admin: psycopg.Connection, seal: Seal) -> Record:
    """With the rights that `recon` gives on its database: they are not copied."""
    admin.execute(f"CREATE DATABASE {name} TEMPLATE {database.name} STRATEGY wal_log".encode())
    admin.execute(f"REVOKE TEMPORARY, CREATE ON DATABASE {name} FROM PUBLIC".encode())
    admin.execute(f"GRANT TEMPORARY ON DATABASE {name} TO {APPLICATION}".encode())
    stack = ExitStack()
    database = replace(database, name=name)
    record = Record(
        database, stack.enter_context(session_as_superuser(database)), stack, (seal.seal_no, seal.seal_hash.hex())
    )
    assert record.found_by() == set()
    return record


@pytest.fixture
def record(copies) -> Iterator[Record]:
    with copies() as record:
        yield record


def _login(group: str) -> str:
    return f"attacker_{group.removeprefix('recon_')}"


@contextmanager
def connected_as(level: Level, database: Database) -> Iterator[TenantConnection]:
    if level is Level.APPLICATION:
        with database.connect() as connection:
            yield connection
    elif level is Level.SUPERUSER:
        with session_as_superuser(database) as connection:
            yield connection
    else:
        group = OWNERS[level]
        with database._connect(database.name, embedded_login(_login(group)), role=group) as connection:
            yield connection


def attack_as(connection: TenantConnection, attack: Attack) -> str | None:
    """The SQLSTATE with which it was refused, if it was."""
    try:
        with connection.transaction():
            connection.execute(attack.sql.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def application_writes(record: Record) -> None:
    with record.database.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO system_configuration (key, value) VALUES ('written', '1')")


def application_is_kept_from_sealing(record: Record) -> bool:
    application_writes(record)
    with record.database.connect() as connection, pytest.raises(StoreUnavailable):
        seal_audit(connection, wait_ms=SEAL_WAIT_MS)
    return record.unsealed() > 0


def is_sealed_once_the_attacker_is_gone(record: Record) -> bool:
    with record.database.connect() as connection:
        seal_audit(connection)
    return record.unsealed() == 0


CELLS = [pytest.param(attack, level, id=f"{level}: {attack.name}") for attack in ATTACKS for level in Level]


def test_the_document_has_the_table() -> None:
    document = DOCUMENT.read_text()
    assert document == with_section(document), "python -m recon_assets_tests.store.audit.attack_table"


def test_only_lies_about_the_present_are_not_found() -> None:
    not_found = {attack.name for attack in ATTACKS if NOT_FOUND in attack.outcomes}
    assert not_found == LIES_ABOUT_THE_PRESENT
    for attack in ATTACKS:
        assert NOT_FOUND not in attack.outcomes[:2], "neither the application nor the schema owner can lie"


def test_the_record_that_is_copied_is_as_written(record) -> None:
    assert record.found_by() == set()
    assert record.unsealed() == 0
    digests = record.digests()
    assert not [table for table in ATTACKED if digests[table].startswith("0:")], "each has rows to attack"


@pytest.mark.parametrize(("attack", "level"), CELLS)
def test_an_attack_is_refused_or_found(record, attack: Attack, level: Level) -> None:
    if attack.first is Step.WRITE:
        application_writes(record)
    before = record.digests()
    found: set[Finder] = set()
    try:
        with connected_as(level, record.database) as attacker:
            sqlstate = attack_as(attacker, attack)
            if sqlstate is None and attack.then is Step.WRITE:
                application_writes(record)
            if sqlstate is None and attack.then is Step.SEAL and application_is_kept_from_sealing(record):
                found.add(Finder.SEALER)
        after = record.digests()
        found |= record.found_by()
        if Finder.SEALER in found:
            assert is_sealed_once_the_attacker_is_gone(record)
    finally:
        if attack.undo:
            record.watcher.execute(attack.undo.encode())
            record.watcher.commit()
    match attack.outcome(level):
        case Refused(sqlstate=expected):
            assert (sqlstate, found) == (expected, set())
            assert after == before
            record.as_written = attack.first is None
        case Unchanged():
            assert (sqlstate, found) == (None, set())
            assert after == before
            record.as_written = attack.first is None
        case Found(by=finders):
            assert (sqlstate, found) == (None, finders)
        case NotFound():
            assert (sqlstate, found) == (None, set())
            assert after != before
