"""Each dagster.yaml of the project is loaded by Dagster, and the launchers that it names start a run.

What would start it, Kubernetes' API server or Docker's engine, is a stand-in on loopback that keeps what it was told.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.utils import make_new_run_id
from dagster_aws.s3 import S3ComputeLogManager

from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.containers.compose_file import SECRETS, read_compose_file
from recon_assets_tests.deployments.clusters import Docker, Kubernetes
from recon_assets_tests.deployments.pods import is_restricted
from recon_assets_tests.deployments.upstreams import served
from recon_assets_tests.integration.deployments import Deployment

KUBERNETES = PROJECT / "deploy" / "kubernetes" / "dagster.yaml"
DOCKER = PROJECT / "deploy" / "compose" / "docker-launcher-dagster.yaml"
COMPOSE = PROJECT / "deploy" / "compose" / "dagster.yaml"
LAUNCHERS = {COMPOSE: None, KUBERNETES: "K8sRunLauncher", DOCKER: "DockerRunLauncher"}
PYTHON = "/opt/venv/bin/python"
CANARY = "password-of-the-record"
IMAGE = "registry.company.example/recon:0.1.0-kubernetes"


@pytest.fixture
def environment(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Of a container of ours, on the tests' database."""
    for name, value in Deployment(settings).environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RECON_DAGSTER_DIR", str(tmp_path / "dagster"))
    monkeypatch.setenv("DB_PASSWORD", CANARY)
    monkeypatch.setenv("RECON_NAMESPACE", "recon")
    monkeypatch.setenv("RECON_IMAGE", IMAGE)
    monkeypatch.setenv("RECON_NETWORK", "recon_default")
    monkeypatch.delenv("AWS_S3_BUCKET_NAME", raising=False)
    return monkeypatch


@contextmanager
def instance_of(path: Path, folder: Path, **launcher: object) -> Iterator[dg.DagsterInstance]:
    """As a process with that file as its dagster.yaml has it; `launcher` is added to its launcher's configuration."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    document = yaml.safe_load(path.read_text())
    if launcher:
        document["run_launcher"]["config"] |= launcher
    (home / "dagster.yaml").write_text(yaml.safe_dump(document))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def launch(instance: dg.DagsterInstance) -> DagsterRun:
    """A run of the project's, as the daemon hands it to the launcher."""
    repository = RepositoryPythonOrigin(
        executable_path=PYTHON,
        code_pointer=ModuleCodePointer("recon_assets.definitions", "defs", working_directory=str(PROJECT)),
        container_image=IMAGE,
    )
    run = instance.add_run(
        DagsterRun(
            job_name="reconcile_stripe",
            run_id=make_new_run_id(),
            tags={"dagster/partition": "2025-09-30"},
            job_code_origin=JobPythonOrigin("reconcile_stripe", repository),
        )
    )
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return run


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_each_differs_from_the_projects_own_in_its_folders_and_launcher_only(path: Path) -> None:
    own = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    deployed = yaml.safe_load(path.read_text())
    assert deployed.pop("local_artifact_storage")["config"] == {"base_dir": {"env": "RECON_DAGSTER_DIR"}}
    assert deployed.pop("compute_logs")["class"] == "ReconComputeLogs"
    assert deployed.pop("run_launcher", {}).get("class") == LAUNCHERS[path]
    assert deployed == own


@pytest.mark.parametrize("path", [PROJECT / "dagster.yaml", COMPOSE], ids=lambda path: str(path.relative_to(PROJECT)))
def test_dagster_loads_it(path: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    with instance_of(path, tmp_path) as instance:
        assert type(instance.run_launcher).__name__ == "DefaultRunLauncher"
        assert instance.run_monitoring_enabled
        assert instance.run_retries_max_retries == 1
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


@dataclass
class Launched:
    """A run, and what Kubernetes was told to start it. `home` has the dagster.yaml."""

    run_id: str
    job: dict[str, Any]
    home: Path


@pytest.fixture
def launched(tmp_path: Path, environment: pytest.MonkeyPatch) -> Launched:
    cluster = Kubernetes()
    with served(cluster.app()) as port:
        kubeconfig = tmp_path / "kubeconfig"
        named = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        clusters = [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}]
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [named],
                    "clusters": clusters, "users": [{"name": "u", "user": {"token": "of the tests"}}],
                }
            )
        )  # fmt: skip
        outside = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
        with instance_of(KUBERNETES, tmp_path, **outside) as instance:
            run = launch(instance)
            assert instance.get_run_by_id(run.run_id).tags["dagster/image"] == IMAGE
    kubeconfig.unlink()
    (told,) = cluster.jobs
    assert told.pop("namespace") == "recon"
    return Launched(run.run_id, told, tmp_path / "home")


@pytest.fixture
def job(launched: Launched) -> dict[str, Any]:
    return launched.job


def test_a_runs_pod_answers_the_day_and_asks_nothing_of_the_cluster(launched: Launched, settings: Settings) -> None:
    """The pod's own command, here, where there is no cluster, and no file that says where one is."""
    (container,) = launched.job["spec"]["template"]["spec"]["containers"]
    command = [sys.executable, *container["args"][1:]]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    with dg.DagsterInstance.from_config(str(launched.home)) as instance:
        assert instance.get_run_by_id(launched.run_id).status is dg.DagsterRunStatus.SUCCESS, ran.stderr[-3000:]
    with open_database(settings) as database, database.connect_as_migrator() as record:
        found = record.execute("SELECT status, missing_transaction_count, dagster_run_id FROM reconciliation_runs")
        assert found.fetchall() == [("completed", 5, launched.run_id)]


