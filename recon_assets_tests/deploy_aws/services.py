"""The deployment's tasks as processes of this machine, with the environment and the command of their definitions.

Replaced is only what AWS gives beside that: addresses, folders, the database, the end point of a task's own facts, and
AWS itself, which is moto. There are no passwords, since the tests' database asks for none.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer

from recon_assets.settings import Settings
from recon_assets_tests.aws_server import aws_environment
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.deploy_aws.stacks import AWS, Cloud
from recon_assets_tests.services import until_sigterm
from recon_assets_tests.store.clusters import free_port

WORK = ("recon-code", "recon-run")


@dataclass
class Services:
    cloud: Cloud
    moto_url: str
    settings: Settings
    folder: Path
    facts: HTTPServer
    ports: dict[str, int] = field(default_factory=lambda: {"3000": free_port(), "4000": free_port()})

    @property
    def webserver(self) -> str:
        return f"http://127.0.0.1:{self.ports['3000']}"

    def start_daemons_task(self) -> dict[str, Any]:
        """At moto: its network is what the launcher gives to runs."""
        ecs = self.cloud.client("ecs")
        (service,) = ecs.describe_services(cluster="recon", services=["recon-daemon"])["services"]
        (task,) = ecs.run_task(
            cluster="recon",
            taskDefinition=service["taskDefinition"],
            launchType=service["launchType"],
            networkConfiguration=service["networkConfiguration"],
        )["tasks"]
        self.facts.expect_request("/task").respond_with_json(
            {"Cluster": task["clusterArn"], "TaskARN": task["taskArn"]}
        )
        return dict(task)

    def environment(self, family: str) -> dict[str, str]:
        own = self.folder / "own"
        own.mkdir(exist_ok=True)
        given = {
            name: value.replace("/mnt/recon", str(self.folder / "shared")).replace("/var/lib/recon", str(own))
            for name, value in self.cloud.environment(family).items()
            if not name.startswith("DB_SSL")
        }
        image = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "RECON_HOME": str(PROJECT),
            "COLUMNS": "200",
        }
        here = {
            "DAGSTER_HOME": str(AWS),
            "DB_HOST": str(self.settings.db_host),
            "RECON_CODE_HOST": "127.0.0.1",
            "RECON_CODE_PORT": str(self.ports["4000"]),
            "AWS_ENDPOINT_URL": self.moto_url,
            "ECS_CONTAINER_METADATA_URI_V4": self.facts.url_for("").rstrip("/"),
        } | ({"DB_NAME": self.settings.db_name} if family in WORK else {})
        return aws_environment(self.folder) | given | image | here

    @contextmanager
    def running(self, family: str) -> Iterator[subprocess.Popen[bytes]]:
        """The definition's command until the end of the block, then SIGTERM, which it must obey."""
        command = [self._here(word) for word in self.cloud.task_definition(family)["container"]["command"]]
        with until_sigterm(command, self.environment(family), cwd=self.folder, log=self.log(family)) as process:
            yield process

    def call(self, family: str, *command: str) -> subprocess.CompletedProcess[str]:
        """What ECS does with a command that takes the place of the definition's."""
        return subprocess.run(
            command, env=self.environment(family), cwd=self.folder, capture_output=True, text=True, check=False
        )

    def started_at_moto(self, task_arn: str) -> dict[str, Any]:
        ecs = self.cloud.client("ecs")
        (task,) = ecs.describe_tasks(cluster="recon", tasks=[task_arn], include=["TAGS"])["tasks"]
        return dict(task)

    def log(self, family: str) -> Path:
        return self.folder / f"{family}.log"

    def _here(self, word: str) -> str:
        if word == "0.0.0.0":
            return "127.0.0.1"
        return str(self.ports.get(word, word)).replace("/app/aws/", f"{AWS}/")


def subnets_of(task: dict[str, Any]) -> set[str]:
    return {
        detail["value"]
        for attachment in task["attachments"]
        for detail in attachment["details"]
        if detail["name"] == "subnetId"
    }


def characters_of(overrides: dict[str, Any]) -> int:
    """As ECS counts them."""
    return len(json.dumps(overrides))
