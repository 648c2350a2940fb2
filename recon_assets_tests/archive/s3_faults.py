"""Between boto3 and moto's S3: answers 503, cuts a request or its reply, or changes a byte of what is uploaded.

moto compares no checksum with the body, so that a broken upload arrives and must be found by reading it back.
"""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


class Fault(StrEnum):
    SLOW_DOWN = "503 SlowDown"
    CUT = "the request is cut before it arrives"
    LOST_REPLY = "it arrives, and the reply is lost"
    CHANGED = "a byte is changed on the way"


@dataclass
class Faults:
    """`fault` strikes requests of `method` whose path `strikes`, `times` times; `seen` is every request."""

    url: str = ""
    target: str = ""
    fault: Fault | None = None
    method: str = "PUT"
    strikes: Callable[[str], bool] = lambda _: True
    times: int = 1_000_000
    seen: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.seen.append((method, path))
            if self.fault and self.times and method == self.method and self.strikes(path):
                self.times -= 1
                return self.fault
        return None

    def heal(self) -> None:
        with self.lock:
            self.fault, self.times = None, 1_000_000


class _Server(ThreadingHTTPServer):
    faults: Faults


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        """Whatever the method."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.faults.strike(self.command, self.path)
        if fault is Fault.CUT:
            self._cut()
        elif fault is Fault.SLOW_DOWN:
            self._answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
        else:
            changed = fault is Fault.CHANGED and body
            answer = self._forwarded(bytes([body[0] ^ 1]) + body[1:] if changed else body)
            if fault is Fault.LOST_REPLY:
                self._cut()
            else:
                self._answer(*answer)
        self.wfile.flush()

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        target = urlsplit(self.server.faults.target)
        upstream = http.client.HTTPConnection(str(target.hostname), target.port)
        upstream.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
        answer = upstream.getresponse()
        found = answer.status, dict(answer.headers.items()), answer.read()
        upstream.close()
        return found

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        by_name = {name.lower(): value for name, value in headers.items()}
        length = by_name.pop("content-length", "0") if self.command == "HEAD" else str(len(content))
        for name, value in by_name.items():
            if name not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_s3(moto_url: str) -> Iterator[Faults]:
    """A proxy on loopback before moto's server; healthy until a fault is set."""
    faults = Faults(target=moto_url)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.faults = faults
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    faults.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield faults
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
