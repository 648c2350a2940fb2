"""What docs/troubleshooting.md quotes is still said: each message is in the code, `…` where something is put in."""

import ast
import re
from functools import cache

import pytest

from recon_assets_tests.conftest import PROJECT

DOCUMENT = PROJECT / "docs" / "troubleshooting.md"
QUOTED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
HOLE = "…"


def quoted() -> list[str]:
    return QUOTED.findall(DOCUMENT.read_text(encoding="utf-8"))


@cache
def said() -> str:
    """Every text of the package that holds a blank, a line each, with a hole for each value that is put in."""
    texts: list[str] = []
    for path in sorted((PROJECT / "recon_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values]
                texts.append("".join(parts))
    return "\n".join(text.replace("\n", " ") for text in texts if " " in text)


def pattern_of(message: str) -> re.Pattern[str]:
    """A hole stands for anything within one text, also for more of its words than the code puts in."""
    parts = [re.escape(part.strip()) for part in message.split(HOLE) if part.strip(" :.")]
    return re.compile("[^\n]*?".join(parts))


@pytest.mark.parametrize("message", quoted())
def test_a_message_that_is_quoted_is_still_said(message: str) -> None:
    parts = [part.strip() for part in message.split(": ")]
    found = pattern_of(message).search(said()) or all(pattern_of(part).search(said()) for part in parts)
    assert found, "it is in the code no more: quote what is said now, or leave it out"


def test_messages_are_quoted_once_and_each_has_a_meaning_and_a_remedy() -> None:
    assert len(quoted()) == len(set(quoted())) > 50
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            assert line.count(" | ") == 2, line


def test_a_message_that_nobody_says_would_be_noticed() -> None:
    assert not pattern_of("the moon did not answer within … s").search(said())
