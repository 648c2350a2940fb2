"""A folder of evidence to a bucket of moto's S3 server, through a proxy with faults: nothing lost, nothing over."""

import logging
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from recon_assets.archive.bucket import Bucket, content_type
from recon_assets.archive.local import ArchivedDay, archive_day
from recon_assets.archive.manifest import MANIFEST, MANIFEST_HASH
from recon_assets.archive.shipping import presigned_report_url, ship_folder
from recon_assets.domain.errors import ArchiveRefused, ArchiveUnavailable, ArchiveUnreadable, ReconError
from recon_assets_tests.archive.s3_faults import Fault, Faults, faulty_s3
from recon_assets_tests.aws_server import KEY_ID, SECRET

PREFIX = "reports/2025-09-30/stripe/run-1"
LARGE = 12 * 1024**2
PART = 5 * 1024**2
"""S3 takes no smaller part but the last."""


@cache
def aws_session() -> boto3.session.Session:
    """One for all tests: each reads AWS's descriptions of its services anew."""
    return boto3.session.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET)


@pytest.fixture
def faults(moto_url: str, aws: pytest.MonkeyPatch) -> Iterator[Faults]:
    with faulty_s3(moto_url) as faulty:
        aws.setenv("AWS_ENDPOINT_URL", faulty.url)
        yield faulty


@pytest.fixture
def made(moto_url: str, faults: Faults) -> Iterator[Any]:
    """The bucket as the test sees it: past the proxy."""
    bucket = aws_session().resource("s3", endpoint_url=moto_url).create_bucket(Bucket="evidence")
    yield bucket
    bucket.objects.all().delete()
    bucket.object_versions.all().delete()
    bucket.delete()


def bucket_of(
    faults: Faults,
    *,
    name: str = "evidence",
    attempts: int = 1,
    session: boto3.session.Session | None = None,
    **how: Any,
) -> Bucket:
    config = Config(signature_version="s3v4", retries={"total_max_attempts": attempts, "mode": "standard"})
    client = (session or aws_session()).client("s3", endpoint_url=faults.url, config=config)
    return Bucket(client, name, **how)


def archived(folder: Path, *, large: int = 0) -> ArchivedDay:
    pages = folder / "raw"
    pages.mkdir(parents=True)
    for number in range(20):
        (pages / f"page-{number:05}.json").write_bytes(b'{"page": %d}' % number)
    sources: dict[str, Path | bytes] = {
        "raw_processor_feed": pages,
        "discrepancies.parquet": b"PAR1",
        "report/report.json": b"{}",
        "report/report.csv": b"a,b\r\n",
        "empty.bin": b"",
    }
    if large:
        sources["large.bin"] = bytes(range(256)) * (large // 256)
    return archive_day(
        folder / "archive",
        processor="stripe",
        business_date=date(2025, 9, 30),
        run_id="run-1",
        sources=sources,
        statement={"run_id": "run-1"},
    )


def ship(bucket: Bucket, day: ArchivedDay) -> None:
    ship_folder(bucket, day.folder, prefix=PREFIX, manifest_sha256=day.manifest_sha256)


def in_bucket(made: Any) -> dict[str, bytes]:
    return {found.key.removeprefix(f"{PREFIX}/"): found.get()["Body"].read() for found in made.objects.all()}


def names_in_bucket(made: Any) -> set[str]:
    return {found.key.removeprefix(f"{PREFIX}/") for found in made.objects.all()}


def in_folder(day: ArchivedDay) -> dict[str, bytes]:
    return {
        path.relative_to(day.folder).as_posix(): path.read_bytes() for path in day.folder.rglob("*") if path.is_file()
    }


def test_every_file_arrives_and_the_manifest_last(made: Any, faults: Faults, tmp_path: Path) -> None:
    day = archived(tmp_path)
    ship(bucket_of(faults), day)
    assert in_bucket(made) == in_folder(day)
    puts = [path.split("/")[-1] for method, path in faults.seen if method == "PUT"]
    assert puts[-2:] == [MANIFEST_HASH, MANIFEST]


def test_again_it_puts_nothing_over(made: Any, faults: Faults, tmp_path: Path) -> None:
    made.Versioning().enable()
    day = archived(tmp_path, large=LARGE)
    for _ in range(2):
        ship(bucket_of(faults, part_bytes=PART), day)
    assert len(list(made.object_versions.all())) == len(in_folder(day))


def test_files_have_a_type_and_are_encrypted(made: Any, faults: Faults, tmp_path: Path) -> None:
    ship(bucket_of(faults), archived(tmp_path))
    found = made.Object(f"{PREFIX}/report/report.json")
    assert (found.content_type, found.server_side_encryption) == ("application/json", "AES256")
    head = made.meta.client.head_object(Bucket="evidence", Key=found.key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/discrepancies.parquet", "application/vnd.apache.parquet"),
        ("rows.jsonl", "application/x-ndjson"),
        ("report.HTML", "text/html; charset=utf-8"),
        ("STL-20260106.01.009.CSV", "text/csv; charset=utf-8"),
        ("page.xml", "text/xml"),
        ("file", "application/octet-stream"),
    ],
)
def test_content_types(name: str, kind: str) -> None:
    assert content_type(name).replace("application/xml", "text/xml") == kind


