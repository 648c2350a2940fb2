"""The reverse proxy of deploy/proxy as the compose file starts it, on free ports of loopback, and what asks it.

Replaced is only what a container gives: names of services and ports, and the folder of certificate and logins.
"""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests.adapters import HTTPAdapter

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.containers.compose_file import SECRETS, read_compose_file

OPERATORS, AUDITORS = "dagster.company.example", "auditors.company.example"
PASSWORDS: Final = {"olga": "of an operator", "anna": "of an auditor"}
PATIENCE_S: Final = 20.0


def nginx() -> str | None:
    """Debian puts it where only root's PATH looks."""
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@dataclass(frozen=True)
class Proxy:
    """`folder` is what is /etc/nginx/recon in the container, with the log beside it."""

    folder: Path
    https_port: int
    http_port: int

    def ask(
        self, name: str, path: str = "/", *, login: str | None = None, method: str = "GET", **more: object
    ) -> requests.Response:
        """One request to a name that resolves to this machine; redirections are not followed."""
        with requests.Session() as session:
            session.mount("https://", _ByName(name))
            session.headers["Host"] = name
            session.verify = str(self.folder / "certificate.pem")
            session.trust_env = False
            return session.request(
                method,
                f"https://127.0.0.1:{self.https_port}{path}",
                auth=(login, PASSWORDS[login]) if login else None,
                allow_redirects=False,
                timeout=PATIENCE_S,
                **more,  # type: ignore[arg-type]
            )

    def tls(self, name: str, version: ssl.TLSVersion) -> str | None:
        """The version of TLS that is agreed on when the client speaks this one only. Raises `ssl.SSLError`."""
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL's own refusal is not what is tested
        context.minimum_version, context.maximum_version = version, version
        plain = socket.create_connection(("127.0.0.1", self.https_port), timeout=PATIENCE_S)
        with plain, context.wrap_socket(plain, server_hostname=name) as wrapped:
            return wrapped.version()

    def statuses_at_once(self, name: str, request_line: str, times: int) -> list[int]:
        """Of the same request without a login, in one breath: it does not matter how fast this machine is."""
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        one = f"{request_line} HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\n"
        plain = socket.create_connection(("127.0.0.1", self.https_port), timeout=PATIENCE_S)
        with plain, context.wrap_socket(plain, server_hostname=name) as wrapped:
            wrapped.sendall((f"{one}\r\n" * (times - 1) + f"{one}Connection: close\r\n\r\n").encode())
            answers = b"".join(iter(lambda: wrapped.recv(65_536), b""))
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def line_with(self, *words: str) -> str:
        """The newest line of the log that has them all: nginx writes it after its answer."""
        deadline = time.monotonic() + PATIENCE_S
        while not (lines := [line for line in self.log().splitlines() if all(word in line for word in words)]):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return lines[-1]


class _ByName(HTTPAdapter):
    """Asks 127.0.0.1 for a name: in the handshake, and when the certificate is looked at."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *args: object, **more: object) -> None:
        super().init_poolmanager(*args, **more, server_hostname=self._name, assert_hostname=self._name)


@contextmanager
def running_proxy(folder: Path, *, login: str, upstreams: Mapping[str, int]) -> Iterator[Proxy]:
    """Until the end of the block. `upstreams` tells the port on loopback of each service that the files name."""
    service = read_compose_file(SECRETS | {"RECON_LOGIN": login})["services"]["proxy"]
    folder.mkdir(exist_ok=True)
    _make_certificate(folder)
    for people, person in (("operators", "olga"), ("auditors", "anna")):
        (folder / f"{people}.htpasswd").write_text(f"{person}:{_hash(PASSWORDS[person])}\n")
    https_port, http_port = free_port(), free_port()
    for mount in service["volumes"]:
        source, target, *_ = mount.split(":")
        if not source.startswith("./deploy/proxy/local/"):
            text = (PROJECT / source).read_text().replace("/tmp/", f"{folder}/")
            for service_name, port in upstreams.items():
                text = text.replace(service_name, f"127.0.0.1:{port}")
            text = text.replace("listen 8443", f"listen 127.0.0.1:{https_port}")
            text = text.replace("listen 8080", f"listen 127.0.0.1:{http_port}")
            text = text.replace("/etc/nginx/recon", str(folder))
            text = text.replace("worker_processes auto", "user root;\nworker_processes 1")
            (folder / Path(target).name).write_text(text)
    program, *words = service["entrypoint"]
    command = [nginx() or program, *(word.replace("/etc/nginx", str(folder)) for word in words)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_listens(process, https_port, folder / "log")
            yield Proxy(folder, https_port, http_port)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE_S)
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
            return
        assert process.poll() is None, log.read_text()
        assert datetime.now(UTC) < deadline, log.read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _hash(password: str) -> str:
    """As docs/access.md makes one."""
    made = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(OPERATORS), x509.DNSName(AUDITORS)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
