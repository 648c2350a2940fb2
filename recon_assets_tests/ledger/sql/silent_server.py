"""Between a client and PostgreSQL, for tests: goes silent once the client says a word, as a cut line does."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silent_after(word: bytes, *, socket_dir: Path) -> Iterator[int]:
    """Yields a port on loopback for one client. From `word` on nothing is forwarded; the client ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relaying = threading.Thread(target=_relay, args=(listener, word, socket_dir))
        relaying.start()
        yield listener.getsockname()[1]
        relaying.join()


def _relay(listener: socket.socket, word: bytes, socket_dir: Path) -> None:
    client, _ = listener.accept()
    with client, socket.socket(socket.AF_UNIX) as server:
        server.connect(str(socket_dir / ".s.PGSQL.5432"))
        is_silent = False
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65_536)
                if not data:
                    return
                is_silent |= word in data
                if not is_silent:
                    (server if source is client else client).sendall(data)
