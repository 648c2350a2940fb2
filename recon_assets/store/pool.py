"""A bounded number of connections to the record that the threads of one process share.

Not here: how a connection is made and what it is limited to (`database`).
"""

import atexit
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from recon_assets.domain.errors import ReconError, StoreUnavailable
from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection

POOL_WAIT_S: Final = 30.0
"""How long one waits for a connection. Also survives a server that is being restarted."""
MAX_IDLE_S: Final = 120.0
"""An unused connection is closed after this time, at the latest after twice."""
MAX_LIFETIME_S: Final = 1800.0
"""An older connection is replaced when it is given back: backends grow, certificates and passwords change."""
CLOSE_TIMEOUT_S: Final = 5.0

_FORGET: Final = "SELECT pg_advisory_unlock_all(); RESET ALL; RESET ROLE; DISCARD TEMP"
"""Less than DISCARD ALL: the statements that psycopg has prepared stay."""

_ROOM: Final = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0)
    - (SELECT sum(numbackends) FROM pg_stat_database),
    (SELECT datconnlimit - numbackends FROM pg_database JOIN pg_stat_database USING (datname)
    WHERE datname = current_database() AND datconnlimit >= 0),
    (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = session_user)
    FROM pg_roles WHERE rolname = session_user AND rolconnlimit >= 0)
)
"""

logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # its warnings are for who configured a log


class Pool:
    """At most `size` connections at once, made when they are needed, as the application.

    A thread that holds one must not take a second: `size` of them doing so would wait for each other.
    """

    def __init__(self, database: Database, *, size: int, wait_s: float = POOL_WAIT_S) -> None:
        self._where = database.where
        self._size = size
        self._wait_s = wait_s
        self._connector = _Connector(database)
        self._pool = ConnectionPool(
            connection_class=cast("type[TenantConnection]", self._connector),  # all it does with it is to connect
            min_size=0,
            max_size=size,
            open=True,
            timeout=wait_s,
            max_idle=MAX_IDLE_S,
            max_lifetime=MAX_LIFETIME_S,
            reconnect_timeout=wait_s,
            num_workers=1,
        )
        _open_pools.add(self)

    @contextmanager
    def connection(self) -> Iterator[TenantConnection]:
        """A connection that answers, as if new. At the end it is committed, or rolled back after an error.

        Raises `StoreUnavailable` when none is free, or none can be made, within the wait; `StoreRefused` when the
        server says no for as long.
        """
        connection = self._take()
        try:
            with connection:
                yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close every connection; one in use is closed when it is given back."""
        _open_pools.discard(self)
        self._pool.close(CLOSE_TIMEOUT_S)

    def _take(self) -> TenantConnection:
        deadline = time.monotonic() + self._wait_s
        connection = self._get(self._wait_s)
        while not _answers(connection):
            self._pool.putconn(connection)  # which drops a broken one
            self._pool.drain()  # the others of that age are broken too
            connection = self._get(deadline - time.monotonic())
        return connection

    def _give_back(self, connection: TenantConnection) -> None:
        try:
            _forget(connection)
        finally:
            self._pool.putconn(connection)

    def _get(self, wait_s: float) -> TenantConnection:
        try:
            return self._pool.getconn(wait_s)
        except PoolTimeout:
            if failure := self._connector.failure:
                raise type(failure)(failure.what, where=failure.where, remedy=failure.remedy) from failure
            raise StoreUnavailable(
                f"all {self._size} connections to the database were in use for {self._wait_s:g} s",
                where=self._where,
                remedy="Run less at once, or raise DB_POOL_SIZE as far as the server's max_connections allows.",
            ) from None
        except PoolClosed:
            raise StoreUnavailable(
                "the connections to the database have been closed",
                where=self._where,
                remedy="This process is ending; start the command again.",
            ) from None


class _Connector:
    """What the pool calls to connect. It remembers why that failed last, which the pool does not tell."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failure: ReconError | None = None

    def connect(self, _conninfo: str, **_: object) -> TenantConnection:
        try:
            connection = self._database.connect()
        except ReconError as error:
            self.failure = error
            raise
        self.failure = None
        return connection


def _answers(connection: TenantConnection) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


def _forget(connection: TenantConnection) -> None:
    """Nothing of one user reaches the next: no transaction, lock, setting, role or temporary table."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:  # of a lost one, or interrupted in a query
        connection.close()
        return
    try:
        connection.isolation_level = connection.deferrable = None
        connection.read_only = False
        connection.autocommit = True
        connection.execute(_FORGET)
        connection.autocommit = False
    except psycopg.Error:
        connection.close()
    except BaseException:
        connection.close()
        raise


def room_for(connection: TenantConnection) -> int:
    """How many more connections the server, the database and the login allow just now. Negative when overdrawn."""
    with connection.transaction():
        connection.execute("SET LOCAL ROLE NONE")  # whose sessions they are is for the login to see
        row = connection.execute(_ROOM).fetchone()
    assert row is not None, "the session's user and database exist"
    return int(row[0])


_open_pools: WeakSet[Pool] = WeakSet()


@atexit.register
def _close_open_pools() -> None:
    """While threads can still be joined: the pool's own destructor would come too late and wait in vain."""
    for pool in list(_open_pools):
        pool.close()
