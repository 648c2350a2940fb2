"""What a deployment has: closed doors, a database that is kept, evidence that nobody deletes, secrets nobody wrote."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recon_assets.archive.bucket import Bucket
from recon_assets.archive.manifest import ArchivedFile
from recon_assets_tests.deploy_aws.stacks import ACCOUNT, AWS, ORDER, REGION, Cloud, template

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough

EVIDENCE = f"recon-evidence-{ACCOUNT}-{REGION}"
PRINTED = f"recon-printed-{ACCOUNT}-{REGION}"
EXTERNAL = {"0.0.0.0/0", "::/0"}


def vpc_id(cloud: Cloud, name: str = "recon") -> str:
    (vpc,) = cloud.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [name]}])["Vpcs"]
    return str(vpc["VpcId"])


def in_vpc(vpc: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


def test_every_template_has_its_place_in_the_order() -> None:
    assert {path.stem for path in (AWS / "stacks").glob("*.yaml")} == set(ORDER)
    for number, stack in enumerate(ORDER, start=1):
        assert template(stack)["Description"].startswith(f"recon {number} of {len(ORDER)}: ")


def test_what_a_template_imports_an_earlier_one_exports() -> None:
    exported: set[str] = set()
    for stack in ORDER:
        document = template(stack)
        assert set(imports(document)) <= exported, stack
        exported |= {
            output["Export"]["Name"]["Fn::Sub"] for output in document.get("Outputs", {}).values() if "Export" in output
        }


def imports(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "Fn::ImportValue" in part:
            yield part["Fn::ImportValue"]["Fn::Sub"]
        for inner in part.values():
            yield from imports(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from imports(inner)


def test_only_people_come_in_from_outside_and_only_to_the_entrance(cloud: Cloud) -> None:
    groups = cloud.client("ec2").describe_security_groups(Filters=in_vpc(vpc_id(cloud)))["SecurityGroups"]
    names = {group["GroupId"]: group["GroupName"].split("-")[2] for group in groups if group["GroupName"] != "default"}
    let_in = {
        (names[group["GroupId"]], rule["FromPort"], source)
        for group in groups
        if group["GroupId"] in names
        for rule in group["IpPermissions"]
        for source in (
            *(found["CidrIp"] for found in rule["IpRanges"]),
            *(found["CidrIpv6"] for found in rule.get("Ipv6Ranges", [])),
            *(names[found["GroupId"]] for found in rule["UserIdGroupPairs"]),
        )
    }
    assert let_in == {
        ("EntranceDoor", 443, "10.0.0.0/8"),
        ("WebserverDoor", 3000, "EntranceDoor"),
        ("WorkDoor", 4000, "WebserverDoor"),
        ("WorkDoor", 4000, "WorkDoor"),
        ("DatabaseDoor", 5432, "WebserverDoor"),
        ("DatabaseDoor", 5432, "WorkDoor"),
        ("FilesDoor", 2049, "WorkDoor"),
        ("EndpointsDoor", 443, "WebserverDoor"),
        ("EndpointsDoor", 443, "WorkDoor"),
    }
    assert not EXTERNAL & {source for _, _, source in let_in}


def test_people_cannot_be_everybody() -> None:
    pattern = template("network")["Parameters"]["PeopleCidr"]["AllowedPattern"]
    assert re.match(pattern, "10.20.0.0/16") and re.match(pattern, "192.168.1.0/24")
    for wide in ("0.0.0.0/0", "8.8.8.0/24", "172.32.0.0/16", "::/0"):
        assert not re.match(pattern, wide)


def test_database_and_files_have_no_way_out_and_services_only_where_it_was_asked_for(cloud: Cloud) -> None:
    assert subnets(cloud, "recon", with_a_way_out=True) == {"services-a", "services-b", "nat-a", "nat-b"}
    assert subnets(cloud, "recon") == {"services-a", "services-b", "nat-a", "nat-b", "data-a", "data-b"}
    cloud.deploy("network", deployment="closed", EgressToInternet="no")
    assert subnets(cloud, "closed", with_a_way_out=True) == set()
    assert subnets(cloud, "closed") == {"services-a", "services-b", "data-a", "data-b"}
    assert cloud.client("ec2").describe_nat_gateways(Filters=in_vpc(vpc_id(cloud, "closed")))["NatGateways"] == []


def test_what_leaves_goes_to_the_network_or_by_https_sftp_and_mail() -> None:
    """By the template: moto does not read what a group lets out."""
    groups = {
        name: resource["Properties"]["SecurityGroupEgress"]
        for name, resource in template("doors")["Resources"].items()
        if resource["Type"] == "AWS::EC2::SecurityGroup"
    }
    anywhere = {
        name: {rule["FromPort"] for rule in rules if rule["CidrIp"] == "0.0.0.0/0"} for name, rules in groups.items()
    }
    assert anywhere.pop("WorkDoor") == {443, 22, 587}
    assert anywhere.pop("WebserverDoor") == anywhere.pop("EntranceDoor") == {443}
    assert set(anywhere) == {"DatabaseDoor", "FilesDoor", "EndpointsDoor"}
    for name in anywhere:
        assert [rule["CidrIp"] for rule in groups[name]] == ["127.0.0.1/32"]


def test_work_reaches_a_ledgers_database_outside_where_that_was_asked_for(cloud: Cloud) -> None:
    cloud.deploy("network", deployment="ledger", EgressToInternet="no")
    cloud.deploy("doors", deployment="ledger", LedgerCidr="10.9.0.0/16", LedgerPort="5433")
    groups = cloud.client("ec2").describe_security_groups(Filters=in_vpc(vpc_id(cloud, "ledger")))["SecurityGroups"]
    (work,) = [group for group in groups if "WorkDoor" in group["GroupName"]]
    (added,) = [rule for rule in work["IpPermissionsEgress"] if rule.get("FromPort") == 5433]
    assert [found["CidrIp"] for found in added["IpRanges"]] == ["10.9.0.0/16"]


def subnets(cloud: Cloud, deployment: str, *, with_a_way_out: bool = False) -> set[str]:
    """Their names, without the deployment's."""
    ec2, vpc = cloud.client("ec2"), vpc_id(cloud, deployment)
    leaving = {
        association.get("SubnetId")
        for table in ec2.describe_route_tables(Filters=in_vpc(vpc))["RouteTables"]
        if any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in table["Routes"])
        for association in table["Associations"]
    }
    return {
        tag["Value"].removeprefix(f"{deployment}-")
        for subnet in ec2.describe_subnets(Filters=in_vpc(vpc))["Subnets"]
        if not with_a_way_out or subnet["SubnetId"] in leaving
        for tag in subnet["Tags"]
        if tag["Key"] == "Name"
    }


