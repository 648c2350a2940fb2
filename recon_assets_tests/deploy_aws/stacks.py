"""The templates of deploy/aws, deployed in their order to moto's server, as far as moto goes.

Every template is deployed whole and every reference is resolved. Not here: what moto's CloudFormation does not know or
forgets (`by_api`), and what real AWS does with it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import boto3
from cfnlint.decode import cfn_yaml

from recon_assets_tests.aws_server import KEY_ID, SECRET
from recon_assets_tests.conftest import PROJECT

AWS: Final = PROJECT / "deploy" / "aws"
REGION: Final = "eu-central-1"
"""Of these tests alone: moto keeps one world in a process, and other tests make secrets and buckets in theirs."""
ACCOUNT: Final = "123456789012"
ORDER: Final = (
    "network", "doors", "base", "secrets", "archive", "data", "starting", "access", "tasks", "interface", "entrance",
    "services", "alarms",
)  # fmt: skip
PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "network": {"PeopleCidr": "10.0.0.0/8"},
    "tasks": {
        "Release": "1.0",
        "ProcessorApi": "sandbox",
        "LedgerApi": "sandbox",
        "DagsterUrl": "https://recon.company.example",
    },
    "interface": {"Release": "1.0"},
    "entrance": {
        "OperatorsHost": "recon.company.example",
        "AuditorsHost": "audit.recon.company.example",
        "OidcIssuer": "https://login.company.example",
        "OidcAuthorizationEndpoint": "https://login.company.example/authorize",
        "OidcTokenEndpoint": "https://login.company.example/token",
        "OidcUserInfoEndpoint": "https://login.company.example/userinfo",
        "OperatorsClientId": "operators",
        "AuditorsClientId": "auditors",
    },
    "alarms": {"TellMail": "operations@company.example"},
}
"""Those without a default."""


class Cloud:
    """moto's server as one account in one region."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = boto3.session.Session(
            aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self._url)
        return self._clients[service]

    def deploy(self, stack: str, *, deployment: str = "recon", **parameters: str) -> None:
        """As `aws cloudformation deploy` does. Raises for a stack that was not completed."""
        cloudformation = self.client("cloudformation")
        name = f"{deployment}-{stack}"
        given = {"Deployment": deployment, **PARAMETERS.get(stack, {}), **parameters}
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template(stack)),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (described,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        assert described["StackStatus"] == "CREATE_COMPLETE", described

    def deploy_all(self) -> None:
        certificate = self.client("acm").request_certificate(DomainName="*.company.example")["CertificateArn"]
        for stack in ORDER:
            self.deploy(stack, **({"Certificate": certificate} if stack == "entrance" else {}))

    def task_definition(self, family: str) -> dict[str, Any]:
        """With its one container as `container`."""
        found = self.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
        (container,) = found["containerDefinitions"]
        return {**found, "container": container}

    @contextmanager
    def without_policy(self, bucket: str) -> Iterator[None]:
        """moto knows no conditions of a denial: what is denied without TLS, it denies to everybody."""
        s3 = self.client("s3")
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=bucket)
        yield
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    def environment(self, family: str) -> dict[str, str]:
        """What a task of it sees, but for its secrets."""
        return {pair["name"]: pair["value"] for pair in self.task_definition(family)["container"]["environment"]}


def template(stack: str) -> dict[str, Any]:
    """As AWS reads it, with the short forms of functions made long."""
    read: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(AWS / "stacks" / f"{stack}.yaml"))))
    return read
