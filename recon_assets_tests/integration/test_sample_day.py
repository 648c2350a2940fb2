"""The sample day, exactly: the figures in the record, in both reports, in the archive and in Dagster's events."""

import csv
import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.cli.dagster_runs import Runner
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.figures_in_files import figures_in_html, figures_in_xlsx
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment

MISSING = [
    ("TXN_STRIPE_20250930_0026", Decimal("0.99")),
    ("TXN_STRIPE_20250930_0027", Decimal("6.99")),
    ("TXN_STRIPE_20250930_0028", Decimal("5.49")),
    ("TXN_STRIPE_20250930_0029", Decimal("3.99")),
    ("TXN_STRIPE_20250930_0030", Decimal("2.49")),
]


@pytest.fixture
def sample(settings: Settings) -> Deployment:
    return Deployment(settings)


def report_file(settings: Settings, suffix: str) -> Path:
    return settings.reports_dir / "stripe_2025-09-30" / f"reconciliation_report_stripe_2025-09-30.{suffix}"


def test_the_record_the_reports_and_the_archive_say_the_same_to_the_cent(sample: Deployment) -> None:
    run = sample.run("stripe")

    assert (run.status, run.verdict, run.is_current) == ("completed", Verdict.DISCREPANCIES, True)
    assert (run.processor_transactions, run.ledger_entries, run.matched, run.missing_count) == (30, 25, 25, 5)
    assert (run.volume, run.discrepancy_amount, run.currency) == (Decimal("6577.50"), Decimal("19.95"), "USD")
    assert (run.discrepancy_rate, run.value_at_risk_rate) == (Decimal("0.1667"), Decimal("0.0030"))
    assert (
        sample.query(
            "SELECT transaction_id, amount FROM missing_transactions WHERE merchant_id = 'GROCERIES' ORDER BY 1"
        )
        == MISSING
    )

    report = json.loads(report_file(sample.settings, "json").read_text(), parse_float=Decimal)
    summary, impact = report["reconciliation_summary"], report["financial_impact"]
    assert summary["processor_transactions"] == 30
    assert summary["internal_transactions"] == 25
    assert str(summary["total_volume_processed"]) == "6577.50"
    assert str(summary["total_discrepancy_amount"]) == "19.95"
    assert summary["proof"]["USD"]["residual"] == 0
    assert [(row["transaction_id"], row["amount"]) for row in report["missing_transactions"]] == MISSING
    assert (impact["discrepancy_rate"], impact["risk_level"], impact["compliance_status"]) == (
        Decimal("0.1667"),
        "LOW",
        "COMPLIANT",
    )
    with report_file(sample.settings, "csv").open(newline="") as lines:
        assert [(row["transaction_id"], Decimal(row["amount"])) for row in csv.DictReader(lines)] == MISSING

    in_page = figures_in_html(report_file(sample.settings, "html").read_text(encoding="utf-8"))
    in_workbook = figures_in_xlsx(report_file(sample.settings, "xlsx"))
    assert (in_page.verdict, in_page.count_by_class) == ("discrepancies", {"missing_in_ledger": 5})
    assert in_page == in_workbook
    assert in_page.signed == {"USD": Decimal("19.95")}

    (manifest,) = (sample.settings.data_dir / "archive" / "reports" / "2025-09-30" / "stripe").glob("*/manifest.json")
    archived = json.loads(manifest.read_text())
    assert archived["statement"]["run_id"] == str(run.id)
    assert archived["statement"]["audit_head"]["seal_no"] >= 1
    page = next((manifest.parent / "report").glob("*.html"))
    links = re.findall(r'href="(\.\./raw_[^"]+)"', page.read_text(encoding="utf-8"))
    assert len(links) == 5
    assert all((page.parent / unquote(link)).is_file() for link in links), "the raw records lie beside it"
    assert len(list(page.parent.iterdir())) == 4
    beside = report_file(sample.settings, "html").with_name("raw_files_stripe_2025-09-30.html")
    assert beside.name in page.read_text(encoding="utf-8")
    listed = re.findall(r'href="([^"]+)">page-00001.json.*?<code>([0-9a-f]{64})<', beside.read_text(encoding="utf-8"))
    assert len(listed) == 2
    for link, sha256 in listed:
        assert hashlib.sha256((beside.parent / unquote(link)).read_bytes()).hexdigest() == sha256
    for file in archived["files"]:
        assert hashlib.sha256((manifest.parent / file["path"]).read_bytes()).hexdigest() == file["sha256"]


def test_squares_day_comes_through_its_own_api_with_the_merchants_of_the_ledger(sample: Deployment) -> None:
    run = sample.run("square")

    assert (run.status, run.verdict, run.incomplete_reasons) == ("completed", Verdict.DISCREPANCIES, ())
    assert (run.processor_transactions, run.ledger_entries, run.matched, run.missing_count) == (30, 28, 28, 2)
    assert (run.volume, run.discrepancy_amount, run.currency) == (Decimal("6577.50"), Decimal("6.48"), "USD")
    assert sample.query(
        "SELECT transaction_id, amount, merchant_id, reference_number FROM missing_transactions ORDER BY 1"
    ) == [
        ("TXN_SQUARE_20250930_0029", Decimal("3.99"), "GROCERIES", "GRO-BRD-JUI-029"),
        ("TXN_SQUARE_20250930_0030", Decimal("2.49"), "GROCERIES", "GRO-BRD-KIW-030"),
    ]


