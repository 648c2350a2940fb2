"""OpenTelemetry traces, where a collector is named: a span for each run of a processor-day, and one for each stage.

Nothing is imported and nothing is done without `OTEL_EXPORTER_OTLP_ENDPOINT`. Spans hold processor, business date,
stage and run id, of an error its type, never an amount or a record. They are sent by a thread of their own: a collector
that is down costs the spans and nobody's time. The trace's id is the run's, so that stages of one run are in one trace
wherever they ran. Not here: log lines (`logs`) and figures (`metrics`).
"""

import atexit
import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from recon_assets.observability.trace_parts import RunIds

VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVICE: Final = "recon"
LAST_SPANS_S: Final = 2.0
"""How long a process that ends waits for its last spans to be sent."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Tracing:
    """What is there while traces are on. `ids` says whose ids the next span without a parent has."""

    endpoint: str
    provider: "TracerProvider"
    tracer: "Tracer"
    ids: "RunIds"
    ended_run: str | None = None


_tracing: _Tracing | None = None


def install(endpoint: str | None) -> None:
    """Send spans to the collector at `endpoint`, by OTLP over HTTP; None: to nobody, and what waits is sent before.

    Once however often it is called.
    """
    global _tracing  # noqa: PLW0603 (one of the process, like its log handlers)
    if _tracing is not None and _tracing.endpoint == endpoint:
        return
    if _tracing is not None:
        _send_the_last(_tracing.provider)
        _tracing = None
    if endpoint is not None:
        _tracing = _started(endpoint)


@contextmanager
def stage_span(*, run_id: str, processor: str, business_date: str, stage: str) -> Iterator[None]:
    """What happens until the end is the span of this stage, below that of its run. `run_id` is Dagster's."""
    if _tracing is None:
        yield
        return
    from opentelemetry.trace import Status, StatusCode

    named = _attributes(run_id, processor, business_date) | {"recon.stage": stage}
    with _tracing.tracer.start_as_current_span(
        stage,
        context=_within_run(run_id),
        attributes=named,
        record_exception=False,  # its words may quote a record
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def run_ended(*, run_id: str, processor: str, business_date: str, began_at: datetime, error: str | None) -> None:
    """The span of the whole run, from `began_at` until now, once per run; `error` is the type of what ended it."""
    if _tracing is None or _tracing.ended_run == run_id:
        return
    _tracing.ended_run = run_id
    from opentelemetry.context import Context
    from opentelemetry.trace import Status, StatusCode

    named = _attributes(run_id, processor, business_date)
    with _tracing.ids.of(run_id):
        span = _tracing.tracer.start_span(
            f"reconcile {processor}",
            context=Context(),
            attributes=named,
            start_time=int(began_at.timestamp() * 1e9),
        )
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def _attributes(run_id: str, processor: str, business_date: str) -> dict[str, str]:
    return {"recon.run_id": run_id, "recon.processor": processor, "recon.business_date": business_date}


def trace_id_of(run_id: str) -> int:
    """Dagster's run ids are UUIDs, which are as long as a trace's id; another text is hashed."""
    try:
        return UUID(run_id).int
    except ValueError:
        return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:16])


def root_id_of(run_id: str) -> int:
    """Of the run's own span, known before that is sent: the stages' spans name it."""
    return int.from_bytes(hashlib.sha256(f"run {run_id}".encode()).digest()[:8])


def _within_run(run_id: str) -> "Context":
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    root = SpanContext(
        trace_id_of(run_id), root_id_of(run_id), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(root))


def _started(endpoint: str) -> _Tracing:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from recon_assets.observability.trace_parts import RunIds, TellsOnce

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `TellsOnce` says what is worth a line
    ids = RunIds()
    service = {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", SERVICE), SERVICE_VERSION: version("recon-assets")}
    provider = TracerProvider(resource=Resource.create(service), id_generator=ids, shutdown_on_exit=False)
    exporter = TellsOnce(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"), _log)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    atexit.register(_send_the_last, provider)
    return _Tracing(endpoint, provider, provider.get_tracer("recon_assets"), ids)


def _send_the_last(provider: "TracerProvider") -> None:
    """For `LAST_SPANS_S` at most: in a thread that nobody waits for longer."""
    last = Thread(target=provider.shutdown, daemon=True)
    last.start()
    last.join(LAST_SPANS_S)
