"""A server of its own with the record in it, which faults may kill and which is started again."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.settings import Settings
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.embedded_place import SOCKET_NAME
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.faults.proxy import Proxy

PROJECT: Final = Path(__file__).resolve().parents[2]
SMALL_DISK: Final = "size=300m,mode=755"
REVIVAL_S: Final = 60.0


@dataclass(slots=True)
class Bench:
    """`folder` is the server's disk; the input files lie in `inputs`, on another."""

    folder: Path
    inputs: Path
    server: EmbeddedServer
    database: Database
    joins: int = 0

    @property
    def socket(self) -> Path:
        return self.server.socket_dir / SOCKET_NAME

    def behind(self, proxy: Proxy) -> Database:
        return replace(self.database, host="127.0.0.1", port=proxy.port)

    def postmaster(self) -> int:
        return int((self.server.place.pgdata / "postmaster.pid").read_text().split()[0])

    def admin(self) -> AbstractContextManager[TenantConnection]:
        return session_as_superuser(self.database, autocommit=True)

    def revive(self) -> None:
        """Return when the server takes queries again, started if it is down."""
        deadline = time.monotonic() + REVIVAL_S
        while True:
            with suppress(StoreUnavailable, psycopg.Error):
                if not self.server.is_running():
                    self.server.join()
                    self.joins += 1
                with self.admin() as connection:
                    connection.execute("SELECT 1")
                    return
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.02)


@contextmanager
def new_bench(*, small_disk: bool = False) -> Iterator[Bench]:
    """Durable: synchronous commits and fsync are on. Raises `PermissionError` when no small disk can be mounted."""
    folder, inputs = (Path(tempfile.mkdtemp(prefix="recon-", dir="/tmp")) for _ in range(2))
    mounted = False
    try:
        folder.chmod(0o755)
        if small_disk:
            _mount(folder)
            mounted = True
        settings = Settings(_env_file=None, RECON_HOME=PROJECT, RECON_DATA_DIR=folder / "data")
        with open_database(settings) as database:
            bench = Bench(folder, inputs, EmbeddedServer(folder / "data"), database)
            try:
                yield bench
            finally:
                for _ in range(bench.joins):
                    bench.server.leave()
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)
        shutil.rmtree(inputs)


def give_room(bench: Bench) -> None:
    """Make a small disk large: to verify a record takes room to sort."""
    subprocess.run(["mount", "-o", "remount,size=4g", bench.folder], check=True)


def _mount(folder: Path) -> None:
    if os.geteuid() != 0:
        raise PermissionError("only root may mount a small disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PermissionError(f"mount refused: {done.stderr.strip()}")
