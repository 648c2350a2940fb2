"""Arguments that several commands share."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer

from recon_assets.cli.options import business_date, load_settings, yesterday
from recon_assets.domain.errors import ConfigurationError


def test_a_business_date_is_year_month_day() -> None:
    assert business_date("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "30.09.2025",
        "2025-9-30",
        "2025-02-29",
        "20250930",
        "2025-W40-2",
        "2025-09-30T00:00",
        " 2025-09-30",
    ],
)
def test_anything_else_is_wrong_usage_that_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="YYYY-MM-DD") as refused:
        business_date(text)

    assert refused.value.exit_code == 2


def test_yesterday_is_that_of_utc() -> None:
    before = datetime.now(UTC).date()
    told = yesterday()
    after = datetime.now(UTC).date()

    assert before <= told + timedelta(days=1) <= after


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_HOME", str(tmp_path))
    monkeypatch.setenv("RECON_HTTP_ATTEMPTS", "7")
    monkeypatch.delenv("RECON_DATA_DIR", raising=False)

    settings = load_settings()

    assert (settings.http_attempts, settings.data_dir) == (7, tmp_path / "data")


def test_the_environment_comes_before_the_env_file_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RECON_HTTP_ATTEMPTS=3\nRECON_HTTP_TIMEOUT_S=2.5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_HTTP_ATTEMPTS", "5")
    monkeypatch.delenv("RECON_HTTP_TIMEOUT_S", raising=False)

    settings = load_settings()

    assert (settings.http_attempts, settings.http_timeout_s) == (5, 2.5)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("RECON_HTTP_ATTEMPTS", "99"), ("RECON_HTTP_ATTEMPTS", "some"), ("RECON_HTTP_TIMEOUT_S", "0"), ("DB_PORT", "a")],
)
def test_a_wrong_setting_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as refused:
        load_settings()

    assert variable in refused.value.what
    assert "environment" in refused.value.where
