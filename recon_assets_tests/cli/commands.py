"""Call `recon` as a terminal does, in this process."""

import sys
from dataclasses import dataclass

import pytest

from recon_assets.cli import main


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
