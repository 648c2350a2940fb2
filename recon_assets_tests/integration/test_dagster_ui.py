"""`dagster dev` from the project's root, as the README says: a partition materialised there gives the same rows, and a
day whose process is killed is begun again by the daemon."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from recon_assets.store.database import open_database
from recon_assets.store.runs import processor_day_lock
from recon_assets_tests.conftest import settings_of_an_own_server
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment

pytestmark = pytest.mark.xdist_group("dagster dev")  # one for all tests of this module

PATIENCE_S = 150.0
LAUNCH = """
mutation ($run: ExecutionParams!) { launchPipelineExecution(executionParams: $run) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
RETRY = """
mutation ($retry: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $retry) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
GRAPH = """
{ assetNodes { groupName }
  schedulesOrError(
    repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "recon_assets"}
  ) { ... on Schedules { results { cronSchedule } } } }
"""
CHECK_PARTITIONS = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name partitionStatuses {
    ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } } } } } } } } }
"""
RUNS = """
query ($job: String!) { runsOrError(filter: {pipelineName: $job}) { ... on Runs { results {
  jobName status runId rootRunId eventConnection { events { ... on MessageEvent { message } } }
} } } }
"""
CURRENT_ROWS = """
SELECT discrepancy_id, class, transaction_id, amount FROM discrepancies
WHERE run_id = (SELECT id FROM reconciliation_runs WHERE is_current AND processor_name = 'stripe')
ORDER BY discrepancy_id
"""
VERSIONS = "SELECT version FROM reconciliation_runs WHERE processor_name = 'stripe' ORDER BY version"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """With an embedded database of its own, as on a fresh machine."""
    with settings_of_an_own_server() as settings:
        yield Deployment(settings)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster_dev")


@pytest.fixture(scope="module")
def ui(deployment: Deployment, logs: Path) -> Iterator[str]:
    """The address of a running `dagster dev`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (logs / "dagster.log").open("wb")
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command,
        cwd=deployment.settings.home,
        env=deployment.environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: serves(address), process, logs)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def wait_until(condition, process: subprocess.Popen[bytes] | None, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None, (folder / "dagster.log").read_text()[-3000:]
        assert time.monotonic() < deadline, (folder / "dagster.log").read_text()[-3000:]
        time.sleep(0.3)


def serves(address: str) -> bool:
    try:
        reply = requests.post(f"{address}/graphql", json={"query": GRAPH}, timeout=20).json()
    except (requests.RequestException, ValueError):
        return False
    return bool((reply.get("data") or {}).get("assetNodes"))


def ask(address: str, query: str, **variables: object) -> dict:
    reply = requests.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in reply, reply["errors"]
    return reply["data"]


def final_status(address: str, run_id: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while (status := ask(address, STATUS, id=run_id)["runOrError"]["status"]) not in {"SUCCESS", "FAILURE"}:
        assert time.monotonic() < deadline, f"the run is still {status}"
        time.sleep(0.5)
    return status


def launch(address: str, processor: str) -> str:
    """Launch the sample day of a processor; gives the run's id."""
    run = {
        "selector": {
            "repositoryLocationName": "recon_assets",
            "repositoryName": "__repository__",
            "pipelineName": f"reconcile_{processor}",
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": str(SAMPLE_DAY)}]},
        "mode": "default",
    }
    launched = ask(address, LAUNCH, run=run)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


def runs_of(address: str, job: str) -> list[dict]:
    """The newest first."""
    return ask(address, RUNS, job=job)["runsOrError"]["results"]


def test_a_partition_materialised_in_the_ui_gives_the_rows_of_the_command_line(
    ui: str, deployment: Deployment, logs: Path
) -> None:
    graph = ask(ui, GRAPH)
    assert {node["groupName"] for node in graph["assetNodes"]} == {
        "completeness",
        "paypal",
        "record",
        "square",
        "stripe",
    }
    assert {schedule["cronSchedule"] for schedule in graph["schedulesOrError"]["results"]} == {
        "0 1 * * *",
        "30 2 * * *",
    }

    run_id = launch(ui, "stripe")
    assert final_status(ui, run_id) == "SUCCESS", (logs / "dagster.log").read_text()[-3000:]

    key = {"path": ["stripe", "discrepancies"]}
    checks = ask(ui, CHECK_PARTITIONS, key=key)["assetNodeOrError"]["assetChecksOrError"]["checks"]
    passed = {"startKey": "2025-09-30", "endKey": "2025-09-30", "status": "SUCCEEDED"}
    names = ("days_around_are_known", "proof_residual_is_zero")
    assert checks == [{"name": name, "partitionStatuses": {"ranges": [passed]}} for name in names]

    retried = ask(ui, RETRY, retry={"parentRunId": run_id, "strategy": "ALL_STEPS"})["launchRunReexecution"]
    assert final_status(ui, retried["run"]["runId"]) == "SUCCESS"
    assert deployment.query(VERSIONS) == [(1,)], "a retry with equal inputs finds the answer that is there"

    from_ui = deployment.query(CURRENT_ROWS)
    finished = deployment.recon("run", "--processors", "stripe", "--date", "2025-09-30")
    assert finished.returncode == 0, finished.stderr
    assert "19.95 USD" in finished.stdout
    assert len(from_ui) == 5
    assert deployment.query(CURRENT_ROWS) == from_ui
    assert deployment.query(VERSIONS) == [(1,), (2,)]
    runs = [(run["jobName"], run["status"]) for run in runs_of(ui, "reconcile_stripe")]
    assert runs == [("reconcile_stripe", "SUCCESS")] * 3, "runs of the command line are real runs"


def test_a_day_whose_process_is_killed_is_begun_again_by_the_daemon_and_answered_once(
    ui: str, deployment: Deployment, logs: Path
) -> None:
    job = "reconcile_square"
    with (
        open_database(deployment.settings) as database,
        database.connect() as connection,
        processor_day_lock(connection, "square", SAMPLE_DAY),
    ):
        killed = launch(ui, "square")
        wait_until(lambda: deployment.query(WAITING) == [(1,)], None, logs)  # all is compared, nothing published
        (run,) = runs_of(ui, job)
        told = [event.get("message") or "" for event in run["eventConnection"]["events"]]
        (worker,) = {int(found[1]) for line in told if (found := re.search(r"\(pid: (\d+)\)", line))}
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: runs_of(ui, job)[-1]["status"] == "FAILURE", None, logs)
    wait_until(lambda: runs_of(ui, job)[0]["status"] == "SUCCESS", None, logs)

    again, first = runs_of(ui, job)
    assert (first["runId"], first["status"], again["rootRunId"]) == (killed, "FAILURE", killed)
    assert deployment.query(
        "SELECT version, status, is_current FROM reconciliation_runs WHERE processor_name = 'square'"
    ) == [(1, "completed", True)]
