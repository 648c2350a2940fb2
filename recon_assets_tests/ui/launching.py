"""Launching runs of a processor as an operator does it: in the dialog of its graph."""

import re
from typing import Final

from playwright.sync_api import expect

from recon_assets.reports.dagster_pages import DagsterPages
from recon_assets_tests.ui.visitor import PATIENCE_MS, Visitor

_PARTITIONS: Final = re.compile(r"^ex: 20")
"""The placeholder of the field that takes days and ranges."""


def launch(visitor: Visitor, pages: DagsterPages, processor: str, days: str, *, button: str) -> str:
    """Materialise all assets of a processor for `days`, such as `2025-09-27`; gives the path that `View` leads to."""
    visitor.opens(pages.graph(processor))
    visitor.sees("raw_processor_feed")
    visitor.clicks("button", "Materialize all")
    dialog = visitor.dialog()
    dialog.get_by_text("Show all partitions").click()  # else only the last 90 days can be chosen
    field = dialog.get_by_placeholder(_PARTITIONS)
    field.fill(days)
    field.press("Enter")
    start = dialog.get_by_role("button", name=button)
    expect(start).to_be_enabled(timeout=PATIENCE_MS)
    visitor.keeps("days-chosen")
    start.click()
    view = visitor.page.get_by_role("link", name="View", exact=True)
    path = view.get_attribute("href")
    assert path is not None
    visitor.keeps("launched")
    return path
