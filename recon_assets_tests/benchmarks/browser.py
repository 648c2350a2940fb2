"""A Chromium with nobody looking over its shoulder: what a page takes, by the page's own clock.

Playwright, which drives the tests of the UI, listens to each request and asks the page again and again whether a text
is there: 0.2 to 0.4 of 2 s of the overview on two cores. Here one message opens a page, one waits for what was
sought, and everything else is asked when the clock has stopped. Chrome DevTools Protocol, domains `Target`, `Page` and
`Runtime`: https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

from recon_assets_tests.ui.visitor import CHROMIUM_FLAGS, chromium

SIZE: Final = (1_440, 900)
PATIENCE_S: Final = 30.0
QUIET_S: Final = 1.0

LOOK: Final = """
performance.setResourceTimingBufferSize(2000);
window.sought = new Promise(found => {
  const text = %s;
  const holds = `contains(., ${JSON.stringify(text)})`;
  const look = () => {
    if (document.body && document.body.textContent.includes(text)) {
      const innermost = document.evaluate(
        `.//*[${holds}][not(*[${holds}])]`, document.body, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
      for (let at = 0; at < innermost.snapshotLength; at++) {
        const element = innermost.snapshotItem(at);
        if (element.checkVisibility({visibilityProperty: true}) && element.getClientRects().length) {
          return found(performance.now() / 1000);
        }
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
"""Looks once a frame, in the page, for the text; seconds since the navigation began."""

ASKED: Final = """
JSON.stringify(performance.getEntriesByType("resource").map(one => [one.name, one.duration / 1000]))
"""


class PageFailed(AssertionError):
    """A page that does not show what is sought, or a browser that does not answer."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Seconds from the navigation until the text was seen, and each request's seconds by its address."""

    seen_s: float
    requests: list[tuple[str, float]]


class Browser:
    """One process with its children, which lie in a session of their own: `session` is its number."""

    def __init__(self, connection: ClientConnection, session: int) -> None:
        self.session = session
        self._talk = Talk(connection)

    @contextmanager
    def visitor(self) -> Iterator["Visitor"]:
        """With an empty cache, cookies and storage, as a first visit has them."""
        context = self._talk.asks("Target.createBrowserContext")["browserContextId"]
        try:
            yield Visitor(self._talk, context)
        finally:
            self._talk.asks("Target.disposeBrowserContext", browserContextId=context)


class Visitor:
    """Opens each page in a window that is closed afterwards; what the cache has of it is used."""

    def __init__(self, browser: "Talk", context: str) -> None:
        self._browser = browser
        self._context = context

    def opens(self, address: str, sought: str) -> Shown:
        width, height = SIZE
        new = {"url": "about:blank", "newWindow": True, "width": width, "height": height}
        target = self._browser.asks("Target.createTarget", browserContextId=self._context, **new)["targetId"]
        with connect(self._browser.beside(f"/devtools/page/{target}"), max_size=None) as connection:
            page = Talk(connection)
            page.asks("Page.enable")
            page.asks("Page.addScriptToEvaluateOnNewDocument", source=LOOK % json.dumps(sought))
            page.asks("Page.navigate", url=address)
            late = f"new Promise((_, late) => setTimeout(late, {PATIENCE_S * 1_000:.0f}))"
            try:
                seen_s = page.value(f"Promise.race([window.sought, {late}])")
            except PageFailed as error:
                raise PageFailed(f"{sought} is not seen at {address}") from error
            requests = _requests_at_rest(page)
        self._browser.asks("Target.closeTarget", targetId=target)
        return Shown(seen_s, requests)


class Talk:
    """Questions and answers on one of the browser's sockets; events that come between are dropped."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)

    def asks(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=2 * PATIENCE_S))
            if message.get("id") == number:
                if "error" in message:
                    raise PageFailed(f"{method}: {message['error']}")
                return message["result"]

    def value(self, expression: str) -> Any:
        """Of JavaScript in the page; a promise is waited for."""
        answer = self.asks("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageFailed(str(answer["exceptionDetails"]))
        return answer["result"]["value"]

    def beside(self, path: str) -> str:
        """The address of another socket of the same browser."""
        host, port = self._connection.remote_address[:2]
        return f"ws://{host}:{port}{path}"


def _requests_at_rest(page: Talk) -> list[tuple[str, float]]:
    """When no more came for `QUIET_S`."""
    requests: list[tuple[str, float]] = []
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(QUIET_S)
        before, requests = requests, [(name, seconds) for name, seconds in json.loads(page.value(ASKED))]
        if len(requests) == len(before):
            break
    return requests


@contextmanager
def started() -> Iterator[Browser]:
    """Chromium without a window.

    Raises:
        PageFailed: there is none on this machine.
    """
    program = chromium()
    if program is None:
        raise PageFailed("no Chromium is found; install one, or name it by CHROMIUM")
    with tempfile.TemporaryDirectory(prefix="recon-browser-", ignore_cleanup_errors=True) as profile:
        command = [program, "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", *CHROMIUM_FLAGS]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([*command, "about:blank"], start_new_session=True, **quiet)
        try:
            with connect(_endpoint(Path(profile) / "DevToolsActivePort"), max_size=None) as connection:
                yield Browser(connection, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _endpoint(written: Path) -> str:
    """The browser writes its port and the path of its socket, a line each."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = written.read_text().splitlines() if written.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise PageFailed("Chromium did not open its port in time")
