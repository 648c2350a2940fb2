"""docs/api.md: its reference is that of the docstrings, and its examples say what it shows."""

import contextlib
import io
import re

import pytest

from recon_assets.settings import Settings
from recon_assets_tests.documents.api_reference import DOCUMENT, with_reference
from recon_assets_tests.integration.deployments import Deployment

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_reference_is_that_of_the_docstrings() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == with_reference(text), "renew it: python -m recon_assets_tests.documents.api_reference"


def test_the_examples_run_as_they_stand_and_print_what_they_show(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in Deployment(settings).environment().items():
        monkeypatch.setenv(name, value)
    chapters = DOCUMENT.read_text(encoding="utf-8").partition("## Reference")[0]
    blocks = BLOCK.findall(chapters)
    (shown,) = [text for language, text in blocks if not language]
    names: dict[str, object] = {}
    said: list[str] = []
    for text in (text for language, text in blocks if language == "python"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(text, "docs/api.md", "exec"), names)
        said.append(out.getvalue())

    assert said[0] == shown
    assert said[1].endswith("\n1995\n")
    assert "missing_in_ledger" in said[1]
    assert said[2] == "complete []\n"
