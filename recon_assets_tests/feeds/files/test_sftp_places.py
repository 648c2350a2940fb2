"""Files on a real SFTP server: known hosts only, both ways in, whole files, and no credential anywhere."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.credentials import Credentials
from recon_assets.feeds.files import places, sftp_place
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.places import StillBeingWritten
from recon_assets.feeds.files.sftp_place import WINDOW_BYTES
from recon_assets_tests.feeds.files.building import HEADER, described, fetched, read
from recon_assets_tests.feeds.files.sftp_server import PASSWORD, USER, SftpServer
from recon_assets_tests.feeds.kept import Kept

RECORDS = f"{HEADER}\nt1,1.00,USD,completed,2025-09-30T00:00:00Z\n".encode()
BY_PASSWORD = {"user_env": "SFTP_USER", "password_env": "SFTP_PASSWORD"}
BY_KEY = {"user_env": "SFTP_USER", "key_file_env": "SFTP_KEY"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "served" / "out").mkdir(parents=True)
    return tmp_path / "served"


@pytest.fixture
def server(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpServer]:
    with SftpServer(root).running() as running:
        (tmp_path / "known_hosts").write_text(running.known_host)
        running.key.write_private_key_file(str(tmp_path / "key"))
        monkeypatch.setenv("SFTP_USER", USER)
        monkeypatch.setenv("SFTP_PASSWORD", PASSWORD)
        monkeypatch.setenv("SFTP_KEY", str(tmp_path / "key"))
        yield running


def adapter_at(
    server: SftpServer,
    tmp_path: Path,
    *,
    login: dict[str, str] = BY_PASSWORD,
    path: str = "out",
    pattern: str = "{date}*",
) -> FilesAdapter:
    description = described(
        folder=f"sftp://127.0.0.1:{server.port}/{path}",
        pattern=pattern,
        sftp={"known_hosts": str(tmp_path / "known_hosts")} | login,
    )
    return FilesAdapter("adyen", Side.PROCESSOR, description, tmp_path)


@pytest.mark.parametrize("login", [BY_PASSWORD, BY_KEY])
def test_the_files_of_the_day_come_whole(server: SftpServer, tmp_path: Path, root: Path, login: dict[str, str]) -> None:
    long = RECORDS + b"".join(b"n%d,1.00,USD,completed,2025-09-30T00:00:00Z\n" % number for number in range(100_000))
    assert len(long) > WINDOW_BYTES
    (root / "out" / "2025-09-30.csv").write_bytes(long)
    (root / "out" / "2025-09-30 b.csv").write_bytes(long)
    (root / "out" / "2025-09-29.csv").write_bytes(RECORDS)
    adapter = adapter_at(server, tmp_path, login=login)
    adapter.probe()
    got = read(tmp_path, adapter)
    assert (got.rows.num_rows, got.rejected, got.raw.problems) == (100_001, (), ())
    assert {file.size_bytes for file in got.raw.files} == {len(long)}
    assert got.raw.facts == ("2025-09-30.csv has the same bytes as 2025-09-30 b.csv: used once",)
    assert fetched(tmp_path, adapter).files == got.raw.files
    kept = b"".join(path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in kept and PASSWORD not in f"{adapter!r} {got.raw!r} {adapter.source}"


def test_a_folder_with_too_many_files_is_refused(
    server: SftpServer, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_LISTED", 2)
    for number in range(3):
        (root / "out" / f"{number}.csv").write_bytes(RECORDS)
    with pytest.raises(LimitExceeded, match="more than 2 files were listed"):
        fetched(tmp_path, adapter_at(server, tmp_path))


def test_a_file_whose_bytes_do_not_come_is_left_when_its_time_is_up(
    server: SftpServer, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_COPY_S", 0.5)
    (root / "out" / "2025-09-30 hanging.csv").write_bytes(RECORDS)
    with pytest.raises(LimitExceeded, match=r"longer than 0\.5 s \(sftp://127.0.0.1:\d+/out/2025-09-30 hanging"):
        fetched(tmp_path, adapter_at(server, tmp_path))


def test_folders_of_a_pattern_share_the_limits_of_a_listing(
    server: SftpServer, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        (root / "out" / f"{number}").mkdir()
        (root / "out" / f"{number}" / "2025-09-30.csv").write_bytes(RECORDS)
    adapter = adapter_at(server, tmp_path, pattern="*/{date}*")
    monkeypatch.setattr(places, "MAX_LISTED", 4)
    assert len(fetched(tmp_path, adapter).files) == 2
    monkeypatch.setattr(places, "MAX_LISTED", 3)
    with pytest.raises(LimitExceeded, match="more than 3 files were listed"):
        fetched(tmp_path, adapter)
    monkeypatch.setattr(places, "MAX_LISTING_S", 0)
    with pytest.raises(LimitExceeded, match="not listed within 0 s"):
        fetched(tmp_path, adapter)


def test_a_pattern_looks_into_folders_and_a_day_without_one_has_no_file(
    server: SftpServer, tmp_path: Path, root: Path
) -> None:
    adapter = adapter_at(server, tmp_path, pattern="2025/{date:%m%d}/*/a*.csv")
    (problem,) = fetched(tmp_path, adapter).problems
    assert problem.startswith("no file for 2025-09-30 yet")
    for folder in ("x", "y"):
        (root / "out" / "2025" / "0930" / folder).mkdir(parents=True)
        (root / "out" / "2025" / "0930" / folder / "a.csv").write_bytes(RECORDS + folder.encode())
    (root / "out" / "2025" / "0930" / "a.csv").write_bytes(RECORDS)
    assert [file.source for file in fetched(tmp_path, adapter).files] == ["2025/0930/x/a.csv", "2025/0930/y/a.csv"]


@pytest.mark.parametrize("content", [RECORDS + b"more", RECORDS[:10], b""])
def test_a_file_that_changes_after_the_listing_is_still_being_written(
    server: SftpServer, tmp_path: Path, root: Path, content: bytes
) -> None:
    path = root / "out" / "2025-09-30.csv"
    path.write_bytes(RECORDS)
    with adapter_at(server, tmp_path).place.opened() as files:
        (file,) = files.listing("*")
        path.write_bytes(content)
        with pytest.raises(StillBeingWritten):
            list(files.chunks(file))


def test_a_line_that_is_cut_is_tried_again_later(server: SftpServer, tmp_path: Path, root: Path) -> None:
    (root / "out" / "2025-09-30.csv").write_bytes(RECORDS * (2 * WINDOW_BYTES // len(RECORDS)))
    with adapter_at(server, tmp_path).place.opened() as files:
        (file,) = files.listing("*")
        copying = files.chunks(file)
        next(copying)
        server.cut()
        with pytest.raises(FeedUnavailable):
            list(copying)


def unknown_host(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "known_hosts").write_text("")


def other_host_key(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = paramiko.RSAKey.generate(2048).get_base64()
    (tmp_path / "known_hosts").write_text(server.known_host.replace(server.host_key.get_base64(), other))


def wrong_password(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", f"{PASSWORD}x")


def wrong_user(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_USER", "nobody-canary")


def no_known_hosts(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "known_hosts").unlink()


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (unknown_host, FeedRefused, "host key is not known; it shows ssh-rsa SHA256:"),
        (other_host_key, FeedRefused, "another host key"),
        (wrong_password, FeedRefused, "does not let us in.*SFTP_USER and SFTP_PASSWORD"),
        (wrong_user, FeedRefused, "does not let us in"),
        (no_known_hosts, ConfigurationError, "known host keys"),
    ],
)
def test_a_wrong_host_or_login_is_refused_without_a_credential(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    spoil, error: type[Exception], says: str,
) -> None:  # fmt: skip
    spoil(server, tmp_path, monkeypatch)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error, match=says) as refused:
        adapter_at(server, tmp_path).probe()
    assert PASSWORD not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"
    assert "nobody-canary" not in repr(refused.value)


def test_a_key_with_a_passphrase_opens_the_server_and_without_it_is_not_read(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key.write_private_key_file(str(tmp_path / "locked"), password="canary-passphrase")
    monkeypatch.setenv("SFTP_KEY", str(tmp_path / "locked"))
    monkeypatch.setenv("SFTP_PASSPHRASE", "canary-passphrase")
    adapter_at(server, tmp_path, login=BY_KEY | {"key_passphrase_env": "SFTP_PASSPHRASE"}).probe()
    for name in ("locked", "gone", "known_hosts"):
        monkeypatch.setenv("SFTP_KEY", str(tmp_path / name))
        with pytest.raises(ConfigurationError, match=r"key for the SFTP server can't be read.*SFTP_KEY") as refused:
            adapter_at(server, tmp_path, login=BY_KEY).probe()
        assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("passphrase", [None, "canary-passphrase"])
def test_a_key_may_be_the_value_itself(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    text = StringIO()
    server.key.write_private_key(text, password=passphrase)
    monkeypatch.setenv("SFTP_KEY_TEXT", text.getvalue())
    monkeypatch.setenv("SFTP_PASSPHRASE", "canary-passphrase")
    login = {"user_env": "SFTP_USER", "key_env": "SFTP_KEY_TEXT"}
    with_passphrase = login | {"key_passphrase_env": "SFTP_PASSPHRASE"}
    adapter_at(server, tmp_path, login=with_passphrase if passphrase else login).probe()
    for wrong in ("canary-no-key", text.getvalue()[:-200]):
        monkeypatch.setenv("SFTP_KEY_TEXT", wrong)
        with pytest.raises(ConfigurationError, match=r"can't be read.*Check SFTP_KEY_TEXT") as refused:
            adapter_at(server, tmp_path, login=login).probe()
        assert wrong not in f"{refused.value!r} {refused.value.__cause__!r}"


@pytest.mark.parametrize("kind", [paramiko.Ed25519Key, paramiko.ECDSAKey])
def test_keys_of_other_types_are_read_from_their_text(kind: type[paramiko.PKey]) -> None:
    generated = (
        ed25519.Ed25519PrivateKey.generate() if kind is paramiko.Ed25519Key else ec.generate_private_key(ec.SECP256R1())
    )
    text = generated.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    assert type(sftp_place._key_of(text, None)) is kind


def test_a_login_may_lie_in_a_store_of_secrets(server: SftpServer, tmp_path: Path) -> None:
    adapter = adapter_at(server, tmp_path, login={"user_env": "KEPT_USER", "password_env": "KEPT_PASSWORD"})
    with pytest.raises(ConfigurationError, match="KEPT_PASSWORD has no value"):
        adapter.probe()
    replace(adapter, credentials=Credentials(Kept(KEPT_USER=USER, KEPT_PASSWORD=PASSWORD))).probe()


def test_a_key_that_the_server_does_not_know_is_refused(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paramiko.RSAKey.generate(2048).write_private_key_file(str(tmp_path / "other"))
    monkeypatch.setenv("SFTP_KEY", str(tmp_path / "other"))
    with pytest.raises(FeedRefused, match=r"does not let us in.*SFTP_USER and SFTP_KEY"):
        adapter_at(server, tmp_path, login=BY_KEY).probe()


def test_no_folder_and_no_right_are_refused(server: SftpServer, tmp_path: Path, root: Path) -> None:
    with pytest.raises(FeedRefused, match="no such folder"):
        adapter_at(server, tmp_path, path="nowhere").probe()
    (root / "out" / "2025-09-30 forbidden.csv").write_bytes(RECORDS)
    with pytest.raises(FeedRefused, match="no right"):
        fetched(tmp_path, adapter_at(server, tmp_path))
    assert not list((tmp_path / "storage").iterdir())


def test_a_server_that_is_not_there_is_tried_again_later(
    tmp_path: Path, root: Path, server: SftpServer, unused_port: int
) -> None:
    server.port = unused_port
    with pytest.raises(FeedUnavailable, match="did not answer"):
        adapter_at(server, tmp_path).probe()


@pytest.mark.parametrize(
    ("folder", "login"),
    [
        ("sftp://h/x", None),
        ("adyen", BY_PASSWORD),
        ("sftp://u:canary-secret@h/x", BY_PASSWORD),
        ("sftp:///x", BY_PASSWORD),
        ("sftp://h:99999/x", BY_PASSWORD),
        ("sftp://h/../x", BY_PASSWORD),
        ("ftp://h/x", None),
        ("s3://B/x", None),
        ("sftp://h/x", {"user_env": "SFTP_USER"}),
        ("sftp://h/x", BY_PASSWORD | BY_KEY),
        ("sftp://h/x", BY_PASSWORD | {"key_passphrase_env": "SFTP_PASSPHRASE"}),
    ],
)
def test_an_address_or_login_that_can_not_be_right_is_refused_with_the_description(
    folder: str, login: dict[str, str] | None
) -> None:
    with pytest.raises(ValidationError) as refused:
        described(folder=folder, sftp=login)
    assert not any("canary-secret" in item["msg"] for item in refused.value.errors())
