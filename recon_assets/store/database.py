"""Where the record is and how to connect to it: the embedded server, or the one that `DB_HOST` names.

Not here: what is stored (`runs`, `checks`, `health`) and how the tables come to be (`migrations`).
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlencode
from uuid import UUID

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused
from recon_assets.settings import (
    DEFAULT_TENANT_ID,
    IDLE_IN_TRANSACTION_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    STATEMENT_TIMEOUT_S,
    Settings,
)
from recon_assets.store import roles
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.embedded_process import PORT, SUPERUSER
from recon_assets.store.errors import connection_error
from recon_assets.store.migrations import migrate
from recon_assets.store.roles import Login
from recon_assets.store.tenancy import TENANT_SETTING, TenantConnection
from recon_assets.store.transport import Transport

CONNECT_TIMEOUT_S: Final = 10
KEEPALIVES: Final = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A machine that vanished is noticed within a minute, waited for or spoken to. In seconds, the last in ms."""
MINIMUM_SERVER_VERSION: Final = 15
"""The first with `security_invoker` views."""
APPLICATION_NAME: Final = "recon"
MAINTENANCE_DATABASE: Final = "postgres"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """What PostgreSQL ends for every connection of ours, in seconds."""

    statement_s: float = STATEMENT_TIMEOUT_S
    lock_s: float = LOCK_TIMEOUT_S
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_TIMEOUT_S

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the deployment says."""
        return cls(
            statement_s=settings.db_statement_timeout_s,
            lock_s=settings.db_lock_timeout_s,
            idle_in_transaction_s=settings.db_idle_in_transaction_timeout_s,
        )

    def session(self) -> dict[str, str]:
        """PostgreSQL's settings for a session."""
        limits = {
            "statement_timeout": self.statement_s,
            "lock_timeout": self.lock_s,
            "idle_in_transaction_session_timeout": self.idle_in_transaction_s,
        }
        return {name: f"{max(1, round(seconds * 1000))}ms" for name, seconds in limits.items()}


