"""Parts of the tracing that stand on OpenTelemetry's own classes: imported only where traces are on."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from recon_assets.observability.traces import root_id_of, trace_id_of


class RunIds(RandomIdGenerator):
    """Random ids, but for the span of a run: that one's are made of the run's id."""

    def __init__(self) -> None:
        self._run_id: str | None = None

    @contextmanager
    def of(self, run_id: str) -> Iterator[None]:
        """A span that begins until the end is that of this run. One thread runs a process's stages."""
        self._run_id = run_id
        try:
            yield
        finally:
            self._run_id = None

    def generate_trace_id(self) -> int:
        """As the SDK asks for it, for a span without a parent."""
        return super().generate_trace_id() if self._run_id is None else trace_id_of(self._run_id)

    def generate_span_id(self) -> int:
        """As the SDK asks for it, for every span."""
        return super().generate_span_id() if self._run_id is None else root_id_of(self._run_id)


class TellsOnce(SpanExporter):
    """An exporter whose first failure is one line in the log, and the others none."""

    def __init__(self, exporter: SpanExporter, log: logging.Logger) -> None:
        self._exporter = exporter
        self._log = log
        self._has_told = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them, or say once that they are lost."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and not self._has_told:
            self._has_told = True
            self._log.warning("the collector did not take %d spans, which are lost; runs go on", len(spans))
        return result

    def shutdown(self) -> None:
        """End the wait for a collector that does not answer."""
        self._exporter.shutdown()
