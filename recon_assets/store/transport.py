"""How connections to the database are protected on their way: what the settings demand, and what one really has.

Not here: the connections themselves (`database`) and the texts of failed ones (`errors`).
"""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

import psycopg

from recon_assets.domain.errors import ConfigurationError
from recon_assets.settings import Settings
from recon_assets.store.tenancy import TenantConnection

VERIFY_FULL: Final = "verify-full"
_VERIFYING: Final = ("verify-ca", VERIFY_FULL)
_WITHOUT_DEMANDS: Final = (None, "disable", "prefer")


@dataclass(frozen=True, slots=True)
class Transport:
    """`mode` is libpq's sslmode; None leaves it to libpq: `PGSSLMODE`, else `prefer`."""

    mode: str | None = None
    root_certificate: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """What the settings demand. Raises `ConfigurationError` when it can't be had: a demand is never dropped."""
        mode, certificate = settings.db_sslmode, settings.db_sslrootcert
        if mode not in _WITHOUT_DEMANDS and (settings.db_host is None or settings.db_host.startswith("/")):
            raise ConfigurationError(
                f"DB_SSLMODE={mode} demands TLS, which a socket on the same machine does not have",
                where="DB_SSLMODE",
                remedy="Unset it, or set DB_HOST to the name of a server that is reached by TCP.",
            )
        if mode in _VERIFYING and certificate is None:
            raise ConfigurationError(
                f"DB_SSLMODE={mode} needs the certificate that the server's is verified with",
                where="DB_SSLROOTCERT",
                remedy="Set it to the PEM file of the authority that signed the server's certificate.",
            )
        if certificate is None:
            return cls(mode)
        if mode not in _VERIFYING:
            raise ConfigurationError(
                "DB_SSLROOTCERT is set, but nothing is verified with it",
                where="DB_SSLMODE",
                remedy="Set DB_SSLMODE=verify-full, or unset DB_SSLROOTCERT.",
            )
        path = certificate.expanduser().absolute()
        if not path.is_file():
            raise ConfigurationError(
                "the certificate file is not there", where=f"DB_SSLROOTCERT={path}", remedy="Correct the path."
            )
        return cls(mode, path)

    def parameters(self) -> dict[str, str]:
        """For libpq, as keywords or in a URL."""
        given = {"sslmode": self.mode, "sslrootcert": self.root_certificate and str(self.root_certificate)}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Protection:
    """What one connection has. `cipher` is empty for one that is not encrypted, or whose pooler hides it."""

    encrypted: bool
    mode: str
    cipher: str
    leaves_the_machine: bool

    def __str__(self) -> str:
        if not self.encrypted:
            return "not encrypted" if self.leaves_the_machine else "local, not encrypted"
        verified = {VERIFY_FULL: "the server is verified", "verify-ca": "only the server's authority is verified"}
        return f"{self.cipher or 'TLS'}, {verified.get(self.mode, 'the server is not verified')}"

    @property
    def warning(self) -> str | None:
        """Why it is not good enough, and what to do; None when it is."""
        if not self.leaves_the_machine or (self.encrypted and self.mode == VERIFY_FULL):
            return None
        return "another machine could pose as the server: set DB_SSLMODE=verify-full and DB_SSLROOTCERT"


def protection_of(connection: TenantConnection) -> Protection:
    """Our own end says whether it is encrypted: behind a pooler the server speaks of another connection."""
    with connection.transaction():
        connection.execute("SET LOCAL ROLE NONE")  # a session's facts are its login's to see
        row = connection.execute(
            "SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"
        ).fetchone()
    encrypted = connection.pgconn.ssl_in_use
    return Protection(
        encrypted=encrypted,
        mode=_mode_in_use(connection),
        cipher=" ".join(row) if encrypted and row else "",
        leaves_the_machine=_leaves_the_machine(connection.pgconn.hostaddr.decode()),
    )


def _mode_in_use(connection: psycopg.Connection) -> str:
    """Wherever it came from: our settings, `PGSSLMODE`, a service file."""
    options = {option.keyword: option.val for option in connection.pgconn.info}
    return (options[b"sslmode"] or b"prefer").decode()


def _leaves_the_machine(address: str) -> bool:
    """`address` is empty for a socket."""
    return bool(address) and not ip_address(address).is_loopback
