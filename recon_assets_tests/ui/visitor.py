"""A person in front of the UI: opens pages, reads, clicks, and keeps a screenshot of every step."""

import os
import re
import shutil
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Locator, Page, expect

from recon_assets_tests.conftest import PROJECT

PATIENCE_MS: Final = 1_000 * int(os.environ.get("RECON_UI_PATIENCE_S", "300"))
"""For one thing to be seen. A machine of CI may be ten times slower; who writes such a test sets a few seconds."""

CHROMIUM_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AriaRole = Literal["button", "link", "tab"]

GREEN: Final = """
element => {
  for (let at = element; at; at = at.parentElement) {
    const [red, green, blue, alpha] = getComputedStyle(at).backgroundColor.match(/[\\d.]+/g).map(Number);
    if (alpha !== 0) { return green > red && green > blue; }
  }
  return false;
}
"""
"""Whether the first background that isn't transparent, from the element outwards, is a green one."""


def chromium() -> str | None:
    """The browser of the system; `CHROMIUM` may name another."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def screenshots() -> Path:
    """Where they are kept: CI takes them as artefacts."""
    return Path(os.environ.get("RECON_UI_SCREENSHOTS") or PROJECT / "test-artifacts" / "ui")


class Visitor:
    """One tab of the browser, with steps that are counted."""

    def __init__(self, page: Page, name: str) -> None:
        page.set_default_timeout(PATIENCE_MS)
        self.page = page
        self._name = name
        self._step = 0

    def opens(self, address: str) -> None:
        self.page.goto(address)

    def sees(self, text: str | re.Pattern[str], *, within: Locator | None = None) -> Locator:
        """Waits until it is there; the first place where it is."""
        found = (within or self.page).get_by_text(text).filter(visible=True).first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        return found

    def clicks(self, role: AriaRole, name: str) -> None:
        """The last one of that name: tabs of a part of the page come after the page's own."""
        self.page.get_by_role(role, name=name).last.click()

    def dialog(self) -> Locator:
        found = self.page.get_by_role("dialog")
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        return found

    def keeps(self, what: str) -> None:
        """A screenshot of this step."""
        self._step += 1
        folder = screenshots()
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{self._name}-{self._step}-{what}.png")
