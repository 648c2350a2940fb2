"""deploy/aws/dagster.yaml: it loads with what each task is given, and the daemon starts a run as a task of its own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3 import S3ComputeLogManager
from pytest_httpserver import HTTPServer

from recon_assets.settings import Settings
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.deploy_aws.stacks import AWS, Cloud

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough
MAX_OVERRIDES = 8_192
"""Characters that ECS takes for what a run's task does otherwise than its definition says."""


@pytest.fixture
def daemon(
    cloud: Cloud, moto_url: str, aws: pytest.MonkeyPatch, settings: Settings, httpserver: HTTPServer, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The environment of the daemon's task, which runs at moto, but for TLS and for where the database is."""
    for name, value in cloud.environment("recon-daemon").items():
        aws.setenv(name, value)
    for name in ("DB_SSLMODE", "DB_SSLROOTCERT", "TMPDIR", "HOME"):
        aws.delenv(name)
    aws.setenv("AWS_ENDPOINT_URL", moto_url)
    aws.setenv("DB_HOST", str(settings.db_host))
    aws.setenv("RECON_DAGSTER_DIR", str(tmp_path / "dagster"))
    aws.setenv("DAGSTER_HOME", str(AWS))
    ecs = cloud.client("ecs")
    said = ecs.describe_services(cluster="recon", services=["recon-daemon"])["services"][0]
    (task,) = ecs.run_task(
        cluster="recon",
        taskDefinition="recon-daemon",
        launchType="FARGATE",
        networkConfiguration=said["networkConfiguration"],
    )["tasks"]
    httpserver.expect_request("/task").respond_with_json({"Cluster": task["clusterArn"], "TaskARN": task["taskArn"]})
    aws.setenv("ECS_CONTAINER_METADATA_URI_V4", httpserver.url_for("").rstrip("/"))
    return aws


@pytest.fixture
def instance(daemon: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as loaded:
        yield loaded


def test_it_differs_from_the_projects_in_where_runs_work_and_files_go_and_in_how_many_runs_there_are() -> None:
    own = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    ours = yaml.safe_load((AWS / "dagster.yaml").read_text())
    for name in ("run_launcher", "local_artifact_storage", "compute_logs"):
        assert name not in own
        del ours[name]
    assert ours.pop("concurrency") == own.pop("concurrency") | {"runs": {"max_concurrent_runs": 10}}
    assert ours.pop("run_monitoring") == own.pop("run_monitoring") | {"start_timeout_seconds": 600}
    assert ours == own


def test_its_workspace_is_that_of_the_compose_file() -> None:
    ours, compose = (
        yaml.safe_load((PROJECT / "deploy" / f / "workspace.yaml").read_text()) for f in ("aws", "compose")
    )
    assert ours == compose


def test_the_daemons_instance_loads_with_dagsters_database_alone(instance: dg.DagsterInstance, cloud: Cloud) -> None:
    assert "RunLauncher" in instance.info_str(), "as `dagster instance info` prints it"
    assert Settings(_env_file=None).db_name == "dagster"
    assert instance.get_runs_count() >= 0
    launcher = instance.run_launcher
    assert isinstance(launcher, EcsRunLauncher)
    assert launcher.task_definition == cloud.task_definition("recon-run")["taskDefinitionArn"]
    assert launcher.secrets_tags == []


def test_what_steps_print_goes_to_the_bucket(instance: dg.DagsterInstance, cloud: Cloud) -> None:
    bucket, logs = os.environ["RECON_PRINTED_BUCKET"], instance.compute_log_manager
    assert isinstance(logs, S3ComputeLogManager)
    with cloud.without_policy(bucket):
        with logs.open_log_stream(["a-run", "compute_logs", "a-step"], ComputeIOType.STDERR) as stream:
            assert stream is not None
            stream.write("said")
        (found,) = cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"] == "steps/storage/a-run/compute_logs/a-step.err"


def test_a_run_is_a_task_of_its_own_beside_the_daemon(instance: dg.DagsterInstance, cloud: Cloud) -> None:
    run = a_run(instance, {"dagster/partition": "2025-09-30", "ecs/cpu": "4096", "ecs/memory": "16384"})
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    tags = instance.get_run_by_id(run.run_id).tags  # type: ignore[union-attr]
    ecs = cloud.client("ecs")
    (task,) = ecs.describe_tasks(cluster="recon", tasks=[tags["ecs/task_arn"]], include=["TAGS"])["tasks"]
    assert task["taskDefinitionArn"] == cloud.task_definition("recon-run")["taskDefinitionArn"]
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {
        "dagster/run_id": run.run_id,
        "dagster/job_name": run.job_name,
        "dagster/partition": "2025-09-30",
    }
    (daemon, *_) = ecs.list_tasks(cluster="recon", family="recon-daemon")["taskArns"]
    (daemons_task,) = ecs.describe_tasks(cluster="recon", tasks=[daemon])["tasks"]
    assert subnets_of(task) == subnets_of(daemons_task) != set()
    overrides = task["overrides"]
    (container,) = overrides["containerOverrides"]
    assert (container["name"], container["command"][:3]) == ("run", ["dagster", "api", "execute_run"])
    assert (overrides["cpu"], overrides["memory"]) == ("4096", "16384")
    assert len(json.dumps(overrides)) < MAX_OVERRIDES / 2
    assert "password" not in json.dumps(overrides).lower()


def subnets_of(task: dict[str, Any]) -> set[str]:
    return {
        detail["value"]
        for attachment in task["attachments"]
        for detail in attachment["details"]
        if detail["name"] == "subnetId"
    }


def a_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    """As the daemon's queue holds it: of a job that the code location of the image serves."""
    from dagster._core.code_pointer import ModuleCodePointer
    from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
    from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

    code = RepositoryPythonOrigin(
        executable_path="/opt/venv/bin/python",
        code_pointer=ModuleCodePointer("recon_assets.definitions", "defs", working_directory="/app"),
        entry_point=["dagster"],
    )
    location = GrpcServerCodeLocationOrigin(host="code.recon.internal", port=4000, location_name="recon_assets")
    return instance.create_run(
        job_name="reconcile_stripe",
        run_id=None,
        run_config={},
        status=dg.DagsterRunStatus.QUEUED,
        tags=tags,
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=None,
        execution_plan_snapshot=None,
        job_snapshot=None,
        parent_job_snapshot=None,
        asset_selection=None,
        asset_check_selection=None,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "reconcile_stripe"),
        job_code_origin=JobPythonOrigin("reconcile_stripe", code),
        asset_graph=None,  # type: ignore[arg-type]
    )
