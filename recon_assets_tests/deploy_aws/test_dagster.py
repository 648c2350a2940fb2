"""deploy/aws/dagster.yaml: what differs from the project's, and that it loads with what the daemon's task is given."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3 import S3ComputeLogManager
from pytest_httpserver import HTTPServer

from recon_assets.settings import Settings
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.deploy_aws.services import Services
from recon_assets_tests.deploy_aws.stacks import AWS, Cloud

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough


@pytest.fixture
def daemon(
    cloud: Cloud, moto_url: str, aws: pytest.MonkeyPatch, settings: Settings, httpserver: HTTPServer, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The environment of the daemon's task."""
    services = Services(cloud, moto_url, settings, tmp_path, httpserver)
    for name, value in services.environment("recon-daemon").items():
        aws.setenv(name, value)
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
    assert isinstance(instance.compute_log_manager, S3ComputeLogManager)
