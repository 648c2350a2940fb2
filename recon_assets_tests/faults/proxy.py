"""Between a worker and PostgreSQL: recognises statements in the protocol and strikes before or after a named one.

So the product needs no hooks. `before`: the statement has not reached the server. `after`: the server has answered
to the end, and nothing of the answer has reached the worker.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STEPS = {
    "lock the day": b"pg_advisory_lock(",
    "make room for the month": b"ensure_month(",
    "lock versions": b"pg_advisory_xact_lock",
    "look for the key": b"SELECT id, version FROM reconciliation_runs",
    "abort the dead": b"SET status = 'aborted'",
    "insert the run": b"INSERT INTO reconciliation_runs",
    "lock the run": b"FOR UPDATE",
    "look for the same answer": b"SELECT id, version, result_digest",
    "create the stage": b'CREATE TEMP TABLE "staged_discrepancies"',
    "copy": b"COPY staged_discrepancies",
    "count the stage": b"FROM staged_discrepancies GROUP BY",
    "insert discrepancies": b"INSERT INTO discrepancies",
    "insert proofs": b"INSERT INTO reconciliation_proofs",
    "insert matches": b"INSERT INTO matches",
    "compare with the answer before": b"INSERT INTO discrepancy_events",
    "end matches across days": b"UPDATE prior_day_matches",
    "add matches across days": b"INSERT INTO prior_day_matches",
    "supersede": b"SET is_current = FALSE",
    "complete": b"is_current = TRUE",
    "put the message": b"INSERT INTO outbox",
    "record the outcomes": b"INSERT INTO data_quality_checks",
    "link the outcomes": b"UPDATE data_quality_checks",
    "seal": b"FROM seal_audit(",
    "unlock the day": b"pg_advisory_unlock",
    "delete naively": b"DELETE FROM discrepancies",
}
PUBLICATION = "commit of link the outcomes"
ALL_STEPS = (*list(STEPS)[:-1], "copy end", "commit of lock the day", "commit of insert the run", PUBLICATION)
_NO_TLS = (80877103, 80877104)


@dataclass(slots=True)
class Plan:
    """Strike `when` (before, after) `step` is met, or after so many bytes `up` or `down`. `act` gets the backend's pid.

    After `act` the connection is cut, unless it `goes_on`.
    """

    step: str = ""
    when: str = "before"
    up: int | None = None
    down: int | None = None
    act: Callable[[int], object] = lambda _: None
    goes_on: bool = False
    struck: bool = False


class Proxy:
    def __init__(self, server: Path, plan: Plan) -> None:
        self._server, self.plan, self.steps_met = server, plan, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in list(self._sockets):
            _close(one)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                self._sockets += [client, server]
                try:
                    server.connect(str(self._server))
                except OSError:
                    _close(client)
                    continue
                link = _Link(self, client, server)
                threads = [threading.Thread(target=link.up), threading.Thread(target=link.down)]
                self._threads += threads
                for thread in threads:
                    thread.start()


class _Link:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._last, self._backend, self._awaiting = "", 0, False
        self._sent = {"up": 0, "down": 0}

    def up(self) -> None:
        with suppress(OSError, EOFError):
            self._start()
            while True:
                message = _message(self._client)
                name = self._name(message)
                plan = self._proxy.plan
                if name:
                    self._proxy.steps_met.append(name)
                if name and name == plan.step and not plan.struck:
                    if plan.when == "before":
                        self._strike()
                    else:
                        self._awaiting = True
                self._forward(message, self._server, "up")
        self._cut()

    def down(self) -> None:
        with suppress(OSError, EOFError):
            held = b""
            while True:
                message = _message(self._server)
                if message[:1] == b"K":
                    self._backend = struct.unpack("!i", message[5:9])[0]
                if self._awaiting:
                    held += message
                    if message[:1] not in b"ZG":
                        continue
                    self._awaiting = False
                    self._strike()
                    message, held = held, b""
                self._forward(message, self._client, "down")
        self._cut()

    def _start(self) -> None:
        while True:
            head = _exactly(self._client, 8)
            length, code = struct.unpack("!ii", head)
            if code not in _NO_TLS:
                self._server.sendall(head + _exactly(self._client, length - 8))
                return
            self._client.sendall(b"N")

    def _name(self, message: bytes) -> str:
        if message[:1] == b"c":
            return "copy end"
        if message[:1] not in b"QP":
            return ""
        if message[5:].rstrip(b"\0") == b"COMMIT":
            return f"commit of {self._last}"
        for name, words in STEPS.items():
            if words in message:
                self._last = name
                return name
        return ""

    def _forward(self, message: bytes, to: socket.socket, way: str) -> None:
        plan = self._proxy.plan
        limit = plan.up if way == "up" else plan.down
        if limit is not None and not plan.struck and self._sent[way] + len(message) > limit:
            to.sendall(message[: limit - self._sent[way]])
            self._strike()
        self._sent[way] += len(message)
        to.sendall(message)

    def _strike(self) -> None:
        plan = self._proxy.plan
        plan.struck = True
        plan.act(self._backend)
        if not plan.goes_on:
            self._cut()
            raise EOFError

    def _cut(self) -> None:
        _close(self._client)
        _close(self._server)


def _message(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = source.recv(size - len(got))
        if not part:
            raise EOFError
        got += part
    return got


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
