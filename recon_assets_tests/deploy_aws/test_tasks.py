"""What a task is given: a closed container, passwords by reference, and commands as the compose file has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.containers.compose_file import SECRETS, read_compose_file
from recon_assets_tests.deploy_aws.stacks import AWS, Cloud

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough

WORK = ("code", "run")
INTERFACE = ("operators", "auditors", "daemon")
FAMILIES = (*WORK, *INTERFACE, "setup")


def secrets_of(cloud: Cloud, family: str) -> dict[str, tuple[str, str]]:
    """By variable: the secret's name and the name in its JSON."""
    found = {}
    for pair in cloud.task_definition(f"recon-{family}")["container"]["secrets"]:
        arn, key = pair["valueFrom"].removesuffix("::").rsplit(":", 1)
        found[pair["name"]] = (cloud.client("secretsmanager").describe_secret(SecretId=arn)["Name"], key)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_container_is_closed(cloud: Cloud, family: str) -> None:
    task = cloud.task_definition(f"recon-{family}")
    container = task["container"]
    assert (task["networkMode"], task["requiresCompatibilities"]) == ("awsvpc", ["FARGATE"])
    assert (container["user"], container["readonlyRootFilesystem"]) == ("10001:10001", True)
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}}
    assert not container.get("privileged")
    assert container["image"].endswith("/recon:1.0")
    assert container["logConfiguration"]["options"]["awslogs-group"] == f"/recon/{family}"
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/recon/{family}")["logGroups"]
    assert group["retentionInDays"] == 400 and group["kmsKeyId"]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_password_is_in_the_environment_and_every_reference_leads_to_one(cloud: Cloud, family: str) -> None:
    environment = cloud.environment(f"recon-{family}")
    assert not [name for name in environment if name.endswith(("PASSWORD", "API_KEY", "TOKEN", "CLIENT_SECRET"))]
    references = secrets_of(cloud, family)
    for name, (secret, key) in references.items():
        kept = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        assert kept[key], name
        assert kept[key] not in environment.values() or key == "username"
    assert not set(references) & set(environment)
    assert environment["AWS_DEFAULT_REGION"], "an empty one breaks boto3"
    assert (environment["DB_SSLMODE"], environment["DB_SSLROOTCERT"]) == ("verify-full", "/app/aws/rds-ca.pem")


def test_webservers_and_daemon_know_dagsters_database_and_nothing_of_the_record(cloud: Cloud) -> None:
    of_dagster = dict.fromkeys(("DB_PASSWORD", "DAGSTER_DB_PASSWORD"), ("recon/database/dagster", "password"))
    for family in INTERFACE:
        environment = cloud.environment(f"recon-{family}")
        assert secrets_of(cloud, family) == of_dagster
        assert (environment["DB_NAME"], environment["DB_USER"]) == ("dagster", "recon_dagster")
        assert not {"RECON_AWS_SECRETS", "AWS_S3_BUCKET_NAME", "RECON_DATA_DIR"} & set(environment)
        assert [volume["name"] for volume in cloud.task_definition(f"recon-{family}")["volumes"]] == ["own"]


def test_only_the_setup_knows_administrator_and_migrator(cloud: Cloud) -> None:
    for family in FAMILIES:
        known = {secret.rpartition("/")[2] for secret, _ in secrets_of(cloud, family).values()}
        wanted = {"dagster"} if family in INTERFACE else {"dagster", "record", "auditor"}
        assert known == wanted | ({"administrator", "migrator"} if family == "setup" else set()), family
    assert "taskRoleArn" not in cloud.task_definition("recon-setup")


def test_work_shares_its_files_by_tls_as_the_images_number(cloud: Cloud) -> None:
    for family in WORK:
        task = cloud.task_definition(f"recon-{family}")
        (shared,) = [volume for volume in task["volumes"] if volume["name"] == "shared"]
        assert shared["efsVolumeConfiguration"]["transitEncryption"] == "ENABLED"
        assert shared["efsVolumeConfiguration"]["authorizationConfig"]["iam"] == "ENABLED"
        mounts = {mount["containerPath"] for mount in task["container"]["mountPoints"]}
        assert mounts == {"/var/lib/recon", "/mnt/recon"}
        environment = cloud.environment(f"recon-{family}")
        assert environment["RECON_DATA_DIR"].startswith("/mnt/recon/")
        assert environment["LOCAL_REPORTS_DIR"].startswith("/mnt/recon/")
        assert environment["RECON_AWS_SECRETS"].partition(":secret:")[2].startswith("recon/feeds-")


def test_commands_and_health_checks_are_those_of_the_compose_file(cloud: Cloud) -> None:
    services = read_compose_file(SECRETS)["services"]
    ours = {"code": "code", "operators": "webserver", "auditors": "webserver", "daemon": "daemon"}
    for family, service in ours.items():
        container = cloud.task_definition(f"recon-{family}")["container"]
        command = [*services[service]["command"], "--log-format", "json"]
        if family == "auditors":
            command.append("--read-only")
        moved = [word.replace("/app/workspace.yaml", "/app/aws/workspace.yaml") for word in command]
        assert sorted(container["command"]) == sorted(moved), family
        assert container["healthCheck"]["command"] == services[service]["healthcheck"]["test"]


def test_services_find_the_newest_revision_by_its_name(cloud: Cloud) -> None:
    parameters: Any = cloud.client("ssm")
    for family in ("code", "run", "operators", "auditors", "daemon"):
        kept = parameters.get_parameter(Name=f"/recon/task/{family}")["Parameter"]["Value"]
        assert kept == cloud.task_definition(f"recon-{family}")["taskDefinitionArn"]
    assert cloud.environment("recon-daemon")["RECON_RUN_TASK_DEFINITION"].endswith("task-definition/recon-run:1")


def test_the_image_for_aws_copies_what_is_there_and_what_reaches_the_engine() -> None:
    words = [line.split()[1:-1] for line in (AWS / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    reaches = (PROJECT / ".dockerignore").read_text().splitlines()
    for source in [word for line in words for word in line]:
        assert (PROJECT / source).exists() or source == "deploy/aws/rds-ca.pem"
        assert f"!{source}" in reaches or f"!{Path(source).parent}" in reaches
    assert "deploy/aws/rds-ca.pem" in (PROJECT / ".gitignore").read_text().splitlines()
