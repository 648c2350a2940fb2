"""`recon backfill`: a range of days by files, each for itself; what is proven and unchanged is left as it is."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.integration.deployments import HEADER, Deployment, with_configuration

FIRST = date(2025, 9, 5)
LONG = [FIRST + timedelta(days=number) for number in range(12)]
"""So long that of two processes none has done it all before the other has started, on a loaded machine either."""
RANGE = LONG[:6]
BROKEN = RANGE[2]
SHORT = RANGE[:3]
STATES = "SELECT run_date, version, status FROM reconciliation_runs WHERE is_current ORDER BY run_date"
PUBLISHING = "SELECT count(*) FROM pg_locks WHERE relation = 'reconciliation_proofs'::regclass AND NOT granted"
ATTEMPTS = "SELECT count(*) FROM reconciliation_runs"


def text_of(day: date, amount: str = "12.34") -> str:
    return f"{HEADER}\na-{day},{amount},USD,completed,{day}T10:00:00Z\n"


def place(deployment: Deployment, day: date, text: str | None = None, *, side: str = "processor") -> Path:
    path = deployment.settings.feeds_dir / f"shop_{side}" / f"{day}.csv"
    path.write_text(text or text_of(day))
    return path


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Deployment:
    """Six days of both sides that agree."""
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=None, ledger=None)
    for day in RANGE:
        for side in ("processor", "ledger"):
            place(deployment, day, side=side)
    return deployment


def arguments(days: list[date], *more: str) -> tuple[str, ...]:
    return ("backfill", "--processors", "shop", "--from", str(days[0]), "--to", str(days[-1]), *more)


def backfilled(deployment: Deployment, days: list[date], *more: str) -> subprocess.CompletedProcess[str]:
    return deployment.call(*arguments(days, *more), COLUMNS="200")


def test_a_day_that_fails_in_the_middle_is_named_and_the_next_backfill_does_only_it(shop: Deployment) -> None:
    place(shop, BROKEN, "no,header,of,ours\n1,2,3,4\n")

    first = shop.recon(*arguments(RANGE))

    assert first.returncode == 1, first.stdout + first.stderr
    assert "6 processor-days: 0 proven already, 6 to do (6 never run)" in first.stdout
    assert f"1/6 shop {FIRST} (never run): reconciled\n" in first.stdout
    assert "5 concluded (5 reconciled), 0 proven already, 1 without a conclusion, 0 not run" in first.stdout
    assert f"shop {BROKEN}: " in first.stdout
    again = f"recon backfill --processors shop --from {BROKEN} --to {BROKEN}"
    assert f"To do only what is left: {again}\n" in first.stdout
    told = shop.query("SELECT kind, payload ->> 'in_backfill', count(*) FROM outbox GROUP BY 1, 2 ORDER BY 1")
    assert {(kind, in_backfill) for kind, in_backfill, _ in told} == {
        ("run_failed", "true"),
        ("run_published", "true"),
    }
    assert shop.query(STATES) == [(day, 1, "completed") for day in RANGE if day != BROKEN]
    assert len(list(shop.settings.archive_dir.glob("reports/*/*/*/manifest.json"))) == 5
    assert len(list(shop.settings.reports_dir.glob("shop_*/reconciliation_report_*.html"))) == 5

    place(shop, BROKEN)
    second = backfilled(shop, RANGE)

    assert second.returncode == 0, second.stdout + second.stderr
    assert "6 processor-days: 5 proven already, 1 to do (1 without a conclusion)" in second.stdout
    assert f"1/1 shop {BROKEN} (without a conclusion): reconciled\n" in second.stdout
    assert "1 concluded (1 reconciled), 5 proven already, 0 without a conclusion, 0 not run" in second.stdout
    assert "left:" not in second.stdout
    assert shop.query(ATTEMPTS) == [(7,)]


def test_only_days_whose_files_rules_or_configuration_are_others_are_run_again(shop: Deployment) -> None:
    assert backfilled(shop, SHORT).returncode == 0
    unchanged = backfilled(shop, SHORT)
    assert (unchanged.returncode, shop.query(ATTEMPTS)) == (0, [(3,)])
    assert "3 processor-days: 3 proven already, 0 to do\n" in unchanged.stdout

    place(shop, SHORT[1], text_of(SHORT[1], "99.00"), side="ledger")
    by_file = backfilled(shop, SHORT)
    assert "2 proven already, 1 to do (1 with new files)" in by_file.stdout
    assert f"shop {SHORT[1]} (with new files): discrepancies\n" in by_file.stdout

    yaml = shop.settings.config_dir / "processors" / "shop.yaml"
    yaml.write_text(yaml.read_text().replace("title: shop", "title: Shop").replace("2025-09-01", "2025-08-01"))
    assert "3 proven already, 0 to do" in backfilled(shop, SHORT).stdout

    yaml.write_text(yaml.read_text() + "time_zone: Europe/London\n")
    by_configuration = backfilled(shop, SHORT)
    assert "0 proven already, 3 to do (3 by another configuration)" in by_configuration.stdout
    assert "3 proven already, 0 to do" in backfilled(shop, SHORT).stdout

    (shop.settings.config_dir / "matching.yaml").write_text("grace: {ledger: 1}\n")
    by_rules = backfilled(shop, SHORT)
    assert "0 proven already, 3 to do (3 by other rules)" in by_rules.stdout
    assert "3 proven already, 0 to do" in backfilled(shop, SHORT).stdout


def test_forced_days_are_run_although_nothing_changed_and_their_answers_stand(shop: Deployment) -> None:
    backfilled(shop, SHORT)
    forced = backfilled(shop, SHORT, "--force")
    assert forced.returncode == 0
    assert "0 proven already, 3 to do (3 forced)" in forced.stdout
    assert "3 concluded (3 reconciled)" in forced.stdout
    assert shop.query(STATES) == [(day, 1, "completed") for day in SHORT]
    assert "3 proven already, 0 to do" in backfilled(shop, SHORT).stdout


def test_a_proven_day_whose_newest_attempt_failed_is_run_again(shop: Deployment) -> None:
    backfilled(shop, SHORT)
    place(shop, FIRST, "no,header,of,ours\n1,2,3,4\n")
    assert backfilled(shop, SHORT).returncode == 1
    place(shop, FIRST)
    mended = backfilled(shop, SHORT)
    assert mended.returncode == 0
    assert "2 proven already, 1 to do (1 whose newest attempt failed)" in mended.stdout


def test_a_place_that_can_not_be_looked_at_is_said_and_is_no_success(shop: Deployment) -> None:
    backfilled(shop, SHORT)
    for folder in ("shop_processor", "shop_ledger"):
        (shop.settings.feeds_dir / folder).rename(shop.settings.feeds_dir / f"{folder}_away")

    looked = backfilled(shop, SHORT)

    assert looked.returncode == 1
    assert "3 proven already, 0 to do" in looked.stdout
    assert "shop's files can't be looked at: " in looked.stdout


def test_without_the_files_of_an_answer_the_record_alone_decides(shop: Deployment) -> None:
    backfilled(shop, SHORT)
    shop.settings.storage_root.rename(shop.settings.storage_root.with_name("away"))
    assert "3 proven already, 0 to do" in backfilled(shop, SHORT).stdout


def test_ctrl_c_ends_after_the_day_and_says_what_is_left(shop: Deployment) -> None:
    with subprocess.Popen(
        shop.command(*arguments(RANGE)),
        env=shop.environment() | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        cwd=shop.settings.data_dir.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("1/6"):
                process.send_signal(signal.SIGINT)
                break
        told = process.stdout.read()
    assert process.returncode == 130, told
    assert "Ended early: stopped by Ctrl-C" in told
    states = shop.query(STATES)
    assert 1 <= len(states) < 6 and {status for _, _, status in states} == {"completed"}
    assert f"{len(states)} concluded" in told and f"{6 - len(states)} not run" in told
    assert f"To do only what is left: recon backfill --processors shop --from {RANGE[len(states)]} --to" in told
    assert shop.query("SELECT count(*) FROM reconciliation_runs WHERE status IN ('running', 'failed')") == [(0,)]


def test_a_run_of_a_backfill_of_dagsters_is_history_and_a_single_run_is_not(shop: Deployment) -> None:
    job = build_definitions(shop.settings).resolve_job_def("reconcile_shop")
    with dg.DagsterInstance.ephemeral() as instance:
        for day, tags in ((RANGE[0], {"dagster/backfill": "abcdefgh"}), (RANGE[1], {})):
            assert job.execute_in_process(instance=instance, partition_key=str(day), tags=tags).success
    told = shop.query("SELECT payload ->> 'business_date', (payload ->> 'in_backfill')::boolean FROM outbox ORDER BY 1")
    assert told == [(str(RANGE[0]), True), (str(RANGE[1]), False)]


def test_runs_that_dagster_launches_for_selected_assets_are_tagged_with_their_processor(shop: Deployment) -> None:
    shop.files_processor("stall", processor=None, ledger=None)
    job = build_definitions(shop.settings).resolve_implicit_global_asset_job_def()
    of_both = [dg.AssetKey([name, "raw_processor_feed"]) for name in ("stall", "shop")]
    with dg.DagsterInstance.ephemeral() as instance:
        for selected, tag in ((of_both[1:], "shop"), (of_both, "shop,stall")):
            run = job.execute_in_process(instance=instance, partition_key=str(RANGE[0]), asset_selection=selected)
            (stored,) = instance.get_runs(dg.RunsFilter(run_ids=[run.run_id], tags={"processor": tag}))
            assert stored.tags["processor"] == tag


def test_ctrl_c_ends_every_process_after_its_day_and_says_what_is_left(two_shops: Deployment) -> None:
    arguments = [sys.executable, "-m", "recon_assets.cli", *of_both("--workers", "2")]
    environment = os.environ | two_shops.environment() | {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as backfill:
        assert backfill.stdout is not None
        begun: list[str] = []
        for line in backfill.stdout:
            begun.append(line)
            if line.startswith("1/24"):
                team = workers_of(backfill.pid)
                os.killpg(backfill.pid, signal.SIGINT)  # as a terminal does: to all of them
                break
        told = "".join([*begun, *backfill.stdout])

    assert backfill.returncode == 130, told
    assert len(team) == 2
    assert not [process for process in team if Path(f"/proc/{process}").exists()], "none is left behind"
    assert told.count("Stopping after this day") == 1
    assert "Ended early: stopped by Ctrl-C" in told
    states = two_shops.query("SELECT processor_name, run_date, status FROM reconciliation_runs ORDER BY 1, 2")
    assert 1 <= len(states) <= 4 and {status for _, _, status in states} == {"completed"}, "what was begun is answered"
    assert f"{len(states)} concluded" in told and f"{24 - len(states)} not run" in told
    assert "To do only what is left: recon backfill --processors shop stall --from" in told


@pytest.fixture
def two_shops(shop: Deployment) -> Deployment:
    """Twelve days of it and of another shop, and a day of that one that can't be read."""
    shop.files_processor("stall", processor=None, ledger=None)
    for day in LONG:
        for side in ("processor", "ledger"):
            place(shop, day, side=side)
            (shop.settings.feeds_dir / f"stall_{side}" / f"{day}.csv").write_text(text_of(day))
    (shop.settings.feeds_dir / "stall_processor" / f"{BROKEN}.csv").write_text("no,header,of,ours\n1,2,3,4\n")
    return shop


