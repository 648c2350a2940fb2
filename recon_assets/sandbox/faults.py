"""What the sandbox does wrong on purpose, for tests and demonstrations."""

import threading
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

_CUT_AT_BYTES = 20


@dataclass(frozen=True, slots=True)
class Faults:
    """At most one fault. Without one the sandbox behaves.

    `times` is how many requests are answered so before it behaves again; None is for ever.
    `only_path` limits it to one side: `/products`, `/v1/balance_transactions` or `/transactions`.
    """

    status: int | None = None
    retry_after: int | None = None
    html: bool = False
    empty: bool = False
    """A list without records, and the true total: a short feed."""
    cut: bool = False
    """The connection ends in the middle of the body."""
    not_yet: bool = False
    """PayPal's answer while a day's data is not there."""
    most_items: int | None = None
    """PayPal's limit of one request, which is 10,000 if this is not set."""
    repeats_first_page: bool = False
    """Where pages follow a cursor: every later page is the first one again."""
    never_ends: bool = False
    """Where pages follow a cursor: after the last page comes the first, and there is always more."""
    times: int | None = None
    only_path: str | None = None

    def __post_init__(self) -> None:
        assert sum(self._set) <= 1, "one fault at a time"

    @property
    def are_set(self) -> bool:
        """True when anything goes wrong."""
        return any(self._set)

    @property
    def scope(self) -> dict[str, object]:
        """What the application is told, for the faults that it makes itself."""
        said = {
            "sandbox.serves_no_records": self.empty,
            "sandbox.repeats_first_page": self.repeats_first_page,
            "sandbox.never_ends": self.never_ends,
            "sandbox.not_yet": self.not_yet,
            "sandbox.most_items": self.most_items,
        }
        return {name: value for name, value in said.items() if value}

    @property
    def _set(self) -> list[bool]:
        return [self.status is not None, self.html, self.cut, *map(bool, self.scope.values())]


class FaultyAnswers:
    """ASGI middleware: answers by `faults` while they last, else by `app`. `scope` is told to `app`."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults
        self._lock = threading.Lock()
        self._done = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        faults = self._faults
        if scope["type"] != "http" or not self._is_next(scope["path"]):
            await self._app(scope, receive, send)
        elif faults.scope:
            await self._app({**scope, **faults.scope}, receive, send)
        elif faults.cut:
            await _answer(send, 200, "application/json", b'{"products": [', promised_bytes=_CUT_AT_BYTES)
        elif faults.html:
            await _answer(send, 200, "text/html; charset=utf-8", b"<!doctype html><title>Sign in</title>")
        else:
            await _answer(send, faults.status or 500, "application/json", b"{}", retry_after=faults.retry_after)

    def _is_next(self, path: str) -> bool:
        if not self._faults.are_set or self._faults.only_path not in {None, path}:
            return False
        with self._lock:
            self._done += 1
            return self._faults.times is None or self._done <= self._faults.times


async def _answer(
    send: Send,
    status: int,
    media_type: str,
    body: bytes,
    *,
    promised_bytes: int | None = None,
    retry_after: int | None = None,
) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(promised_bytes or len(body)).encode()),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    # Leaving with `more_body` makes the server close the connection before the promised length.
    await send({"type": "http.response.body", "body": body, "more_body": promised_bytes is not None})
