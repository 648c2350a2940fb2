"""`recon ui`: pages worth keeping, and what it refuses. The servers themselves are tested in a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets.cli.ui import dagster_home
from recon_assets.settings import Settings
from recon_assets_tests.cli.commands import Called, recon
from recon_assets_tests.conftest import PROJECT

Recon = Callable[..., Called]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recon:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_DATA_DIR", str(tmp_path / "data"))
    for name in ("RECON_HOME", "RECON_CONFIG_DIR", "RECON_DAGSTER_URL"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: recon(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_the_links_of_every_processor_are_printed_and_nothing_is_started(call: Recon, tmp_path: Path) -> None:
    called = call("ui", "--links")

    assert called.exit_code == 0
    assert "http://127.0.0.1:3000/locations/recon_assets/asset-groups/stripe" in called.out
    assert "/assets/paypal/archive?view=checks&checkDetail=reconciliation_is_proven" in called.out
    assert not (tmp_path / "data").exists()


def test_the_links_of_a_day_use_the_configured_address(call: Recon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_DAGSTER_URL", "https://dagster.example/recon")

    called = call("ui", "--links", "--date", "2025-09-29")

    address = "https://dagster.example/recon/assets/stripe/report?view=partitions&partition=2025-09-29"
    assert address in called.out


@pytest.mark.parametrize("address", ["ftp://dagster.example", "https://me:secret@dagster.example", "https://d/", "d"])
def test_an_address_that_could_not_stand_in_a_report_is_wrong_configuration(
    call: Recon, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RECON_DAGSTER_URL", address)

    called = call("ui", "--links")

    assert called.exit_code == 2
    assert "RECON_DAGSTER_URL" in called.err
    assert "secret" not in called.err


def test_everybody_on_one_data_folder_shares_dagsters_local_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, RECON_HOME=PROJECT, RECON_DATA_DIR=tmp_path / "data")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    home = dagster_home(settings)

    assert home == tmp_path / "data" / "dagster"
    assert (home / "dagster.yaml").read_bytes() == (PROJECT / "dagster.yaml").read_bytes()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "own"))
    assert dagster_home(settings) == tmp_path / "own"
