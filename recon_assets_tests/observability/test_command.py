"""`recon metrics` as a terminal and as Prometheus call it."""

import json
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.cli.options import yesterday
from recon_assets.store.database import Database
from recon_assets_tests.cli.commands import recon_on
from recon_assets_tests.integration.deployments import Deployment
from recon_assets_tests.observability.test_metrics import of, parsed
from recon_assets_tests.store.builders import conclusion, missing, publish


@pytest.fixture
def call(settings, database: Database):
    """`recon` on the test's database."""
    return recon_on(settings)


def test_once_prints_every_configured_processor(call, connection, tmp_path: Path) -> None:
    rows = [missing("a", 399)]
    publish(connection, tmp_path, key="a", rows=rows, answer=conclusion(rows, day=yesterday()))
    printed = call("metrics", "--once")
    assert printed.exit_code == 0, printed.err
    found = parsed(printed.out)
    assert of(found, "recon_money_at_stake_minor_units", processor="stripe", currency="USD") == 399
    for processor, is_proven in (("stripe", 1), ("paypal", 0), ("square", 0)):
        assert of(found, "recon_latest_day_verdict", processor=processor, verdict="none") == 1 - is_proven


def test_it_is_pushed_to_a_gateway(call, httpserver: HTTPServer) -> None:
    bodies: list[str] = []

    def keep(request: Request) -> Response:
        bodies.append(request.get_data(as_text=True))
        return Response(status=200)

    httpserver.expect_request("/metrics/job/recon", method="PUT").respond_with_handler(keep)
    pushed = call("metrics", "--push", httpserver.url_for("").rstrip("/"))
    assert pushed.exit_code == 0, pushed.err
    assert of(parsed(bodies[0]), "recon_record_reachable") == 1


def test_a_gateway_that_does_not_answer_or_refuses_is_said(call, unused_port: int, httpserver: HTTPServer) -> None:
    for url in (f"http://127.0.0.1:{unused_port}", httpserver.url_for("").rstrip("/"), "nonsense://"):
        refused = call("metrics", "--push", url)
        assert refused.exit_code == 1
        assert "the figures could not be pushed" in refused.err
        assert "Check that the URL is that of a Pushgateway" in refused.err


def test_once_without_a_database_fails_and_prints_nothing(call, unused_port: int) -> None:
    refused = call("metrics", "--once", DB_HOST="127.0.0.1", DB_PORT=str(unused_port))
    assert (refused.exit_code, refused.out) == (1, "")


def test_printing_and_pushing_at_once_is_wrong_usage(call) -> None:
    refused = call("metrics", "--once", "--push", "http://gateway")
    assert refused.exit_code == 2
    assert "give one of them" in refused.err


def test_a_port_in_use_is_said_with_the_remedy(call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = call("metrics", "--port", str(taken.getsockname()[1]))
    assert refused.exit_code == 2
    assert "can't listen: Address already in use" in refused.err
    assert "--port" in refused.err


def test_it_serves_on_loopback_until_it_is_stopped(settings, connection, unused_port: int, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    deployment = Deployment(settings)
    command = deployment.command("metrics", "--port", str(unused_port))
    with subprocess.Popen(command, env=deployment.environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline())
            assert url is not None
            for _ in range(2):
                with urllib.request.urlopen(url.group(), timeout=30) as answer:
                    assert of(parsed(answer.read().decode()), "recon_record_reachable") == 1
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_what_a_verification_found_is_told(call, superuser, connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    assert call("audit", "verify").exit_code == 0
    assert of(parsed(call("metrics", "--once").out), "recon_component_state", component="audit", state="healthy") == 1
    superuser.execute("ALTER TABLE reconciliation_proofs DISABLE TRIGGER ALL")
    superuser.execute("UPDATE reconciliation_proofs SET ledger_total_minor = ledger_total_minor + 7")
    assert call("audit", "verify").exit_code == 1
    assert of(parsed(call("metrics", "--once").out), "recon_component_state", component="audit", state="down") == 1


def test_a_run_tells_its_stages_in_json(own_server_settings) -> None:
    deployment = Deployment(own_server_settings)
    done = deployment.recon("run", "--processors", "stripe", "--date", "2025-09-30", RECON_LOG_FORMAT="json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    begun, ended = (
        [line["stage"] for line in lines if line["event"] == f"the stage {what}"] for what in ("begins", "ended")
    )
    assert begun == ended
    assert {"raw_processor_feed", "discrepancies", "archive"} <= set(begun)
    assert {line["processor"] for line in lines} == {"stripe"}
    assert {line["business_date"] for line in lines} == {"2025-09-30"}
    assert len({line["run_id"] for line in lines}) == 1
