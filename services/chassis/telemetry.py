"""Traces and metrics of a service, in one place; its log lines are in `chassis.lines`.

One span per call and per applied event, statements as its children. Attributes follow
OpenTelemetry's conventions; ours begin with `mantle.`: an id of a request becomes
`mantle.<thing>.id` by rule, everything else is listed in ATTRIBUTES before use. No payload, no
amount of a named person and no statement parameter ever becomes an attribute.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import getrandbits, random
from typing import Any, Protocol

import sqlalchemy as sa
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

ATTRIBUTES = {
    "rpc.system.name": "always grpc",
    "rpc.method": "full method, mantle.planning.v1.CampaignService/ApproveCampaign",
    "rpc.response.status_code": "canonical status name, OK or NOT_FOUND",
    "error.type": "the reason of the error, or the class of an unexpected one",
    "server.address": "host of the peer that was called",
    "db.system.name": "always postgresql",
    "db.operation.name": "first word of the statement",
    "db.query.text": "the statement with placeholders, never with values",
    "mantle.caller.role": "roles of the caller, joined by a comma",
    "mantle.reply": "stored when an earlier reply was sent again",
    "mantle.event.type": "full name of the applied event's message",
    "mantle.event.source": "service whose log the event came from",
    "mantle.event.position": "place in that log",
    "mantle.event.age_s": "real seconds from the recording of the fact to its application",
    "mantle.process.definition": "name of the process",
    "mantle.process.step": "number of the step that was completed",
    "mantle.process.answer": "answer of a decision step",
    "mantle.process.state": "last milestone of the process",
    "mantle.work.name": "name of the periodic work",
    "mantle.decision": "outcome of a decision, from the contract's enum",
}

NO_SPAN = trace.INVALID_SPAN

FLUSH_TIMEOUT_MS = 3_000
EXPORT_TIMEOUT_S = 2
SERVER_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)


MetricSource = Callable[[], Metric]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Hold what a process measures with.

    Shape: `sample_ratio` (0 to 1) applies where no caller decided. `sources` give metrics that are
        counted outside the SDK, because its histogram costs more than all other concerns of a call.
    """

    service: str
    traces: TracerProvider
    meters: MeterProvider
    tracer: trace.Tracer
    sample_ratio: float
    sources: list[MetricSource]

    @property
    def meter(self) -> Meter:
        """Return the meter of this process."""
        return self.meters.get_meter("mantle")

    def stop(self) -> None:
        """Send what is left, within 3 s, also when nobody takes it."""
        self.traces.force_flush(FLUSH_TIMEOUT_MS)
        self.meters.force_flush(FLUSH_TIMEOUT_MS)


class WithSources(MetricExporter):
    """Add the metrics that are counted outside the SDK to each export."""

    def __init__(self, inner: MetricExporter, resource: Resource, sources: list[MetricSource]):
        """Wrap the exporter that really sends."""
        super().__init__()
        self._inner = inner
        self._resource = resource
        self._sources = sources

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send the SDK's metrics and ours."""
        ours = ScopeMetrics(
            InstrumentationScope("mantle"), [source() for source in self._sources], ""
        )
        added = ResourceMetrics(self._resource, [ours], "")
        both = MetricsData([*metrics_data.resource_metrics, added])
        return self._inner.export(both, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Let the inner exporter send what it holds."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the inner exporter."""
        self._inner.shutdown(timeout_millis, **kwargs)


def set_up(
    service: str,
    *,
    instance: str,
    directory: str = "",
    endpoint: str = "",
    sample_ratio: float = 1.0,
    exporter: SpanExporter | None = None,
    reader: MetricReader | None = None,
) -> Telemetry:
    """Prepare traces and metrics of this process.

    Shape: spans go to `exporter` if given, else to a collector at `endpoint`, else to a JSON-lines
        file in `directory`, else nowhere.
    """
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "mantle",
            "service.instance.id": instance,
        }
    )
    # Whether to sample is decided before a span exists, in `continued_span`.
    traces = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    chosen = exporter or _exporter(service, instance, directory=directory, endpoint=endpoint)
    if chosen is not None:
        traces.add_span_processor(BatchSpanProcessor(chosen, schedule_delay_millis=500))
    sources: list[MetricSource] = []
    readers = [reader] if reader else []
    if endpoint:
        sender = OTLPMetricExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S, insecure=True)
        readers.append(PeriodicExportingMetricReader(WithSources(sender, resource, sources)))
    meters = MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)
    tracer = traces.get_tracer("mantle")
    return Telemetry(service, traces, meters, tracer, sample_ratio, sources)


def _exporter(service: str, instance: str, *, directory: str, endpoint: str) -> SpanExporter | None:
    if endpoint:
        return OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S, insecure=True)
    if directory:
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        return FileSpanExporter(folder / f"{service}-{instance}.jsonl")
    return None


def annotate(name: str, value: str | int | float) -> None:
    """Put a listed attribute on the span of the current call or event."""
    assert name in ATTRIBUTES, f"{name} is not listed in ATTRIBUTES"
    trace.get_current_span().set_attribute(name, value)


class HasFields(Protocol):
    """Describe what is needed of a message: its fields that are set."""

    def ListFields(self) -> Sequence[tuple[Any, Any]]:
        """Return pairs of descriptor and value."""
        ...


def annotate_ids(span: Span, message: HasFields) -> None:
    """Put the ids of a message on a span: field `plan_id` becomes `mantle.plan.id`."""
    if not span.is_recording():
        return
    for field, value in message.ListFields():
        if field.name.endswith("_id") and isinstance(value, str):
            span.set_attribute(f"mantle.{field.name[:-3]}.id", value[:64])


