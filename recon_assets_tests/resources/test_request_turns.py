"""Requests to one host keep the configured rate, whichever process sends them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.settings import Settings
from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection
from recon_assets.store.turns import take_turn
from recon_assets_tests.integration.deployments import Deployment, with_configuration

INTERVAL_S = 0.25
REQUESTS = 6

ASKING = f"""
import sys
from recon_assets.configuration import Configuration
from recon_assets.domain.records import Side
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.settings import Settings

settings = Settings(_env_file=None)
record = Record(settings)
with record.connect():
    pass
adapter = Feeds(settings, record).adapter(Configuration.load(settings).processor(sys.argv[1]), Side.PROCESSOR)
print("ready", flush=True)
sys.stdin.readline()
for _ in range({REQUESTS}):
    adapter.probe()
"""


@contextmanager
def served() -> Iterator[tuple[str, list[float]]]:
    """An API that answers everything, and when it was asked."""
    times: list[float] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            times.append(time.monotonic())
            body = b'{"products": [], "total": 0, "skip": 0, "limit": 1}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", times
        finally:
            server.shutdown()
            thread.join()


def asked_by_two_processes(deployment: Deployment, **variables: str) -> list[float]:
    """When the API was asked, in order; both begin at once."""
    with served() as (url, times), ExitStack() as team:
        environment = os.environ | deployment.environment() | variables
        every = [
            team.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", ASKING, deployment.http_processor(name, processor_url=url) and name],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in ("one", "two")
        ]
        for process in every:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in every:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait(timeout=60) for process in every] == [0, 0]
    assert len(times) == 2 * REQUESTS
    return sorted(times)


def test_two_processes_keep_one_rate_together(settings: Settings, tmp_path: Path) -> None:
    deployment = with_configuration(settings, tmp_path)

    times = asked_by_two_processes(deployment, RECON_HTTP_REQUESTS_PER_S=str(1 / INTERVAL_S))

    spans = [later - earlier for earlier, later in zip(times, times[3:], strict=False)]
    alone_s = 3 * INTERVAL_S / 2
    assert min(spans) > alone_s, f"four requests came within {min(spans):.2f} s: as if each process had the rate alone"
    assert times[-1] - times[0] > (2 * REQUESTS - 3) * INTERVAL_S


def test_who_waits_too_long_is_told_and_who_is_gone_gives_the_turn_back(
    database: Database, connection: TenantConnection
) -> None:
    def given_up_meanwhile(_seconds: float) -> None:
        with database.connect() as other, pytest.raises(StoreUnavailable) as refused:
            take_turn(other, "api.example", interval_s=0, wait_s=0.05)
        assert str(refused.value) == (
            "api.example has more requests waiting than its rate lets through in 0.05 s (the turns of requests)."
            " Start fewer commands at once, or raise RECON_HTTP_REQUESTS_PER_S if the other side allows it."
        )
        with database.connect() as other:
            take_turn(other, "another.example", interval_s=0, wait_s=0.05)

    take_turn(connection, "api.example", interval_s=1, sleep=given_up_meanwhile)

    with database.connect() as lost, pytest.raises(ZeroDivisionError):
        take_turn(lost, "api.example", interval_s=1, sleep=lambda _: 1 // 0)
    take_turn(connection, "api.example", interval_s=0, wait_s=0.05)
