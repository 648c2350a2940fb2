"""The task `setup` where the administrator is no superuser, as on RDS: on PostgreSQL 15 where it is installed."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from recon_assets_tests.deploy_aws.stacks import AWS
from recon_assets_tests.store.clusters import (
    Cluster,
    embedded_binaries,
    free_port,
    postgresql_15_binaries,
    running_cluster,
    short_folder,
)

PASSWORDS = {
    "RECON_ADMINISTRATOR_PASSWORD": "of-the-administrator",
    "DB_MIGRATION_PASSWORD": "of-the-migrator",
    "DB_PASSWORD": "of-the-record",
    "DAGSTER_DB_PASSWORD": "of-dagster",
    "DB_AUDITOR_PASSWORD": "of-the-auditor",
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with short_folder() as folder:
        binaries = postgresql_15_binaries() or embedded_binaries(folder / "data")
        with running_cluster(
            binaries,
            folder,
            access=["--auth-local=trust", "--auth-host=scram-sha-256"],
            port=free_port(),
            settings={"listen_addresses": "127.0.0.1", "log_statement": "all"},
        ) as running:
            with superuser(running) as connection:
                password = PASSWORDS["RECON_ADMINISTRATOR_PASSWORD"]
                connection.execute(
                    f"CREATE ROLE recon_administrator LOGIN CREATEROLE CREATEDB PASSWORD '{password}'".encode()
                )
            yield running


def superuser(cluster: Cluster) -> psycopg.Connection:
    return psycopg.connect(
        host=str(cluster.socket_dir), port=cluster.port, user="postgres", dbname="postgres", autocommit=True
    )


def environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    """What the task definition gives, but for TLS, and for where the server is."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(AWS.parents[1])),
        "HOME": str(folder),
        "RECON_HOME": str(AWS.parents[1]),
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(cluster.port),
        "DB_NAME": "recon",
        "DB_USER": "recon",
        "DAGSTER_DB_USER": "recon_dagster",
        "DB_MIGRATION_USER": "recon_migrator",
        "DB_AUDITOR_USER": "recon_audit",
        "RECON_ADMINISTRATOR_USER": "recon_administrator",
        **PASSWORDS,
    }


def run(variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(AWS / "set_up_database.py")],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def run_recon(*arguments: str, variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """As a run has the variables: without the migrator's login."""
    return subprocess.run(
        [sys.executable, "-m", "recon_assets.cli", *arguments],
        env=variables | {"RECON_DATA_DIR": str(folder / "data"), "LOCAL_REPORTS_DIR": str(folder / "reports")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_makes_all_may_be_run_again_and_changes_passwords(cluster: Cluster, tmp_path: Path) -> None:
    variables = environment(cluster, tmp_path)
    with superuser(cluster) as connection:
        connection.execute("ALTER ROLE recon_administrator NOCREATEROLE")
    refused = run(variables, tmp_path)
    assert refused.returncode == 1
    assert "the administrator may not do this: " in refused.stderr
    assert "or one with CREATEROLE and CREATEDB" in refused.stderr
    with superuser(cluster) as connection:
        connection.execute("ALTER ROLE recon_administrator CREATEROLE")

    done = run(variables, tmp_path)
    assert (done.returncode, done.stdout) == (0, "recon is ready for recon, dagster for recon_dagster\n"), done.stderr
    with superuser(cluster) as connection:
        owners = dict(connection.execute("SELECT datname, pg_get_userbyid(datdba) FROM pg_database").fetchall())
        assert (owners["recon"], owners["dagster"]) == ("recon_migrator", "recon_dagster")
        rights = connection.execute(
            """
            SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles
            WHERE rolcanlogin AND rolname <> 'postgres'
            """
        ).fetchall()
        assert sorted(rights) == [
            ("recon", False, False, False),
            ("recon_administrator", False, True, True),
            ("recon_audit", False, False, False),
            ("recon_dagster", False, False, False),
            ("recon_migrator", False, True, False),
        ]
        members = connection.execute("SELECT pg_has_role('recon_administrator', 'recon_dagster', 'USAGE')").fetchone()
        assert members == (False,), "it was a member for a moment"
    assert_logs_in(cluster, "recon", "of-the-record", "recon")
    assert_logs_in(cluster, "recon_dagster", "of-dagster", "dagster")

    verified = run_recon("audit", "verify", variables=variables | {"DB_MIGRATION_USER": ""}, folder=tmp_path)
    assert verified.returncode == 0, verified.stdout
    assert "Verified as recon_auditor" in verified.stdout

    again = run(variables | {"DB_PASSWORD": "another"}, tmp_path)
    assert again.returncode == 0, again.stderr
    assert_logs_in(cluster, "recon", "another", "recon")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        assert_logs_in(cluster, "recon", "of-the-record", "recon")
    log = cluster.log
    assert "CREATE DATABASE" in log, "the server logs every statement"
    for password in [*PASSWORDS.values(), "another"][1:]:
        assert f"'{password}'" not in log


def assert_logs_in(cluster: Cluster, user: str, password: str, database: str) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=cluster.port, user=user, password=password, dbname=database
    ) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (user,)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"RECON_ADMINISTRATOR_PASSWORD": ""},
            "RECON_ADMINISTRATOR_PASSWORD has no value (the environment of this task)",
        ),
        ({"DB_MIGRATION_USER": ""}, "DB_MIGRATION_USER has no value (the environment of this task)"),
        ({"DAGSTER_DB_PASSWORD": ""}, "DAGSTER_DB_PASSWORD has no value"),
        ({"DB_HOST": ""}, "DB_HOST has no value"),
        ({"DB_AUDITOR_PASSWORD": ""}, "DB_AUDITOR_PASSWORD has no value"),
        (
            {"DAGSTER_DB_USER": "recon"},
            "two logins have the same name (DB_MIGRATION_USER, DB_USER, DAGSTER_DB_USER, DB_AUDITOR_USER)",
        ),
        ({"DB_PORT": "1"}, "127.0.0.1:1"),
    ],
)
def test_what_is_missing_is_named_and_no_password_is(
    changed: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (environment(Cluster(None, 1), tmp_path) | changed).items():  # type: ignore[arg-type]
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(AWS / "set_up_database.py"), run_name="__main__")
    told = str(ended.value.code)
    assert told.startswith("set_up_database.py: ") and says in told
    assert not [password for password in PASSWORDS.values() if password in told]
