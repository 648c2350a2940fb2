"""What `dagster.yaml` says of queues, retries and monitoring, as an instance of Dagster understands it."""

import shutil
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry

from recon_assets.settings import Settings


def instance_of(settings: Settings, folder: Path) -> dg.DagsterInstance:
    """With SQLite for its storage, which is not what is asked here."""
    shutil.copy(settings.home / "dagster.yaml", folder)
    said = yaml.safe_load((folder / "dagster.yaml").read_text())
    del said["storage"]
    (folder / "dagster.yaml").write_text(yaml.safe_dump(said))
    return dg.DagsterInstance.from_config(str(folder))


def test_runs_queue_one_per_processor_and_two_in_all(settings: Settings, tmp_path: Path) -> None:
    with instance_of(settings, tmp_path) as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        queue = instance.get_concurrency_config()
        assert queue.run_queue_config is not None
        assert queue.run_queue_config.max_concurrent_runs == 2
        assert queue.pool_config.default_pool_limit == 1
        assert queue.pool_config.pool_granularity is not None
        assert queue.pool_config.pool_granularity.value == "run"


def test_only_a_run_whose_process_died_is_started_again_and_once(settings: Settings, tmp_path: Path) -> None:
    with instance_of(settings, tmp_path) as instance:
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_resume_run_attempts == 0
        runs = [
            instance.create_run_for_job(
                nothing, tags={RUN_FAILURE_REASON_TAG: reason}, status=dg.DagsterRunStatus.FAILURE
            )
            for reason in ("UNEXPECTED_TERMINATION", "STEP_FAILURE")
        ]
        again = [run.run_id for run in filter_runs_to_should_retry(runs, instance)]
    assert again == [runs[0].run_id]


@dg.job
def nothing() -> None:
    """Does nothing."""
