"""The limits of time, each struck on a real server, and what the user is told."""

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import errors
from pydantic import ValidationError

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.settings import Settings
from recon_assets.store.database import Database, TimeLimits
from recon_assets.store.errors import translated_errors
from recon_assets.store.health import HealthStatus, record_health
from recon_assets.store.pool import Pool
from recon_assets.store.runs import record_failure
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY, STARTED

SHORT_S = 0.05


def limited(database: Database, **limits: float) -> Database:
    return replace(database, limits=TimeLimits(**limits))


def test_the_limits_come_from_the_settings(settings: Settings) -> None:
    changed = settings.model_copy(
        update={
            "db_statement_timeout_s": 1.5,
            "db_lock_timeout_s": 0.25,
            "db_idle_in_transaction_timeout_s": 7.0,
        }
    )
    database = Database.from_settings(changed)
    for connection in (database.connect(), database.connect_as_migrator(), database.connect_to_dagster()):
        shown = [
            connection.execute(f"SHOW {name}".encode()).fetchone()[0]
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
        connection.close()
        assert shown == ["1500ms", "250ms", "7s"]


@pytest.mark.parametrize(
    "variable", ["DB_STATEMENT_TIMEOUT_S", "DB_LOCK_TIMEOUT_S", "DB_IDLE_IN_TRANSACTION_TIMEOUT_S"]
)
@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "1e9", "1min"])
def test_there_is_no_way_to_have_no_limit(variable: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=variable):
        Settings(_env_file=None, RECON_HOME=tmp_path, **{variable: value})


def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    with limited(database, statement_s=SHORT_S).connect() as connection:
        with (
            pytest.raises(StoreUnavailable) as told,
            translated_errors("waiting"),
            connection.transaction(),
        ):
            connection.execute("SELECT pg_sleep(30)")
        assert connection.execute("SELECT 1").fetchone() == (1,), "the connection lives on"
    assert str(told.value) == (
        "the database did not finish waiting: a statement took too long, or was cancelled by an administrator "
        "(code 57014, DB_STATEMENT_TIMEOUT_S). Check the database and try again: half of it is never kept, and done "
        "again it changes nothing. If the server is well, raise DB_STATEMENT_TIMEOUT_S."
    )


def test_a_lock_that_another_holds_too_long_is_not_waited_for(database: Database, superuser) -> None:
    with limited(database, lock_s=SHORT_S).connect() as connection, superuser.transaction():
        superuser.execute("LOCK TABLE reconciliation_runs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable) as told:
            record_failure(
                connection,
                processor="stripe",
                business_date=DAY,
                idempotency_key="a",
                dagster_run_id="dagster-a",
                stage="report",
                reason="none",
                started_at=STARTED,
            )
    assert told.value.what == (
        "the database did not finish recording the failure: another session held what it needed for too long"
    )
    assert told.value.where == "code 55P03, DB_LOCK_TIMEOUT_S"


def test_a_transaction_that_is_left_waiting_is_ended_and_nothing_of_it_is_kept(database: Database, superuser) -> None:
    with limited(database, idle_in_transaction_s=SHORT_S).connect() as connection:
        with pytest.raises(StoreUnavailable) as told, translated_errors("setting"):
            neglect(connection, superuser)
        assert connection.closed
    assert told.value.what == "the database did not finish setting: a transaction was left waiting for too long"
    assert told.value.where == "code 25P03, DB_IDLE_IN_TRANSACTION_TIMEOUT_S"
    assert superuser.execute("SELECT count(*) FROM system_configuration WHERE key = 'a'").fetchone() == (0,)


def test_after_a_struck_limit_the_pool_gives_a_connection_that_works(database: Database, superuser) -> None:
    pool = Pool(limited(database, idle_in_transaction_s=SHORT_S), size=1)
    with pool.connection() as connection:
        connection.execute("SELECT 1")
        wait_for_end(superuser, connection.info.backend_pid)
        with pytest.raises(errors.IdleInTransactionSessionTimeout):
            connection.execute("SELECT 1")
    with pool.connection() as connection:
        record_health(connection, component="database", status=HealthStatus.HEALTHY)
    pool.close()


def neglect(connection: TenantConnection, superuser) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO system_configuration (key, value) VALUES ('a', '1')")
        wait_for_end(superuser, connection.info.backend_pid)
        connection.execute("SELECT 1")


def wait_for_end(superuser, backend_pid: int) -> None:
    while superuser.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend_pid]).fetchone():
        pass