def traceparent() -> str:
    """Return the W3C context of the current span, or "" when there is none."""
    return format_context(trace.get_current_span().get_span_context())


def format_context(context: SpanContext) -> str:
    """Write a span's context as a W3C traceparent, or "" when it has none."""
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id(span: Span) -> str:
    """Return the id of the trace that a span is in, or "" when it is in none."""
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context.trace_id else ""


def parse_context(text: str) -> SpanContext | None:
    """Read a W3C traceparent; None for anything that is not one, so that a caller cannot break a
    trace."""
    parts = text.split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2] or parts[0] == "ff":
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:4])
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & 1))
    return context if context.is_valid else None


def link(text: str) -> None:
    """Link the current span to the trace that a stored traceparent names; what is not one is left
    out."""
    context = parse_context(text)
    if (
        context is not None
        and context.trace_id != trace.get_current_span().get_span_context().trace_id
    ):
        trace.get_current_span().add_link(context)


def continued_span(
    telemetry: Telemetry,
    name: str,
    *,
    parent: str,
    kind: SpanKind = SpanKind.INTERNAL,
    ratio: float | None = None,
) -> AbstractContextManager[Span]:
    """Open a span that continues the trace of a traceparent, and make it the current one.

    Shape: the caller's decision to sample holds, else `ratio`, which is the process' own when it
        is None; a span that is not sampled only carries its trace on. Ends on leaving; an error is
        recorded by its class alone.
    """
    remote = parse_context(parent) if parent else None
    chance = telemetry.sample_ratio if ratio is None else ratio
    if not (remote.trace_flags.sampled if remote else random() < chance):
        return _Quiet(trace.NonRecordingSpan(remote or _unsampled()))
    return _recorded(telemetry, name, remote=remote, kind=kind)


def open_span(telemetry: Telemetry, name: str, *, parent: str, started_ns: int) -> Span:
    """Open the span of a call as `continued_span` does, without making it the current one; whoever
    has it ends it.

    Units: `started_ns` since the epoch.
    """
    remote = parse_context(parent) if parent else None
    if not (remote.trace_flags.sampled if remote else random() < telemetry.sample_ratio):
        return trace.NonRecordingSpan(remote or _unsampled())
    context = trace.set_span_in_context(trace.NonRecordingSpan(remote)) if remote else Context()
    return telemetry.tracer.start_span(
        name, context=context, kind=SpanKind.SERVER, start_time=started_ns
    )


def current(span: Span) -> AbstractContextManager[Span]:
    """Make an open span the current one, and leave it open."""
    return _Quiet(span)


def describe_call(span: Span, method: str, *, code: str, reason: str, roles: Iterable[str]) -> None:
    """Write on a call's span what the call turned out to be."""
    span.set_attribute("rpc.system.name", "grpc")
    span.set_attribute("rpc.method", method)
    span.set_attribute("rpc.response.status_code", code)
    if reason:
        span.set_attribute("error.type", reason)
    if known := ",".join(sorted(roles)):
        span.set_attribute("mantle.caller.role", known)
    if code in SERVER_FAULTS:
        fail(span, reason)


class _Quiet(AbstractContextManager[Span]):
    """Make a span the current one and leave it open; almost every call pays for it, so it is no
    generator."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, *_error: object) -> None:
        detach(self._token)


@contextmanager
def _recorded(
    telemetry: Telemetry, name: str, *, remote: SpanContext | None, kind: SpanKind
) -> Iterator[Span]:
    context = trace.set_span_in_context(trace.NonRecordingSpan(remote)) if remote else Context()
    span = telemetry.tracer.start_span(name, context=context, kind=kind)
    try:
        with _Quiet(span):
            yield span
    except Exception as error:
        fail(span, type(error).__name__)
        raise
    finally:
        span.end()


def _unsampled() -> SpanContext:
    return SpanContext(getrandbits(128), getrandbits(64), is_remote=False)


def tell(fact: str) -> None:
    """Note on the current span that a fact became true; its short name says which."""
    trace.get_current_span().add_event(fact)


def fail(span: Span, error_type: str) -> None:
    """Mark a span as failed with the error's reason or class."""
    span.set_attribute("error.type", error_type)
    span.set_status(Status(StatusCode.ERROR))


def trace_statements(engine: sa.Engine, telemetry: Telemetry) -> None:
    """Give each statement a span below the current one, with its text and never its values."""
    tracer = telemetry.tracer

    @sa.event.listens_for(engine, "before_cursor_execute")
    def before(
        connection: sa.Connection,
        _cursor: object,
        statement: str,
        _parameters: object,
        _context: object,
        _many: bool,
    ) -> None:
        if not trace.get_current_span().is_recording():
            return
        operation = statement.lstrip().split(None, 1)[0].upper()
        span = tracer.start_span(operation, kind=SpanKind.CLIENT)
        span.set_attribute("db.system.name", "postgresql")
        span.set_attribute("db.operation.name", operation)
        span.set_attribute("db.query.text", statement[:2000])
        connection.info["mantle.span"] = span

    @sa.event.listens_for(engine, "after_cursor_execute")
    def after(connection: sa.Connection, *_rest: object) -> None:
        span = connection.info.pop("mantle.span", None)
        if span is not None:
            span.end()

    @sa.event.listens_for(engine, "handle_error")
    def failed(context: sa.engine.ExceptionContext) -> None:
        connection = context.connection
        span = connection.info.pop("mantle.span", None) if connection is not None else None
        if span is not None:
            fail(span, type(context.original_exception).__name__)
            span.end()