@dataclass(frozen=True, slots=True)
class Database:
    """`host` is a host name, an address, or the absolute folder of a unix socket, as in libpq.

    `user` is the application's login, and everybody's who has none of his own here. Of the embedded server alone the
    program makes the logins; of another one they are its administrator's.
    """

    host: str
    port: int
    name: str
    user: str
    password: SecretStr
    dagster_name: str
    migrator: Login | None = None
    dagster_owner: Login | None = None
    auditor: Login | None = None
    is_embedded: bool = False
    tenant: UUID = DEFAULT_TENANT_ID
    limits: TimeLimits = field(default_factory=TimeLimits)
    transport: Transport = field(default_factory=Transport)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The database that the settings mean. Nothing is started or contacted.

        Raises `ConfigurationError` when TLS is demanded and can't be had.
        """
        transport = Transport.from_settings(settings)
        if settings.db_host is not None:
            return cls(
                settings.db_host,
                settings.db_port,
                settings.db_name,
                settings.db_user,
                settings.db_password,
                settings.dagster_db_name,
                migrator=_login(settings.db_migration_user, settings.db_migration_password),
                dagster_owner=_login(settings.dagster_db_user, settings.dagster_db_password),
                auditor=_login(settings.db_auditor_user, settings.db_auditor_password),
                tenant=settings.tenant_id,
                limits=TimeLimits.from_settings(settings),
                transport=transport,
            )
        return cls(
            str(EmbeddedServer(settings.data_dir).socket_dir),
            PORT,
            settings.db_name,
            roles.EMBEDDED_APPLICATION.user,
            roles.EMBEDDED_APPLICATION.password,
            settings.dagster_db_name,
            migrator=roles.embedded_login(SUPERUSER),
            dagster_owner=roles.EMBEDDED_DAGSTER,
            auditor=roles.EMBEDDED_AUDITOR,
            is_embedded=True,
            tenant=settings.tenant_id,
            limits=TimeLimits.from_settings(settings),
            transport=transport,
        )

    @property
    def where(self) -> str:
        """For people: the socket or the host and port, without user and password."""
        return f"socket in {self.host}" if self._is_socket else f"{self.host}:{self.port}"

    @property
    def dsn(self) -> str:
        """The URL for psql or any other client: reads the tenant's rows. It contains the password: never log it."""
        options = f"-c role={roles.READER} -c {TENANT_SETTING}={self.tenant}"
        return self._url("postgresql", self.name, self._login, {"options": options})

    @property
    def auditor_dsn(self) -> str:
        """The same for an auditor: reads every tenant's rows and the audit log."""
        return self._url("postgresql", self.name, self.auditor or self._login, {"options": f"-c role={roles.AUDITOR}"})

    @property
    def dagster_url(self) -> str:
        """The URL of Dagster's own database, for SQLAlchemy. It contains the password, if there is one."""
        return self._url("postgresql+psycopg2", self.dagster_name, self.dagster_owner or self._login, {})

    def connect(
        self, *, read_only: bool = False, autocommit: bool = False, role: str = roles.APPLICATION
    ) -> TenantConnection:
        """A new connection with time limits, in UTC, that acts as `role`, for the tenant in each `transaction()`.

        Raises `StoreUnavailable` when nothing answers, `StoreRefused` when the server says no.
        """
        login = (self.auditor if role == roles.AUDITOR else None) or self._login
        return self._connect(self.name, login, role=role, read_only=read_only, autocommit=autocommit)

    def connect_to_dagster(self) -> psycopg.Connection:
        """A connection to Dagster's database as its owner, in autocommit."""
        return self._connect(self.dagster_name, self.dagster_owner or self._login, autocommit=True)

    def connect_as_migrator(self, name: str | None = None) -> TenantConnection:
        """A connection that may change the schema, in autocommit; to another database of the server with `name`."""
        return self._connect(name or self.name, self.migrator or self._login, autocommit=True)

    def connect_to_verify(self) -> TenantConnection:
        """A connection that sees every row: the migrator's where it has a login, else one that acts as the auditor."""
        if self.verifies_as_auditor:
            return self.connect(role=roles.AUDITOR, read_only=True)
        return self.connect_as_migrator()

    @property
    def verifies_as_auditor(self) -> bool:
        """Is there the auditor's login, and none that migrates? It sees as much, and may only read."""
        return self.auditor is not None and self.migrator is None

    def prepare(self, *, sql_dir: Path | None) -> None:
        """Databases, logins and, with `sql_dir`, the schema: what is missing is made, by the migrator's login.

        Raises `StoreRefused` when it may not, and says what an administrator must run.
        """
        with self._open_or_create() as connection:
            self._check_version(connection)
            if self.is_embedded:
                roles.create_embedded_logins(connection)
            self._prepare_dagster(connection)
            if sql_dir:
                migrate(connection, sql_dir=sql_dir)
                roles.admit(connection, user=self.user, groups=(roles.APPLICATION, roles.READER))
                if self.is_embedded and self.auditor:
                    roles.admit(connection, user=self.auditor.user, groups=(roles.AUDITOR,))

    def _open_or_create(self) -> psycopg.Connection:
        try:
            return self.connect_as_migrator()
        except StoreRefused as refused:
            if not isinstance(refused.__cause__, psycopg.OperationalError) or "not exist" not in refused.what:
                raise
            with self.connect_as_migrator(MAINTENANCE_DATABASE) as maintenance:
                self._create(maintenance, self.name, owner=None)
            return self.connect_as_migrator()

    def _prepare_dagster(self, connection: psycopg.Connection) -> None:
        owner = self.dagster_owner.user if self.dagster_owner else self.user
        found = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [self.dagster_name]
        ).fetchone()
        if not found:
            self._create(connection, self.dagster_name, owner=owner)
        elif self.is_embedded and found != (owner,):  # of a server from when the superuser owned everything
            with self.connect_as_migrator(self.dagster_name) as its_own:
                roles.give_database(its_own, owner=owner)

    @property
    def _login(self) -> Login:
        return Login(self.user, self.password)

    @property
    def _is_socket(self) -> bool:
        return self.host.startswith("/")

    def _url(self, scheme: str, name: str, login: Login, parameters: dict[str, str]) -> str:
        password = login.password.get_secret_value()
        user = quote(login.user, safe="") + (f":{quote(password, safe='')}" if password else "")
        where = ""
        if not self._is_socket:
            where = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
            parameters = self.transport.parameters() | parameters
        else:
            parameters = {"host": self.host} | ({} if self.port == PORT else {"port": str(self.port)}) | parameters
        query = f"?{urlencode(parameters, safe='/', quote_via=quote)}" if parameters else ""
        return f"{scheme}://{user}@{where}/{quote(name, safe='')}{query}"

    def _connect(
        self, name: str, login: Login, *, role: str | None = None, read_only: bool = False, autocommit: bool = False
    ) -> TenantConnection:
        password = login.password.get_secret_value()
        transfer: dict[str, Any] = KEEPALIVES | self.transport.parameters()
        session = self.limits.session() | {"TimeZone": "UTC"} | ({"role": role} if role else {})
        try:
            connection = TenantConnection.connect(
                host=self.host,
                port=self.port,
                dbname=name,
                user=login.user,
                password=password or None,
                application_name=APPLICATION_NAME,
                connect_timeout=CONNECT_TIMEOUT_S,
                client_encoding="UTF8",
                options=" ".join(f"-c {setting}={value}" for setting, value in session.items()),
                autocommit=autocommit,
                **transfer,
            )
        except psycopg.OperationalError as error:
            raise connection_error(error, where=self.where, password=password) from error
        connection.tenant = self.tenant
        connection.read_only = read_only
        return connection

    def _check_version(self, connection: psycopg.Connection) -> None:
        if connection.info.server_version < MINIMUM_SERVER_VERSION * 10_000:
            raise StoreRefused(
                f"PostgreSQL {connection.info.server_version // 10_000} is too old",
                where=self.where,
                remedy=f"Use PostgreSQL {MINIMUM_SERVER_VERSION} or newer, or unset DB_HOST to use the embedded one.",
            )

    def _create(self, connection: psycopg.Connection, name: str, *, owner: str | None) -> None:
        owned = sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'{}").format(sql.Identifier(name), owned)
            )
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            return  # another process was faster
        except psycopg.Error as error:
            owner = owner or (self.migrator or self._login).user
            raise StoreRefused(
                f"the database {name} does not exist and we may not create it",
                where=self.where,
                remedy=f"As an administrator: CREATE DATABASE {name} OWNER {owner} ENCODING 'UTF8'.",
            ) from error


def _login(user: str | None, password: SecretStr) -> Login | None:
    return Login(user, password) if user else None


@contextmanager
def open_database(settings: Settings, *, with_schema: bool = True) -> Iterator[Database]:
    """The database, ready for use: the embedded server joined (and left at the end), databases and schema in place.

    `with_schema=False` leaves the schema as it is: for Dagster's storage, which has a database of its own.
    """
    with ExitStack() as stack:
        Transport.from_settings(settings)  # what can't be had is refused before a server is started
        if settings.uses_embedded_database:
            stack.enter_context(EmbeddedServer(settings.data_dir))
        database = Database.from_settings(settings)
        database.prepare(sql_dir=settings.home / "sql" if with_schema else None)
        yield database


def hold_database(settings: Settings, *, with_schema: bool = True) -> Database:
    """`open_database` until this process ends: for what has no end of its own, like Dagster's storage."""
    stack = ExitStack()
    database = stack.enter_context(open_database(settings, with_schema=with_schema))
    atexit.register(stack.close)
    return database
