"""What the official image gives to a script in `/docker-entrypoint-initdb.d`: a superuser, a database, an environment.

Its server is real, that of `clusters`: trusts its socket, asks for a password over TCP, and writes every statement into
its log, so that a password in it is found.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import SecretStr

from recon_assets.store.database import Database
from recon_assets.store.roles import Login
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.store.clusters import Cluster, free_port, running_cluster

SCRIPT = PROJECT / "sql" / "initdb.d" / "10_recon.sh"
KEEPER = "keeper"
"""POSTGRES_USER."""
PASSWORD = """it's "$HOME" \\ `id` :x % ä"""
DAGSTER_PASSWORD = "another one"
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Container:
    """One database of a server, with logins of its own, so that containers of one server do not meet."""

    cluster: Cluster
    database: str

    @property
    def application_login(self) -> str:
        return f"app_{self.database}"

    @property
    def dagster_login(self) -> str:
        return f"dagster_{self.database}"

    @property
    def dagster_database(self) -> str:
        return f"history_{self.database}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.cluster.place.binaries}:{os.environ['PATH']}",
            "PGHOST": str(self.cluster.socket_dir),
            "PGPORT": str(self.cluster.port),
            "POSTGRES_USER": KEEPER,
            "POSTGRES_PASSWORD": "of the superuser",
            "POSTGRES_DB": self.database,
            "RECON_SQL_DIR": str(PROJECT / "sql"),
            "RECON_APP_USER": self.application_login,
            "RECON_APP_PASSWORD": PASSWORD,
            "RECON_DAGSTER_USER": self.dagster_login,
            "RECON_DAGSTER_PASSWORD": DAGSTER_PASSWORD,
            "RECON_DAGSTER_DB": self.dagster_database,
        }

    def run(self, *, then: str | None = None, **changes: object) -> subprocess.CompletedProcess[str]:
        """Execute the script; with `then` source it, as the image does without the executable bit, and run that after.

        `changes` are of the environment; None takes a variable away.
        """
        environment = {name: str(value) for name, value in (self.environment | changes).items() if value is not None}
        sourced = ["bash", "-Eeo", "pipefail", "-c", f'. "{SCRIPT}"\n{then}']
        return subprocess.run(
            [str(SCRIPT)] if then is None else sourced,
            check=False,
            env=environment,
            cwd="/",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def connect(self, database: str | None = None) -> psycopg.Connection:
        """As the superuser."""
        return psycopg.connect(
            host=str(self.cluster.socket_dir),
            port=self.cluster.port,
            user=KEEPER,
            dbname=database or self.database,
            autocommit=True,
        )

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with self.connect() as keeper:
            return keeper.execute(statement.encode()).fetchall()

    def as_application(self, password: str = PASSWORD) -> Database:
        """Over TCP, with passwords."""
        return Database(
            "127.0.0.1",
            self.cluster.port,
            self.database,
            self.application_login,
            SecretStr(password),
            self.dagster_database,
            dagster_owner=Login(self.dagster_login, SecretStr(DAGSTER_PASSWORD)),
        )


@contextmanager
def server_of_containers(binaries: Path, folder: Path) -> Iterator[Cluster]:
    """After the image's `initdb`; `folder` is a short one."""
    with running_cluster(
        binaries,
        folder,
        superuser=KEEPER,
        access=["--auth-local=trust", "--auth-host=scram-sha-256"],
        port=free_port(),
        settings={
            "listen_addresses": "127.0.0.1",
            "log_statement": "all",
            "log_min_duration_statement": "0",
            "log_min_error_statement": "error",
            "log_error_verbosity": "verbose",
        },
    ) as cluster:
        yield cluster
