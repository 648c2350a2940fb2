"""Which module has which command: the table that lets a call import its own alone."""

from importlib import import_module

import pytest
import typer

from recon_assets.cli.commands import MODULES, app_for
from recon_assets_tests.cli.commands import recon


def names_of(app: typer.Typer) -> tuple[str, ...]:
    commands = [
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback
    ]
    return (*commands, *(str(group.name) for group in app.registered_groups))


@pytest.mark.parametrize("module", MODULES)
def test_the_table_names_what_a_module_registers(module: str) -> None:
    app = typer.Typer()
    import_module(f"recon_assets.cli.{module}").register(app)
    assert names_of(app) == MODULES[module]


def test_a_command_has_its_own_module_alone_and_all_else_has_every_command() -> None:
    assert names_of(app_for(["backfill", "--from", "2025-09-01"])) == ("backfill",)
    every = {name for names in MODULES.values() for name in names}
    for arguments in ([], ["--help"], ["backfil"], ["--processors", "backfill"]):
        assert set(names_of(app_for(arguments))) == every


def test_a_misspelt_command_is_told_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called = recon("statsu", monkeypatch=monkeypatch, capsys=capsys)
    assert called.exit_code == 2
    assert "Did you mean 'status'?" in called.err


def test_the_name_of_a_command_is_needed_where_its_module_has_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called = recon("explain", "--help", monkeypatch=monkeypatch, capsys=capsys)
    assert called.exit_code == 0
    assert "explain [OPTIONS]" in called.out
