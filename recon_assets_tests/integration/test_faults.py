"""What goes wrong with feeds, each with a named outcome that a person understands, and never green."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from recon_assets.domain.verdict import Verdict
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, ROW, Deployment, with_configuration

GOOD = f"{HEADER}\n{ROW}\n"


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Deployment:
    return with_configuration(settings, tmp_path, http_attempts=1)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def test_a_wrong_address_fails_the_run_and_says_which(deployment: Deployment, closed_port: int) -> None:
    run = deployment.http_processor("stripe", processor_url=f"http://127.0.0.1:{closed_port}").run("stripe")

    assert (run.status, run.failed_stage, run.verdict) == ("failed", "raw_processor_feed", None)
    assert f"127.0.0.1:{closed_port}" in (run.failure_reason or "")


def test_a_feed_that_answers_with_html_is_told_apart_from_one_that_is_down(
    deployment: Deployment, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/products").respond_with_data("<html>Log in</html>", content_type="text/html")

    run = deployment.http_processor("stripe", processor_url=httpserver.url_for("")).run("stripe")

    assert (run.status, run.failed_stage) == ("failed", "raw_processor_feed")
    assert "HTML" in (run.failure_reason or "")
    assert "Log in" not in (run.failure_reason or "")


@pytest.mark.parametrize(
    ("processor", "ledger", "reason"),
    [
        (GOOD, f"{HEADER}\n", "the ledger feed is empty"),
        (f"{HEADER}\n", GOOD, "the processor feed is empty"),
        (GOOD, "", "2025-09-30.csv is empty, not even a header"),
        (GOOD, None, "ledger feed: no file for 2025-09-30"),
        (f"{HEADER}\n", f"{HEADER}\n", "both feeds are empty"),
        (
            f"{HEADER}\na,12.345,USD,completed,2025-09-30T10:00:00Z\n{ROW}\n",
            GOOD,
            "1 processor record(s) were rejected: more than 2 decimal places (1)",
        ),
    ],
    ids=["empty ledger", "empty processor", "0 bytes", "no file", "both empty", "12.345 USD"],
)
def test_what_did_not_come_whole_is_incomplete_and_says_why(
    deployment: Deployment, processor: str, ledger: str | None, reason: str
) -> None:
    run = deployment.files_processor("acme", processor=processor, ledger=ledger).run("acme")

    assert run.verdict is Verdict.INCOMPLETE
    assert reason in "; ".join(run.incomplete_reasons)
    assert deployment.query("SELECT count(*) FROM missing_transactions") == [(0,)]


def test_a_rejected_row_is_kept_with_its_reason_and_counted_by_the_check(deployment: Deployment) -> None:
    deployment.files_processor("acme", processor=f"{HEADER}\n{ROW.replace('12.34', '12.345')}\n", ledger=GOOD).run(
        "acme"
    )

    ((passed, rules),) = deployment.query(
        "SELECT passed, failed_rules FROM data_quality_checks"
        " WHERE check_name = 'every_record_was_read' AND asset_key = 'acme/transactions'"
    )
    assert not passed
    assert list(rules.values()) == [1]
    assert "12.345" not in str(rules)
    assert list(deployment.settings.storage_root.glob("acme/2025-09-30/*/transactions/rejected.parquet"))


def test_a_csv_without_a_column_names_the_column_the_file_and_the_key_to_change(deployment: Deployment) -> None:
    without = "id,currency,status,created\na,USD,completed,2025-09-30T10:00:00Z\n"

    run = deployment.files_processor("acme", processor=without, ledger=GOOD).run("acme")

    assert (run.status, run.failed_stage) == ("failed", "transactions")
    assert "amount" in (run.failure_reason or "")
    assert "2025-09-30.csv" in (run.failure_reason or "")


def test_a_failed_attempt_does_not_touch_the_answer_that_stands_but_is_shown_as_the_latest(
    deployment: Deployment,
) -> None:
    deployment.files_processor("acme", processor=GOOD, ledger=GOOD)
    proven = deployment.run("acme")
    deployment.files_processor("acme", processor="id,currency\n", ledger=GOOD)

    failed = deployment.run("acme")

    assert (proven.verdict, failed.status) == (Verdict.RECONCILED, "failed")
    assert deployment.query("SELECT version, verdict FROM reconciliation_runs WHERE is_current") == [(1, "reconciled")]
    ((status,),) = deployment.query("SELECT status FROM v_recent_reconciliations WHERE processor_name = 'acme' LIMIT 1")
    assert status == "failed"


def test_two_feeds_that_say_that_nothing_happened_are_reconciled(
    deployment: Deployment, httpserver: HTTPServer
) -> None:
    for path, field in (("/products", "products"), ("/transactions", "transactions")):
        httpserver.expect_request(path).respond_with_json({field: [], "total": 0, "skip": 0, "limit": 100})
    url = httpserver.url_for("")

    run = deployment.http_processor("stripe", processor_url=url, ledger_url=url).run("stripe")

    assert run.verdict is Verdict.RECONCILED


def test_a_failing_processor_does_not_stop_the_others_and_the_command_says_so(
    deployment: Deployment, closed_port: int
) -> None:
    deployment.http_processor("broken", processor_url=f"http://127.0.0.1:{closed_port}")
    deployment.files_processor("good", processor=GOOD, ledger=GOOD)

    finished = deployment.call("run", "--processors", "broken", "good", "--date", "2025-09-30")

    assert finished.returncode == 1, finished.stderr
    assert "failed" in finished.stdout
    assert "reconciled" in finished.stdout
    assert f"127.0.0.1:{closed_port}" in finished.stdout
    assert deployment.newest("good").verdict is Verdict.RECONCILED
