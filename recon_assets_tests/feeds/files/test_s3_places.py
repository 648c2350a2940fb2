"""Files in a bucket of moto's S3 server on loopback: whole files, the refusals of S3, and no credential anywhere."""

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from pytest_httpserver import HTTPServer

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.files import places
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.places import PlacedFile, StillBeingWritten
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets_tests.aws_server import KEY_ID, SECRET
from recon_assets_tests.feeds.files.building import DAY, HEADER, described, fetched, read
from recon_assets_tests.sandbox.sockets import raw_server

RECORDS = f"{HEADER}\nt1,1.00,USD,completed,2025-09-30T00:00:00Z\n".encode()


@pytest.fixture
def bucket(moto_url: str, aws: pytest.MonkeyPatch) -> Iterator[Any]:
    aws.setenv("AWS_ENDPOINT_URL", moto_url)
    made = boto3.session.Session().resource("s3").create_bucket(Bucket="settlements")
    yield made
    made.objects.all().delete()
    made.delete()


def adapter_at(tmp_path: Path, folder: str = "s3://settlements/adyen", pattern: str = "{date}*") -> FilesAdapter:
    return FilesAdapter("adyen", Side.PROCESSOR, described(folder=folder, pattern=pattern), tmp_path)


def test_the_files_of_the_day_come_whole(bucket: Any, tmp_path: Path) -> None:
    long = RECORDS + b"".join(b"n%d,1.00,USD,completed,2025-09-30T00:00:00Z\n" % number for number in range(60_000))
    for key, body in {
        "adyen/2025-09-30.csv": long,
        "adyen/2025-09-30 b.csv": long,
        "adyen/2025-09-29.csv": RECORDS,
        "adyen/2025-09-30/below.csv": RECORDS,
        "adyen2/2025-09-30.csv": RECORDS,
    }.items():
        bucket.put_object(Key=key, Body=body)
    adapter = adapter_at(tmp_path)
    adapter.probe()
    got = read(tmp_path, adapter)
    assert (got.rows.num_rows, got.rejected, got.raw.problems) == (60_001, (), ())
    assert [(file.source, file.size_bytes) for file in got.raw.files] == [
        ("2025-09-30 b.csv", len(long)),
        ("2025-09-30.csv", len(long)),
    ]
    assert got.raw.facts == ("2025-09-30.csv has the same bytes as 2025-09-30 b.csv: used once",)
    assert adapter.source == "s3://settlements/adyen/{date}*"
    assert fetched(tmp_path, adapter).files == got.raw.files


def test_a_pattern_looks_into_folders_of_a_bucket_without_prefix(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Key="2025/0930/x/a.csv", Body=RECORDS)
    bucket.put_object(Key="2025/0930/a.csv", Body=RECORDS)
    adapter = adapter_at(tmp_path, "s3://settlements", "2025/{date:%m%d}/*/a*.csv")
    assert [file.source for file in fetched(tmp_path, adapter).files] == ["2025/0930/x/a.csv"]