def test_a_run_is_a_job_that_kubernetes_knows(job: dict[str, Any]) -> None:
    for version in ("1.30", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(job, version, strict=True)
        wrong = job | {"spec": job["spec"] | {"backofLimit": 0}}
        with pytest.raises(kubernetes_validate.ValidationError, match="backofLimit"):
            kubernetes_validate.validate(wrong, version, strict=True)


def test_a_runs_pod_has_no_right_and_the_same_image_volume_and_credentials_as_the_code(job: dict[str, Any]) -> None:
    pod = job["spec"]["template"]
    assert is_restricted(pod["spec"]) == []
    assert pod["spec"]["serviceAccountName"] == "recon-runs"
    assert pod["spec"]["automountServiceAccountToken"] is False, "it asks nothing of the cluster"
    assert pod["metadata"]["labels"]["recon"] == "run", "network policies go by it"
    assert pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert (job["spec"]["backoffLimit"], pod["spec"]["restartPolicy"]) == (0, "Never"), (
        "Dagster retries, not the cluster"
    )

    (container,) = pod["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["args"][:5] == [PYTHON, "-m", "dagster", "api", "execute_run"]
    assert "limits" in container["resources"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/etc/recon", "/etc/ssl/recon", "/var/lib/recon", "/tmp",
    }  # fmt: skip
    values = yaml.safe_load((PROJECT / "deploy" / "kubernetes" / "values.yaml").read_text())
    (code,) = values["dagster-user-deployments"]["deployments"]
    secrets = [entry for entry in code["env"] if "valueFrom" in entry]
    assert [entry for entry in container["env"] if "valueFrom" in entry] == secrets
    assert [entry["valueFrom"]["secretKeyRef"]["key"] for entry in secrets] == [
        "record-password", "postgresql-password", "auditor-password",
    ]  # fmt: skip
    assert {"name": "DB_AUDITOR_USER", "value": "recon_audit"} in code["env"]
    assert {name for source in container["envFrom"] for name in source} == {"configMapRef", "secretRef"}
    assert CANARY not in str(job), "a run's arguments hold its instance, whose password is in the environment alone"


def test_docker_starts_a_run_in_a_container_without_rights(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    overlay = yaml.safe_load((PROJECT / "deploy" / "compose" / "docker-launcher.yaml").read_text())
    handed = read_compose_file(SECRETS)["x-environment"]
    for name in yaml.safe_load(DOCKER.read_text())["run_launcher"]["config"]["env_vars"]:
        assert handed.get(name) or name in overlay["services"]["daemon"]["environment"], f"{name} would not be there"
        environment.setenv(name, os.environ.get(name, ""))
    engine = Docker()
    with served(engine.app()) as port:
        environment.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        with instance_of(DOCKER, tmp_path) as instance:
            launch(instance)
    (told,) = engine.containers
    assert engine.started == ["c0ffee"]
    assert told["Image"] == IMAGE
    assert told["Cmd"][:5] == [PYTHON, "-m", "dagster", "api", "execute_run"]
    assert told["User"] == "10001:10001"
    host = told["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert (host["NetworkMode"], host["Binds"], host["Memory"]) == (
        "recon_default",
        ["recon_recon:/var/lib/recon"],
        4 << 30,
    )
    assert (host["PidsLimit"], host["NanoCpus"], host["AutoRemove"]) == (1000, 2_000_000_000, True)


def test_a_run_by_docker_is_given_every_name_of_the_compose_file() -> None:
    launched = yaml.safe_load(DOCKER.read_text())["run_launcher"]["config"]["env_vars"]
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    assert launched == list(compose["x-verifying"])
    assert compose["name"] == "recon", "the network and the volume of the launcher have it in their names"


def test_what_steps_print_is_in_a_folder_or_where_there_is_one_in_the_bucket(
    tmp_path: Path, environment: pytest.MonkeyPatch, aws: None, moto_url: str
) -> None:
    with instance_of(COMPOSE, tmp_path) as instance:
        assert type(instance.compute_log_manager) is LocalComputeLogManager
        assert instance.compute_log_manager.get_captured_local_path(["a"], "out") == str(tmp_path / "dagster" / "a.out")

    import boto3

    client = boto3.client("s3", endpoint_url=moto_url)
    client.create_bucket(Bucket="logs-of-steps")
    environment.setenv("AWS_S3_BUCKET_NAME", "logs-of-steps")
    environment.setenv("AWS_S3_ENDPOINT_URL", moto_url)
    with instance_of(COMPOSE, tmp_path) as instance:
        manager = instance.compute_log_manager
        assert isinstance(manager, S3ComputeLogManager)
        with manager.capture_logs(["run", "compute_logs", "step"]):
            print("what a step prints")  # noqa: T201
        shutil.rmtree(tmp_path / "dagster")
        (said,) = manager.get_log_data(["run", "compute_logs", "step"]).stdout.splitlines()
        assert said == b"what a step prints"
    (out,) = [
        found for found in client.list_objects_v2(Bucket="logs-of-steps")["Contents"] if found["Key"].endswith(".out")
    ]
    assert out["Key"] == "dagster-logs/storage/run/compute_logs/step.out"
    assert client.head_object(Bucket="logs-of-steps", Key=out["Key"])["ServerSideEncryption"] == "AES256"


def test_dagster_finds_the_definitions_of_the_workspace_valid(environment: pytest.MonkeyPatch) -> None:
    """As a pipeline would ask before it deploys."""
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "--workspace", "workspace.yaml"]
    environment.delenv("DAGSTER_HOME", raising=False)
    asked = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert asked.returncode == 0, asked.stderr[-3000:]
    assert "Validation successful for code location recon_assets" in asked.stderr + asked.stdout
