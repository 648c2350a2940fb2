"""The demo in folders of its own, with the UI of operators and the read-only one of auditors over it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from recon_assets.reports.dagster_pages import DagsterPages
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import Deployment

PATIENCE_S: Final = 300.0
"""A machine of CI may be ten times slower than the 8 seconds that a UI takes to start."""

_NODES: Final = "{ assetNodes { groupName } }"


@dataclass(frozen=True)
class Demo:
    """What `recon demo` left, and two UIs over it. `pages` are the operators'."""

    deployment: Deployment
    pages: DagsterPages
    read_only_pages: DagsterPages

    @property
    def settings(self) -> Settings:
        return self.deployment.settings


@contextmanager
def served_demo(deployment: Deployment) -> Iterator[Demo]:
    """`recon demo`, then `recon ui` and `recon ui --read-only` on free ports until the end."""
    port, read_only_port = free_port(), free_port()
    demo = Demo(
        deployment,
        DagsterPages(f"http://127.0.0.1:{port}"),
        DagsterPages(f"http://127.0.0.1:{read_only_port}"),
    )
    variables = {"RECON_DAGSTER_URL": demo.pages.base_url}
    made = deployment.recon("demo", **variables)
    assert made.returncode == 0, made.stderr
    with ExitStack() as servers:
        logs = deployment.settings.data_dir.parent
        for name, options in (("ui", ["--port", str(port)]), ("auditors", ["--port", str(read_only_port)])):
            more = ["--read-only"] if name == "auditors" else []
            command = deployment.command("ui", *options, *more)
            environment = deployment.environment() | variables
            servers.enter_context(_served(command, environment, logs / f"{name}.log"))
        for pages, name in ((demo.pages, "ui"), (demo.read_only_pages, "auditors")):
            _wait_until_it_serves(pages.base_url, logs / f"{name}.log")
        yield demo


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def _served(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_it_serves(address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _serves(address):
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.3)


def _serves(address: str) -> bool:
    try:
        reply = ask(address, _NODES)
    except (requests.RequestException, ValueError):
        return False
    return bool((reply.get("data") or {}).get("assetNodes"))


def ask(address: str, query: str, **variables: object) -> dict:
    """What the UI's GraphQL answers, errors included."""
    return requests.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
