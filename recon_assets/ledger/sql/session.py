"""A connection to somebody's database that can only read, and only so long; and what its errors mean.

The URL, which may hold a password, and the driver's own messages, which may hold the URL or payment values, are in no
error: it is raised `from None`. An error names the environment variable, the SQLSTATE, and what the database says
about names and syntax, which is the deployment's own text.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, CursorResult, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from recon_assets.domain.errors import ConfigurationError, FeedUnavailable, LimitExceeded
from recon_assets.feeds.credentials import ENVIRONMENT, Credentials
from recon_assets.ledger.sql.description import SqlLimits
from recon_assets.ledger.sql.failures import Place, failed_connection, failed_query
from recon_assets.ledger.sql.query import ParameterValue, statement
from recon_assets.ledger.sql.watchdog import Watchdog

_READ_ONLY: Final[Mapping[str, str]] = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
"""First statement of the transaction, by dialect. Where there is none, the login's rights are what stops a write."""

_CONNECT_TIMEOUT_OF_DRIVER: Final[Mapping[str, str]] = {
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "pg8000": "timeout",
    "pymssql": "login_timeout",
    "pyodbc": "timeout",
}

_SERVER_KEEPS_TIME_S: Final = 5
"""How much longer than its own time-out a server may take to say that it is over."""

_STEPS_BETWEEN_LOOKS: Final = 10_000
"""Instructions of SQLite between two looks at the clock: about a millisecond."""


