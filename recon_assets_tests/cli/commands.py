"""Call `recon` as a terminal does, in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from recon_assets.cli import main
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import Deployment


@dataclass(frozen=True)
class Called:
    exit_code: int
    out: str
    err: str


def recon(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    monkeypatch.setattr(sys, "argv", ["recon", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    code = ended.value.code
    return Called(exit_code=code if isinstance(code, int) else 0, out=said.out, err=said.err)


def recon_on(settings: Settings, *first: str) -> Callable[..., Called]:
    """A function that calls `recon` with these settings: `first` and its own arguments, and variables by name."""
    deployment = Deployment(settings)

    def call(*arguments: str, **variables: str) -> Called:
        done = deployment.call(*first, *arguments, **variables)
        return Called(done.returncode, done.stdout, done.stderr)

    return call
