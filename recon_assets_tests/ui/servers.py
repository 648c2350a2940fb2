"""The demo in folders of its own, with the UI of operators and the read-only one of auditors over it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
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
    logs = deployment.settings.data_dir.parent
    commands = {
        logs / "ui.log": deployment.command("ui", "--port", str(port)),
        logs / "auditors.log": deployment.command("ui", "--port", str(read_only_port), "--read-only"),
    }
    with serving(commands, deployment.environment() | variables):
        for pages, log in zip((demo.pages, demo.read_only_pages), commands, strict=True):
            wait_until_it_serves(pages.base_url, log)
        yield demo


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def serving(commands: Mapping[Path, list[str]], environment: Mapping[str, str]) -> Iterator[None]:
    """A process for each log. All are told to end before the first is waited for."""
    processes: list[subprocess.Popen[bytes]] = []
    with ExitStack() as logs:
        try:
            for log, command in commands.items():
                out = logs.enter_context(log.open("wb"))
                processes.append(
                    subprocess.Popen(
                        command,
                        env=environment,
                        cwd=log.parent,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
            yield
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGINT)
            for process in processes:
                _wait_for_its_end(process)


def _wait_for_its_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_it_serves(address: str, log: Path) -> None:
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
