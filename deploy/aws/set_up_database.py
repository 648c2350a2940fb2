"""Makes the logins and databases on RDS, gives the logins the passwords of Secrets Manager, and migrates.

    python /app/aws/set_up_database.py

For the task `setup`, by hand: before the first start, before each release, and after a password was changed in Secrets
Manager. May be run again at any time. It does the administrator's part of docs/security.md, "A server of your own", as
RECON_ADMINISTRATOR_USER with RECON_ADMINISTRATOR_PASSWORD, which no service has.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from recon_assets.domain.errors import ConfigurationError, ReconError, StoreRefused
from recon_assets.settings import Settings
from recon_assets.store.database import Database, open_database
from recon_assets.store.errors import connection_error
from recon_assets.store.roles import AUDITOR, LOGIN_LIMITS, ROLES_LOCK, admit
from recon_assets.store.transport import Transport

CONNECT_TIMEOUT_S = 30
MAINTENANCE_DATABASE = "postgres"


def main() -> None:
    """Exit code 0 and what is ready, or 1 and why not."""
    try:
        settings = Settings()
        set_up(settings, os.environ)
    except ReconError as error:
        sys.exit(f"set_up_database.py: {error}")
    print(
        f"{settings.db_name} is ready for {settings.db_user}, {settings.dagster_db_name} for {settings.dagster_db_user}"
    )


def set_up(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raises `ConfigurationError` for a value that is missing, and what the store raises."""
    logins = {
        "DB_MIGRATION": (settings.db_migration_user, settings.db_migration_password),
        "DB": (settings.db_user, settings.db_password),
        "DAGSTER_DB": (settings.dagster_db_user, settings.dagster_db_password),
        "DB_AUDITOR": (settings.db_auditor_user, settings.db_auditor_password),
    }
    for name, (user, password) in logins.items():
        _demand(user, f"{name}_USER")
        _demand(password.get_secret_value(), f"{name}_PASSWORD")
    users = [str(user) for user, _ in logins.values()]
    if len(set(users)) != len(users):
        raise ConfigurationError(
            "two logins have the same name",
            where=", ".join(f"{name}_USER" for name in logins),
            remedy="Give the migrator, the application, Dagster and the auditor a login each.",
        )
    migrator, _, dagster, auditor = users
    with _administrator(settings, environment) as connection:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [ROLES_LOCK])
            for user, (_, password) in zip(users, logins.values(), strict=True):
                _make_login(connection, user, password, may_create_roles=user == migrator)
        _make_database(connection, settings.db_name, owner=migrator)
        _make_database(connection, settings.dagster_db_name, owner=dagster)
    # it migrates, as the migrator, who has made the groups and so may admit to them
    with open_database(settings) as database, database.connect_as_migrator() as connection:
        admit(connection, user=auditor, groups=(AUDITOR,))


def _demand(value: object, name: str) -> None:
    if not value:
        raise ConfigurationError(
            f"{name} has no value", where="the environment of this task", remedy="Set it in its task definition."
        )


@contextmanager
def _administrator(settings: Settings, environment: Mapping[str, str]) -> Iterator[psycopg.Connection]:
    user, password = (environment.get(f"RECON_ADMINISTRATOR_{name}", "") for name in ("USER", "PASSWORD"))
    _demand(user, "RECON_ADMINISTRATOR_USER")
    _demand(password, "RECON_ADMINISTRATOR_PASSWORD")
    _demand(settings.db_host, "DB_HOST")
    database = Database.from_settings(settings)
    try:
        connection = psycopg.connect(
            host=database.host,
            port=database.port,
            dbname=MAINTENANCE_DATABASE,
            user=user,
            password=password,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="recon set up",
            autocommit=True,
            **Transport.from_settings(settings).parameters(),
        )
    except psycopg.OperationalError as error:
        raise connection_error(error, where=database.where, password=password) from error
    with connection:
        try:
            yield connection
        except errors.InsufficientPrivilege as error:
            raise StoreRefused(
                f"the administrator may not do this: {error.diag.message_primary}",
                where=database.where,
                remedy="Use the login that RDS made as its master user, or one with CREATEROLE and CREATEDB.",
            ) from error


def _make_login(connection: psycopg.Connection, user: str, password: SecretStr, *, may_create_roles: bool) -> None:
    """Only a verifier of the password leaves this process, so that no log of the server has it."""
    name = sql.Identifier(user)
    if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).fetchall():
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    verifier = connection.pgconn.encrypt_password(
        password.get_secret_value().encode(), user.encode(), b"scram-sha-256"
    ).decode()
    rights = sql.SQL("CREATEROLE" if may_create_roles else "NOCREATEROLE")
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(name, rights, sql.Literal(verifier)))
    for setting, value in LOGIN_LIMITS.items():
        connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), value))


def _make_database(connection: psycopg.Connection, name: str, *, owner: str) -> None:
    """An administrator that is no superuser gives a database only to a role that it is a member of, for that moment."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
        return
    role = sql.Identifier(owner)
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name), role)
    )
    connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(role))


if __name__ == "__main__":
    main()
