"""Where the record is and how to connect to it: the embedded server, or the one that `DB_HOST` names.

Not here: what is stored (`runs`, `checks`, `health`) and how the tables come to be (`migrations`).
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused
from recon_assets.settings import Settings
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.embedded_process import PORT, SUPERUSER
from recon_assets.store.errors import connection_error
from recon_assets.store.migrations import migrate

CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_S: Final = 600
"""The longest statement is the publication of a day with very many discrepancies."""
LOCK_TIMEOUT_S: Final = 60
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 300
KEEPALIVE_IDLE_S: Final = 30
MINIMUM_SERVER_VERSION: Final = 15
"""The first with `security_invoker` views."""
APPLICATION_NAME: Final = "recon"
MAINTENANCE_DATABASE: Final = "postgres"


@dataclass(frozen=True, slots=True)
class Database:
    """`host` is a host name, an address, or the absolute folder of a unix socket, as in libpq."""

    host: str
    port: int
    name: str
    user: str
    password: SecretStr
    dagster_name: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The database that the settings mean. Nothing is started or contacted."""
        if settings.db_host is not None:
            host, port, user, password = settings.db_host, settings.db_port, settings.db_user, settings.db_password
        else:
            host, port, user = str(EmbeddedServer(settings.data_dir).socket_dir), PORT, SUPERUSER
            password = SecretStr("")
        return cls(host, port, settings.db_name, user, password, settings.dagster_db_name)

    @property
    def where(self) -> str:
        """For people: the socket or the host and port, without user and password."""
        return f"socket in {self.host}" if self._is_socket else f"{self.host}:{self.port}"

    @property
    def dsn(self) -> str:
        """The URL for psql or any other client. It contains the password, if there is one: never log it."""
        return self._url("postgresql", self.name)

    @property
    def dagster_url(self) -> str:
        """The URL of Dagster's own database, for SQLAlchemy. It contains the password, if there is one."""
        return self._url("postgresql+psycopg2", self.dagster_name)

    def connect(self, *, read_only: bool = False, autocommit: bool = False) -> psycopg.Connection:
        """A new connection with time limits, in UTC.

        Raises `StoreUnavailable` when nothing answers, `StoreRefused` when the server says no.
        """
        return self._connect(self.name, read_only=read_only, autocommit=autocommit)

    def create_missing(self) -> None:
        """Create the two databases if they do not exist. Raises `StoreRefused` when we may not."""
        try:
            connection = self._connect(self.name, autocommit=True)
        except StoreRefused as refused:
            if not isinstance(refused.__cause__, psycopg.OperationalError) or "not exist" not in refused.what:
                raise
            with self._connect(MAINTENANCE_DATABASE, autocommit=True) as maintenance:
                self._create(maintenance, self.name)
            connection = self._connect(self.name, autocommit=True)
        with connection:
            self._check_version(connection)
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.dagster_name]).fetchone()
            if not exists:
                self._create(connection, self.dagster_name)

    @property
    def _is_socket(self) -> bool:
        return self.host.startswith("/")

    def _url(self, scheme: str, name: str) -> str:
        password = self.password.get_secret_value()
        user = quote(self.user, safe="") + (f":{quote(password, safe='')}" if password else "")
        if self._is_socket:
            port = "" if self.port == PORT else f"&port={self.port}"
            return f"{scheme}://{user}@/{quote(name, safe='')}?host={quote(self.host, safe='/')}{port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user}@{host}:{self.port}/{quote(name, safe='')}"

    def _connect(self, name: str, *, read_only: bool = False, autocommit: bool = False) -> psycopg.Connection:
        password = self.password.get_secret_value()
        limits = {
            "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
            "lock_timeout": f"{LOCK_TIMEOUT_S}s",
            "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s",
            "TimeZone": "UTC",
        }
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=name,
                user=self.user,
                password=password or None,
                application_name=APPLICATION_NAME,
                connect_timeout=CONNECT_TIMEOUT_S,
                client_encoding="UTF8",
                keepalives_idle=KEEPALIVE_IDLE_S,
                options=" ".join(f"-c {setting}={value}" for setting, value in limits.items()),
                autocommit=autocommit,
            )
        except psycopg.OperationalError as error:
            raise connection_error(error, where=self.where, password=password) from error
        connection.read_only = read_only
        return connection

    def _check_version(self, connection: psycopg.Connection) -> None:
        if connection.info.server_version < MINIMUM_SERVER_VERSION * 10_000:
            raise StoreRefused(
                f"PostgreSQL {connection.info.server_version // 10_000} is too old",
                where=self.where,
                remedy=f"Use PostgreSQL {MINIMUM_SERVER_VERSION} or newer, or unset DB_HOST to use the embedded one.",
            )

    def _create(self, connection: psycopg.Connection, name: str) -> None:
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            )
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            return  # another process was faster
        except psycopg.Error as error:
            raise StoreRefused(
                f"the database {name} does not exist and we may not create it",
                where=self.where,
                remedy=f"As an administrator: CREATE DATABASE {name} OWNER {self.user} ENCODING 'UTF8'.",
            ) from error


@contextmanager
def open_database(settings: Settings, *, with_schema: bool = True) -> Iterator[Database]:
    """The database, ready for use: the embedded server joined (and left at the end), databases and schema in place.

    `with_schema=False` leaves the schema as it is: for Dagster's storage, which has a database of its own.
    """
    with ExitStack() as stack:
        if settings.uses_embedded_database:
            stack.enter_context(EmbeddedServer(settings.data_dir))
        database = Database.from_settings(settings)
        database.create_missing()
        if with_schema:
            with database.connect(autocommit=True) as connection:
                migrate(connection, sql_dir=settings.home / "sql")
        yield database


def hold_database(settings: Settings, *, with_schema: bool = True) -> Database:
    """`open_database` until this process ends: for what has no end of its own, like Dagster's storage."""
    stack = ExitStack()
    database = stack.enter_context(open_database(settings, with_schema=with_schema))
    atexit.register(stack.close)
    return database
