"""Every command of ours that the README and the documents show runs as it stands there, on the demo's days."""

import re
import shlex
from collections.abc import Iterator
from itertools import chain

import pytest

from recon_assets.cli.commands import MODULES
from recon_assets.settings import Settings
from recon_assets_tests.conftest import PROJECT, settings_of_an_own_server
from recon_assets_tests.integration.deployments import HEADER, ROW, Deployment

SHOWN = re.compile(r"^\$ (recon .*?)(?:\s+#.*)?$", re.MULTILINE)
IN_A_TABLE = re.compile(r"^\| `(recon [^`]+)`", re.MULTILINE)
IN_A_BLOCK = re.compile(r"^(recon .*?)(?:\s+#.*)?$", re.MULTILINE)
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)

PLACEHOLDERS = {"NEW.yaml": "new.yaml", "NAME": "newcomer", "FILE": "2025-09-30.csv"}

NOT_HERE = {
    "recon ui": "serves until it is stopped: recon_assets_tests/integration/test_dagster_ui.py runs it",
    "recon ui --read-only --host 127.0.0.1 --port 3001": "the same: recon_assets_tests/ui runs it",
    "recon metrics": "serves until it is stopped: recon_assets_tests/observability runs it",
    "recon audit verify --head 412:9f…": "the head of another record: recon_assets_tests/store/audit has real ones",
    'recon sql "…"': "an ellipsis is no question",
    'recon sql --as-auditor "SELECT class, count(*) FROM recon_retired.discrepancies_2019_03 GROUP BY class"': (
        "asks a month that was retired: recon_assets_tests/store has one"
    ),
}
"""Commands that can't be run as they stand, and why, or where they are."""

EXIT_CODES = {
    "recon archive ship": 2,  # no bucket is configured, as docs/operations.md says
    "recon status --unproven": 1,  # as docs/automation.md says: most days of the demo were never run
    # the ledger of 2025-09-28 is empty, which is what that day of the demo shows
    "recon backfill --processors stripe paypal --from 2025-09-24 --to 2025-09-30": 1,
}


DOCUMENTS = [
    PROJECT / "README.md",
    *sorted(path for path in (PROJECT / "docs").glob("*.md") if path.name != "performance.md"),
]
"""Not the one whose tables name what was measured."""


def commands() -> list[str]:
    """In the order of the documents, the README first, each once."""
    found: list[str] = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        found += SHOWN.findall(text) + IN_A_TABLE.findall(text)
        for block in BLOCK.findall(text):
            found += IN_A_BLOCK.findall(block)
    return list(dict.fromkeys(command.strip() for command in found))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, own_server: Settings) -> Deployment:
    deployment = Deployment(own_server)
    folder = own_server.reports_dir.parent
    (folder / "new.yaml").write_text("grace: {ledger: 1}\n")
    (folder / "2025-09-30.csv").write_text(f"{HEADER}\n{ROW}\n")
    return deployment


@pytest.fixture(scope="module")
def own_server() -> Iterator[Settings]:
    with settings_of_an_own_server() as settings:
        yield settings


def test_every_command_that_is_shown_runs_as_it_stands(demo: Deployment) -> None:
    """One after the other: later ones look at what earlier ones answered."""
    demo.call("demo")
    wrong = []
    for command in commands():
        if command in NOT_HERE:
            continue
        assert not command.startswith("recon ui") or "--links" in command, "it would take this process over"
        arguments = [PLACEHOLDERS.get(word, word) for word in shlex.split(command)[1:]]
        finished = demo.call(*arguments)
        if finished.returncode != EXIT_CODES.get(command, 0):
            wrong.append(f"{command}: {finished.returncode}\n{finished.stdout[-600:]}{finished.stderr[-600:]}")
    assert not wrong, "\n\n".join(wrong)


def test_commands_are_found_and_reasons_are_of_commands_that_are_shown() -> None:
    shown = commands()
    assert len(shown) > 25
    assert set(NOT_HERE) | set(EXIT_CODES) <= set(shown)


def test_every_command_there_is_is_shown_somewhere() -> None:
    text = " ".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    for name in chain.from_iterable(MODULES.values()):
        assert f"recon {name}" in text, name
