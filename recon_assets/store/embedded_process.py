"""The embedded server as a process: create the cluster, start, ask, stop. Not here: who may do it when (`embedded`).

Whoever calls `start` or `stop` holds the start lock.
"""

import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.store.embedded_place import SOCKET_NAME, Place

SUPERUSER: Final = "postgres"
PORT: Final = 5432
"""Only a part of the socket's name: no port is opened."""
START_TIMEOUT_S: Final = 60
"""Also the time for crash recovery."""
STOP_TIMEOUT_S: Final = 60
INITDB_TIMEOUT_S: Final = 120
OLD_PROCESSES_TIMEOUT_S: Final = 15
"""How long the backends of a killed server may need to notice and leave."""
POLL_S: Final = 0.05
LOG_NAME: Final = "server.log"
LOG_LINES_IN_ERROR: Final = 12
MAX_LOG_BYTES: Final = 5_000_000

SERVER_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    # a statement's text and an error's detail would bring payment values into the log
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "jit": "off",
    # 4, the default, is for disks with a head that moves: it makes plans read whole months to avoid an index
    "random_page_cost": "1.1",
    # months are pruned without it; what it adds is to hold the CHECKs of each month against each question
    "constraint_exclusion": "off",
}
"""Durability is PostgreSQL's default: on."""

FAST_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
}
"""For tests only: a crash of the machine may lose everything. They write much that nobody reads again."""


def answers(place: Place) -> bool:
    """Whether a postmaster listens at the socket. A pid file proves nothing, a socket does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(START_TIMEOUT_S)
        try:
            client.connect(str(place.socket_dir / SOCKET_NAME))
        except OSError:
            return False
    return True


def start(place: Place, *, durable: bool) -> None:
    """Create the cluster if there is none, start the server, return when it takes queries.

    Raises `StoreUnavailable` with the end of the server's log.
    """
    _remove_stale_pid_files(place)
    if not (place.pgdata / "PG_VERSION").exists():
        _create_cluster(place)
    if place.link and not place.link.is_symlink():
        place.link.symlink_to(place.pgdata)
    _limit_log(place)
    options = SERVER_SETTINGS | {"unix_socket_directories": _quoted_item(place.socket_dir)}
    if not durable:
        options |= FAST_SETTINGS
    command_line = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
    arguments = ["-l", LOG_NAME, "-w", "-t", str(START_TIMEOUT_S), "-o", command_line, "start"]
    _pg_ctl(place, arguments, timeout_s=START_TIMEOUT_S + 5)
    wait_until_ready(place)


def wait_until_ready(place: Place) -> None:
    """Return when the server takes queries; raises `StoreUnavailable` after `START_TIMEOUT_S`, or when it died."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _connect(place).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline or not answers(place):
                raise _unavailable(place, "the embedded database does not start") from error
        else:
            return
        time.sleep(POLL_S)


def _connect(place: Place) -> psycopg.Connection:
    host = str(place.socket_dir)
    return psycopg.connect(host=host, port=PORT, user=SUPERUSER, dbname="postgres", connect_timeout=START_TIMEOUT_S)


def stop(place: Place) -> None:
    """Stop the server: its clients are cut off, what they committed stays. Nothing happens if it does not run."""
    if answers(place):
        _pg_ctl(place, ["-m", "fast", "-w", "-t", str(STOP_TIMEOUT_S), "stop"], timeout_s=STOP_TIMEOUT_S + 5)


def _create_cluster(place: Place) -> None:
    """Built beside its place and moved there, so that a killed `initdb` leaves no half cluster."""
    unfinished = place.pgdata.with_name(f"{place.pgdata.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if place.account:
        os.chown(unfinished, place.account.uid, place.account.gid)
    locale = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    access = ["-U", SUPERUSER, "-A", "trust"]  # the socket's folder is closed to everybody else
    arguments = ["-D", str(unfinished), *access, *locale, "--no-sync", "--no-instructions"]
    _run(place, "initdb", arguments, folder=Path("/"), timeout_s=INITDB_TIMEOUT_S)
    if place.pgdata.exists():
        place.pgdata.rmdir()  # an empty folder is no cluster; one with files in it is not ours to remove
    unfinished.rename(place.pgdata)


def _quoted_item(folder: Path) -> str:
    """`unix_socket_directories` is a list: a comma or a blank in a path would split it."""
    return '"' + str(folder).replace('"', '""') + '"'


def _pg_ctl(place: Place, arguments: Sequence[str], *, timeout_s: int) -> None:
    """`pg_ctl` puts the folder into a shell command without care for `"` and `$`: it gets a dot and runs there."""
    _run(place, "pg_ctl", ["-D", ".", *arguments], folder=place.pgdata, timeout_s=timeout_s)


def _run(place: Place, program: str, arguments: Sequence[str], *, folder: Path, timeout_s: int) -> None:
    """Run one of the server's programs under its account, away from our terminal, our folder and our PG* variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    account = place.account
    try:
        done = subprocess.run(
            [str(place.binaries / program), *arguments],
            check=False,
            cwd=folder,
            env=environment | {"LC_ALL": "C", "TZ": "UTC"},
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,  # the server would keep a pipe open
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unavailable(place, f"{program} of the embedded database did not run or did not end") from error
    if done.returncode:
        said = done.stdout.decode(errors="replace").splitlines() if done.stdout else []
        raise _unavailable(place, f"{program} of the embedded database failed", said)


def _unavailable(place: Place, what: str, said: Sequence[str] = ()) -> StoreUnavailable:
    log = _log_file(place)
    lines = said or (log.read_text(errors="replace").splitlines() if log.exists() else [])
    end = " | ".join(lines[-LOG_LINES_IN_ERROR:]) or "the server's log is empty"
    return StoreUnavailable(
        f"{what}: {end}",
        where=str(place.pgdata),
        remedy=f"See {log}; free the disk or the memory it asks for and try again, "
        "or set DB_HOST to a PostgreSQL server of your own.",
    )


def _log_file(place: Place) -> Path:
    return place.pgdata / LOG_NAME


def _limit_log(place: Place) -> None:
    log = _log_file(place)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _has_processes(place: Place) -> bool:
    """Every server process has its cluster as working directory. Asked as the server's account.

    Root in a container may not look at the processes of others; the account may always look at its own.
    """
    links = [str(entry / "cwd") for entry in Path("/proc").glob("[0-9]*")]
    account = place.account
    found = subprocess.run(
        ["readlink", *links],
        check=False,  # most are not ours to look at, some are gone
        cwd="/",
        timeout=OLD_PROCESSES_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    return os.fsencode(place.pgdata) in found.stdout.splitlines()


def _remove_stale_pid_files(place: Place) -> None:
    """After kill -9 wait for the old backends, then drop the files that would keep a new server from starting.

    PostgreSQL trusts the pid in them, which may since belong to any process (always so after a container's restart).
    """
    stale = [place.pgdata / "postmaster.pid", place.socket_dir / f"{SOCKET_NAME}.lock"]
    if not any(file.exists() for file in stale) or not Path("/proc/self/cwd").exists():
        return
    deadline = time.monotonic() + OLD_PROCESSES_TIMEOUT_S
    while _has_processes(place):
        if answers(place):
            return
        if time.monotonic() > deadline:
            raise _unavailable(place, "processes of a killed server are still there")
        time.sleep(POLL_S)
    for file in stale:
        file.unlink(missing_ok=True)
