"""From a click to evidence: the services run with what their task definitions give, and a run is a task of its own."""

import subprocess
import time
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from recon_assets.settings import Settings
from recon_assets_tests.deploy_aws.services import Services, characters_of, subnets_of
from recon_assets_tests.deploy_aws.stacks import ACCOUNT, REGION, Cloud
from recon_assets_tests.integration.test_dagster_ui import LAUNCH, ask, final_status

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough
EVIDENCE, PRINTED = (f"recon-{bucket}-{ACCOUNT}-{REGION}" for bucket in ("evidence", "printed"))
PATIENCE_S = 120.0
POLL_S = 0.5
MAX_OVERRIDES = 8_192
"""Characters that ECS takes for what a task does otherwise than its definition says."""
LOCATION = "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
TAGS = "query Tags($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"
RUN = {
    "selector": {
        "repositoryLocationName": "recon_assets",
        "repositoryName": "__repository__",
        "pipelineName": "reconcile_stripe",
    },
    "executionMetadata": {
        "tags": [
            {"key": "dagster/partition", "value": "2025-09-30"},
            {"key": "ecs/cpu", "value": "4096"},
            {"key": "ecs/memory", "value": "16384"},
        ]
    },
    "mode": "default",
}


@pytest.fixture
def services(cloud: Cloud, moto_url: str, settings: Settings, tmp_path: Path, httpserver: HTTPServer) -> Services:
    return Services(cloud, moto_url, settings, tmp_path, httpserver)


def until_the_code_location_is_loaded(services: Services, *processes: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        said = ""
        try:
            said = str(ask(services.webserver, LOCATION))
        except OSError as error:
            said = str(error)
        if "'RepositoryLocation'" in said:
            return
        assert time.monotonic() < deadline and all(process.poll() is None for process in processes), said
        time.sleep(POLL_S)


def task_of(services: Services, run_id: str, daemon: subprocess.Popen[bytes]) -> str:
    """Once the daemon started it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        tags = {tag["key"]: tag["value"] for tag in ask(services.webserver, TAGS, id=run_id)["runOrError"]["tags"]}
        if arn := tags.get("ecs/task_arn"):
            return str(arn)
        assert time.monotonic() < deadline and daemon.poll() is None, services.log("recon-daemon").read_text()[-3000:]
        time.sleep(POLL_S)


def test_a_day_that_an_operator_starts_is_done_by_a_task_of_its_own_and_its_evidence_is_locked(
    services: Services, cloud: Cloud
) -> None:
    daemons_task = services.start_daemons_task()
    with services.running("recon-code") as code, services.running("recon-operators") as webserver:
        until_the_code_location_is_loaded(services, code, webserver)
        launched = ask(services.webserver, LAUNCH, run=RUN)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        with services.running("recon-daemon") as daemon:
            task = services.started_at_moto(task_of(services, run_id, daemon))
        assert task["taskDefinitionArn"] == cloud.task_definition("recon-run")["taskDefinitionArn"]
        assert subnets_of(task) == subnets_of(daemons_task) != set()
        assert {tag["key"]: tag["value"] for tag in task["tags"]} == {
            "dagster/run_id": run_id,
            "dagster/job_name": "reconcile_stripe",
            "dagster/partition": "2025-09-30",
            "processor": "stripe",
        }
        overrides = task["overrides"]
        assert (overrides["cpu"], overrides["memory"]) == ("4096", "16384")
        assert characters_of(overrides) < MAX_OVERRIDES * 3 / 4
        (container,) = overrides["containerOverrides"]
        assert container["name"] == "run"

        with cloud.without_policy(EVIDENCE), cloud.without_policy(PRINTED):
            done = services.call("recon-run", *container["command"])
            assert done.returncode == 0, done.stderr[-3000:]
            assert final_status(services.webserver, run_id) == "SUCCESS"
            kept = {bucket: keys(cloud, bucket, part) for bucket, part in ((EVIDENCE, "stripe"), (PRINTED, run_id))}
            assert any(key.endswith("manifest.json") for key in kept[EVIDENCE]) and kept[PRINTED]
            for key in kept[EVIDENCE]:
                there = cloud.client("s3").head_object(Bucket=EVIDENCE, Key=key)
                assert there["ObjectLockMode"] == "COMPLIANCE"
                assert there["SSEKMSKeyId"] == cloud.environment("recon-run")["AWS_S3_KMS_KEY_ID"]


def keys(cloud: Cloud, bucket: str, part: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    return [there["Key"] for there in found if part in there["Key"]]
