"""A bounded number of connections for the threads of one process, each as good as new for its next user."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Barrier, Event

import psycopg
import pytest

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
from recon_assets.store import embedded_process
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.pool import Pool, room_for
from recon_assets.store.runs import processor_day_lock
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY

SIZE = 3
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'recon'"
PATIENCE_S = 20
SHORT_S = 0.2


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    made = Pool(database, size=SIZE)
    yield made
    made.close()


@pytest.fixture
def single(database: Database) -> Iterator[Pool]:
    """Of one connection: whoever comes next has the same."""
    made = Pool(database, size=1, wait_s=SHORT_S)
    yield made
    made.close()


def pid_of(pool: Pool) -> int:
    with pool.connection() as connection:
        return connection.info.backend_pid


def fill(pool: Pool, size: int = SIZE) -> set[int]:
    """Make the pool grow to its limit; returns the sessions."""
    together = Barrier(size, timeout=PATIENCE_S)

    def take(_: int) -> int:
        with pool.connection() as connection:
            together.wait()
            return connection.info.backend_pid

    with ThreadPoolExecutor(size) as threads:
        return set(threads.map(take, range(size)))


def eventually(look: Callable[[], bool]) -> bool:
    """A backend ends a moment after its client left."""
    deadline = time.monotonic() + PATIENCE_S
    while not look() and time.monotonic() < deadline:
        time.sleep(0.01)
    return look()


def test_many_threads_never_have_more_sessions_than_the_limit(pool: Pool) -> None:
    together = Barrier(SIZE, timeout=PATIENCE_S)

    def work(_: int) -> tuple[int, int]:
        with pool.connection() as connection:
            together.wait()
            seen = connection.execute(SESSIONS).fetchone()[0]
            together.wait()
            return seen, connection.info.backend_pid

    with ThreadPoolExecutor(4 * SIZE) as threads:
        done = list(threads.map(work, range(20 * SIZE)))
    assert {seen for seen, _ in done} == {SIZE}
    assert len({pid for _, pid in done}) == SIZE, "they are used again"


def test_who_waits_too_long_for_a_connection_is_told_the_limit(single: Pool) -> None:
    with single.connection(), ThreadPoolExecutor(1) as other:
        failure = other.submit(pid_of, single).exception(PATIENCE_S)
    assert isinstance(failure, StoreUnavailable)
    assert failure.what == "all 1 connections to the database were in use for 0.2 s"
    assert "DB_POOL_SIZE" in failure.remedy
    assert pid_of(single) > 0, "the one that gave up has taken nothing along"


def test_who_waits_gets_the_connection_that_is_given_back(database: Database) -> None:
    pool = Pool(database, size=1)
    with ThreadPoolExecutor(1) as other:
        with pool.connection() as connection:
            pid, waiting = connection.info.backend_pid, other.submit(pid_of, pool)
            assert not waiting.done()
        assert waiting.result(PATIENCE_S) == pid
    pool.close()


def test_connections_that_were_ended_meanwhile_are_replaced_without_an_error(pool: Pool, superuser) -> None:
    old = fill(pool)
    superuser.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [list(old)])
    started = time.monotonic()
    assert fill(pool).isdisjoint(old)
    assert time.monotonic() - started < 5


@pytest.fixture
def own_server(own_server_settings: Settings) -> Iterator[tuple[EmbeddedServer, Database]]:
    with open_database(own_server_settings) as database:
        yield EmbeddedServer(own_server_settings.data_dir), database


def test_a_restarted_server_is_no_error_and_one_that_is_gone_is_named(
    own_server: tuple[EmbeddedServer, Database],
) -> None:
    server, database = own_server
    pool, hurried = Pool(database, size=SIZE), Pool(database, size=SIZE, wait_s=SHORT_S)
    fill(pool)
    embedded_process.stop(server.place)
    embedded_process.start(server.place, durable=False)
    assert pid_of(pool) > 0

    fill(hurried)
    embedded_process.stop(server.place)
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        pid_of(hurried)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(pid_of, pool)
        embedded_process.start(server.place, durable=False)
        assert waiting.result(PATIENCE_S) > 0, "it came back while one waited"
    assert pid_of(hurried) > 0
    pool.close()
    hurried.close()


def test_a_refusal_says_what_the_server_said(database: Database) -> None:
    pool = Pool(replace(database, user="nobody_known"), size=1, wait_s=SHORT_S)
    with pytest.raises(StoreRefused, match='role "nobody_known" does not exist'):
        pid_of(pool)
    pool.close()


def test_a_server_without_a_connection_to_spare_says_so(database: Database, superuser) -> None:
    superuser.execute("CREATE ROLE tight LOGIN CONNECTION LIMIT 1 IN ROLE recon_app")
    pool = Pool(replace(database, user="tight"), size=2, wait_s=SHORT_S)
    try:
        with (
            pool.connection(),
            pytest.raises(StoreUnavailable, match=r"no connection to spare: .*too many connections.*DB_POOL_SIZE"),
        ):
            pid_of(pool)
    finally:
        pool.close()
        superuser.execute("DROP ROLE tight")


def test_what_is_not_committed_at_an_error_is_rolled_back_and_the_connection_works_on(single: Pool) -> None:
    pid = pid_of(single)
    with pytest.raises(psycopg.errors.DivisionByZero), single.connection() as connection:
        connection.execute("SELECT 1 / 0")
    with single.connection() as connection:
        assert connection.info.backend_pid == pid
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_session_lock_ends_with_its_user(single: Pool, superuser) -> None:
    with single.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(7), pg_advisory_lock(7), pg_advisory_lock_shared(8)")
        pid = connection.info.backend_pid
        assert superuser.execute("SELECT pg_try_advisory_lock(7)").fetchone() == (False,)
    assert superuser.execute("SELECT pg_try_advisory_lock(7), pg_try_advisory_lock(8)").fetchone() == (True, True)
    assert pid_of(single) == pid


def test_the_day_of_a_failed_stage_is_free_for_another_process(single: Pool, connection: TenantConnection) -> None:
    with (
        pytest.raises(psycopg.errors.DivisionByZero),
        single.connection() as pooled,
        processor_day_lock(pooled, "stripe", DAY),
    ):
        pooled.execute("SELECT 1 / 0")
    with processor_day_lock(connection, "stripe", DAY, wait_s=1):
        pass


CURRENT = "SELECT current_user, current_setting('statement_timeout'), current_setting('transaction_read_only')"


def test_nothing_of_one_user_reaches_the_next(single: Pool) -> None:
    with single.connection() as connection:
        before, pid = connection.execute(CURRENT).fetchone(), connection.info.backend_pid
        assert before == ("recon_app", "10min", "off")
        connection.execute("SET statement_timeout = '1s'")
        connection.execute("SET default_transaction_read_only = on")
        connection.execute("CREATE TEMP TABLE left_over (n int)")
        connection.execute("SET ROLE recon_reader")
        connection.commit()
        connection.isolation_level, connection.autocommit = psycopg.IsolationLevel.SERIALIZABLE, True
    with single.connection() as connection:
        assert (connection.info.backend_pid, connection.autocommit, connection.isolation_level) == (pid, False, None)
        assert connection.execute(CURRENT).fetchone() == before
        assert connection.execute("SELECT to_regclass('left_over')").fetchone() == (None,)
        connection.execute("SET ROLE NONE")
        connection.commit()
    with single.connection() as connection:
        connection.read_only = True
        assert connection.execute(CURRENT).fetchone() != before
    with single.connection() as connection:
        assert connection.execute(CURRENT).fetchone() == before


def test_each_connection_acts_for_the_tenant(single: Pool, database: Database) -> None:
    with single.connection() as connection, connection.transaction():
        told = connection.execute("SELECT current_setting('app.tenant_id')").fetchone()
    assert told == (str(database.tenant),)


def test_a_connection_that_is_lost_in_use_is_replaced(single: Pool, superuser) -> None:
    with single.connection() as connection:
        lost = connection.info.backend_pid
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [lost])
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    pid = pid_of(single)
    assert pid_of(single) == pid != lost


def test_closing_ends_the_sessions_and_refuses_further_users(pool: Pool, superuser) -> None:
    fill(pool)
    with pool.connection() as connection:
        pool.close()
        assert connection.execute("SELECT 1").fetchone() == (1,), "who has one keeps it"
    assert eventually(lambda: superuser.execute(SESSIONS).fetchone() == (0,))
    with pytest.raises(StoreUnavailable, match="have been closed"):
        pid_of(pool)


def test_one_that_waits_while_the_pool_is_closed_is_told(database: Database) -> None:
    pool, waits = Pool(database, size=1), Event()

    def wait() -> None:
        waits.set()
        pid_of(pool)

    with ThreadPoolExecutor(1) as other, pool.connection():
        waiting = other.submit(wait)
        assert waits.wait(PATIENCE_S)
        pool.close()
        assert isinstance(waiting.exception(PATIENCE_S), StoreUnavailable)


def test_the_record_shares_its_connections_and_closes_them(settings: Settings, superuser) -> None:
    record = Record(settings.model_copy(update={"db_pool_size": 2}))

    def take(_: int) -> int:
        with record.connect() as connection:
            return connection.info.backend_pid

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(take, range(40)))) <= 2
    record.close()
    assert eventually(lambda: superuser.execute(SESSIONS).fetchone() == (0,))
    assert take(0) > 0, "it opens again"
    record.close()


def test_a_process_that_ends_without_closing_ends_at_once(settings: Settings) -> None:
    code = """
import sys
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
record = Record(Settings(_env_file=None, DB_HOST=sys.argv[1], DB_NAME=sys.argv[2], DB_MIGRATION_USER="postgres"))
with record.connect() as connection:
    connection.execute("SELECT 1")
"""
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", code, settings.db_host, settings.db_name], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert time.monotonic() - started < PATIENCE_S


def test_the_room_is_the_smallest_of_the_limits(database: Database, superuser) -> None:
    superuser.execute("CREATE ROLE tight LOGIN CONNECTION LIMIT 5 IN ROLE recon_app")
    try:
        tight = replace(database, user="tight")
        with ExitStack() as stack:
            first = stack.enter_context(database.connect())
            assert 100 < room_for(first) < 200, "the server's max_connections"
            second = stack.enter_context(tight.connect())
            assert room_for(second) == 4
            superuser.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 5".encode())
            assert (room_for(first), room_for(second)) == (2, 2), "the superuser counts too"
    finally:
        superuser.execute("DROP ROLE tight")
