"""Files on an SFTP server. Its host key must be known: an unknown or another one is refused before anything is said."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import paramiko

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable
from recon_assets.feeds.credentials import credential
from recon_assets.feeds.files.places import (
    CHUNK_BYTES,
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    PlacedFile,
    SftpLogin,
    StillBeingWritten,
    fits,
    plain_beginning,
    refuse_endless,
)

DEFAULT_PORT: Final = 22


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """A `Place`. `folder` is `sftp://host[:port]/path`: the path is absolute, or begins with `/~/` for our home."""

    folder: str
    login: SftpLogin

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
        key_file = login.key_file_env and credential(login.key_file_env).get_secret_value()
        password_env = login.password_env or login.key_passphrase_env
        password = password_env and credential(password_env).get_secret_value()
        user = credential(login.user_env).get_secret_value()
        try:
            client.load_host_keys(str(Path(login.known_hosts).expanduser()))
            client.connect(
                host,
                port,
                username=user,
                password=None if key_file else password,
                key_filename=key_file,
                passphrase=password if key_file else None,
                timeout=CONNECT_TIMEOUT_S,
                banner_timeout=CONNECT_TIMEOUT_S,
                auth_timeout=CONNECT_TIMEOUT_S,
                channel_timeout=CONNECT_TIMEOUT_S,
                allow_agent=False,
                look_for_keys=False,
            )
        except FileNotFoundError:
            raise self._no_file() from None
        except paramiko.BadHostKeyException:
            raise FeedRefused(
                "the SFTP server shows another host key than the one that is known",
                where=self.address,
                remedy=f"Ask its operator whether the key changed; only then replace it in {login.known_hosts}.",
            ) from None
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException, ValueError):
            variables = [name for name in (login.user_env, login.password_env, login.key_file_env) if name]
            raise FeedRefused(
                "the SFTP server does not let us in, or the key can't be read",
                where=self.address,
                remedy=f"Check {', '.join([*variables, *filter(None, [login.key_passphrase_env])])}.",
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _unavailable(error, self.address) from None

    def _no_file(self) -> ConfigurationError:
        """Which of the two files that we open is not there. The path of the key is a value: it is not told."""
        known_hosts = self.login.known_hosts
        if not Path(known_hosts).expanduser().exists():
            return ConfigurationError(
                f"there is no file {known_hosts} of known host keys",
                where=self.address,
                remedy="Add the server's key, compared with what its operator published.",
            )
        return ConfigurationError(
            f"the key file that {self.login.key_file_env} names does not exist",
            where=self.address,
            remedy="Correct the path in that variable.",
        )


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
            next(iter(self.session.listdir_iter(self.folder)), None)

    def listing(self, pattern: str) -> list[PlacedFile]:
        """Looks only into folders that fit; one that is not there holds no file."""
        self.look()
        with _told(self.address):
            return sorted(self._below("", pattern.split("/")), key=lambda file: file.path)

    def _below(self, folder: str, steps: list[str]) -> Iterator[PlacedFile]:
        step, *further = steps
        if further and plain_beginning(step) == step:
            yield from self._below(f"{folder}{step}/", further)
            return
        try:
            for number, entry in enumerate(self.session.listdir_iter(f"{self.folder}/{folder}"), start=1):
                refuse_endless(number, self.address)
                if not fits(entry.filename, step):
                    continue
                path = f"{folder}{entry.filename}"
                state = self.session.stat(f"{self.folder}/{path}") if stat.S_ISLNK(entry.st_mode or 0) else entry
                if further and stat.S_ISDIR(state.st_mode or 0):
                    yield from self._below(f"{path}/", further)
                elif not further and stat.S_ISREG(state.st_mode or 0):
                    yield _placed(path, state)
        except FileNotFoundError:
            return

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        """The bytes; the file is looked at again when it is open, and after its last byte."""
        path, where = f"{self.folder}/{file.path}", f"{self.address}/{file.path}"
        with _told(where), self.session.open(path, "rb") as stream:
            seen = [stream.stat()]
            for at in range(0, file.size_bytes, CHUNK_BYTES):
                try:
                    yield from stream.readv([(at, min(CHUNK_BYTES, file.size_bytes - at))])
                except EOFError:  # it is shorter now, or the line is cut: then the next request fails
                    break
            seen += [stream.stat(), self.session.stat(path)]
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