def of_both(*more: str) -> tuple[str, ...]:
    return ("backfill", "--processors", "shop", "stall", "--from", str(LONG[0]), "--to", str(LONG[-1]), *more)


def test_two_processes_run_the_days_of_two_processors_each_processors_in_order(two_shops: Deployment) -> None:
    done = two_shops.recon(*of_both("--workers", "2"))

    assert done.returncode == 1, done.stdout + done.stderr
    counts = "23 concluded (23 reconciled), 0 proven already, 1 without a conclusion, 0 not run"
    assert counts in done.stdout, done.stdout
    assert f"To do only what is left: recon backfill --processors stall --from {BROKEN} --to {BROKEN}\n" in done.stdout
    started = "SELECT processor_name, run_date FROM reconciliation_runs ORDER BY start_time"
    every = two_shops.query(started)
    for name in ("shop", "stall"):
        assert [day for processor, day in every if processor == name] == LONG
    with open_database(two_shops.settings) as database, database.connect_to_dagster() as connection:
        processes = connection.execute(
            "SELECT DISTINCT value FROM run_tags WHERE key = 'recon/process' AND run_id IN ("
            " SELECT run_id FROM runs WHERE pipeline_name IN ('reconcile_shop', 'reconcile_stall'))"
        ).fetchall()
    assert len(processes) >= 2, "two processes at least"


