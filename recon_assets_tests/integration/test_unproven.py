"""`recon status --unproven`: what it names, what it says to do, and its exit code."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, Deployment, with_configuration


@pytest.fixture
def days() -> list[date]:
    """The last three that are due: of the newest one the schedule's hour was two hours ago, or more."""
    due = (datetime.now(UTC) - timedelta(hours=3)).date() - timedelta(days=1)
    return [due - timedelta(days=number) for number in (2, 1, 0)]


@pytest.fixture
def shop(settings: Settings, tmp_path: Path, days: list[date]) -> Deployment:
    """Three days since its start, with files of both sides for the first."""
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=None, ledger=None)
    yaml = deployment.settings.config_dir / "processors" / "shop.yaml"
    yaml.write_text(yaml.read_text().replace("2025-09-01", str(days[0])))
    for side in ("processor", "ledger"):
        text = f"{HEADER}\na,12.34,USD,completed,{days[0]}T10:00:00Z\n"
        (deployment.settings.feeds_dir / f"shop_{side}" / f"{days[0]}.csv").write_text(text)
    return deployment


def test_days_that_nobody_ran_are_named_with_the_command_that_does_them(shop: Deployment, days: list[date]) -> None:
    shop.run("shop", days[0])
    shop.run("shop", days[1])

    told = shop.call("status", "--unproven", COLUMNS="200")

    assert told.returncode == 1
    assert "shop: 2 day(s) without a conclusion\n" in told.stdout
    assert f"  {days[1]} failed: " in told.stdout or f"  {days[1]} incomplete: " in told.stdout
    assert f"  {days[2]} never run\n" in told.stdout
    assert f"To do them: recon backfill --processors shop --from {days[1]} --to {days[2]}\n" in told.stdout
    assert str(days[0]) not in told.stdout


def test_when_every_day_has_a_conclusion_it_says_so(shop: Deployment, days: list[date]) -> None:
    yaml = shop.settings.config_dir / "processors" / "shop.yaml"
    yaml.write_text(yaml.read_text().replace(str(days[0]), str(datetime.now(UTC).date())))

    told = shop.call("status", "--unproven")

    assert (told.returncode, told.stdout) == (0, "Every business day that is due has a conclusion.\n")
