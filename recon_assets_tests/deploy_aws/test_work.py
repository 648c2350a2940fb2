"""A run's task does a day, with the environment that its definition gives and the buckets of the deployment.

Replaced is only what AWS gives beside that: where the database and the folders are, and AWS itself, which is moto.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.settings import Settings
from recon_assets_tests.aws_server import aws_environment
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.deploy_aws.stacks import ACCOUNT, AWS, REGION, Cloud

pytestmark = pytest.mark.xdist_group("aws")  # one deployment is enough
EVIDENCE = f"recon-evidence-{ACCOUNT}-{REGION}"


@pytest.fixture
def task(cloud: Cloud, moto_url: str, settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Its environment."""
    given = {
        name: value.replace("/mnt/recon", str(tmp_path / "shared")).replace("/var/lib/recon", str(tmp_path / "own"))
        for name, value in cloud.environment("recon-run").items()
        if not name.startswith("DB_SSL")
    }
    (tmp_path / "own").mkdir()
    database = {"DB_HOST": str(settings.db_host), "DB_NAME": settings.db_name}
    image = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "RECON_HOME": str(PROJECT),
        "DAGSTER_HOME": str(AWS),
    }
    with cloud.without_policy(EVIDENCE):
        yield aws_environment(tmp_path) | given | database | image | {"AWS_ENDPOINT_URL": moto_url, "COLUMNS": "200"}


def recon(task: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recon_assets.cli", *arguments]
    return subprocess.run(command, env=task, cwd=task["HOME"], capture_output=True, text=True, check=False)


def test_it_does_the_sample_day_and_its_evidence_is_locked_in_the_bucket(task: dict[str, str], cloud: Cloud) -> None:
    done = recon(task, "run", "--processors", "stripe", "--date", "2025-09-30")
    assert done.returncode == 0, done.stderr[-3000:]
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith(" stripe")]
    assert row[2:] == ["discrepancies", "30", "25", "25", "5", "19.95", "USD", "LOW"]
    s3 = cloud.client("s3")
    kept = [found["Key"] for found in s3.list_objects_v2(Bucket=EVIDENCE)["Contents"] if "stripe" in found["Key"]]
    assert any(key.endswith("manifest.json") for key in kept)
    for key in kept:
        there = s3.head_object(Bucket=EVIDENCE, Key=key)
        assert (there["ObjectLockMode"], there["SSEKMSKeyId"]) == ("COMPLIANCE", task["AWS_S3_KMS_KEY_ID"]), key
    asked = recon(task, "status", "--unproven")
    assert asked.returncode == 1, "the days around it were never run: the alarm of each morning"
