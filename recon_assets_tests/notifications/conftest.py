"""Mail servers on loopback, one that demands TLS and a login and one that offers neither."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets_tests.notifications.mail_server import MailServer, running_mail_server
from recon_assets_tests.store.tls_server import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make certificates")
    made = Authority.make(tmp_path_factory.mktemp("authority") / "ca")
    made.sign("localhost")
    return made


@pytest.fixture
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.folder / "localhost.pem", authority.folder / "localhost.key"


@pytest.fixture
def mail_server(certificate: tuple[Path, Path]) -> Iterator[MailServer]:
    with running_mail_server(certificate) as server:
        yield server


@pytest.fixture
def clear_server() -> Iterator[MailServer]:
    with running_mail_server() as server:
        yield server
