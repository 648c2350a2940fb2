"""docker-compose.yml as an engine reads it, and its services as processes of this machine.

A service's command, environment and health check are those of the file. Replaced is only what a container gives: the
services' names become 127.0.0.1, their ports free ones, and the folders of the image and its mounts the test's own.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.services import until_sigterm
from recon_assets_tests.store.clusters import free_port

COMPOSE_FILE = PROJECT / "docker-compose.yml"
SECRETS = {
    "POSTGRES_PASSWORD": "of the superuser",
    "DB_PASSWORD": "of the record",
    "DAGSTER_DB_PASSWORD": "of Dagster",
    "AUDITOR_DB_PASSWORD": "of the auditor",
}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:\?|:-|-)(?P<rest>[^}]*))?\}")


class Missing(Exception):
    """A variable without a default that the environment does not have: the file's own words."""


def read_compose_file(variables: Mapping[str, str]) -> dict[str, Any]:
    """With its variables replaced. Raises `Missing`."""

    def value(found: re.Match[str]) -> str:
        said = variables.get(found["name"], "")
        if not said and found["kind"] == ":?":
            raise Missing(found["rest"])
        return said or found["rest"] or ""

    def replaced(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: replaced(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [replaced(inner) for inner in part]
        return VARIABLE.sub(value, part) if isinstance(part, str) else part

    document: dict[str, Any] = replaced(yaml.safe_load(COMPOSE_FILE.read_text()))
    for service in document["services"].values():
        handed_on = service.get("environment", {})
        for name in [name for name, said in handed_on.items() if said is None]:
            del handed_on[name]
            if name in variables:
                handed_on[name] = variables[name]
    return document


def image_environment() -> dict[str, str]:
    """What the Dockerfile's ENV gives to every service."""
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    return dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())


@dataclass
class Machine:
    """Runs services of the compose file. `folder` holds what the containers' folders would."""

    folder: Path
    database_port: int
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("3000", "3001", "4000")})

    def __post_init__(self) -> None:
        self.services = read_compose_file(SECRETS)["services"]
        app = self.folder / "app"
        app.mkdir()
        for part in ("sql", "config", "recon_assets"):
            (app / part).symlink_to(PROJECT / part)
        shutil.copy(PROJECT / "deploy" / "container" / "health.py", app)
        for mount in self.services["code"]["volumes"]:
            source, target, *_ = mount.split(":")
            if source.startswith("./") and not (there := app / Path(target).relative_to("/app")).exists():
                there.symlink_to(PROJECT / source)

    @property
    def webserver(self) -> str:
        return f"http://127.0.0.1:{self.ports['3000']}"

    @property
    def auditors(self) -> str:
        return f"http://127.0.0.1:{self.ports['3001']}"

    def here(self, text: str) -> str:
        """A word of a command or a value of the environment, with the addresses of this machine."""
        if text == "0.0.0.0":
            return "127.0.0.1"
        if text in self.ports:
            return str(self.ports[text])
        text = text.replace("/var/lib/recon", str(self.folder / "volume"))
        return re.sub(r"^/app(?=/|$)", str(self.folder / "app"), text)

    def environment(self, service: str) -> dict[str, str]:
        own = image_environment() | self.services[service]["environment"]
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        made = {name: self.here(value) for name, value in own.items()}
        return made | {
            "PATH": programs,
            "PYTHONPATH": str(PROJECT),
            "HOME": str(self.folder),
            "DB_HOST": "127.0.0.1",
            "RECON_CODE_HOST": "127.0.0.1",
            "DB_PORT": str(self.database_port),
            "RECON_WEBSERVER_PORT": self.here(own.get("RECON_WEBSERVER_PORT", "3000")),
            "COLUMNS": "120",
            "RECON_FREE_DISK_MIB": "0",
        }

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """The service's command until the end of the block, then SIGTERM, which it must obey."""
        command = [self.here(word) for word in self.services[service]["command"]]
        with until_sigterm(
            command, self.environment(service), cwd=self.folder / "app", log=self.log(service)
        ) as process:
            yield process

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def health(self, service: str) -> subprocess.CompletedProcess[str]:
        """The service's own health check."""
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.call(service, *command)

    def call(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm SERVICE COMMAND`."""
        return subprocess.run(
            [self.here(word) for word in command],
            env=self.environment(service),
            cwd=self.folder / "app",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
