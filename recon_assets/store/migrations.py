"""The schema's story, forward only: `sql/migrations/NNNN_what.sql`, then `sql/views/*.sql` whenever one changed.

`schema_migrations` says what was applied, with checksums. Version 0 in it stands for the views as a whole.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors

from recon_assets.domain.errors import ConfigurationError, StoreRefused

ADVISORY_LOCK: Final = 7_311_465_201
"""One migrator at a time; the number means nothing else."""

VIEWS_VERSION: Final = 0
_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_AS_OWNER: Final = b"SET LOCAL ROLE recon_owner;"
"""Views belong to the owner, whoever migrates. Migrations say so themselves where they create something."""

_CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version integer PRIMARY KEY CHECK (version >= 0),
        name text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""
_RECORD: Final = """
    INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)
    ON CONFLICT (version) DO UPDATE SET sha256 = excluded.sha256, applied_at = clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class _Step:
    version: int
    name: str
    text: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def migrate(connection: psycopg.Connection, *, sql_dir: Path) -> int:
    """Bring the schema up to date, each step in its own transaction; returns how many steps that took.

    One query when nothing is to be done. `connection` is in autocommit. Raises `StoreRefused` when an applied file
    was changed or is gone, or when a step fails; `ConfigurationError` when the files have a gap.
    """
    assert connection.autocommit, "each step is a transaction of its own"
    steps = [*_migrations(sql_dir), _views(sql_dir)]
    applied = 0
    while _next_step(steps, _applied(connection)):
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            connection.execute(_CREATE_TABLE)
            step = _next_step(steps, _applied(connection))  # another process may have been faster
            if step:
                _apply(connection, step)
                applied += 1
    return applied


def _migrations(sql_dir: Path) -> list[_Step]:
    steps = []
    for expected, path in enumerate(sorted((sql_dir / "migrations").glob("*.sql")), start=1):
        parts = _NAME.fullmatch(path.name)
        if not parts or int(parts[1]) != expected:
            raise ConfigurationError(
                f"migration {expected:04d} is missing or misnamed",
                where=str(path),
                remedy="Name the files NNNN_what.sql, numbered from 0001 without a gap.",
            )
        steps.append(_Step(expected, path.name, path.read_bytes()))
    if not steps:
        raise ConfigurationError(
            "there are no migrations", where=str(sql_dir), remedy="Set RECON_HOME to the project's folder."
        )
    return steps


def _views(sql_dir: Path) -> _Step:
    texts = [p.read_bytes() for p in sorted((sql_dir / "views").glob("*.sql"))]
    return _Step(VIEWS_VERSION, "views", b"\n".join([_AS_OWNER, *texts] if texts else []))


def _applied(connection: psycopg.Connection) -> dict[int, str]:
    try:
        return dict(connection.execute("SELECT version, sha256 FROM schema_migrations").fetchall())
    except errors.UndefinedTable:
        return {}


def _next_step(steps: list[_Step], applied: dict[int, str]) -> _Step | None:
    """The first step that is not applied. Migrations come first: views may need them."""
    if unknown := set(applied) - {step.version for step in steps}:
        raise StoreRefused(
            f"the database is newer than this program: migration {max(unknown):04d} is unknown here",
            where="schema_migrations",
            remedy="Use the version of the program that made it, or a newer one.",
        )
    for step in steps:
        if step.version not in applied:
            return step
        if applied[step.version] != step.sha256:
            if step.version == VIEWS_VERSION:
                return step
            raise StoreRefused(
                "a migration was changed after it was applied",
                where=step.name,
                remedy="Restore the file as it was and put the change into a new migration.",
            )
    return None


def _apply(connection: psycopg.Connection, step: _Step) -> None:
    try:
        connection.execute(step.text)
    except psycopg.Error as error:
        reason = (
            error.diag.message_primary if isinstance(error, psycopg.ProgrammingError) else None
        )  # else maybe a value
        raise StoreRefused(
            f"a migration failed: {reason or type(error).__name__}",
            where=step.name,
            remedy=(reason and error.diag.message_hint) or "Nothing of it was kept; correct the cause and try again.",
        ) from None
    connection.execute(_RECORD, [step.version, step.name, step.sha256])
