"""Who connects as what: the groups that the migrations make, and the logins that are members of them.

Not here: what the groups may do (`sql/migrations`) and the connections themselves (`database`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused

OWNERS: Final = ("recon_owner", "recon_audit_owner")
APPLICATION: Final = "recon_app"
READER: Final = "recon_reader"
"""Reads the rows of one tenant."""
AUDITOR: Final = "recon_auditor"
"""Reads everything: every tenant's rows and the audit log."""


ROLES_LOCK: Final = 7_311_465_203
LOGIN_LIMITS: Final = {
    "statement_timeout": "600s",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",
}
"""For every client that uses the login, also one that sets no limits of its own."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the server and the password, empty where none is asked for."""

    user: str
    password: SecretStr


def embedded_login(user: str) -> Login:
    """The embedded server asks for no password: its socket's folder is closed to other accounts."""
    return Login(user, SecretStr(""))


EMBEDDED_APPLICATION: Final = embedded_login("recon")
EMBEDDED_AUDITOR: Final = embedded_login("recon_auditor_login")
EMBEDDED_DAGSTER: Final = embedded_login("recon_dagster")


def create_embedded_logins(connection: psycopg.Connection) -> None:
    """The logins of the embedded server, if they are missing. Needs its superuser, in autocommit."""
    wanted = sorted(login.user for login in (EMBEDDED_APPLICATION, EMBEDDED_AUDITOR, EMBEDDED_DAGSTER))

    def missing() -> list[str]:
        found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [wanted]).fetchall()
        return sorted(set(wanted) - {name for (name,) in found})

    if not missing():
        return
    with _alone(connection):
        for user in missing():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user)))
            for setting, value in LOGIN_LIMITS.items():
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(user), sql.Identifier(setting), value)
                )


def admit(connection: psycopg.Connection, *, user: str, groups: tuple[str, ...]) -> None:
    """Make the login a member of the groups, where it is none yet. Raises `StoreRefused` when we may not."""

    def is_in(group: str) -> bool:
        row = connection.execute("SELECT pg_has_role(%s::name, %s::name, 'USAGE')", [user, group]).fetchone()
        return row == (True,)

    for group in groups:
        if is_in(group):
            continue
        try:
            with _alone(connection):
                if not is_in(group):
                    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(user)))
        except psycopg.Error as error:
            raise StoreRefused(
                f"the login {user} is not a member of {group}, and we may not make it one",
                where="the roles of the database",
                remedy=f"As an administrator: GRANT {group} TO {user}.",
            ) from error


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction that other processes of this database wait for: changes of one role at once fail."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [ROLES_LOCK])
        yield


def give_database(connection: psycopg.Connection, *, owner: str) -> None:
    """Make `owner` the owner of the connected database and of the tables in it. Needs a superuser."""
    with connection.transaction():
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        ).fetchall()
        for (table,) in tables:
            connection.execute(
                sql.SQL("ALTER TABLE public.{} OWNER TO {}").format(sql.Identifier(table), sql.Identifier(owner))
            )
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(owner)
            )
        )


def powers_beyond(connection: psycopg.Connection) -> tuple[str, ...]:
    """What the login of an application's connection could do that the application needs not; empty is as it should be.

    The connection acts as `recon_app`, but whoever holds the login's password may act as the login itself.
    """
    row = connection.execute(
        """
        SELECT
            rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
            pg_has_role(oid, 'recon_owner', 'MEMBER') OR pg_has_role(oid, 'recon_audit_owner', 'MEMBER'),
            pg_has_role(oid, 'recon_auditor', 'MEMBER'),
            oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
        FROM pg_roles WHERE rolname = session_user
        """
    ).fetchone()
    assert row is not None, "the session's user exists"
    if row[0]:
        return ("it is a superuser",)
    powers = (
        "superuser",
        "it bypasses row-level security",
        "it may create roles",
        "it may create databases",
        "it may act as the owner of the record",
        "it may read every tenant's rows",
        "it owns the database",
    )
    return tuple(power for power, has in zip(powers, row, strict=True) if has)
