"""The end of a database session's time, whatever the server does: its socket is shut, and whoever waits for it ends.

A server keeps `statement_timeout` only while it is well. One that went silent behind a proxy or a cut line would be
waited for without end: no driver has a time-out for an answer.
"""

import os
import socket
from contextlib import suppress
from threading import Timer
from typing import Any


class Watchdog:
    """Over the connection of one session. A driver that does not tell its socket is not watched (`fileno`)."""

    def __init__(self, seconds: float) -> None:
        """Starts when a connection is given to `watch`, and ends it `seconds` later."""
        self._seconds = seconds
        self._twin: socket.socket | None = None
        self._timer: Timer | None = None
        self.has_cut = False

    def watch(self, driver_connection: Any) -> None:
        """Begin with a connection that was just made."""
        fileno = getattr(driver_connection, "fileno", None)
        if fileno is None:
            return
        # A descriptor of our own: the driver's may be closed, and its number be another's, when the time is up.
        self._twin = socket.socket(fileno=os.dup(fileno()))
        self._timer = Timer(self._seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """The session is over, in time or not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._twin is not None:
            self._twin.close()

    def _cut(self) -> None:
        self.has_cut = True
        with suppress(OSError):  # already at its end
            assert self._twin is not None, "the timer starts with the socket"
            self._twin.shutdown(socket.SHUT_RDWR)
