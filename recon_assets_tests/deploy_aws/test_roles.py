"""Every role has the rights that docs/aws.md tells and no other."""

import json
import re
from typing import Any

import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.deploy_aws.stacks import ACCOUNT, REGION, Cloud

ANYTHING = {
    "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces",
}  # fmt: skip
"""Of these AWS lets no resource be named."""
ROLES = (
    "work", "daemon", "operators", "auditors", "ask", "start-work", "start-interface", "start-setup",
)  # fmt: skip


def statements(cloud: Cloud, role: str) -> list[dict[str, Any]]:
    iam = cloud.client("iam")
    name = f"recon-{role}"
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    return list(document["Statement"])


def listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def rights_told() -> dict[str, set[str]]:
    """The table of docs/aws.md: by role, the actions."""
    rows = re.findall(r"^\| `(?:recon-)([a-z-]+)` \|(.*)$", (PROJECT / "docs" / "aws.md").read_text(), re.MULTILINE)
    return {role: set(re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", row)) for role, row in rows}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_rights_that_the_document_tells(cloud: Cloud, role: str) -> None:
    has = {action for statement in statements(cloud, role) for action in listed(statement["Action"])}
    assert has == rights_told()[role]
    assert not [action for action in has if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_every_right_is_for_something_named_in_this_account(cloud: Cloud, role: str) -> None:
    for statement in statements(cloud, role):
        assert statement["Effect"] == "Allow"
        if statement["Resource"] == "*":
            assert set(listed(statement["Action"])) <= ANYTHING
            continue
        for resource in listed(statement["Resource"]):
            assert re.match(
                r"arn:aws:[a-z0-9]+:[a-z0-9-]*:[0-9]*:.*recon|arn:aws:(kms|elasticfilesystem):", resource
            ), resource


def test_only_ecs_and_events_of_this_account_act_as_a_role(cloud: Cloud) -> None:
    for role in ROLES:
        trust = cloud.client("iam").get_role(RoleName=f"recon-{role}")["Role"]["AssumeRolePolicyDocument"]
        (statement,) = trust["Statement"]
        service = "events.amazonaws.com" if role == "ask" else "ecs-tasks.amazonaws.com"
        assert statement["Principal"] == {"Service": service}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_auditors_write_nothing_and_start_nothing(cloud: Cloud) -> None:
    has = {action for statement in statements(cloud, "auditors") for action in listed(statement["Action"])}
    assert has == {"s3:GetObject", "s3:ListBucket", "kms:Decrypt", "ecs:DescribeTaskDefinition"}
    assert not [found for found in statements(cloud, "auditors") if "evidence" in json.dumps(found["Resource"])]


def test_nobody_deletes_evidence(cloud: Cloud) -> None:
    for role in ROLES:
        assert "s3:Delete" not in json.dumps(statements(cloud, role))


def test_the_daemon_starts_runs_and_passes_on_their_roles_and_no_other(cloud: Cloud) -> None:
    by_sid = {statement["Sid"]: statement for statement in statements(cloud, "daemon")}
    start = by_sid["StartRuns"]
    assert start["Resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/recon-run:*"
    assert start["Condition"] == {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/recon"}}
    passed = by_sid["RunsGetTheirRoles"]
    assert sorted(arn.rpartition("/")[2] for arn in passed["Resource"]) == ["recon-start-work", "recon-work"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


@pytest.mark.parametrize(
    ("role", "secrets"),
    [
        ("work", {"recon/feeds"}),
        ("start-work", {f"recon/database/{name}" for name in ("record", "dagster", "auditor")}),
        ("start-interface", {"recon/database/dagster"}),
        (
            "start-setup",
            {f"recon/database/{name}" for name in ("administrator", "migrator", "record", "dagster", "auditor")},
        ),
    ],
)
def test_a_role_reads_its_own_secrets(cloud: Cloud, role: str, secrets: set[str]) -> None:
    named = {
        cloud.client("secretsmanager").describe_secret(SecretId=arn)["Name"]
        for statement in statements(cloud, role)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for arn in listed(statement["Resource"])
    }
    assert named == secrets
