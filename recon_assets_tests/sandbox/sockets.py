"""A server that sends exactly these bytes, for answers that no HTTP library would send."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def raw_server(answer: Iterable[bytes], *, pause_s: float = 0.0) -> Iterator[str]:
    """Answers every connection with `answer`, piece by piece, and closes it. Yields the base URL."""
    pieces = list(answer)
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not ends.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(2)
                        connection.recv(65_536)
                        for piece in pieces:
                            if ends.is_set():
                                return
                            connection.sendall(piece)
                            time.sleep(pause_s)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ends.set()
            thread.join()
