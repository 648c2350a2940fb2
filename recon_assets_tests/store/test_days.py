"""What is known of the days around one."""

from datetime import timedelta
from pathlib import Path

import pytest

from recon_assets.store.days import (
    OPEN_RECORDS,
    OPEN_RECORDS_SHA256,
    OpenFile,
    concluded_evidence,
    newest_concluded_date,
    open_files_between,
)
from recon_assets.store.publication import PublishedRun
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY, conclusion, publish

NEXT = DAY + timedelta(days=1)
EVIDENCE = {OPEN_RECORDS: "stripe/1/open_records.parquet", OPEN_RECORDS_SHA256: "5" * 64, "transactions": "t.parquet"}


@pytest.fixture
def publish_day(connection: TenantConnection, tmp_path: Path):
    def publish_it(day, *, evidence=None, reasons=(), processor="stripe", key="") -> PublishedRun:
        answer = conclusion([], day=day, reasons=reasons, processor=processor)
        key = f"{processor} {day} {key}"
        return publish(connection, tmp_path, key=key, rows=[], answer=answer, evidence=evidence, inputs="same")

    return publish_it


def test_a_processor_without_an_answer_has_no_days(connection) -> None:
    assert newest_concluded_date(connection, "stripe") is None
    assert open_files_between(connection, "stripe", DAY, NEXT) == []
    assert concluded_evidence(connection, "stripe", DAY) == {}


def test_a_current_concluded_answer_names_its_files(connection, publish_day) -> None:
    publish_day(NEXT, evidence=EVIDENCE)
    publish_day(DAY, evidence=EVIDENCE, key="superseded", reasons=("short",))
    run = publish_day(DAY, evidence=EVIDENCE | {OPEN_RECORDS: "other"})
    publish_day(DAY, evidence=EVIDENCE, processor="paypal")
    first, second = open_files_between(connection, "stripe", DAY, NEXT)
    assert first == OpenFile(run.run_id, DAY, "other", "5" * 64)
    assert (second.business_date, second.path) == (NEXT, "stripe/1/open_records.parquet")
    assert open_files_between(connection, "stripe", DAY, DAY) == [first]
    assert concluded_evidence(connection, "stripe", NEXT) == EVIDENCE
    assert newest_concluded_date(connection, "stripe") == NEXT


def test_an_answer_found_again_keeps_the_evidence_that_it_was_given_with(connection, publish_day) -> None:
    publish_day(DAY, evidence=EVIDENCE)
    assert publish_day(DAY, evidence=EVIDENCE | {OPEN_RECORDS: "a copy"}, key="again").unchanged
    assert concluded_evidence(connection, "stripe", DAY) == EVIDENCE


def test_an_incomplete_day_and_an_answer_of_an_earlier_version_have_no_open_records(connection, publish_day) -> None:
    publish_day(DAY)
    publish_day(NEXT, evidence=EVIDENCE)
    publish_day(NEXT, evidence=EVIDENCE, reasons=("it came short",), key="short")
    assert open_files_between(connection, "stripe", DAY, NEXT) == []
    assert newest_concluded_date(connection, "stripe") == DAY
    assert concluded_evidence(connection, "stripe", NEXT) == {}
