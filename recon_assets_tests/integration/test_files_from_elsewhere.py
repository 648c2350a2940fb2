"""A processor whose files lie on S3 and whose ledger's files come by SFTP, by the commands and the real sensor."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.settings import Settings
from recon_assets_tests.aws_server import KEY_ID, SECRET, UNSET, aws_environment, moto_server
from recon_assets_tests.feeds.files.sftp_server import PASSWORD, USER, SftpServer
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment, with_configuration

CONFIGURATION = """
name: shop
title: Shop
owner: team:tests
start_date: 2025-09-01
feed:
  kind: files
  folder: s3://settlements/shop
  pattern: "{{date:%Y/%m}}/{{date:%Y%m%d}}*.csv"
  format: csv
  csv: {{delimiter: ";"}}
  columns: {{transaction_id: Id, amount: Brutto, fee: Gebuehr, currency: Waehrung, status: Status, occurred_at: Zeit}}
  amounts: {{decimal_mark: ",", thousands_mark: "."}}
  statuses: {{ausgezahlt: completed}}
  footer: {{column: Id, words: [Summe], totals: {{count: Brutto}}}}
  late_files: {{settle_minutes: 0}}
ledger:
  kind: files
  folder: sftp://127.0.0.1:{port}/export
  sftp: {{user_env: SHOP_SFTP_USER, password_env: SHOP_SFTP_PASSWORD, known_hosts: "{known_hosts}"}}
  pattern: "ledger-{{date}}.jsonl"
  format: json_lines
  columns: {{transaction_id: id, amount: minor, currency: currency, status: state, occurred_at: at}}
  amounts: {{unit: minor}}
  statuses: {{posted: completed}}
  late_files: {{settle_minutes: 0}}
"""
HEADER = "Id;Brutto;Gebuehr;Waehrung;Status;Zeit"
MORNING = ["a;1.234,56;0,40;USD;ausgezahlt", "b;0,99;;USD;ausgezahlt", "c;500;15;JPY;ausgezahlt"]
EVENING = ["d;-20,01;0;USD;ausgezahlt", "e;1,234;0,010;KWD;ausgezahlt", "f;7,00;0,1;USD;ausgezahlt"]
ENTRIES = [("a", 123456, "USD"), ("c", 500, "JPY"), ("d", -2001, "USD"), ("e", 1233, "KWD"), ("g", 300, "USD")]
"""Of the six movements: b and f are missing, e is off by a thousandth of a dinar, and g is nobody's."""


@dataclass(frozen=True)
class Elsewhere:
    """The two places, and a deployment that reads from them."""

    deployment: Deployment
    bucket: Any
    export: Path

    def put_processor(self, name: str, rows: list[str], day: date = SAMPLE_DAY) -> None:
        lines = [HEADER, *(f"{row};{day}T10:00:00Z" for row in rows), f"Summe;{len(rows)};;;;"]
        self.bucket.put_object(Key=f"shop/{day:%Y/%m/%Y%m%d}{name}.csv", Body="\n".join(lines).encode())

    def put_ledger(self, entries: list[tuple[str, int, str]], day: date = SAMPLE_DAY) -> None:
        lines = [
            json.dumps({"id": id_, "minor": minor, "currency": currency, "state": "posted", "at": f"{day}T11:00:00Z"})
            for id_, minor, currency in entries
        ]
        (self.export / f"ledger-{day}.jsonl").write_text("\n".join(lines))


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    export = tmp_path / "served" / "export"
    export.mkdir(parents=True)
    known_hosts = tmp_path / "known_hosts"
    with moto_server() as url, SftpServer(tmp_path / "served").running() as server:
        known_hosts.write_text(server.known_host)
        for name in UNSET:
            monkeypatch.delenv(name, raising=False)
        own = {"AWS_ENDPOINT_URL": url, "SHOP_SFTP_USER": USER, "SHOP_SFTP_PASSWORD": PASSWORD}
        for name, value in (aws_environment(tmp_path) | own).items():
            monkeypatch.setenv(name, value)
        deployment = with_configuration(settings, tmp_path)
        folder = deployment.settings.config_dir / "processors"
        folder.mkdir(parents=True)
        (folder / "shop.yaml").write_text(CONFIGURATION.format(port=server.port, known_hosts=known_hosts))
        bucket = boto3.session.Session().resource("s3").create_bucket(Bucket="settlements")
        yield Elsewhere(deployment, bucket, export)