def test_what_the_services_ask_of_aws_stays_inside(cloud: Cloud) -> None:
    found = cloud.client("ec2").describe_vpc_endpoints(Filters=in_vpc(vpc_id(cloud)))["VpcEndpoints"]
    prefix = f"com.amazonaws.{REGION}."
    assert {endpoint["ServiceName"].removeprefix(prefix): endpoint["VpcEndpointType"] for endpoint in found} == {
        "s3": "Gateway",
        **dict.fromkeys(("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ecs", "ec2"), "Interface"),
    }


def test_the_database_is_encrypted_in_two_zones_kept_and_speaks_tls_only(cloud: Cloud) -> None:
    rds = cloud.client("rds")
    (database,) = rds.describe_db_instances(DBInstanceIdentifier="recon")["DBInstances"]
    wanted = {
        "Engine": "postgres",
        "EngineVersion": "15",
        "MultiAZ": True,
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "DeletionProtection": True,
        "BackupRetentionPeriod": 35,
        "CopyTagsToSnapshot": True,
    }
    assert {name: database[name] for name in wanted} == wanted
    resource = template("data")["Resources"]["Database"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="recon-settings")
    given = {found["ParameterName"]: found.get("ParameterValue") for page in pages for found in page["Parameters"]}
    assert (given["rds.force_ssl"], given["password_encryption"]) == ("1", "scram-sha-256")


