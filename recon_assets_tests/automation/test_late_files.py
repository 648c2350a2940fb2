"""The sensor on a real instance: when it asks for a day, when it waits, and what it says. Days are really run."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from recon_assets.assembly import build_definitions
from recon_assets.automation.late_files import TICK_INTERVAL_S, late_files_sensors
from recon_assets.automation.settling import Watched, from_cursor, to_cursor
from recon_assets.settings import Settings
from recon_assets_tests.assets.processors import processor
from recon_assets_tests.integration.deployments import HEADER, ROW, Deployment, with_configuration

DAY = datetime.now(UTC).date() - timedelta(days=2)
"""Within look-back whenever the tests run, and over everywhere."""

FILE = f"{HEADER}\n{ROW.replace('2025-09-30', DAY.isoformat())}\n"
FURTHER = FILE.replace("a,12.34", "b,1.00")


def late_files_of(deployment: Deployment, name: str, **said: object) -> None:
    """Say `late_files` of both sides of a processor."""
    path = deployment.settings.config_dir / "processors" / f"{name}.yaml"
    document = yaml.safe_load(path.read_text())
    for side in ("feed", "ledger"):
        document[side]["late_files"] = said
    path.write_text(yaml.safe_dump(document))


def place(deployment: Deployment, side: str, text: str, name: str = "shop", day: date = DAY, more: str = "") -> Path:
    path = deployment.settings.feeds_dir / f"{name}_{side}" / f"{day}{more}.csv"
    path.write_text(text)
    return path


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Deployment:
    """Both sides by files, none of which has come; late ones are asked for at once."""
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=None, ledger=None)
    late_files_of(deployment, "shop", settle_minutes=0)
    return deployment


def tick(
    deployment: Deployment, instance: dg.DagsterInstance, cursor: str | None = None, name: str = "shop"
) -> tuple[list[dg.RunRequest], str | None, str | None]:
    """What the sensor asks for, the cursor it leaves, and why it skips."""
    definitions = build_definitions(deployment.settings)
    sensor = definitions.resolve_sensor_def(f"reconcile_{name}_late_files")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, definitions=definitions, resources=definitions.resources
    ) as context:
        data = sensor.evaluate_tick(context)
    return list(data.run_requests or ()), data.cursor, data.skip_message


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.mark.parametrize("side", ["processor", "ledger"])
def test_a_file_of_either_side_that_comes_after_the_run_asks_for_its_day_and_for_no_other(
    shop: Deployment, instance: dg.DagsterInstance, side: str
) -> None:
    shop.run("shop", DAY, instance)
    assert tick(shop, instance)[::2] == ([], "No file came late.")

    place(shop, side, FILE)
    place(shop, side, FILE, day=DAY - timedelta(days=1))  # a day that was never run is the schedule's
    ((request,), _, _) = tick(shop, instance)
    assert request.partition_key == DAY.isoformat()
    assert request.run_key is not None and request.run_key.startswith(f"{DAY}:")


def test_a_day_is_run_again_when_its_file_comes_and_then_nothing_is_late_any_more(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    place(shop, "ledger", FILE)
    before = shop.run("shop", DAY, instance)
    place(shop, "processor", FILE)
    ((request,), cursor, _) = tick(shop, instance)

    job = build_definitions(shop.settings).resolve_job_def("reconcile_shop")
    finished = job.execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
    )
    assert finished.success
    after = shop.newest("shop", DAY)
    assert (before.verdict, after.verdict) == ("incomplete", "reconciled")
    assert tick(shop, instance, cursor)[::2] == ([], "No file came late.")


def test_one_run_is_asked_for_per_set_of_versions_also_when_the_cursor_is_lost(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    shop.run("shop", DAY, instance)
    path = place(shop, "processor", FILE)
    ((first,), cursor, _) = tick(shop, instance)

    requests, _, skipped = tick(shop, instance, cursor)
    assert requests == [] and f"{DAY} (asked for before)" in str(skipped)
    ((again,), _, _) = tick(shop, instance, None)
    assert again.run_key == first.run_key, "Dagster launches one run per key"

    path.write_text(FURTHER)
    ((other,), _, _) = tick(shop, instance, cursor)
    assert other.run_key != first.run_key


def test_a_file_rests_before_it_is_asked_for(shop: Deployment, instance: dg.DagsterInstance) -> None:
    late_files_of(shop, "shop", settle_minutes=3)
    shop.run("shop", DAY, instance)
    place(shop, "processor", FILE)

    requests, cursor, skipped = tick(shop, instance)
    assert requests == [] and f"{DAY} (settling)" in str(skipped) and "3 minute(s)" in str(skipped)
    ((day, seen),) = from_cursor(cursor).items()
    rested = to_cursor({day: Watched(seen.versions, seen.since - timedelta(minutes=3))})
    assert len(tick(shop, instance, rested)[0]) == 1
    place(shop, "processor", FURTHER)
    assert tick(shop, instance, rested)[0] == []


def test_a_day_whose_run_is_queued_or_under_way_is_asked_for_when_it_ended_without_the_file(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    shop.run("shop", DAY, instance)
    place(shop, "processor", FILE)
    job = build_definitions(shop.settings).resolve_job_def("reconcile_shop")
    run = instance.create_run_for_job(
        job, tags={"dagster/partition": DAY.isoformat()}, status=dg.DagsterRunStatus.STARTED
    )
    requests, cursor, skipped = tick(shop, instance)
    assert requests == [] and f"{DAY} (a run is on its way)" in str(skipped)

    instance.report_run_failed(run)
    assert len(tick(shop, instance, cursor)[0]) == 1


def test_a_backfill_of_the_days_assets_is_such_a_run_and_another_processors_run_is_not(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    shop.run("shop", DAY, instance)
    place(shop, "processor", FILE)
    tags, started = {"dagster/partition": DAY.isoformat()}, dg.DagsterRunStatus.STARTED
    shop.files_processor("other", processor=None, ledger=None)
    job = build_definitions(shop.settings).resolve_implicit_global_asset_job_def()
    for name, asks in (("other", 1), ("shop", 0)):
        keys = frozenset({dg.AssetKey([name, "raw_processor_feed"])})
        instance.create_run_for_job(job, tags=tags, status=started, asset_selection=keys)
        assert len(tick(shop, instance)[0]) == asks


def test_a_day_whose_first_run_failed_at_the_place_is_asked_for_once_the_place_has_the_file(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    folder = shop.settings.feeds_dir / "shop_processor"
    folder.rmdir()
    assert shop.run("shop", DAY, instance).status == "failed"
    requests, _, skipped = tick(shop, instance)
    assert requests == [] and "the feed folder does not exist" in str(skipped)

    folder.mkdir()
    place(shop, "processor", FILE)
    assert [request.partition_key for request in tick(shop, instance)[0]] == [DAY.isoformat()]


def test_a_place_that_does_not_answer_skips_its_processors_tick_with_the_reason_and_keeps_the_cursor(
    shop: Deployment, instance: dg.DagsterInstance, unused_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.files_processor("far", processor=FILE, ledger=FILE, day=DAY)
    shop.run("far", DAY, instance)
    shop.run("shop", DAY, instance)
    path = shop.settings.config_dir / "processors" / "far.yaml"
    document = yaml.safe_load(path.read_text())
    (tmp_path / "known_hosts").touch()
    login = {"user_env": "FAR_USER", "password_env": "FAR_PASSWORD", "known_hosts": str(tmp_path / "known_hosts")}
    document["ledger"] |= {"folder": f"sftp://127.0.0.1:{unused_port}/out", "sftp": login}
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("FAR_USER", "reader")
    monkeypatch.setenv("FAR_PASSWORD", "canary-password")
    place(shop, "processor", FILE)

    kept = to_cursor({DAY.isoformat(): Watched("a", datetime.now(UTC))})
    requests, cursor, skipped = tick(shop, instance, kept, name="far")
    assert (requests, cursor) == ([], kept)
    assert "the SFTP server did not answer" in str(skipped) and "canary" not in str(skipped)
    assert len(tick(shop, instance, name="shop")[0]) == 1


def test_what_an_earlier_version_stored_does_not_make_every_day_late(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    place(shop, "processor", FILE)
    place(shop, "ledger", FILE)
    shop.run("shop", DAY, instance)
    stored = shop.settings.storage_root / "shop" / DAY.isoformat() / "latest" / "raw_processor_feed.json"
    document = json.loads(stored.read_text())
    for file in document["files"]:
        assert file.pop("version")
    stored.write_text(json.dumps(document))
    assert tick(shop, instance)[::2] == ([], "No file came late.")

    stored.write_text("{}")  # of a version that can't be read: the day is asked for, once
    assert [request.partition_key for request in tick(shop, instance)[0]] == [DAY.isoformat()]


def test_days_before_look_back_and_before_the_start_date_are_left_alone(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    late_files_of(shop, "shop", settle_minutes=0, look_back_days=2)
    old = DAY - timedelta(days=3)
    shop.run("shop", old, instance)
    place(shop, "processor", FILE, day=old)
    assert tick(shop, instance)[0] == []
    late_files_of(shop, "shop", settle_minutes=0, look_back_days=7)
    assert len(tick(shop, instance)[0]) == 1


def test_a_settlement_report_of_paypal_that_comes_late_asks_for_its_day(
    shop: Deployment, instance: dg.DagsterInstance
) -> None:
    path = shop.settings.config_dir / "processors" / "shop.yaml"
    document = yaml.safe_load(path.read_text())
    document["feed"] = {
        "kind": "paypal_settlement",
        "folder": "shop_processor",
        "late_files": {"settle_minutes": 0},
    }
    path.write_text(yaml.safe_dump(document))
    place(shop, "ledger", FILE)
    shop.run("shop", DAY, instance)
    assert tick(shop, instance)[0] == []
    (shop.settings.feeds_dir / "shop_processor" / f"STL-{DAY:%Y%m%d}.01.009.CSV").write_bytes(b"x")
    assert len(tick(shop, instance)[0]) == 1


def test_a_processor_without_files_has_no_sensor_and_one_with_files_on_one_side_has_one_that_runs_by_itself() -> None:
    assert late_files_sensors(processor()) == []
    ledger = {
        "kind": "files", "folder": "ledger", "pattern": "{date}.csv", "format": "csv", "times": {"time_zone": "UTC"},
        "columns": {"transaction_id": "id", "amount": "a", "currency": "c", "status": "s", "occurred_at": "t"},
    }  # fmt: skip
    (sensor,) = late_files_sensors(processor(ledger=ledger))
    assert (sensor.name, sensor.job_name) == ("reconcile_square_late_files", "reconcile_square")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == TICK_INTERVAL_S