def test_a_second_run_finds_the_same_answer_and_no_row_is_there_twice(sample: Deployment) -> None:
    first, second = sample.run("stripe"), sample.run("stripe")

    assert (first.version, second.id, second.verdict) == (1, first.id, first.verdict)
    attempts = sample.query("SELECT version, status, is_current FROM reconciliation_runs ORDER BY version")
    assert attempts == [(1, "completed", True), (2, "unchanged", False)]
    assert sample.query("SELECT transaction_id, amount FROM missing_transactions ORDER BY 1") == MISSING


def test_every_check_is_recorded_for_its_partition_in_dagster_and_in_the_record(sample: Deployment) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        finished = Runner(sample.settings, instance).run("stripe", SAMPLE_DAY)
        events = instance.all_logs(finished.dagster_run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [event.dagster_event.asset_check_evaluation_data for event in events]

    recorded = sample.query("SELECT asset_key, check_name, passed FROM data_quality_checks WHERE run_id IS NOT NULL")
    assert finished.success
    assert {evaluation.partition for evaluation in evaluations} == {"2025-09-30"}
    assert {(e.asset_key.to_user_string(), e.check_name, e.passed) for e in evaluations} == set(recorded)
    assert len(recorded) == len(evaluations) == 14


def test_the_day_with_every_class_names_each_once_and_its_proof_closes_in_both_currencies(sample: Deployment) -> None:
    run = sample.run("stripe", date(2025, 9, 29))

    assert len(run.count_by_class) == 7
    assert set(run.count_by_class.values()) == {1}
    assert {proof.currency: proof.residual_minor for proof in run.proofs} == {"EUR": 0, "USD": 0}
    assert (run.currency, run.discrepancy_amount) == (None, None), "currencies are never added"


def test_an_incomplete_day_fails_its_run_is_reported_and_shows_nothing_as_missing(sample: Deployment) -> None:
    day = date(2025, 9, 28)
    with dg.DagsterInstance.ephemeral() as instance:
        finished = Runner(sample.settings, instance).run("stripe", day)
    run = sample.newest("stripe", day)

    assert not finished.success
    assert (run.verdict, run.incomplete_reasons) == (
        Verdict.INCOMPLETE,
        ("the ledger feed is empty, the other is not",),
    )
    (cause,) = run.causes
    assert cause.sentence == "the ledger feed has no records: all 30 of the processor stand alone"
    assert cause.amounts == {"USD": 657_750}
    assert sample.query("SELECT count(*) FROM missing_transactions") == [(0,)]
    report = json.loads(
        (sample.settings.reports_dir / "stripe_2025-09-28/reconciliation_report_stripe_2025-09-28.json").read_text()
    )
    assert report["reconciliation_summary"]["verdict"] == "incomplete"
    assert report["financial_impact"]["compliance_status"] == "NEEDS_REVIEW"
    assert [found["kind"] for found in report["likely_causes"]] == ["whole_feed_missing"]
    assert report["missing_transactions"] == []


def run_report_alone(deployment: Deployment) -> dg.ExecuteInProcessResult:
    job = build_definitions(deployment.settings).resolve_job_def("reconcile_stripe")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance,
            partition_key=SAMPLE_DAY.isoformat(),
            asset_selection=[dg.AssetKey(["stripe", "report"])],
            raise_on_error=False,
        )


def test_a_report_made_alone_is_of_the_answer_that_stands(sample: Deployment) -> None:
    run = sample.run("stripe")
    report_file(sample.settings, "json").unlink()

    assert run_report_alone(sample).success
    report = json.loads(report_file(sample.settings, "json").read_text())
    assert report["report_metadata"]["run_id"] == str(run.id)


def test_a_report_of_a_day_without_an_answer_is_refused_and_says_what_to_do_first(sample: Deployment) -> None:
    assert not run_report_alone(sample).success

    failed = sample.newest("stripe")
    assert (failed.status, failed.failed_stage) == ("failed", "report")
    assert "Materialise stripe/discrepancies for 2025-09-30 first" in (failed.failure_reason or "")
    assert not report_file(sample.settings, "json").exists()


def test_every_discrepancy_leads_back_to_the_raw_record(sample: Deployment) -> None:
    sample.run("stripe")

    ((raw_file, number),) = sample.query(
        "SELECT processor_raw_file, processor_record_number FROM discrepancies"
        " WHERE transaction_id = 'TXN_STRIPE_20250930_0026'"
    )
    (page,) = (sample.settings.storage_root / "stripe" / "2025-09-30").glob(f"*/raw_processor_feed/{raw_file}")
    record = json.loads(page.read_bytes())["data"][number - 1]
    assert (record["source"]["id"], record["amount"]) == ("TXN_STRIPE_20250930_0026", 99)