def test_a_process_that_is_killed_loses_its_day_and_no_other(
    two_shops: Deployment, superuser: psycopg.Connection
) -> None:
    """Killed in the middle of a day: publishing is held up until both processes are at it."""
    arguments = [sys.executable, "-m", "recon_assets.cli", *of_both("--workers", "2")]
    environment = os.environ | two_shops.environment() | {"COLUMNS": "200"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as backfill:
        assert backfill.stdout is not None
        begun = [backfill.stdout.readline() for _ in range(5)]
        with superuser.transaction():
            superuser.execute("LOCK TABLE reconciliation_proofs IN EXCLUSIVE MODE")
            deadline = time.monotonic() + 120
            while superuser.execute(PUBLISHING).fetchone() != (2,):
                assert time.monotonic() < deadline, "a process is not at a day"
                time.sleep(0.05)
            os.kill(workers_of(backfill.pid)[0], signal.SIGKILL)
        told = "".join([*begun, *backfill.stdout])

    assert backfill.returncode == 1, told
    assert len(re.findall(r"The process that ran \S+ \S+ has died: the day is not run", told)) == 1
    assert "22 concluded (22 reconciled), 0 proven already, 1 without a conclusion, 1 not run" in told
    again = two_shops.call(*of_both(), COLUMNS="200")
    assert "1 concluded (1 reconciled), 22 proven already, 1 without a conclusion, 0 not run" in again.stdout


def workers_of(process: int) -> list[int]:
    """Its child processes that run days."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