def test_a_key_of_kms_and_no_encryption_at_all(made: Any, faults: Faults, tmp_path: Path) -> None:
    key = aws_session().client("kms").create_key()["KeyMetadata"]["KeyId"]
    ship(bucket_of(faults, encryption="aws:kms", kms_key_id=key), archived(tmp_path))
    assert made.Object(f"{PREFIX}/empty.bin").ssekms_key_id == key
    made.objects.all().delete()
    ship(bucket_of(faults, encryption=None), archived(tmp_path / "other"))
    assert made.Object(f"{PREFIX}/empty.bin").server_side_encryption is None


def test_a_large_file_goes_in_parts(made: Any, faults: Faults, tmp_path: Path) -> None:
    day = archived(tmp_path, large=LARGE)
    ship(bucket_of(faults, part_bytes=PART), day)
    assert in_bucket(made) == in_folder(day)
    assert sum("partNumber=" in path for method, path in faults.seen if method == "PUT") == 3


def test_object_lock_keeps_what_is_there_for_its_days(moto_url: str, faults: Faults, tmp_path: Path) -> None:
    client = aws_session().client("s3", endpoint_url=moto_url)
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    ship(bucket_of(faults, name="locked", lock_days=2_557), archived(tmp_path))

    for name in (MANIFEST, "report/report.csv"):  # not of parts: moto forgets the lock that their beginning asks for
        head = client.head_object(Bucket="locked", Key=f"{PREFIX}/{name}")
        assert head["ObjectLockMode"] == "COMPLIANCE"
        assert (head["ObjectLockRetainUntilDate"] - head["LastModified"]).days in {2_556, 2_557}
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(Bucket="locked", Key=f"{PREFIX}/{name}", VersionId=head["VersionId"])


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("where", ["page-00007", MANIFEST, "large.bin"])
def test_a_fault_loses_nothing_and_the_next_time_all_arrives(
    made: Any, faults: Faults, tmp_path: Path, fault: Fault, where: str
) -> None:
    day = archived(tmp_path, large=LARGE)
    bucket = bucket_of(faults, part_bytes=PART)
    faults.fault, faults.strikes = fault, lambda path: where in path

    with pytest.raises(ArchiveUnavailable) as refused:
        ship(bucket, day)

    assert "s3://evidence/" in str(refused.value)
    assert MANIFEST not in names_in_bucket(made) or (where == MANIFEST and fault is Fault.LOST_REPLY)
    faults.heal()
    ship(bucket, day)
    assert in_bucket(made) == in_folder(day)


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT, Fault.LOST_REPLY])
def test_a_fault_that_passes_is_not_noticed(made: Any, faults: Faults, tmp_path: Path, fault: Fault) -> None:
    made.Versioning().enable()
    day = archived(tmp_path)
    faults.fault, faults.times, faults.strikes = fault, 2, lambda path: "page-00003" in path
    ship(bucket_of(faults, attempts=4), day)
    assert in_bucket(made) == in_folder(day)
    assert len(list(made.object_versions.all())) == len(in_folder(day))


def test_parts_that_do_not_arrive_leave_nothing_behind(made: Any, faults: Faults, tmp_path: Path) -> None:
    faults.fault, faults.strikes = Fault.SLOW_DOWN, lambda path: "partNumber=2" in path
    with pytest.raises(ArchiveUnavailable, match="SlowDown"):
        ship(bucket_of(faults, part_bytes=PART), archived(tmp_path, large=LARGE))
    assert list(made.multipart_uploads.all()) == []


