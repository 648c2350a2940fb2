import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.settings import DEFAULT_TENANT_ID, Settings
from recon_assets.store import embedded_process
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.store.clusters import place_of_servers

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "p@ss/w:rd%20&"


@pytest.fixture(scope="module")
def external() -> Iterator[int]:
    """A server of somebody else's: TCP with passwords, a user who may create databases and one who may not."""
    folder = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    folder.chmod(0o755)
    with EmbeddedServer(folder, durable=False) as server:
        place = server.place
        with psycopg.connect(host=str(place.socket_dir), user="postgres", autocommit=True) as admin:
            admin.execute(f"CREATE ROLE recon LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")
            admin.execute(f"CREATE ROLE narrow LOGIN PASSWORD '{PASSWORD}'")
    (place.pgdata / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories='' -c fsync=off"
    embedded_process._pg_ctl(place, ["-l", "server.log", "-w", "-o", options, "start"], timeout_s=60)
    yield port
    embedded_process._pg_ctl(place, ["-m", "immediate", "-w", "stop"], timeout_s=60)
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tcp(port: int, *, user: str = "recon", password: str = PASSWORD, name: str = "recon") -> Database:
    return Database("127.0.0.1", port, name, user, SecretStr(password), f"{name}_dagster")


def settings_for(database: Database, folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        RECON_HOME=PROJECT,
        RECON_DATA_DIR=folder,
        DB_HOST=database.host,
        DB_PORT=database.port,
        DB_NAME=database.name,
        DB_USER=database.user,
        DB_PASSWORD=database.password.get_secret_value(),
        DAGSTER_DB_NAME=database.dagster_name,
    )


def test_with_no_host_the_embedded_server_is_started_and_stopped(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    folder.chmod(0o755)
    settings = Settings(_env_file=None, RECON_HOME=PROJECT, RECON_DATA_DIR=folder / "data", DB_HOST=None)
    with open_database(settings) as database, database.connect() as connection:
        assert database.host.startswith("/")
        assert connection.execute("SELECT count(*) FROM reconciliation_runs").fetchone() == (0,)
        assert psycopg.connect(database.dsn).close() is None
    assert not EmbeddedServer(settings.data_dir).is_running()
    shutil.rmtree(folder)


def test_an_external_server_gets_both_databases_and_the_schema(external: int, tmp_path: Path) -> None:
    database = tcp(external)
    for _ in range(2):
        with open_database(settings_for(database, tmp_path)) as opened:
            assert opened == database
            with opened.connect() as connection:
                connection.execute("SELECT * FROM v_recent_reconciliations")
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("recon",)
    engine = sqlalchemy.create_engine(database.dagster_url)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT current_database()")).scalar() == "recon_dagster"
    engine.dispose()
    assert not (tmp_path / "postgres").exists()


def test_a_database_we_may_not_create_is_asked_for(external: int, tmp_path: Path) -> None:
    database = tcp(external, user="narrow", name="elsewhere")
    with (
        pytest.raises(StoreRefused, match="CREATE DATABASE elsewhere"),
        open_database(settings_for(database, tmp_path)),
    ):
        pass


def test_a_wrong_password_is_refused_and_not_shown(external: int) -> None:
    with pytest.raises(StoreRefused, match=f"127.0.0.1:{external}") as refused:
        tcp(external, password="not-the-passw0rd").connect()
    assert "password authentication failed" in refused.value.what
    assert "not-the-passw0rd" not in f"{refused.value} {refused.value.__cause__}"


def test_a_wrong_port_is_unavailable_and_named() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailable, match=rf"127.0.0.1:{port}.*DB_PORT") as failure:
        tcp(port).connect()
    assert PASSWORD not in str(failure.value)


def test_a_socket_folder_without_a_server_is_unavailable_and_named(tmp_path: Path) -> None:
    database = Database(str(tmp_path), 5432, "recon", "recon", SecretStr(""), "dagster")
    with pytest.raises(StoreUnavailable, match=f"socket in {tmp_path}"):
        database.connect()


def test_a_password_is_not_in_the_description() -> None:
    assert PASSWORD not in repr(tcp(1))


def test_connections_have_limits_and_utc(database: Database) -> None:
    with database.connect() as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone")
        ]
        assert shown == ["10min", "1min", "5min", "UTC"]
        assert connection.execute("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")


def test_a_read_only_connection_cannot_write(database: Database) -> None:
    with (
        database.connect(read_only=True) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        connection.transaction(),
    ):
        connection.execute("INSERT INTO system_configuration (key, value) VALUES ('a', '1')")


def test_a_session_for_others_uses_the_socket_folder_as_host(settings: Settings, server: EmbeddedServer) -> None:
    options = f"-c%20role%3Drecon_reader%20-c%20app.tenant_id%3D{DEFAULT_TENANT_ID}"
    assert Database.from_settings(settings).dsn == (
        f"postgresql://recon@/{settings.db_name}?host={server.socket_dir}&options={options}"
    )