def test_a_prefix_with_too_many_files_is_refused(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MAX_LISTED", 2)
    for number in range(3):
        bucket.put_object(Key=f"adyen/2025-09-30.{number}", Body=RECORDS)
    with pytest.raises(LimitExceeded, match="more than 2 files were listed"):
        fetched(tmp_path, adapter_at(tmp_path))


def test_a_listing_that_takes_too_long_is_refused(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MAX_LISTING_S", 0)
    with pytest.raises(LimitExceeded, match="not listed within 0 s"):
        fetched(tmp_path, adapter_at(tmp_path))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(
    aws: pytest.MonkeyPatch, httpserver: HTTPServer, tmp_path: Path, status: int
) -> None:
    with HTTPServer(host="127.0.0.1") as other:
        code = "<Error><Code>PermanentRedirect</Code><Endpoint>{}</Endpoint></Error>".format(other.url_for(""))
        headers = {"Location": other.url_for("/settlements"), "x-amz-bucket-region": "eu-west-1"}
        httpserver.expect_request("/settlements").respond_with_data(
            code, status=status, headers=headers, content_type="application/xml"
        )
        aws.setenv("AWS_ENDPOINT_URL", httpserver.url_for("").rstrip("/"))
        with pytest.raises(FeedRefused, match="S3 refused"):
            fetched(tmp_path, adapter_at(tmp_path))
        assert other.log == [] and httpserver.log


def test_what_is_compressed_is_kept_as_it_is_and_never_unpacked(bucket: Any, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    bucket.put_object(Key="adyen/2025-09-30.csv", Body=bomb, ContentEncoding="gzip")
    with RawFeedWriter(storage_root=tmp_path, folder="raw", day=DAY, side=Side.PROCESSOR, feed_kind="files") as into:
        adapter_at(tmp_path).fetch(DAY, into)
        (file,) = into.finish().files
    assert file.size_bytes == len(bomb)


def test_a_file_that_takes_too_long_is_refused(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MAX_COPY_S", 0)
    bucket.put_object(Key="adyen/2025-09-30.csv", Body=RECORDS)
    with pytest.raises(LimitExceeded, match="longer than 0 s"):
        fetched(tmp_path, adapter_at(tmp_path))


def test_a_file_whose_bytes_drip_is_left_when_its_time_is_up(
    aws: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_COPY_S", 0.5)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server([head, *[b"x"] * 200], pause_s=0.05) as url:
        aws.setenv("AWS_ENDPOINT_URL", url)
        with adapter_at(tmp_path).place.opened() as files, pytest.raises(LimitExceeded, match=r"longer than 0\.5 s"):
            list(files.chunks(PlacedFile("2025-09-30.csv", 1_000, '"etag"')))


def test_no_file_yet_is_incomplete(bucket: Any, tmp_path: Path) -> None:
    (problem,) = fetched(tmp_path, adapter_at(tmp_path)).problems
    assert problem == "no file for 2025-09-30 yet: looked for 2025-09-30* in s3://settlements/adyen"


def test_a_file_that_is_written_again_after_the_listing_is_not_read(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Key="adyen/2025-09-30.csv", Body=RECORDS)
    with adapter_at(tmp_path).place.opened() as files:
        (file,) = files.listing("2025-09-30*")
        bucket.put_object(Key="adyen/2025-09-30.csv", Body=RECORDS + b"more")
        with pytest.raises(StillBeingWritten):
            list(files.chunks(file))
        bucket.Object("adyen/2025-09-30.csv").delete()
        with pytest.raises(FeedUnavailable):
            list(files.chunks(file))


def test_a_bucket_that_is_not_there_is_refused(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(FeedRefused, match=r"no such bucket \(s3://nobodys/x\)"):
        adapter_at(tmp_path, "s3://nobodys/x").probe()


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (403, "AccessDenied", FeedRefused, "no right to this place"),
        (403, "InvalidAccessKeyId", FeedRefused, "does not take the AWS credentials"),
        (403, "SignatureDoesNotMatch", FeedRefused, "does not take the AWS credentials"),
        (400, "IllegalLocationConstraintException", FeedRefused, "S3 refused"),
        (400, f"{SECRET} {KEY_ID}", FeedRefused, "no code"),
        (503, "SlowDown", FeedUnavailable, "SlowDown"),
    ],
)
def test_what_s3_answers_is_told_by_its_code_and_never_by_its_text(  # noqa: PLR0917
    aws: pytest.MonkeyPatch, httpserver: HTTPServer, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    status: int, code: str, error: type[Exception], says: str,
) -> None:  # fmt: skip
    body = f"<Error><Code>{code}</Code><Message>{KEY_ID} {SECRET}</Message></Error>"
    httpserver.expect_request("/settlements").respond_with_data(body, status=status, content_type="application/xml")
    aws.setenv("AWS_ENDPOINT_URL", httpserver.url_for("").rstrip("/"))
    caplog.set_level(logging.WARNING)
    with pytest.raises(error, match=says) as refused:
        fetched(tmp_path, adapter_at(tmp_path))
    told = f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"
    assert SECRET not in told and KEY_ID not in told
    assert refused.value.__suppress_context__


def test_a_store_that_is_not_there_is_tried_again_later(
    aws: pytest.MonkeyPatch, tmp_path: Path, unused_port: int
) -> None:
    aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(FeedUnavailable, match="did not answer to the end"):
        adapter_at(tmp_path).probe()


def test_no_credentials_and_wrong_settings_are_told(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL"):
        adapter_at(tmp_path).probe()
    aws.delenv("AWS_ENDPOINT_URL")
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(FeedRefused, match="no AWS credentials"):
        adapter_at(tmp_path).probe()
