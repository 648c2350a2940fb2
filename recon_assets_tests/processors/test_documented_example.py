"""The processor by code in docs/processors.md works as it stands there: feed, golden files, test, YAML."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

DOCUMENT = Path(__file__).parents[2] / "docs" / "processors.md"


def blocks_of_the_example() -> dict[str, list[str]]:
    """Its blocks of code, by language, in order."""
    chapter = DOCUMENT.read_text(encoding="utf-8").partition("\n## By code\n")[2]
    found: dict[str, list[str]] = {}
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE):
        found.setdefault(language, []).append(text)
    return found


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`recon_assets.processors.acme.feed`, as the document writes it."""
    module = ModuleType("recon_assets.processors.acme.feed")
    monkeypatch.setitem(sys.modules, "recon_assets.processors.acme", ModuleType("recon_assets.processors.acme"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(blocks_of_the_example()["python"][0], "feed.py", "exec"), vars(module))
    return module


def test_its_test_passes_on_its_golden_files(
    feed: ModuleType, tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = blocks_of_the_example()
    (tmp_path / "golden").mkdir()
    for name, text in zip(("day.json", "expected.json"), blocks["json"], strict=True):
        (tmp_path / "golden" / name).write_text(text, encoding="utf-8")
    test: dict[str, Any] = {"__file__": str(tmp_path / "test_acme.py")}
    exec(compile(blocks["python"][1], "test_acme.py", "exec"), test)
    test["test_a_day_is_read_to_the_cent"](httpserver, monkeypatch)


def test_its_yaml_is_a_configuration_of_its_feed(feed: ModuleType) -> None:
    (text,) = blocks_of_the_example()["yaml"]
    configured = feed.AcmeFeed.model_validate(yaml.safe_load(text)["feed"])
    assert (configured.kind, configured.token_env) == ("acme_api", "ACME_TOKEN")
