"""One demo, one operators' UI, one auditors' UI and one Chromium for all tests of this folder.

They end with the folder's last test, not with the session: while Playwright is there, its event loop counts as running
in this thread, and every test in which Dagster runs an asset in the same process would fail.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from recon_assets_tests.conftest import settings_of_an_own_server
from recon_assets_tests.integration.deployments import Deployment
from recon_assets_tests.ui.servers import Demo, served_demo
from recon_assets_tests.ui.visitor import CHROMIUM_FLAGS, Visitor, chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed: apt-get install chromium, or set CHROMIUM to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def demo(browser: Browser) -> Iterator[Demo]:
    """After the browser, so that nothing is started where there is none."""
    with settings_of_an_own_server() as settings, served_demo(Deployment(settings)) as demo:
        yield demo


@pytest.fixture
def visitor(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """With a picture of the last thing that was seen, whatever came of the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    visitor = Visitor(page, request.node.name.removeprefix("test_"))
    yield visitor
    visitor.keeps("end")
    page.close()
