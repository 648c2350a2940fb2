"""Other processes that use an embedded server, for tests of sharing and of sudden death."""

import subprocess
import sys
from pathlib import Path
from typing import Self

_USE = """
import sys
from pathlib import Path
import psycopg
from recon_assets.store.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])) as server:
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres") as connection:
        print(connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0], flush=True)
        sys.stdin.read()
"""


class UserProcess:
    """A Python process that joins the server of `data_dir` and holds on to it until it is told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _USE, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def server_started_at(self) -> str:
        """Returns once it is connected."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def leave(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
