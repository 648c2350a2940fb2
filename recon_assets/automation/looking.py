"""One look at a place at a time, and only so long: a place that hangs must not hold up the ticks of other processors.

Dagster gives a tick a minute, and the time-outs of S3, SFTP and a mounted share can add up to more.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Generic, TypeVar

from recon_assets.domain.errors import FeedUnavailable

Found = TypeVar("Found")


class Look(Generic[Found]):
    """Remembers a look that has not come back, and does not begin another one meanwhile. For one thread."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._begun: Future[Found] | None = None

    def at(self, look: Callable[[], Found], *, where: str) -> Found:
        """What `look` gives or raises, or an earlier one did that had not come back at its time.

        Raises `FeedUnavailable` when nothing came back within `patience_s`, and at once if it was waited for before.
        """
        patience_s = 0 if self._begun else self._patience_s
        self._begun = begun = self._begun or _begun(look)
        wait([begun], timeout=patience_s)
        if not begun.done():
            raise FeedUnavailable(
                f"no answer within {self._patience_s:g} s",
                where=where,
                remedy="It is still waited for: the next tick looks whether it came. If it stays, check the network.",
            )
        self._begun = None
        return begun.result()


def _begun(look: Callable[[], Found]) -> Future[Found]:
    """In a thread that the end of the process does not wait for."""
    future: Future[Found] = Future()

    def run() -> None:
        try:
            future.set_result(look())
        except BaseException as error:  # noqa: BLE001 - handed on: whoever asks for the result gets it
            future.set_exception(error)

    Thread(target=run, daemon=True, name="look for late files").start()
    return future
