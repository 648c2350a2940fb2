"""A real SFTP server on loopback, for tests: paramiko's server side over a folder, with its own host key."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko

USER, PASSWORD = "reader", "canary-password-of-sftp"


class _Login(paramiko.ServerInterface):
    def __init__(self, key: paramiko.PKey) -> None:
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, key) == (USER, self._key) else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, *, root: Path, ends: threading.Event) -> None:
        super().__init__(server)
        self._root, self._ends = root, ends

    def _local(self, path: str) -> Path:
        return self._root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            found = self._local(path).iterdir()
            return [paramiko.SFTPAttributes.from_stat(entry.lstat(), entry.name) for entry in found]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._local(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        if self._local(path).name.endswith("forbidden.csv"):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            handle = _HangingHandle(flags) if path.endswith("hanging.csv") else _Handle(flags)
            handle.ends = self._ends
            handle.readfile = self._local(path).open("rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        return handle


class _Handle(paramiko.SFTPHandle):
    ends: threading.Event

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _HangingHandle(_Handle):
    def read(self, offset: int, length: int) -> bytes:
        self.ends.wait()
        return b""


class SftpServer:
    """`host_key` is what it shows; `key` is the one of a client that it lets in."""

    def __init__(self, root: Path) -> None:
        self.host_key, self.key = paramiko.RSAKey.generate(2048), paramiko.RSAKey.generate(2048)
        self._root, self._ends = root, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._accepting = threading.Thread(target=self._accept)

    @property
    def known_host(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}\n"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, root=self._root, ends=self._ends)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Login(self.key))

    def cut(self) -> None:
        """End every connection, as a network does."""
        for transport in self._transports:
            transport.close()

    @contextmanager
    def running(self) -> Iterator["SftpServer"]:
        self._accepting.start()
        try:
            yield self
        finally:
            self._ends.set()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._accepting.join(timeout=10)
            self.cut()
            for transport in self._transports:
                transport.join(timeout=10)