def test_another_file_in_the_place_is_left_and_told(made: Any, faults: Faults, tmp_path: Path) -> None:
    made.put_object(Key=f"{PREFIX}/report/report.json", Body=b"forged")
    with pytest.raises(ArchiveRefused, match=r"another file lies where this one belongs.*report\.json"):
        ship(bucket_of(faults), archived(tmp_path))
    assert made.Object(f"{PREFIX}/report/report.json").get()["Body"].read() == b"forged"


@pytest.mark.parametrize("large", [0, LARGE])
def test_another_large_file_is_left_too(made: Any, faults: Faults, tmp_path: Path, large: int) -> None:
    made.put_object(Key=f"{PREFIX}/large.bin", Body=b"forged")
    day = archived(tmp_path, large=large or 1024)
    with pytest.raises(ArchiveRefused, match="another file"):
        ship(bucket_of(faults, part_bytes=PART), day)


@pytest.mark.parametrize("name", ["raw_processor_feed/page-00007.json", "large.bin", MANIFEST, MANIFEST_HASH])
def test_a_local_copy_that_was_changed_is_not_shipped(made: Any, faults: Faults, tmp_path: Path, name: str) -> None:
    day = archived(tmp_path, large=LARGE)
    changed = bytearray((day.folder / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (day.folder / name).write_bytes(changed)
    with pytest.raises(ArchiveUnreadable, match=r"was changed|one that was recorded|this program writes"):
        ship(bucket_of(faults, part_bytes=PART), day)
    assert MANIFEST not in names_in_bucket(made)
    assert name not in names_in_bucket(made)
    assert list(made.multipart_uploads.all()) == []


def test_a_local_copy_that_is_gone_is_told(made: Any, faults: Faults, tmp_path: Path) -> None:
    day = archived(tmp_path)
    (day.folder / "empty.bin").unlink()
    with pytest.raises(ArchiveUnreadable, match=r"is gone \(run-1/empty.bin\)"):
        ship(bucket_of(faults), day)


def test_a_bucket_that_does_not_exist(faults: Faults, tmp_path: Path) -> None:
    bucket = bucket_of(faults, name="nowhere")
    for act in (bucket.probe, lambda: ship(bucket, archived(tmp_path))):
        with pytest.raises(ArchiveRefused, match=r"no such bucket \(s3://nowhere.*AWS_S3_BUCKET_NAME"):
            act()


def test_no_credentials(faults: Faults, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ReconError, match="there are no AWS credentials for S3"):
        ship(bucket_of(faults, session=boto3.session.Session()), archived(tmp_path))


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("InvalidAccessKeyId", 403, r"does not take the AWS credentials \(InvalidAccessKeyId\)"),
        ("SignatureDoesNotMatch", 403, r"does not take the AWS credentials"),
        ("AccessDenied", 403, r"gives no right to this place \(AccessDenied\).*Grant s3:PutObject"),
        ("InvalidRequest", 400, r"S3 refused \(InvalidRequest, HTTP 400\).*Object Lock"),
    ],
)
def test_what_s3_refuses(httpserver: Any, aws: Any, tmp_path: Path, code: str, status: int, sentence: str) -> None:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>secret detail</Message></Error>"
    httpserver.expect_request(re.compile(".*")).respond_with_data(text, status=status, content_type="application/xml")
    bucket = bucket_of(Faults(url=httpserver.url_for("").rstrip("/")))
    with pytest.raises(ArchiveRefused, match=sentence) as refused:
        ship(bucket, archived(tmp_path))
    assert "secret detail" not in str(refused.value)


def test_a_presigned_url_opens_the_report_and_is_in_no_log(
    made: Any, faults: Faults, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = bucket_of(faults)
    ship(bucket, archived(tmp_path))
    with caplog.at_level(logging.DEBUG):
        url = presigned_report_url(bucket, prefix=PREFIX)

    assert url is not None
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "X-Amz-Expires=86400" in url
    signature = url.split("X-Amz-Signature=")[1].split("&")[0]
    assert signature not in caplog.text
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"{}")


def test_the_report_for_people_comes_first(made: Any, faults: Faults) -> None:
    for name in ("a.json", "b.html", "c.csv"):
        made.put_object(Key=f"{PREFIX}/report/{name}", Body=b"")
    url = presigned_report_url(bucket_of(faults), prefix=PREFIX)
    assert url is not None
    assert "/report/b.html?" in url


def test_without_bucket_or_report_there_is_no_url(made: Any, faults: Faults) -> None:
    assert presigned_report_url(None, prefix=PREFIX) is None
    assert presigned_report_url(bucket_of(faults), prefix=PREFIX) is None
