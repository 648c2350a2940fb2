"""Files on an SFTP server. Its host key must be known: an unknown or another one is refused before anything is said."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import paramiko

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable
from recon_assets.feeds.credentials import Credentials
from recon_assets.feeds.files.places import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    Listing,
    PlacedFile,
    SftpLogin,
    StillBeingWritten,
    copied_in_time,
    fits,
    plain_beginning,
)

DEFAULT_PORT: Final = 22
WINDOW_BYTES: Final = 4 * 1024 * 1024
"""Asked for at once: a request carries 32 KiB, and to wait for each answer would take minutes for a large file."""


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """A `Place`. `folder` is `sftp://host[:port]/path`: the path is absolute, or begins with `/~/` for our home."""

    folder: str
    login: SftpLogin
    credentials: Credentials

    @property
    def address(self) -> str:
        """Host, port and path."""
        return self.folder.rstrip("/")

    @contextmanager
    def opened(self) -> Iterator["_Server"]:
        """Log in; the connection is closed at the end."""
        path = unquote(urlsplit(self.folder).path).rstrip("/") or "/"
        path = f".{path[2:]}" if path == "/~" or path.startswith("/~/") else path
        with paramiko.SSHClient() as client:
            self._connect(client)
            with _told(self.address):
                session = client.open_sftp()
            channel = session.get_channel()
            assert channel is not None, "an open session has a channel"
            channel.settimeout(READ_TIMEOUT_S)
            yield _Server(session, path, self.address)

    def probe(self) -> None:
        """Log in and list the folder."""
        with self.opened() as server:
            server.look()

    def _connect(self, client: paramiko.SSHClient) -> None:
        parts, login = urlsplit(self.folder), self.login
        host, port = parts.hostname, parts.port or DEFAULT_PORT
        assert host is not None, "an address without a host is refused with the configuration"
        client.set_missing_host_key_policy(_Unknown(self.address, login.known_hosts))
        key = self._key()
        password = login.password_env and self._value(login.password_env)
        user = self._value(login.user_env)
        try:
            client.load_host_keys(str(Path(login.known_hosts).expanduser()))
        except OSError:
            raise ConfigurationError(
                f"the file {login.known_hosts} of known host keys can't be read",
                where=self.address,
                remedy="Add the server's key to it, compared with what its operator published.",
            ) from None
        try:
            client.connect(
                host,
                port,
                username=user,
                password=password,
                pkey=key,
                timeout=CONNECT_TIMEOUT_S,
                banner_timeout=CONNECT_TIMEOUT_S,
                auth_timeout=CONNECT_TIMEOUT_S,
                channel_timeout=CONNECT_TIMEOUT_S,
                allow_agent=False,
                look_for_keys=False,
            )
        except paramiko.BadHostKeyException:
            raise FeedRefused(
                "the SFTP server shows another host key than the one that is known",
                where=self.address,
                remedy=f"Ask its operator whether the key changed; only then replace it in {login.known_hosts}.",
            ) from None
        except paramiko.AuthenticationException:
            raise FeedRefused(
                "the SFTP server does not let us in",
                where=self.address,
                remedy=f"Check {login.user_env} and {login.password_env or login.key_file_env or login.key_env}.",
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _unavailable(error, self.address) from None

    def _value(self, name: str) -> str:
        return self.credentials.value(name).get_secret_value()

    def _key(self) -> paramiko.PKey | None:
        """Our own key. Errors name the variable, never its value, be it a path or the key."""
        login = self.login
        passphrase = login.key_passphrase_env and self._value(login.key_passphrase_env)
        try:
            if login.key_file_env is not None:
                path = self._value(login.key_file_env)
                # paramiko's hint says str; it hands the passphrase to cryptography, which takes bytes
                return paramiko.PKey.from_path(path, passphrase.encode() if passphrase else None)  # type: ignore[arg-type]
            return None if login.key_env is None else _key_of(self._value(login.key_env), passphrase)
        except (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.pkey.UnknownKeyType):
            variables = " and ".join(filter(None, [login.key_file_env or login.key_env, login.key_passphrase_env]))
            what = "the path of a private key" if login.key_file_env else "a private key with its line ends"
            raise ConfigurationError(
                "the key for the SFTP server can't be read",
                where=self.address,
                remedy=f"Check {variables}: {what}, and its passphrase if it has one.",
            ) from None


def _key_of(text: str, passphrase: str | None) -> paramiko.PKey:
    """The key in `text`, of whatever type. Raises `paramiko.SSHException` or `ValueError` when it is none."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey):
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(StringIO(text), passphrase)
    return paramiko.RSAKey.from_private_key(StringIO(text), passphrase)


