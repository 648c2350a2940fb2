"""The sandbox as a server in a background thread of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from recon_assets.sandbox.app import sandbox_app
from recon_assets.sandbox.faults import Faults

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
SHUTDOWN_GRACE_S = 1
"""How long requests under way may go on when the sandbox stops."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox. The ledger's is `{base_url}/transactions`, each processor's API as it is known elsewhere."""

    base_url: str


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextmanager
def running_sandbox(faults: Faults | None = None) -> Iterator[Sandbox]:
    """Serve on 127.0.0.1 and a free port while the context lasts. Works from any thread; leaves nothing behind."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(
                sandbox_app(faults),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="recon-sandbox", daemon=True)
        thread.start()
        try:
            if not server.listens.wait(START_TIMEOUT_S):
                raise RuntimeError(f"the sandbox did not start within {START_TIMEOUT_S} s")
            yield Sandbox(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)