class ReadOnlySession:
    """One transaction of `url_env`'s database. Made by `read_only_session`."""

    def __init__(self, connection: Connection, place: Place, limits: SqlLimits, deadline: float) -> None:
        self._connection, self._place, self._limits, self._deadline = connection, place, limits, deadline
        self._open: list[CursorResult[Any]] = []

    def rows(
        self, query: str, values: Mapping[str, ParameterValue]
    ) -> tuple[Sequence[str], Iterator[Sequence[Sequence[Any]]]]:
        """Names of the columns, and the rows in batches by a cursor of the server.

        Raises `ReconError` for what the database refuses, also while the batches are read.
        """
        try:
            options = {"stream_results": True, "max_row_buffer": self._limits.batch_rows}
            result = self._connection.execute(statement(query), dict(values), execution_options=options)
            self._open.append(result)
            return list(result.keys()), self._batches(result)
        except SQLAlchemyError as error:
            raise failed_query(error, self._place, self._limits) from None

    def close(self) -> None:
        """End the cursors, also those of which no row was read."""
        for result in self._open:
            result.close()

    def _batches(self, result: CursorResult[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        received = 0
        try:
            for batch in result.partitions(self._limits.batch_rows):
                received += len(batch)
                self._refuse_too_much(received)
                yield batch
        except SQLAlchemyError as error:
            raise failed_query(error, self._place, self._limits) from None

    def _refuse_too_much(self, received: int) -> None:
        if received > self._limits.max_rows:
            raise LimitExceeded(
                f"the query gives more than {self._limits.max_rows} rows (max_rows)",
                where=self._place.text,
                remedy="Limit the query to the day, or raise the limit if a day is really this large.",
            )
        if time.monotonic() > self._deadline:
            raise FeedUnavailable(
                f"the rows were not all here after {self._limits.time_limit_s} s (time_limit_s)",
                where=self._place.text,
                remedy="Help the query by an index, or raise the limit.",
            )


@contextmanager
def read_only_session(
    url_env: str, limits: SqlLimits, credentials: Credentials = ENVIRONMENT
) -> Iterator[ReadOnlySession]:
    """Connect, refuse writes and set the limits of time; end without a trace.

    Raises `ConfigurationError` for a variable without value, a URL that is none, a driver or a SQLite file that is
    not there; `FeedRefused` for a login, `FeedUnavailable` when nobody answers.
    """
    place = Place(url_env)
    engine = _engine(_url(place, credentials), place, limits)
    deadline = time.monotonic() + limits.time_limit_s
    watchdog = Watchdog(limits.time_limit_s + _SERVER_KEEPS_TIME_S)
    event.listen(engine, "connect", lambda made, _: watchdog.watch(made), insert=True)
    try:
        with _connected(engine, place) as connection:
            _forbid_writing(connection, place, limits, deadline)
            session = ReadOnlySession(connection, place, limits, deadline)
            try:
                yield session
            finally:
                session.close()
    except FeedUnavailable as error:
        if watchdog.has_cut:
            raise _silent(place, limits) from error
        raise
    finally:
        watchdog.end()
        engine.dispose()


@contextmanager
def _connected(engine: Engine, place: Place) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except (SQLAlchemyError, OSError, TypeError, ValueError) as error:
        raise failed_connection(error, place) from None
    try:
        yield connection
    finally:
        connection.invalidate()  # neither commit nor reuse: whatever the transaction was, it is gone
        connection.close()


def _silent(place: Place, limits: SqlLimits) -> FeedUnavailable:
    return FeedUnavailable(
        f"the database went silent and was left after {limits.time_limit_s} s (time_limit_s)",
        where=place.text,
        remedy="Check the server and the network between it and this machine; then try again.",
    )


def is_sqlite(url_env: str, credentials: Credentials = ENVIRONMENT) -> bool:
    """Whether the URL is one of SQLite, which has no type for times."""
    return _url(Place(url_env), credentials).get_backend_name() == "sqlite"


def _url(place: Place, credentials: Credentials) -> URL:
    try:
        url = make_url(credentials.value(place.url_env).get_secret_value())
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            f"the value of {place.url_env} is no database URL",
            where=place.text,
            remedy="Write it as dialect+driver://user:password@host:port/database; encode @ : / in a password by %.",
        ) from None
    return _existing_sqlite_file(url, place) if url.get_backend_name() == "sqlite" else url


def _existing_sqlite_file(url: URL, place: Place) -> URL:
    """The same file, opened so that it is neither made nor changed."""
    path = Path(url.database or ":memory:")
    if not path.is_file():
        raise ConfigurationError(
            f"the SQLite file that {place.url_env} names does not exist",
            where=place.text,
            remedy="Write sqlite:////absolute/path/of/the/file.db.",
        )
    return url.set(database=f"file:{quote(str(path.absolute()))}", query={"mode": "ro", "uri": "true"})


def _engine(url: URL, place: Place, limits: SqlLimits) -> Engine:
    remedy = "Name another driver in the URL, such as postgresql+psycopg, or install the package of this one."
    try:
        driver = url.get_driver_name()
        timeout = _CONNECT_TIMEOUT_OF_DRIVER.get(driver)
        arguments = {timeout: limits.connect_timeout_s} if timeout else {}
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
    except NoSuchModuleError:
        raise ConfigurationError(
            f"SQLAlchemy knows no database or driver of the name in {place.url_env}", where=place.text, remedy=remedy
        ) from None
    except ImportError as error:
        raise ConfigurationError(
            f"the driver that {place.url_env} asks for is not installed (package {error.name})",
            where=place.text,
            remedy=remedy,
        ) from None
    except (SQLAlchemyError, ValueError, TypeError):
        raise ConfigurationError(
            f"the URL in {place.url_env} has a part that its driver does not take", where=place.text, remedy=remedy
        ) from None
    if engine.dialect.is_async:
        raise ConfigurationError(
            f"the driver that {place.url_env} asks for is an asynchronous one", where=place.text, remedy=remedy
        )
    return engine


def _forbid_writing(connection: Connection, place: Place, limits: SqlLimits, deadline: float) -> None:
    dialect = connection.dialect.name
    try:
        if dialect in _READ_ONLY:
            connection.execute(text(_READ_ONLY[dialect]))
        if dialect == "postgresql":
            limit = {"milliseconds": str(limits.time_limit_s * 1000)}
            connection.execute(text("SELECT set_config('statement_timeout', :milliseconds, true)"), limit)
        elif dialect == "sqlite":
            sqlite: Any = connection.connection.driver_connection
            sqlite.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    except DBAPIError as error:
        raise failed_connection(error, place) from None