def test_shared_files_are_encrypted_and_open_to_work_alone(cloud: Cloud) -> None:
    (files,) = cloud.client("efs").describe_file_systems()["FileSystems"]
    assert files["Encrypted"] is True
    said = template("data")["Resources"]["Files"]["Properties"]
    assert said["BackupPolicy"] == {"Status": "ENABLED"}
    only_tls, only_work = said["FileSystemPolicy"]["Statement"]  # moto keeps no policy
    assert (only_tls["Effect"], only_tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert only_work["Condition"]["ArnEquals"]["aws:PrincipalArn"]["Fn::Sub"].endswith(":role/${Deployment}-work")
    (folder,) = cloud.client("efs").describe_access_points(FileSystemId=files["FileSystemId"])["AccessPoints"]
    assert (folder["PosixUser"]["Uid"], folder["RootDirectory"]["Path"]) == (10001, "/recon")


def test_evidence_is_locked_encrypted_versioned_and_closed(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    lock = s3.get_object_lock_configuration(Bucket=EVIDENCE)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    retention = lock["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"]) == ("COMPLIANCE", 2557)
    for bucket in (EVIDENCE, PRINTED):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert set(closed.values()) == {True} and len(closed) == 4
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        assert {statement["Effect"] for statement in statements} == {"Deny"}
        (tls,) = [statement for statement in statements if statement["Sid"] == "OnlyByTls"]
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert tls["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_evidence_goes_there_as_the_program_puts_it_and_nobody_deletes_it(cloud: Cloud, tmp_path: Path) -> None:
    s3 = cloud.client("s3")
    work = cloud.environment("recon-run")
    body = b'{"verdict": "reconciled"}'
    (path := tmp_path / "report.json").write_bytes(body)
    file = ArchivedFile("report.json", len(body), hashlib.sha256(body).hexdigest())
    key = "2025-09-30/report.json"
    bucket = Bucket(s3, work["AWS_S3_BUCKET_NAME"], encryption="aws:kms", kms_key_id=work["AWS_S3_KMS_KEY_ID"])
    with cloud.without_policy(EVIDENCE):
        bucket.put(path, file, key=key)
        there = s3.head_object(Bucket=EVIDENCE, Key=key)
        assert (there["ObjectLockMode"], there["SSEKMSKeyId"]) == ("COMPLIANCE", work["AWS_S3_KMS_KEY_ID"])
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=EVIDENCE, Key=key, VersionId=there["VersionId"])


def test_passwords_of_the_database_are_made_by_secrets_manager_and_the_others_are_empty(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    kept = {
        name: json.loads(secrets.get_secret_value(SecretId=f"recon/{name}")["SecretString"])
        for name in (
            "database/administrator",
            "database/migrator",
            "database/record",
            "database/dagster",
            "database/auditor",
            "feeds",
            "login",
        )
    }
    assert kept.pop("feeds") == kept.pop("login") == {}
    assert [value["username"] for value in kept.values()] == [
        "recon_administrator", "recon_migrator", "recon", "recon_dagster", "recon_audit",
    ]  # fmt: skip
    passwords = {value["password"] for value in kept.values()}
    assert len(passwords) == 5 and all(len(password) == 40 and password.isalnum() for password in passwords)


def test_the_entrance_is_inside_asks_who_it_is_and_knows_two_names(cloud: Cloud) -> None:
    balancers = cloud.client("elbv2")
    (entrance,) = balancers.describe_load_balancers(Names=["recon"])["LoadBalancers"]
    assert entrance["Scheme"] == "internal"
    (listener,) = balancers.describe_listeners(LoadBalancerArn=entrance["LoadBalancerArn"])["Listeners"]
    assert (listener["Protocol"], listener["Port"], listener["SslPolicy"]) == (
        "HTTPS", 443, "ELBSecurityPolicy-TLS13-1-2-2021-06",
    )  # fmt: skip
    rules = balancers.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert {
        rule["Conditions"][0]["HostHeaderConfig"]["Values"][0]: [action["Type"] for action in rule["Actions"]]
        for rule in rules
        if not rule["IsDefault"]
    } == {
        "recon.company.example": ["authenticate-oidc", "forward"],
        "audit.recon.company.example": ["authenticate-oidc", "forward"],
    }
    clients = [rule["Actions"][0]["AuthenticateOidcConfig"]["ClientId"] for rule in rules if not rule["IsDefault"]]
    assert clients == ["operators", "auditors"]
    assert [rule["Actions"][0]["Type"] for rule in rules if rule["IsDefault"]] == ["fixed-response"]


def test_four_services_run_without_a_public_address_and_never_two_daemons(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    names = [f"recon-{name}" for name in ("code", "operators", "auditors", "daemon")]
    services = {
        found["serviceName"]: found for found in ecs.describe_services(cluster="recon", services=names)["services"]
    }
    assert set(services) == set(names)
    for service in services.values():
        assert service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    said = template("services")["Resources"]
    assert said["DaemonService"]["Properties"]["DeploymentConfiguration"]["MaximumPercent"] == 100
    assert services["recon-daemon"]["desiredCount"] == 1


def test_every_alarm_is_told_and_every_day_is_asked_for(cloud: Cloud) -> None:
    (topic,) = [found["TopicArn"] for found in cloud.client("sns").list_topics()["Topics"]]
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix("recon-") for alarm in alarms} == {
        "operators-are-served", "auditors-are-served", "code-runs", "daemon-runs", "database-has-room",
        "database-has-cpu", "database-has-memory",
    }  # fmt: skip
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [topic] for alarm in alarms)
    events = cloud.client("events")
    (target,) = events.list_targets_by_rule(Rule="recon-every-day-is-proven")["Targets"]
    (override,) = json.loads(target["Input"])["containerOverrides"]
    assert override == {"name": "run", "command": ["recon", "status", "--unproven"]}
    pattern = json.loads(events.describe_rule(Name="recon-task-failed")["EventPattern"])
    assert pattern["detail"]["clusterArn"] == [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/recon"]
    assert pattern["detail"]["group"] == ["family:recon-run"]
    assert pattern["detail"]["containers"] == {"exitCode": [{"anything-but": 0}]}
