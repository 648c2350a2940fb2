"""The services of docker-compose.yml run here as the file has them, on a database that sql/initdb.d made."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.containers.compose_file import Machine
from recon_assets_tests.integration.test_dagster_ui import LAUNCH, ask, final_status
from recon_assets_tests.store.clusters import (
    Cluster,
    embedded_binaries,
    free_port,
    postgresql_15_binaries,
    running_cluster,
    short_folder,
)

PATIENCE_S = 120.0
RUN_STATUS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
TODAY_IN_DAGSTER = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """PostgreSQL 15 where it is installed, as the image's `initdb` makes it: a password for whoever comes by TCP."""
    with short_folder() as folder:
        binaries = postgresql_15_binaries() or embedded_binaries(folder / "data")
        access = ["--auth-local=trust", "--auth-host=scram-sha-256"]
        with running_cluster(
            binaries, folder, access=access, port=free_port(), settings={"listen_addresses": "127.0.0.1"}
        ) as running:
            yield running


@pytest.fixture
def machine(cluster: Cluster, tmp_path: Path) -> Machine:
    """With the database as the image's entrypoint leaves it, from the environment of the service `db`."""
    made = Machine(tmp_path, cluster.port)
    environment = made.services["db"]["environment"]
    with psycopg.connect(
        host=str(cluster.socket_dir), port=cluster.port, user="postgres", dbname="postgres", autocommit=True
    ) as superuser:
        superuser.execute(f"CREATE DATABASE {environment['POSTGRES_DB']}".encode())
    mounts = dict(mount.split(":")[1::-1] for mount in made.services["db"]["volumes"])
    done = subprocess.run(
        [str(PROJECT / mounts["/docker-entrypoint-initdb.d"] / "10_recon.sh")],
        env={
            **environment,
            "PATH": f"{cluster.place.binaries}:/usr/bin:/bin",
            "PGHOST": str(cluster.socket_dir),
            "PGPORT": str(cluster.port),
            "RECON_SQL_DIR": str(PROJECT / mounts["/recon-sql"]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made


def wait_until_healthy(machine: Machine, process: subprocess.Popen[bytes], service: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (health := machine.health(service)).returncode != 0:
        said = health.stderr + machine.log(service).read_text()[-3000:]
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said


def test_the_services_come_up_in_order_and_the_sample_day_is_answered_by_app_and_from_the_ui(machine: Machine) -> None:
    with machine.running("code") as code:
        wait_until_healthy(machine, code, "code")
        with machine.running("webserver") as webserver, machine.running("daemon") as daemon:
            wait_until_healthy(machine, webserver, "webserver")
            wait_until_healthy(machine, daemon, "daemon")

            ran = machine.call("app", "recon", "run", "--processors", "stripe", "--date", "2025-09-30")
            assert ran.returncode == 0, ran.stderr
            (row,) = [line.split() for line in ran.stdout.splitlines() if line.startswith(" stripe")]
            assert row[2:] == ["discrepancies", "30", "25", "25", "5", "19.95", "USD", "LOW"]

            run = {
                "selector": {
                    "repositoryLocationName": "recon_assets",
                    "repositoryName": "__repository__",
                    "pipelineName": "reconcile_square",
                },
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "2025-09-30"}]},
                "mode": "default",
            }
            launched = ask(machine.webserver, LAUNCH, run=run)["launchPipelineExecution"]
            assert launched["__typename"] == "LaunchRunSuccess", launched
            status = final_status(machine.webserver, launched["run"]["runId"])
            assert status == "SUCCESS", machine.log("code").read_text()[-3000:]

            answered = machine.call(
                "app", "recon", "sql", "--format", "csv",
                "SELECT processor_name, status, is_current FROM reconciliation_runs ORDER BY processor_name",
            )  # fmt: skip
            assert answered.stdout.splitlines()[1:] == ["square,completed,True", "stripe,completed,True"]
            doctor = machine.call("app", "recon", "doctor")
            assert doctor.returncode == 0, doctor.stdout
            verified = machine.call("app", "recon", "audit", "verify")
            assert (verified.returncode, "Verified as recon_auditor" in verified.stdout) == (0, True), verified.stdout

            with machine.running("auditors") as auditors:
                wait_until_healthy(machine, auditors, "auditors")
                assert ask(machine.auditors, RUN_STATUS) == ask(machine.webserver, RUN_STATUS)
                refused = ask(machine.auditors, LAUNCH, run=run)["launchPipelineExecution"]
                assert refused["__typename"] == "UnauthorizedError"
    assert (machine.folder / "volume" / "reports").is_dir()
    assert list((machine.folder / "volume" / "dagster").rglob("*.err")), "what steps print is on the volume"


def test_health_says_why(machine: Machine) -> None:
    port = machine.ports["3000"]
    unwell = machine.call("webserver", "python", "/app/health.py", "webserver")
    assert (unwell.returncode, unwell.stdout) == (1, "")
    assert f"the webserver gives no answer on http://127.0.0.1:{port}/server_info" in unwell.stderr
    unwell = machine.call("code", "python", "/app/health.py", "code")
    assert (
        unwell.stderr
        == f"health.py: the code location gives no answer on 127.0.0.1:{machine.ports['4000']}: UNAVAILABLE\n"
    )
    unwell = machine.call("daemon", "python", "/app/health.py", "daemon")
    assert unwell.stderr.endswith("health.py: a daemon of Dagster has no fresh heartbeat\n")
    unwell = machine.call("daemon", "python", "/app/health.py")
    assert unwell.stderr == "health.py: name one service: webserver, code, daemon\n"
