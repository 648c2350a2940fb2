"""The embedded PostgreSQL, shared by every process that works on one data folder: who starts it, who stops it.

Not here: how a server is started (`embedded_process`) and where it lies (`embedded_place`).

Three files beside the cluster `postgres` say who is there:

    postgres.users   each process that uses the server holds a SHARED lock on it; a killed one loses it by itself
    postgres.start   held EXCLUSIVE while somebody starts or stops the server
    postgres.keep    exists while a person wants the server to stay although nobody uses it

Joining: take `start`, take `users` shared, start the server if it does not answer, give `start` back.
Leaving: take `start`, try `users` exclusive; whoever gets it was the last and stops the server, unless it is kept.
"""

import atexit
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.store import embedded_process
from recon_assets.store.embedded_place import Place, find_place

START_LOCK_TIMEOUT_S: Final = 150
"""Longer than another process may take to create the cluster and start the server."""
LOCK_POLL_S: Final = 0.02


@dataclass(slots=True)
class _Membership:
    """This process as a user of one server. `count` is how often it joined; one lock is enough for all."""

    server: "EmbeddedServer"
    users_fd: int
    count: int


_memberships: dict[Path, _Membership] = {}
_guard = threading.RLock()


class EmbeddedServer:
    """The server of one data folder. As a context manager it is joined, and left at the end.

    `durable=False` is for tests: faster, and a crash of the machine may lose everything.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.absolute()
        self._durable = durable

    def __enter__(self) -> Self:
        self.join()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def place(self) -> Place:
        """Where the server lies; looked up each time, since the first start may move it."""
        return find_place(self._data_dir)

    @property
    def socket_dir(self) -> Path:
        """What a client gives as host."""
        return self.place.socket_dir

    def is_running(self) -> bool:
        """Whether the server answers, whoever started it."""
        return embedded_process.answers(self.place)

    def join(self) -> Place:
        """Become a user of the server, starting it if need be. Raises `StoreUnavailable` when it can't be started."""
        with _guard:
            membership = _memberships.get(self._data_dir)
            place = self.place
            with self._start_lock():
                users_fd = membership.users_fd if membership else self._open("postgres.users")
                try:
                    fcntl.flock(users_fd, fcntl.LOCK_SH)
                    if not _is_ready(place):
                        embedded_process.start(place, durable=self._durable)
                except BaseException:
                    if membership is None:
                        os.close(users_fd)
                    raise
            if membership:
                membership.count += 1
            else:
                _memberships[self._data_dir] = _Membership(self, users_fd, count=1)
            return place

    def leave(self) -> None:
        """Undo one `join`. The last user of all processes stops the server, unless it is to be kept."""
        with _guard:
            membership = _memberships.get(self._data_dir)
            if membership is None:
                return
            membership.count -= 1
            if membership.count == 0:
                self._leave_for_good()

    def keep_running(self) -> None:
        """Let the server stay when its last user leaves. Holds until `stop`."""
        self._keep_marker.touch()

    def stop(self) -> bool:
        """Forget `keep_running` and stop the server if nobody uses it; True when it does not run any more.

        False: somebody uses it, and the last of them will stop it.
        """
        self._keep_marker.unlink(missing_ok=True)
        if not self._data_dir.exists():
            return True
        with _guard, self._start_lock():
            users_fd = self._open("postgres.users")
            try:
                return self._stop_if_unused(users_fd)
            finally:
                os.close(users_fd)

    @property
    def _keep_marker(self) -> Path:
        return self._data_dir / "postgres.keep"

    def _open(self, name: str) -> int:
        """Read access is enough for `flock`, so that root and an ordinary user can share a folder."""
        return os.open(self._data_dir / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock_fd = self._open("postgres.start")
        deadline = time.monotonic() + START_LOCK_TIMEOUT_S
        try:
            while not _try_exclusive(lock_fd):
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        "another process has been starting or stopping the embedded database for too long",
                        where=str(self._data_dir / "postgres.start"),
                        remedy="Look for a hanging recon or dagster process, end it and try again.",
                    )
                time.sleep(LOCK_POLL_S)
            yield
        finally:
            os.close(lock_fd)

    def _leave_for_good(self) -> None:
        membership = _memberships.pop(self._data_dir)
        try:
            if self._data_dir.exists():  # else: removed under us, nothing to stop
                with self._start_lock():
                    if not self._keep_marker.exists():
                        self._stop_if_unused(membership.users_fd)
        finally:
            os.close(membership.users_fd)

    def _stop_if_unused(self, users_fd: int) -> bool:
        if not _try_exclusive(users_fd):
            return False
        embedded_process.stop(self.place)
        return True


def _is_ready(place: Place) -> bool:
    """Whether the server runs and takes queries. One that was just killed may still seem to listen for a moment."""
    if not embedded_process.answers(place):
        return False
    try:
        embedded_process.wait_until_ready(place)
    except StoreUnavailable:
        if embedded_process.answers(place):
            raise
        return False
    return True


def _try_exclusive(lock_fd: int) -> bool:
    """One attempt. A shared lock on the same descriptor is given up by it, also when it fails."""
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@atexit.register
def _leave_all() -> None:
    with _guard:
        for membership in list(_memberships.values()):
            membership.count = 0
            membership.server._leave_for_good()  # noqa: SLF001 (same module)


def _join_again_after_fork() -> None:
    """A forked child shares its parent's lock, which the parent's end would take from it: it gets its own."""
    global _guard  # noqa: PLW0603 (a lock held by another thread of the parent stays held in the child)
    _guard = threading.RLock()
    for data_dir, membership in list(_memberships.items()):
        os.close(membership.users_fd)
        try:
            membership.users_fd = membership.server._open("postgres.users")  # noqa: SLF001 (same module)
        except OSError:  # its folder was removed: that is no reason to lose the others
            del _memberships[data_dir]
            continue
        try:
            fcntl.flock(membership.users_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # the parent is just stopping the server: the next `join` starts it again
            os.close(membership.users_fd)
            del _memberships[data_dir]


os.register_at_fork(after_in_child=_join_again_after_fork)
