"""What `recon` refuses before it touches anything: exit code 2, one sentence, and no file written."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recon_assets_tests.cli.commands import Called, recon

Recon = Callable[..., Called]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recon:
    """`recon` in an empty folder, on this repository's configuration, with no data of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCAL_REPORTS_DIR", str(tmp_path / "local_reports"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("RECON_HOME", "RECON_CONFIG_DIR", "DB_HOST"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: recon(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_help_lists_the_commands(call: Recon) -> None:
    called = call("--help")

    assert called.exit_code == 0
    commands = ("run", "backfill", "status", "show", "explain", "simulate", "doctor", "demo", "sql")
    assert [name for name in commands if f" {name} " not in called.out] == []


def test_the_help_of_run_tells_the_exit_codes(call: Recon) -> None:
    called = call("run", "--help")

    assert called.exit_code == 0
    assert "--processors" in called.out
    assert "Exit code 0" in called.out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("run --processors klarna --date 2025-09-30", "unknown processor: klarna. Configured: paypal, square, stripe."),
        ("run --processors stripe klarna adyen --date 2025-09-30", "unknown processor: klarna, adyen."),
        ("run --date 30.09.2025", "'30.09.2025' is no date; write it as YYYY-MM-DD"),
        ("run --date 20250930", "'20250930' is no date"),
        ("run --date 2999-01-01", "is not over yet at paypal; the last finished day is"),
        ("run --date 2025-08-31", "starts on 2025-09-01; for earlier days change start_date in its YAML."),
        ("run --processors square --date 2020-01-01", "square starts on 2025-09-01"),
        ("run --processors", "--processors"),
        ("run --processors --date 2025-09-30", ""),
        ("run stripe", "stripe"),
        ("run --colour red", "--colour"),
        ("show klarna 2025-09-30", "there is no processor klarna"),
        ("show stripe someday", "'someday' is no date"),
        ("reconcile", "reconcile"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_the_reason_and_leaves_nothing(
    call: Recon, tmp_path: Path, typed: str, said: str
) -> None:
    called = call(*typed.split())

    assert called.exit_code == 2
    assert said in called.err
    assert "Traceback" not in called.err
    assert list(tmp_path.iterdir()) == []


def test_today_is_not_over_yet(call: Recon) -> None:
    assert call("run", "--date", datetime.now(UTC).date().isoformat()).exit_code == 2


def test_a_wrong_configuration_is_exit_code_2_and_names_the_file(
    call: Recon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config" / "processors").mkdir(parents=True)
    (tmp_path / "config" / "processors" / "stripe.yaml").write_text("name: stripe\n")
    monkeypatch.setenv("RECON_CONFIG_DIR", str(tmp_path / "config"))

    called = call("run")

    assert called.exit_code == 2
    assert "stripe.yaml" in called.err
    assert "title: Field required" in called.err


def test_a_wrong_setting_is_exit_code_2_and_names_the_variable(call: Recon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_HTTP_ATTEMPTS", "99")

    called = call("run")

    assert (called.exit_code, "RECON_HTTP_ATTEMPTS" in called.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2025-09-30", "--to", "2025-09-29"), "--from 2025-09-30 is after --to 2025-09-29"),
        (("--from", "2025-09-30", "--to", "2999-01-01"), "2999-01-01 is not over yet at stripe"),
        (("--from", "1999-01-01", "--to", "2025-09-30"), "starts on"),
        (("--from", "20250929", "--to", "2025-09-30"), "'20250929' is no date; write it as YYYY-MM-DD"),
        (
            (
                "--from",
                "2025-09-30",
            ),
            "Missing option '--to'",
        ),
        (("--from", "2025-09-30", "--to", "2025-09-30", "--processors", "nobody"), "unknown processor: nobody"),
    ],
)
def test_a_backfill_of_no_range_or_of_nobody_is_wrong_usage(
    call: Recon, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    chosen = arguments if "--processors" in arguments else (*arguments, "--processors", "stripe")
    called = call("backfill", *chosen)

    assert called.exit_code == 2
    assert said in called.err
    assert list(tmp_path.iterdir()) == []


def test_a_backfill_has_a_limit(call: Recon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = tmp_path / "config" / "processors"
    configured.mkdir(parents=True)
    example = Path(__file__).parents[2] / "config" / "examples" / "products_api.yaml"
    text = re.sub(r"(?m)^start_date: .*$", "start_date: 1900-01-01", example.read_text())
    (configured / "old.yaml").write_text(re.sub(r"(?m)^name: .*$", "name: old", text))
    monkeypatch.setenv("RECON_CONFIG_DIR", str(tmp_path / "config"))

    called = call("backfill", "--from", "1900-01-01", "--to", "2025-09-30")

    assert called.exit_code == 2
    assert "45,929 processor-days are more than 20,000: take a part at a time" in called.err
