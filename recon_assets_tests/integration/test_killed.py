"""Killed in the middle, or run twice at once: the same answer, and no row twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recon_assets.domain.verdict import Verdict
from recon_assets.settings import Settings
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.integration.deployments import HEADER, Deployment, with_configuration

RECORDS = 3_000
PATIENCE_S = 90.0
STAGES = ("raw_processor_feed", "transactions", "discrepancies", "report")


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Deployment:
    return with_two_files(with_configuration(settings, tmp_path))


def with_two_files(deployment: Deployment) -> Deployment:
    """Files large enough for a stage to take a moment; every third record is not in the ledger."""
    rows = [f"id-{n:06d},{n}.01,USD,completed,2025-09-30T10:00:00Z" for n in range(RECORDS)]
    ledger = [row for number, row in enumerate(rows) if number % 3]
    return deployment.files_processor(
        "acme", processor="\n".join([HEADER, *rows, ""]), ledger="\n".join([HEADER, *ledger, ""])
    )


def start(deployment: Deployment) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        deployment.command("run", "--processors", "acme", "--date", "2025-09-30"),
        env=deployment.environment(),
        cwd=deployment.settings.data_dir.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_stage(deployment: Deployment, stage: str, process: subprocess.Popen[bytes]) -> None:
    """Until the stage has handed over; its handle appears whole."""
    handle = deployment.settings.storage_root / "acme" / "2025-09-30" / "latest" / f"{stage}.json"
    deadline = time.monotonic() + PATIENCE_S
    while not handle.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, f"{stage} was not reached"
        time.sleep(0.002)


def assert_one_answer(deployment: Deployment) -> None:
    run = deployment.newest("acme")
    assert (run.status, run.verdict, run.missing_count) == ("completed", Verdict.DISCREPANCIES, RECORDS // 3)
    assert deployment.query("SELECT count(*) FROM reconciliation_runs WHERE is_current") == [(1,)]
    assert deployment.query("SELECT count(*), count(DISTINCT transaction_id) FROM missing_transactions") == [
        (RECORDS // 3, RECORDS // 3)
    ]
    assert deployment.query("SELECT count(*) FROM reconciliation_runs WHERE status = 'running'") == [(0,)]
    report = deployment.settings.reports_dir / "acme_2025-09-30" / "reconciliation_report_acme_2025-09-30.csv"
    assert len(report.read_text().splitlines()) == RECORDS // 3 + 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_after_any_stage_leaves_an_answer_or_none_and_the_next_run_is_whole(
    deployment: Deployment, stage: str
) -> None:
    process = start(deployment)
    wait_for_stage(deployment, stage, process)
    process.kill()
    process.wait()
    half = deployment.query("SELECT count(*) FROM missing_transactions")

    finished = deployment.call("run", "--processors", "acme", "--date", "2025-09-30")

    assert half in ([(0,)], [(RECORDS // 3,)])
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert_one_answer(deployment)


def test_two_runs_of_one_day_at_once_both_answer_and_one_answer_stands(deployment: Deployment) -> None:
    processes = [start(deployment), start(deployment)]

    assert [process.wait(timeout=PATIENCE_S) for process in processes] == [0, 0]
    assert_one_answer(deployment)
    assert deployment.query("SELECT version, is_current FROM reconciliation_runs ORDER BY 1") == [(1, True), (2, False)]


def test_a_run_of_dagsters_worker_and_one_of_the_command_line_at_once_answer_the_day_once(
    deployment: Deployment,
) -> None:
    """Whichever is second waits for the lock of the day and finds the answer given; the queue knows of one alone."""
    home = deployment.settings.data_dir / "dagster_home"
    home.mkdir(parents=True)
    shutil.copy(deployment.settings.home / "dagster.yaml", home)
    materialize = ["-m", "dagster", "asset", "materialize", "-m", "recon_assets.definitions", "--select", "group:acme"]
    worker = subprocess.Popen(
        [sys.executable, *materialize, "--partition", "2025-09-30"],
        env=deployment.environment() | {"DAGSTER_HOME": str(home)},
        cwd=deployment.settings.data_dir.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_stage(deployment, "transactions", worker)  # its answer is not given yet, or is being given
    command_line = start(deployment)

    assert [process.wait(timeout=PATIENCE_S) for process in (worker, command_line)] == [0, 0]
    assert_one_answer(deployment)
    states = deployment.query("SELECT status FROM reconciliation_runs ORDER BY version")
    assert states == [("completed",), ("unchanged",)]


def test_postgresql_killed_in_the_middle_of_a_run_does_not_change_what_the_next_one_answers(
    own_server_settings: Settings, tmp_path: Path
) -> None:
    deployment = with_two_files(with_configuration(own_server_settings, tmp_path))
    process = start(deployment)
    wait_for_stage(deployment, "transactions", process)
    postmaster = int(
        (EmbeddedServer(own_server_settings.data_dir).place.pgdata / "postmaster.pid").read_text().split()[0]
    )
    os.kill(postmaster, signal.SIGKILL)
    assert process.wait(timeout=PATIENCE_S) == 1, "a failed run, not a traceback"

    finished = deployment.recon("run", "--processors", "acme", "--date", "2025-09-30")

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert_one_answer(deployment)
