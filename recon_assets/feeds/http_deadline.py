"""A deadline over a whole HTTP exchange: headers and body, whatever the pace of the other side.

The time-outs of `requests` are per read of the socket: a server that drips one byte a second is never late. Here a
timer shuts the socket when the time is up, and whatever waits for it ends with a connection error.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

PoolClasses = dict[str, type[urllib3.HTTPConnectionPool]]


class Deadline:
    """Whether the time of the current exchange is up."""

    def __init__(self) -> None:
        self.is_over = False


class DeadlineAdapter(requests.adapters.HTTPAdapter):
    """Mount it on a session that one thread uses; run each exchange within `ending_after`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._deadline = Deadline()
        self._pool_classes = _pool_classes(self._watch)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make connections that tell us their socket."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager

    @contextmanager
    def ending_after(self, seconds: float) -> Iterator[Deadline]:
        """Shut the connection `seconds` from now, unless the context ended before."""
        deadline = Deadline()
        with self._lock:
            self._deadline = deadline
        timer = threading.Timer(seconds, self._end, args=(deadline,))
        timer.daemon = True
        timer.start()
        try:
            yield deadline
        finally:
            timer.cancel()
            timer.join()

    def drop(self) -> None:
        """Close the connection at once, also one that a half-made answer still holds."""
        with self._lock:
            if self._socket is not None and self._socket.fileno() >= 0:
                os.close(socket.socket.detach(self._socket))

    def _watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._socket = connected
            if self._deadline.is_over:
                _shut(connected)

    def _end(self, deadline: Deadline) -> None:
        with self._lock:
            deadline.is_over = True
            if self._socket is not None:
                _shut(self._socket)


def _shut(connected: socket.socket) -> None:
    """Shut it below TLS, whose own shutdown must not be called while another thread reads."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _pool_classes(on_connect: Callable[[socket.socket], None]) -> PoolClasses:
    class WatchedConnection(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            on_connect(self.sock)

    class WatchedSecureConnection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            on_connect(self.sock)

    class WatchedPool(urllib3.HTTPConnectionPool):
        ConnectionCls = WatchedConnection

    class WatchedSecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = WatchedSecureConnection

    return {"http": WatchedPool, "https": WatchedSecurePool}
