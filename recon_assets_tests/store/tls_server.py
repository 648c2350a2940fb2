"""A real PostgreSQL that speaks TLS on loopback, with certificates made by the `openssl` program.

The embedded server's programs are built without TLS, so it runs those of the system (on Debian: `postgresql`).
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import SecretStr

from recon_assets.store import embedded_place, embedded_process
from recon_assets.store.database import Database
from recon_assets.store.embedded_place import Place
from recon_assets.store.transport import Transport
from recon_assets_tests.store.clusters import place_of_servers

PASSWORD = "s3cret"
OLDEST = 15
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


def programs() -> Path | None:
    """Of the newest server on this machine that is built with OpenSSL; None when there is none."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    return max(filter(_is_usable, folders), key=_version, default=None)


def _is_usable(folder: Path) -> bool:
    if not (folder / "initdb").exists() or not (folder / "pg_config").exists():
        return False
    return "ssl" in _config(folder, "--configure") and _version(folder) >= OLDEST


def _version(folder: Path) -> int:
    return int(_config(folder, "--version").split()[1].split(".")[0])


def _config(folder: Path, question: str) -> str:
    return subprocess.run([folder / "pg_config", question], check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Authority:
    """Signs certificates. `certificate` is what clients trust."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        folder.mkdir()
        made = cls(folder)
        _openssl(*_KEY, "-subj", "/CN=authority", "-keyout", str(made._key), "-out", str(made.certificate))
        return made

    @property
    def certificate(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def _key(self) -> Path:
        return self.folder / "authority.key"

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for a host name, and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        _openssl(
            *_KEY, "-CA", str(self.certificate), "-CAkey", str(self._key), "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", str(key), "-out", str(certificate),
        )  # fmt: skip
        return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", "req", "-x509", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class TlsServer:
    """Its certificate bears `localhost`. By TCP it takes nothing that is not encrypted."""

    place: Place
    port: int
    authority: Authority

    def database(self, transport: Transport, *, host: str = "localhost") -> Database:
        return Database(host, self.port, "recon", "recon", SecretStr(PASSWORD), "recon_dagster", transport=transport)

    @contextmanager
    def without_tls(self) -> Iterator[None]:
        """The same server after somebody turned TLS off."""
        self._turn("off")
        yield
        self._turn("on")

    def _turn(self, value: str) -> None:
        with self.connect_as_superuser() as admin:
            admin.execute(f"ALTER SYSTEM SET ssl = {value}".encode())
            admin.execute("SELECT pg_reload_conf()")
        while self._shows() != value:
            pass

    def _shows(self) -> str:
        with self.connect_as_superuser() as fresh:
            return fresh.execute("SHOW ssl").fetchone()[0]

    def connect_as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.place.socket_dir), port=self.port, user="postgres", dbname="postgres", autocommit=True
        )


@contextmanager
def tls_server() -> Iterator[TlsServer]:
    binaries = programs()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    folder.chmod(0o755)
    pgdata = folder / "postgres"
    account = embedded_place._account(pgdata) if os.geteuid() == 0 else None
    pgdata.mkdir(mode=0o700)
    place = Place(pgdata, pgdata, binaries, account)
    authority = Authority.make(folder / "authority")
    certificate, key = authority.sign("localhost")
    if account:
        for path in (pgdata, certificate, key):
            os.chown(path, account.uid, account.gid)
    arguments = ["-D", str(pgdata), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    embedded_process._run(place, "initdb", arguments, folder=Path("/"), timeout_s=60)
    (pgdata / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    server = TlsServer(place, _free_port(), authority)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(server.port),
        "unix_socket_directories": str(pgdata),
        "fsync": "off",
        "ssl_cert_file": str(certificate),
        "ssl_key_file": str(key),
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    with (pgdata / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("ssl = on\n")
    embedded_process._pg_ctl(place, ["-l", "server.log", "-w", "-o", options, "start"], timeout_s=60)
    with server.connect_as_superuser() as admin:
        admin.execute(f"CREATE ROLE recon LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'".encode())
    yield server
    embedded_process._pg_ctl(place, ["-m", "immediate", "-w", "stop"], timeout_s=60)
    shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
