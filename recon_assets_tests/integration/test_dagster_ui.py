"""`dagster dev` from the project's root, as the README says: a partition materialised there gives the same rows."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import Deployment

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
RUNS = "{ runsOrError { ... on Runs { results { jobName status } } } }"
CURRENT_ROWS = """
SELECT discrepancy_id, class, transaction_id, amount FROM discrepancies
WHERE run_id = (SELECT id FROM reconciliation_runs WHERE is_current) ORDER BY discrepancy_id
"""
VERSIONS = "SELECT version FROM reconciliation_runs ORDER BY version"


@pytest.fixture
def deployment(own_server_settings: Settings) -> Deployment:
    """With an embedded database of its own, as on a fresh machine."""
    return Deployment(own_server_settings)


@pytest.fixture
def ui(deployment: Deployment, tmp_path: Path) -> Iterator[str]:
    """The address of a running `dagster dev`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "dagster.log").open("wb")
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
        wait_until(lambda: serves(address), process, tmp_path)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def wait_until(condition, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, (folder / "dagster.log").read_text()[-3000:]
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


def test_a_partition_materialised_in_the_ui_gives_the_rows_of_the_command_line(
    ui: str, deployment: Deployment, tmp_path: Path
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

    run = {
        "selector": {
            "repositoryLocationName": "recon_assets",
            "repositoryName": "__repository__",
            "pipelineName": "reconcile_stripe",
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "2025-09-30"}]},
        "mode": "default",
    }
    launched = ask(ui, LAUNCH, run=run)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    assert final_status(ui, run_id) == "SUCCESS", (tmp_path / "dagster.log").read_text()[-3000:]

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
    runs = ask(ui, RUNS)["runsOrError"]["results"]
    assert runs == [{"jobName": "reconcile_stripe", "status": "SUCCESS"}] * 3, "runs of the command line are real runs"
