"""`.github/workflows` as it says it, for the tests of this folder: jobs, steps, and the commands that steps run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from recon_assets_tests.conftest import PROJECT

FOLDER: Final = PROJECT / ".github" / "workflows"
_EXPRESSION: Final = re.compile(r"\$\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Job:
    workflow: str
    name: str
    said: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """None where it calls another workflow."""
        return self.said.get("steps", [])

    @property
    def commands(self) -> Iterator[list[str]]:
        """The words of each line that a step runs; lines that go on (a backslash) are one."""
        for step in self.steps:
            text = _EXPRESSION.sub("EXPRESSION", step.get("run", "")).replace("\\\n", " ")
            yield from (shlex.split(line, comments=True) for line in text.splitlines() if line.strip())

    def __str__(self) -> str:
        return f"{self.workflow}:{self.name}"


def workflow(name: str, *, folder: Path = FOLDER) -> dict[str, Any]:
    """`on` is a truth value in YAML: it is given its name back."""
    said = yaml.safe_load((folder / name).read_text())
    said["on"] = said.pop(True)
    return said


def jobs(*, folder: Path = FOLDER) -> list[Job]:
    return [
        Job(path.name, name, said)
        for path in sorted(folder.glob("*.yml"))
        for name, said in workflow(path.name, folder=folder)["jobs"].items()
    ]


def uses(*, folder: Path = FOLDER) -> list[str]:
    """Every line that takes an action or another workflow, with its comment."""
    lines = [line.strip() for path in sorted(folder.glob("*.yml")) for line in path.read_text().splitlines()]
    return [line.removeprefix("- ") for line in lines if line.removeprefix("- ").startswith("uses:")]


def make_targets() -> set[str]:
    """Those that the Makefile declares as no files, and has."""
    text = (PROJECT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert declared is not None
    return {name for name in declared[1].split() if re.search(rf"^{name}:", text, re.MULTILINE)}
