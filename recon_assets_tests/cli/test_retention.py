"""`recon retention` as a terminal calls it, killed in the middle too; and `recon show` of a retired day."""

import signal
import subprocess
import time
from datetime import date
from pathlib import Path

import psycopg
import pytest

from recon_assets.settings import Settings
from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.cli.commands import Called, recon_on
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.integration.deployments import Deployment
from recon_assets_tests.store.builders import missing
from recon_assets_tests.store.retention.months import OLD, OLD_DAY, publish_on

DEADLINE_S = 60


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "processors").mkdir(parents=True)
    (folder / "processors" / "stripe.yaml").write_bytes((PROJECT / "config/processors/stripe.yaml").read_bytes())
    (folder / "retention.yaml").write_text("keep_attached_months: 13\n")
    return folder


@pytest.fixture
def configured(settings: Settings, config: Path, database: Database) -> Settings:
    return settings.model_copy(update={"config_dir": config})


@pytest.fixture
def run(configured: Settings):
    """`recon` on the test's database."""
    return recon_on(configured)


@pytest.fixture
def old_day(connection: TenantConnection, tmp_path: Path) -> date:
    publish_on(connection, tmp_path, day=OLD_DAY, key="old", rows=[missing("a"), missing("b")])
    return OLD_DAY


def lines_of(called: Called, word: str) -> list[str]:
    return [line for line in called.out.splitlines() if word in line]


def test_plan_apply_plan_verify(run, settings, old_day) -> None:
    (planned,) = lines_of(run("retention", "plan"), "2019-03")
    assert "attached, to be retired" in planned
    applied = run("retention", "apply")
    assert applied.exit_code == 0, applied.err
    file = settings.data_dir / "archive" / "retired" / OLD / "discrepancies.csv.gz"
    assert f"2019-03: 2 rows are now in recon_retired.{OLD} and in {file} (SHA-256 " in applied.out
    assert "1 of 1 months that were due are retired" in applied.out
    (retired,) = lines_of(run("retention", "plan"), "2019-03")
    assert f"retired/{OLD}/discrepancies.csv.gz" in retired
    assert "to be retired" not in retired
    verified = run("audit", "verify")
    assert verified.exit_code == 0, verified.out
    assert "not sealed yet" not in verified.out
    assert "0 of 0 months" in run("retention", "apply").out


def test_without_a_limit_nothing_is_ever_detached(run, config, old_day) -> None:
    (config / "retention.yaml").write_text("# keep_attached_months: 36\n")
    for command in ("plan", "apply"):
        called = run("retention", command)
        assert (called.exit_code, "no month is ever retired" in called.out) == (0, True)
    assert "attached, young enough" in lines_of(run("retention", "plan"), "2019-03")[0]
    (config / "retention.yaml").unlink()
    assert "no month is ever retired" in run("retention", "apply").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep_attached_months: 12", "keep_attached_months: Input should be greater than or equal to 13"),
        ("keep_attached_months: 1201", "keep_attached_months: Input should be less than or equal to 1200"),
        ('keep_attached_months: "36"', "keep_attached_months: Input should be a valid integer"),
        ("keep_months: 36", "keep_months: Extra inputs are not permitted"),
        ("36", "the document: "),
        ("keep_attached_months: [", "no valid YAML (RETENTION, line 2)"),
    ],
)
def test_a_wrong_retention_file_is_refused_with_its_name_and_the_field(run, config, text: str, said: str) -> None:
    (config / "retention.yaml").write_text(text + "\n")
    for command in ("plan", "apply"):
        refused = run("retention", command)
        assert refused.exit_code == 2
        assert said.replace("RETENTION", str(config / "retention.yaml")) in refused.err
        assert str(config / "retention.yaml") in refused.err


def test_what_failed_is_exit_code_1_and_the_other_months_are_done(
    run, connection: TenantConnection, settings, tmp_path: Path, old_day
) -> None:
    publish_on(connection, tmp_path, day=date(2020, 1, 1), key="2020", rows=[missing("c")])
    in_the_way = settings.data_dir / "archive" / "retired" / OLD
    in_the_way.mkdir(parents=True)
    applied = run("retention", "apply")
    assert applied.exit_code == 1
    assert "2019-03 was not retired: the manifest of an archived month can't be read" in applied.err
    assert "2020-01: 1 rows" in applied.out
    assert "1 of 2 months" in applied.out
    in_the_way.rmdir()
    assert run("retention", "apply").exit_code == 0


def test_a_retired_day_is_shown_with_the_place_of_its_rows(run, old_day) -> None:
    assert "2 discrepancies" in run("show", "stripe", "2019-03-14").out
    run("retention", "apply")
    shown = run("show", "stripe", "2019-03-14")
    assert shown.exit_code == 0
    assert f"the 2 discrepancies of 2019-03-14 are retired (recon_retired.{OLD})" in shown.out
    assert f"retired/{OLD}/discrepancies.csv.gz, SHA-256 " in shown.out


def test_killed_between_the_export_and_the_detaching_it_ends_the_next_time(
    run, configured: Settings, database: Database, superuser: psycopg.Connection, settings, old_day
) -> None:
    """A reader holds the table, so the process has exported and waits; there it is killed."""
    folder = settings.data_dir / "archive" / "retired" / OLD
    with database.connect(read_only=True) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM discrepancies")
        deployment = Deployment(configured)
        process = subprocess.Popen(deployment.command("retention", "apply"), env=deployment.environment())
        (backend,) = until(superuser, "SELECT pid FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
        process.send_signal(signal.SIGKILL)
        process.wait()
        superuser.execute("SELECT pg_terminate_backend(%s)", [backend])
    until(superuser, f"SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {backend})")
    exported = (folder / "manifest.json").read_bytes()
    assert "attached, to be retired" in lines_of(run("retention", "plan"), "2019-03")[0]
    assert run("audit", "verify").exit_code == 0
    assert run("retention", "apply").exit_code == 0
    assert (folder / "manifest.json").read_bytes() == exported
    assert [found.name for found in folder.parent.iterdir()] == [OLD]
    assert run("audit", "verify").exit_code == 0


def until(connection: psycopg.Connection, query: str) -> tuple[int, ...]:
    """The first row, once there is one."""
    deadline = time.monotonic() + DEADLINE_S
    while (row := connection.execute(query.encode()).fetchone()) is None:
        assert time.monotonic() < deadline, query
    return row
