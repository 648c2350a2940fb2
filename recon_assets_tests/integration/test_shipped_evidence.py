"""Days that are run while S3 is well, ill or not there: nothing is lost, all arrives, and what arrived is proven."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import psycopg
import pytest
import requests

from recon_assets.assembly import build_definitions
from recon_assets.automation.archive_shipping import SENSOR
from recon_assets.cli.dagster_runs import Runner
from recon_assets.cli.verifying.command import verified_folder
from recon_assets.settings import Settings
from recon_assets.store.archives import Archive, current_archive
from recon_assets.store.database import open_database
from recon_assets_tests.archive.s3_faults import Fault, Faults, faulty_s3
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment

BUCKET = "evidence"
DAY = SAMPLE_DAY.isoformat()


@pytest.fixture
def faults(moto_url: str, aws: pytest.MonkeyPatch) -> Iterator[Faults]:
    with faulty_s3(moto_url) as faulty:
        aws.setenv("AWS_ENDPOINT_URL", faulty.url)
        yield faulty


@pytest.fixture
def deployment(settings: Settings, faults: Faults) -> Deployment:
    return Deployment(settings.model_copy(update={"s3_bucket": BUCKET, "s3_region": "us-east-1"}))


@pytest.fixture
def bucket(moto_url: str, faults: Faults) -> Iterator[Any]:
    made = boto3.session.Session().resource("s3", endpoint_url=moto_url).create_bucket(Bucket=BUCKET)
    yield made
    made.objects.all().delete()
    made.delete()


def archive_of_day(deployment: Deployment) -> Archive:
    with open_database(deployment.settings) as database, database.connect(read_only=True) as connection:
        archive = current_archive(connection, "stripe", SAMPLE_DAY)
    assert archive is not None
    return archive


def run(deployment: Deployment) -> tuple[bool, dict[str, Any], str]:
    """Whether the run succeeded, the metadata of its archive, and all that its log says."""
    with dg.DagsterInstance.ephemeral() as instance:
        finished = Runner(deployment.settings, instance).run("stripe", SAMPLE_DAY)
        events = instance.all_logs(finished.dagster_run_id)
        (archived,) = [
            event.dagster_event.step_materialization_data.materialization
            for event in events
            if event.dagster_event
            and event.dagster_event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
            and event.dagster_event.asset_key == dg.AssetKey(["stripe", "archive"])
        ]
    said = "\n".join(event.user_message for event in events)
    return finished.success, {name: value.value for name, value in archived.metadata.items()}, said


def tick(deployment: Deployment) -> str:
    """What the sensor says."""
    definitions = build_definitions(deployment.settings)
    sensor = definitions.resolve_sensor_def(SENSOR)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=definitions, resources=definitions.resources) as context,
    ):
        data = sensor.evaluate_tick(context)
    assert not data.run_requests
    return data.skip_message or ""


def make_due(superuser: psycopg.Connection) -> None:
    """As if the wait, or the lease of whoever was killed, were over."""
    superuser.execute("ALTER TABLE archives DISABLE TRIGGER guard_archive")
    superuser.execute("UPDATE archives SET due_at = clock_timestamp() - interval '1 second'")
    superuser.execute("ALTER TABLE archives ENABLE ALWAYS TRIGGER guard_archive")


def downloaded(bucket: Any, folder: Path) -> Path:
    """The evidence as somebody else has it: from the bucket alone."""
    for found in bucket.objects.all():
        target = folder / found.key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(found.get()["Body"].read())
    (manifest,) = folder.rglob("manifest.json")
    return manifest.parent


def prove(deployment: Deployment, bucket: Any, folder: Path) -> None:
    archive = archive_of_day(deployment)
    verified = verified_folder(downloaded(bucket, folder))
    assert (archive.state, archive.place, archive.reason) == ("shipped", f"s3://{BUCKET}", None)
    assert verified.is_proven, verified.findings
    assert verified.manifest_sha256 == archive.manifest_sha256
    assert len(list(bucket.objects.all())) == archive.file_count + 2


def test_a_day_is_shipped_with_its_run(deployment: Deployment, bucket: Any, tmp_path: Path) -> None:
    succeeded, metadata, said = run(deployment)

    prove(deployment, bucket, tmp_path / "copy")
    archive = archive_of_day(deployment)
    assert succeeded
    assert metadata["archived"] == "shipped"
    assert metadata["place"] == f"s3://{BUCKET}/reports/2025-09-30/stripe/{archive.run_id}"
    assert metadata["manifest_sha256"] == archive.manifest_sha256
    assert "using local fallback" not in said.lower()
    assert tick(deployment) == "No archive waits."


def test_again_nothing_is_put_a_second_time(deployment: Deployment, bucket: Any, faults: Faults) -> None:
    run(deployment)
    before = archive_of_day(deployment)
    faults.seen.clear()

    _, metadata, _ = run(deployment)

    assert metadata["archived"] == "shipped"
    assert faults.seen == []
    assert archive_of_day(deployment) == before


def test_a_shipped_archive_may_leave_this_machine_and_the_day_runs_again(
    deployment: Deployment, bucket: Any, tmp_path: Path
) -> None:
    run(deployment)
    archive = archive_of_day(deployment)
    (deployment.settings.archive_dir / archive.folder).rename(tmp_path / "elsewhere")

    succeeded, metadata, _ = run(deployment)

    assert (succeeded, metadata["archived"]) == (True, "shipped")
    assert not (deployment.settings.archive_dir / archive.folder).exists()


def test_without_a_bucket_it_stays_local_and_says_so(settings: Settings) -> None:
    deployment = Deployment(settings)
    succeeded, metadata, said = run(deployment)

    assert (succeeded, metadata["archived"], metadata["place"]) == (True, "local", "local folder")
    assert "no S3 bucket is configured (AWS_S3_BUCKET_NAME): using local fallback" in said
    assert tick(deployment) == "No S3 bucket is configured (AWS_S3_BUCKET_NAME): archives stay local."


def test_local_evidence_that_is_gone_is_never_made_anew(settings: Settings, tmp_path: Path) -> None:
    deployment = Deployment(settings)
    run(deployment)
    folder = deployment.settings.archive_dir / archive_of_day(deployment).folder
    folder.rename(tmp_path / "lost")

    with dg.DagsterInstance.ephemeral() as instance:
        finished = Runner(deployment.settings, instance).run("stripe", SAMPLE_DAY)

    assert not finished.success
    assert "the archived evidence of this answer is gone, and it was not shipped" in (finished.error or "")
    assert not folder.exists()


def test_archives_of_before_there_was_a_bucket_are_shipped_when_asked_for(
    settings: Settings, deployment: Deployment, bucket: Any, tmp_path: Path
) -> None:
    run(Deployment(settings))
    variables = {"AWS_S3_BUCKET_NAME": BUCKET}
    assert "No archive waits." in deployment.call("archive", "ship", **variables).stdout

    done = deployment.recon("archive", "ship", "--with-local", **variables)

    assert done.returncode == 0, done.stderr
    assert f"stripe {DAY}: shipped to s3://{BUCKET}/reports/{DAY}/stripe/" in done.stdout
    prove(deployment, bucket, tmp_path / "copy")


def test_a_bucket_that_is_missing_and_is_made_later(
    deployment: Deployment, moto_url: str, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    succeeded, metadata, said = run(deployment)

    assert (succeeded, metadata["archived"], metadata["place"]) == (True, "waiting", "local folder")
    assert "there is no such bucket" in said
    assert "Using local fallback" in said
    assert deployment.query("SELECT kind, payload ->> 'processor' FROM outbox WHERE kind = 'archive_waiting'") == [
        ("archive_waiting", "stripe")
    ]
    assert tick(deployment) == "No archive waits.", "it is not due yet"
    make_due(superuser)
    assert "stripe 2025-09-30 waits until" in tick(deployment)
    assert archive_of_day(deployment).attempts == 2

    bucket = boto3.session.Session().resource("s3", endpoint_url=moto_url).create_bucket(Bucket=BUCKET)
    make_due(superuser)
    assert tick(deployment) == "1 archive(s) shipped."
    prove(deployment, bucket, tmp_path / "copy")
    assert len(deployment.query("SELECT id FROM outbox WHERE kind = 'archive_waiting'")) == 1
    bucket.objects.all().delete()
    bucket.delete()


def test_credentials_that_are_missing_and_come_later(
    deployment: Deployment, bucket: Any, aws: pytest.MonkeyPatch, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    succeeded, metadata, said = run(deployment)

    assert (succeeded, metadata["archived"]) == (True, "waiting")
    assert "there are no AWS credentials for S3" in said
    aws.setenv("AWS_ACCESS_KEY_ID", key)
    aws.setenv("AWS_SECRET_ACCESS_KEY", secret)
    make_due(superuser)
    assert tick(deployment) == "1 archive(s) shipped."
    prove(deployment, bucket, tmp_path / "copy")


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_leaves_it_waiting_and_it_is_shipped_on_recovery(
    deployment: Deployment, bucket: Any, faults: Faults, superuser: psycopg.Connection, tmp_path: Path, fault: Fault
) -> None:
    faults.fault, faults.strikes = fault, lambda path: "discrepancies.parquet" in path
    succeeded, metadata, _ = run(deployment)

    assert (succeeded, metadata["archived"]) == (True, "waiting")
    assert not [found for found in bucket.objects.all() if found.key.endswith("manifest.json")]
    faults.heal()
    make_due(superuser)
    assert tick(deployment) == "1 archive(s) shipped."
    prove(deployment, bucket, tmp_path / "copy")


def test_a_shipping_that_is_killed_goes_on(
    deployment: Deployment, bucket: Any, faults: Faults, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def kill(path: str) -> bool:
        if path.endswith("matches.parquet") and process[0].poll() is None:
            process[0].send_signal(signal.SIGKILL)
        return False

    faults.fault, faults.strikes = Fault.CUT, kill
    process.append(
        subprocess.Popen(
            deployment.command("run", "--processors", "stripe", "--date", DAY),
            env=deployment.environment() | {"AWS_S3_BUCKET_NAME": BUCKET},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    assert process[0].wait(timeout=300) == -signal.SIGKILL
    assert archive_of_day(deployment).state == "shipping"
    assert not [found for found in bucket.objects.all() if found.key.endswith("manifest.json")]

    faults.heal()
    make_due(superuser)
    assert tick(deployment) == "1 archive(s) shipped."
    prove(deployment, bucket, tmp_path / "copy")


def test_the_doctor_and_the_status_say_what_waits_and_a_command_ships_it(deployment: Deployment, moto_url: str) -> None:
    variables = {"AWS_S3_BUCKET_NAME": BUCKET}
    run(deployment)

    examined = deployment.call("doctor", **variables)
    assert examined.returncode == 0, examined.stderr
    told = " ".join(examined.stdout.replace("│", " ").split())
    assert "local folder until the bucket is back: there is no such bucket" in told
    assert "1 archive(s) wait for the bucket, since" in told
    assert "1 archive(s) wait for their bucket since" in deployment.call("status", **variables).stdout
    refused = deployment.call("archive", "ship", **variables)
    assert refused.returncode == 1
    assert f"stripe {DAY} waits: there is no such bucket" in refused.stdout

    bucket = boto3.session.Session().resource("s3", endpoint_url=moto_url).create_bucket(Bucket=BUCKET)
    done = deployment.call("archive", "ship", **variables)
    assert done.returncode == 0, done.stderr
    assert f"s3://{BUCKET}" in deployment.call("doctor", **variables).stdout
    assert "wait for their bucket" not in deployment.call("status", **variables).stdout
    bucket.objects.all().delete()
    bucket.delete()


def test_a_link_to_the_report_works_and_is_kept_nowhere(deployment: Deployment, bucket: Any, tmp_path: Path) -> None:
    _, metadata, said = run(deployment)

    printed = deployment.recon("archive", "url", "stripe", DAY, AWS_S3_BUCKET_NAME=BUCKET)

    assert printed.returncode == 0, printed.stderr
    link = printed.stdout.strip()
    answer = requests.get(link, timeout=10)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Type"].startswith("text/html")
    assert str(archive_of_day(deployment).run_id) in answer.text
    assert "X-Amz" not in said + str(metadata) + printed.stderr
    kept = deployment.query(
        "SELECT new_value::text FROM archives, LATERAL (SELECT to_jsonb(archives) AS new_value) AS j"
    )
    assert "X-Amz" not in str(kept)
    for path in deployment.settings.data_dir.rglob("*"):
        assert not path.is_file() or b"X-Amz-Signature" not in path.read_bytes(), path


def test_there_is_no_link_to_what_is_not_in_the_bucket(deployment: Deployment, settings: Settings) -> None:
    without = deployment.call("archive", "url", "stripe", DAY)
    assert without.returncode == 2
    assert "no S3 bucket is configured, and a local archive has no link" in without.stderr
    assert deployment.call("archive", "ship").returncode == 2
    missing = deployment.call("archive", "url", "stripe", DAY, AWS_S3_BUCKET_NAME=BUCKET)
    assert missing.returncode == 1
    assert f"the report of stripe {DAY} is not in the bucket" in missing.stderr