class _Unknown(paramiko.MissingHostKeyPolicy):
    def __init__(self, address: str, known_hosts: str) -> None:
        self._address, self._known_hosts = address, known_hosts

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        raise FeedRefused(
            f"the SFTP server's host key is not known; it shows {key.get_name()} {key.fingerprint}",
            where=self._address,
            remedy=f"Compare it with what its operator published, then add it to {self._known_hosts}.",
        )


@dataclass(frozen=True, slots=True)
class _Server:
    """An `OpenPlace`."""

    session: paramiko.SFTPClient
    folder: str
    address: str

    def look(self) -> None:
        with _told(self.address):
            self._entries(self.folder, Listing(self.address))

    def end(self) -> None:
        """Close the connection, whatever is waited for."""
        channel = self.session.get_channel()
        transport = channel and channel.get_transport()
        if transport:
            transport.close()

    def listing(self, pattern: str) -> list[PlacedFile]:
        """Looks only into folders that fit; one that is not there holds no file."""
        with _told(self.address):
            self.session.stat(self.folder)
            found = self._below("", pattern.split("/"), Listing(self.address))
            return sorted(found, key=lambda file: file.path)

    def _below(self, folder: str, steps: list[str], listing: Listing) -> Iterator[PlacedFile]:
        step, *further = steps
        if further and plain_beginning(step) == step:
            yield from self._below(f"{folder}{step}/", further, listing)
            return
        try:
            entries = self._entries(f"{self.folder}/{folder}", listing)
        except FileNotFoundError:
            return
        for entry in entries:
            if not fits(entry.filename, step):
                continue
            path = f"{folder}{entry.filename}"
            state = self.session.stat(f"{self.folder}/{path}") if stat.S_ISLNK(entry.st_mode or 0) else entry
            if further and stat.S_ISDIR(state.st_mode or 0):
                yield from self._below(f"{path}/", further, listing)
            elif not further and stat.S_ISREG(state.st_mode or 0):
                yield _placed(path, state)

    def _entries(self, folder: str, listing: Listing) -> list[paramiko.SFTPAttributes]:
        """To the end, before anything else is asked: paramiko mixes up the answers of two open listings."""
        entries: list[paramiko.SFTPAttributes] = []
        for entry in self.session.listdir_iter(folder):
            entries.append(entry)
            listing.add(1)
        return entries

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        """The bytes; the file is looked at again before each window of them, and after the last byte."""
        path, where = f"{self.folder}/{file.path}", f"{self.address}/{file.path}"
        with copied_in_time(where, cut=self.end), _told(where), self.session.open(path, "rb") as stream:
            for at in range(0, file.size_bytes, WINDOW_BYTES):
                if _placed(file.path, stream.stat()) != file:
                    break
                try:
                    yield from stream.readv([(at, min(WINDOW_BYTES, file.size_bytes - at))])
                except EOFError:  # it is shorter now, or the line is cut: then the next request fails
                    break
            seen = [stream.stat(), self.session.stat(path)]
        if any(_placed(file.path, state) != file for state in seen):
            raise StillBeingWritten(
                "a file changed while it was copied", where=where, remedy="Try again when its writer has finished."
            )


def _placed(path: str, state: paramiko.SFTPAttributes) -> PlacedFile:
    return PlacedFile(path, state.st_size or 0, str(state.st_mtime))


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Failures after the login as ours."""
    try:
        yield
    except FileNotFoundError:
        raise FeedRefused(
            "there is no such folder or file on the SFTP server", where=where, remedy="Correct `folder`."
        ) from None
    except PermissionError:
        raise FeedRefused(
            "the SFTP server gives no right to this place",
            where=where,
            remedy="Ask its operator for the right to read.",
        ) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unavailable(error, where) from None


def _unavailable(error: Exception, where: str) -> FeedUnavailable:
    return FeedUnavailable(
        f"the SFTP server did not answer to the end ({type(error).__name__})",
        where=where,
        remedy="Try again; check host, port and network.",
    )
