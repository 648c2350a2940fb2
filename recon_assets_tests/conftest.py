"""Fixtures for every test that needs PostgreSQL: the real embedded server, one per test session (and xdist worker).

    settings   `Settings` with all folders under `tmp_path`, and a database of the test's own, already migrated,
               on the session's server (`DB_HOST` is its socket folder, so the code takes it for an external one)
    database   the opened `Database` of these settings
    connection one connection to it as the application, closed at the end
    superuser  one to the same database as its superuser, in autocommit: for tampering, and for what nobody may do
    superuser_session  the same, not in autocommit and with the tenant set, for code that takes the application's
    server     the session's server, for tests of connections and faults: the `embedded_server`, unless a test is
               parametrised with another one (`store/conftest.py` does so, with `postgresql_15`)
    own_server_settings  `Settings` without a server: the code under test starts an embedded one of its own
    aws        the variables of AWS's tools with a login of no use and no end point, undone at the end
    moto_url   the end point of moto's server on loopback, which plays AWS
    unused_port  a port on loopback that nobody listens to
    new_database  makes another database on it: `new_database(template="template0")` is one without tables

A fresh database costs about 30 ms. The servers run without fsync: tests of durability start their own.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings

from recon_assets.settings import Settings
from recon_assets.store import embedded_process
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.embedded_process import SUPERUSER
from recon_assets.store.roles import create_embedded_logins, embedded_login
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.aws_server import aws_environment, moto_server
from recon_assets_tests.store.clusters import (
    LINGUISTIC,
    Cluster,
    postgresql_15_binaries,
    running_cluster,
    short_folder,
)

hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")  # how long an example takes says something of the machine only

PROJECT = Path(__file__).resolve().parent.parent
TEMPLATE = "template_recon"
KEPT_DATABASES = 50
"""Of 8 MB each."""


def pytest_configure() -> None:
    """A shell's background jobs and what they start ignore Ctrl-C: commands that are told to end by it never would."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> EmbeddedServer | Cluster:
    return request.getfixturevalue(getattr(request, "param", "embedded_server"))


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    with short_folder() as folder, EmbeddedServer(folder / "data", durable=False) as joined:
        _prepare(joined, folder)
        yield joined
        embedded_process._pg_ctl(joined.place, ["-m", "immediate", "-w", "stop"], timeout_s=60)  # nothing is to be kept


@pytest.fixture(scope="session")
def postgresql_15() -> Iterator[Cluster]:
    """Sorts text as a language does, like most servers and unlike the embedded one: nothing may depend on it."""
    with short_folder() as folder, running_cluster(postgresql_15_binaries(), folder, locale=LINGUISTIC) as cluster:
        _prepare(cluster, folder)
        yield cluster


def _prepare(server: EmbeddedServer | Cluster, folder: Path) -> None:
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres", autocommit=True) as admin:
        create_embedded_logins(admin)
    with open_database(settings_on(server, folder, name=TEMPLATE)):
        pass


@pytest.fixture
def own_server_settings() -> Iterator[Settings]:
    with settings_of_an_own_server() as settings:
        yield settings


@contextmanager
def settings_of_an_own_server() -> Iterator[Settings]:
    """The server is stopped and removed at the end."""
    with short_folder() as folder:
        yield Settings(
            _env_file=None,
            RECON_HOME=PROJECT,
            RECON_DATA_DIR=folder / "data",
            LOCAL_REPORTS_DIR=folder / "local_reports",
        )
        EmbeddedServer(folder / "data").stop()


@pytest.fixture(scope="session")
def new_database(server: EmbeddedServer | Cluster) -> Iterator[Callable[..., str]]:
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres", autocommit=True) as admin:
        made: list[str] = []

        def make(*, template: str = TEMPLATE, is_template: bool = False) -> str:
            if len(made) >= KEPT_DATABASES:
                _drop_unused(admin, made)
            name = f"test_{next(_numbers)}"
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log".encode())
            if not is_template:  # which lives as long as the session: others are made of it
                made.append(name)
            return name

        yield make


def _drop_unused(admin: psycopg.Connection, made: list[str]) -> None:
    """Those with a session are not tried: the server would wait five seconds for each."""
    sessions = admin.execute("SELECT DISTINCT datname FROM pg_stat_activity WHERE datname IS NOT NULL").fetchall()
    for name in set(made) - {name for (name,) in sessions}:
        with suppress(psycopg.errors.ObjectInUse):
            admin.execute(f"DROP DATABASE {name}".encode())
            made.remove(name)


@pytest.fixture
def settings(server: EmbeddedServer | Cluster, tmp_path: Path, new_database: Callable[..., str]) -> Settings:
    return settings_on(server, tmp_path, name=new_database())


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with open_database(settings) as opened:
        yield opened


@pytest.fixture
def connection(database: Database) -> Iterator[TenantConnection]:
    with database.connect() as connected:
        yield connected


@pytest.fixture
def superuser(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect_as_migrator() as connected:
        yield connected


@pytest.fixture
def superuser_session(database: Database) -> Iterator[TenantConnection]:
    with session_as_superuser(database) as connected:
        yield connected


@contextmanager
def session_as_superuser(database: Database, *, autocommit: bool = False) -> Iterator[TenantConnection]:
    """As the superuser, with transactions of its own, and the tenant in statements outside `transaction()` too."""
    with database._connect(database.name, embedded_login(SUPERUSER), autocommit=autocommit) as connected:
        connected.execute("SELECT set_config('app.tenant_id', %s, false)", [str(database.tenant)])
        if not autocommit:
            connected.commit()
        yield connected


@pytest.fixture
def unused_port() -> int:
    """A port on loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def settings_on(server: EmbeddedServer | Cluster, folder: Path, *, name: str) -> Settings:
    return Settings(
        _env_file=None,
        RECON_HOME=PROJECT,
        RECON_DATA_DIR=folder / "data",
        LOCAL_REPORTS_DIR=folder / "local_reports",
        DB_HOST=str(server.socket_dir),
        DB_PORT=5432,
        DB_USER="recon",
        DB_PASSWORD="",
        DB_MIGRATION_USER="postgres",
        DAGSTER_DB_USER="recon_dagster",
        DB_NAME=name,
        DAGSTER_DB_NAME="dagster",
    )


_numbers = count(1)
