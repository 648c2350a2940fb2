"""Traces: what a collector receives of a day, that one which is down costs nothing, and that off is off."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.observability import traces
from recon_assets.reports.dagster_pages import STAGES
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, ROW, Deployment, with_configuration

DAY = "2025-09-30"
SERVICE = {"service.name", "service.version", "service.instance.id"}
"""The last is a random one of each process."""


@pytest.fixture(autouse=True)
def off_afterwards() -> Iterator[None]:
    yield
    traces.install(None)


@pytest.fixture
def collector(httpserver: HTTPServer) -> tuple[str, list[Span]]:
    """Its address, and the spans that came, with what says whose they are."""
    came: list[Span] = []

    def take(request: Request) -> Response:
        assert request.content_type == "application/x-protobuf"
        for resource in ExportTraceServiceRequest.FromString(request.get_data()).resource_spans:
            named = {found.key: found.value.string_value for found in resource.resource.attributes}
            assert named["service.name"] == "recon"
            assert {name for name in named if not name.startswith("telemetry.sdk.")} <= SERVICE, "no host, no user"
            came.extend(span for scope in resource.scope_spans for span in scope.spans)
        return Response(status=200)

    httpserver.expect_request("/v1/traces", method="POST").respond_with_handler(take)
    return httpserver.url_for("").rstrip("/"), came


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Deployment:
    return with_configuration(settings, tmp_path).files_processor(
        "good", processor=f"{HEADER}\n{ROW}\n", ledger=f"{HEADER}\n{ROW}\n"
    )


def attributes(span: Span) -> dict[str, str]:
    return {found.key: found.value.string_value for found in span.attributes}


def test_a_run_is_one_trace_with_a_span_for_each_stage_below_that_of_the_run(deployment, collector) -> None:
    address, came = collector
    done = deployment.call("run", "--processors", "good", "--date", DAY, OTEL_EXPORTER_OTLP_ENDPOINT=address)
    traces.install(None)

    assert done.returncode == 0, done.stderr
    run_id = deployment.newest("good").dagster_run_id
    (root,) = [span for span in came if not span.parent_span_id]
    stages = sorted((span for span in came if span.parent_span_id), key=lambda span: span.start_time_unix_nano)
    assert root.name == "reconcile good"
    assert sorted(span.name for span in stages) == sorted(STAGES)
    assert {span.parent_span_id for span in stages} == {root.span_id}
    assert {span.trace_id for span in came} == {UUID(run_id).bytes}
    assert root.start_time_unix_nano <= stages[0].start_time_unix_nano
    assert root.end_time_unix_nano >= stages[-1].end_time_unix_nano
    common = {"recon.run_id": run_id, "recon.processor": "good", "recon.business_date": DAY}
    assert attributes(root) == common
    for span in stages:
        assert attributes(span) == common | {"recon.stage": span.name}
    assert not [span for span in came if span.events or span.status.code == Status.STATUS_CODE_ERROR]


def test_a_run_that_fails_tells_the_type_of_the_error_and_none_of_its_words(settings, tmp_path, collector) -> None:
    address, came = collector
    deployment = with_configuration(settings, tmp_path).files_processor(
        "good", processor=f"{HEADER.replace('amount', 'Jane Doe')}\n{ROW}\n", ledger=f"{HEADER}\n{ROW}\n"
    )
    done = deployment.call("run", "--processors", "good", "--date", DAY, OTEL_EXPORTER_OTLP_ENDPOINT=address)
    traces.install(None)

    assert done.returncode == 1
    failed = [span for span in came if span.status.code == Status.STATUS_CODE_ERROR]
    assert "reconcile good" in {span.name for span in failed}
    assert {attributes(span)["error.type"] for span in failed} == {"FeedNotUnderstood"}
    assert not [span for span in came if span.events or span.status.message]
    assert len([span for span in came if not span.parent_span_id]) == 1


def test_a_collector_that_is_down_costs_no_day_and_is_told_once(deployment, unused_port: int, caplog) -> None:
    done = deployment.call(
        "run", "--processors", "good", "--date", DAY, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{unused_port}"
    )
    traces.install(None)

    assert done.returncode == 0, done.stderr
    assert str(unused_port) not in done.stdout + done.stderr
    said = [message for message in caplog.messages if "collector" in message]
    assert len(said) <= 1


def test_a_process_that_ends_does_not_wait_until_the_last_spans_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, ended = threading.Event(), threading.Event()

    class SendsForLong(SpanProcessor):
        def shutdown(self) -> None:
            may_end.wait(60)
            ended.set()

    monkeypatch.setattr(traces, "LAST_SPANS_S", 0.05)
    provider = TracerProvider()
    provider.add_span_processor(SendsForLong())
    traces._send_the_last(provider)

    assert not ended.is_set(), "it was waited for"
    may_end.set()
    assert ended.wait(60)


def test_a_collector_that_refuses_is_told_in_one_line(httpserver: HTTPServer, caplog) -> None:
    httpserver.expect_request("/v1/traces").respond_with_data("no", status=400)
    traces.install(httpserver.url_for("").rstrip("/"))
    with traces.stage_span(run_id="r", processor="good", business_date=DAY, stage="report"):
        pass
    traces.install(None)

    assert [record.getMessage() for record in caplog.records if record.name == traces.__name__] == [
        "the collector did not take 1 spans, which are lost; runs go on"
    ]


def test_off_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys; from recon_assets.observability import traces; traces.install(None)\n"
        "with traces.stage_span(run_id='r', processor='p', business_date='d', stage='s'): pass\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_address_may_hold_a_login_and_is_not_shown() -> None:
    settings = Settings(_env_file=None, OTEL_EXPORTER_OTLP_ENDPOINT="https://user:s3cret@collector.example")
    assert "s3cret" not in repr(settings)
