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
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
ASSETS = "{ assetNodes { assetKey { path } groupName hasAssetChecks } schedulesOrError { ... on Schedules { results { name cronSchedule } } } }"
PARTITION_CHECKS = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name executionForLatestMaterialization { status evaluation { partition } } } } } } } }
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """With an embedded database of its own, as on a fresh machine."""
    yield Deployment(Settings(_env_file=None, RECON_DATA_DIR=tmp_path / "data", LOCAL_REPORTS_DIR=tmp_path / "reports"))


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
        reply = requests.post(f"{address}/graphql", json={"query": ASSETS}, timeout=20).json()
    except (requests.RequestException, ValueError):
        return False
    return bool((reply.get("data") or {}).get("assetNodes"))


def ask(address: str, query: str, **variables: object) -> dict:
    reply = requests.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in reply, reply["errors"]
    return reply["data"]


def test_a_partition_materialised_in_the_ui_gives_the_rows_of_the_command_line(
    ui: str, deployment: Deployment, tmp_path: Path
) -> None:
    graph = ask(ui, ASSETS)
    assert {node["groupName"] for node in graph["assetNodes"]} == {"paypal", "square", "stripe"}
    assert {schedule["cronSchedule"] for schedule in graph["schedulesOrError"]["results"]} == {"0 1 * * *"}

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
    deadline = time.monotonic() + PATIENCE_S
    while (status := ask(ui, STATUS, id=run_id)["runOrError"]["status"]) not in {"SUCCESS", "FAILURE"}:
        assert time.monotonic() < deadline, f"the run is still {status}"
        time.sleep(0.5)
    assert status == "SUCCESS", (tmp_path / "dagster.log").read_text()[-3000:]

    key = {"path": ["stripe", "discrepancies"]}
    checks = ask(ui, PARTITION_CHECKS, key=key)["assetNodeOrError"]["assetChecksOrError"]["checks"]
    assert [check["executionForLatestMaterialization"]["evaluation"]["partition"] for check in checks] == ["2025-09-30"]
    assert [check["executionForLatestMaterialization"]["status"] for check in checks] == ["SUCCEEDED"]

    rows = "SELECT discrepancy_id, class, transaction_id, amount FROM discrepancies WHERE run_id = (SELECT id FROM reconciliation_runs WHERE is_current) ORDER BY 1"
    from_ui = deployment.query(rows)
    finished = deployment.recon("run", "--processors", "stripe", "--date", "2025-09-30")
    assert finished.returncode == 0, finished.stderr
    assert "19.95 USD" in finished.stdout
    assert len(from_ui) == 5
    assert deployment.query(rows) == from_ui
    runs = ask(ui, "{ runsOrError { ... on Runs { results { jobName status } } } }")["runsOrError"]["results"]
    assert runs == [{"jobName": "reconcile_stripe", "status": "SUCCESS"}] * 2, "runs of the command line are real runs"
