"""Traces, metrics and log lines of a service, in one place.

One span per call and per applied event, statements as its children. Attributes follow
OpenTelemetry's conventions; ours begin with `mantle.`: an id of a request becomes
`mantle.<thing>.id` by rule, everything else is listed in ATTRIBUTES before use. No payload, no
amount of a named person and no statement parameter ever becomes an attribute.
"""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

import sqlalchemy as sa
from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

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

FLUSH_TIMEOUT_MS = 3_000
EXPORT_TIMEOUT_S = 2
SERVER_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
DURATION_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Hold what a process measures with.

    Shape: `sample_ratio` (0 to 1) applies where no caller decided.
    """

    service: str
    traces: TracerProvider
    meters: MeterProvider

    @property
    def tracer(self) -> trace.Tracer:
        """Return the tracer of this process."""
        return self.traces.get_tracer("mantle")

    @property
    def meter(self) -> Meter:
        """Return the meter of this process."""
        return self.meters.get_meter("mantle")

    def stop(self) -> None:
        """Send what is left, within 3 s, also when nobody takes it."""
        self.traces.force_flush(FLUSH_TIMEOUT_MS)
        self.meters.force_flush(FLUSH_TIMEOUT_MS)


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
    traces = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(sample_ratio)),
        shutdown_on_exit=False,
    )
    chosen = exporter or _exporter(service, instance, directory=directory, endpoint=endpoint)
    if chosen is not None:
        traces.add_span_processor(BatchSpanProcessor(chosen, schedule_delay_millis=500))
    readers = [reader] if reader else []
    if endpoint:
        readers.append(
            PeriodicExportingMetricReader(
                OTLPMetricExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S, insecure=True)
            )
        )
    meters = MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)
    return Telemetry(service, traces, meters)


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


@contextmanager
def continued_span(
    telemetry: Telemetry,
    name: str,
    *,
    parent: str,
    kind: SpanKind = SpanKind.INTERNAL,
    links: list[Link] | None = None,
) -> Iterator[Span]:
    """Open a span that continues the trace of a traceparent, and make it the current one.

    Shape: ends on leaving; an error is recorded by its class alone and sets the status.
    """
    remote = parse_context(parent)
    context = trace.set_span_in_context(trace.NonRecordingSpan(remote)) if remote else None
    with telemetry.tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        links=links or [],
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            fail(span, type(error).__name__)
            raise


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


class JsonLines(logging.Formatter):
    """Write a record as one JSON object: the message is a constant, variables are fields."""

    STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception gives its class and place, never its text."""
        context = trace.get_current_span().get_span_context()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        line |= {key: value for key, value in vars(record).items() if key not in self.STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["stack"] = _frames(record)
        return json.dumps(line, default=str, ensure_ascii=False)


def _frames(record: logging.LogRecord) -> list[str]:
    assert record.exc_info is not None
    frames = []
    step = record.exc_info[2]
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames


def set_up_logs(service: str, *, stream: TextIO = sys.stdout, level: str = "INFO") -> None:
    """Send all log records of this process to one stream as JSON lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel("WARNING")