def test_a_day_of_files_on_s3_and_by_sftp_is_reconciled_to_the_last_minor_unit(elsewhere: Elsewhere) -> None:
    elsewhere.put_processor("-1", MORNING)
    elsewhere.put_processor("-2", EVENING)
    elsewhere.put_processor("-2 again", EVENING)
    elsewhere.put_processor("", ["z;1,00;0;USD;ausgezahlt"], SAMPLE_DAY + timedelta(days=1))
    elsewhere.put_ledger(ENTRIES)
    deployment = elsewhere.deployment

    finished = deployment.call("run", "--processors", "shop", "--date", SAMPLE_DAY.isoformat())
    examined = deployment.call("doctor")

    told = finished.stdout + finished.stderr + examined.stdout + examined.stderr
    assert (finished.returncode, examined.returncode) == (0, 0), told
    assert PASSWORD not in told and SECRET not in told and KEY_ID not in told
    run = deployment.newest("shop")
    assert (run.status, run.verdict, run.processor_transactions, run.ledger_entries, run.matched) == (
        ("completed", "discrepancies", 6, 5, 3)
    )
    assert {proof.currency: (proof.processor_total_minor, proof.ledger_total_minor) for proof in run.proofs} == {
        "USD": (123456 + 99 - 2001 + 700, 123456 - 2001 + 300),
        "JPY": (500, 500),
        "KWD": (1234, 1233),
    }
    assert {proof.residual_minor for proof in run.proofs} == {0}
    found = deployment.query("SELECT class, transaction_id, currency FROM discrepancies ORDER BY transaction_id")
    assert found == [
        ("missing_in_ledger", "b", "USD"),
        ("amount_mismatch", "e", "KWD"),
        ("missing_in_ledger", "f", "USD"),
        ("missing_at_processor", "g", "USD"),
    ]
    (raw,) = deployment.settings.storage_root.glob("shop/2025-09-30/latest/raw_processor_feed.json")
    document = json.loads(raw.read_text())
    assert len(document["files"]) == 3 and all(file["version"] for file in document["files"])
    assert "used once" in document["facts"][0]


@pytest.mark.parametrize("side", ["processor", "ledger"])
def test_a_day_without_one_sides_file_is_incomplete_until_it_comes_and_the_sensor_asks(
    elsewhere: Elsewhere, side: str
) -> None:
    day = datetime.now(UTC).date() - timedelta(days=2)
    deployment = elsewhere.deployment
    entries = [("a", 123456, "USD"), ("b", 99, "USD"), ("c", 500, "JPY")]
    puts = {
        "processor": lambda: elsewhere.put_processor("", MORNING, day),
        "ledger": lambda: elsewhere.put_ledger(entries, day),
    }
    for name, put in puts.items():
        if name != side:
            put()
    before = deployment.run("shop", day)
    assert before.verdict == "incomplete"
    assert any("yet: looked for" in reason for reason in before.incomplete_reasons)

    with dg.DagsterInstance.ephemeral() as instance:
        assert asked_for(deployment, instance) == []
        puts[side]()
        (request,) = asked_for(deployment, instance)
        assert request.partition_key == day.isoformat()
        after = deployment.run("shop", date.fromisoformat(request.partition_key), instance)
        assert (after.verdict, after.matched, after.version) == ("reconciled", 3, before.version + 1)
        assert asked_for(deployment, instance) == []


def asked_for(deployment: Deployment, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    definitions = build_definitions(deployment.settings)
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, resources=definitions.resources
    ) as context:
        data = definitions.resolve_sensor_def("reconcile_shop_late_files").evaluate_tick(context)
    assert data.run_requests or data.skip_message == "No file came late."
    return list(data.run_requests or ())
