"""A span in this package's words, and how it is read from one OTLP JSON object.

The files are written by others and may be damaged, so decoding never raises: what has no id is
left out, what has a strange value shows as empty.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Tell what a span does towards other processes."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Status(StrEnum):
    """Tell how a span ended."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


_KINDS = {number: kind for number, kind in enumerate(Kind, start=1)}
_STATUSES = dict(enumerate(Status))


@dataclass(frozen=True, slots=True)
class SpanLink:
    """Point from a span to a span of this or another trace."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Mark one moment inside a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold one timed piece of work of one service.

    Units: start_ns and end_ns are nanoseconds since 1970, as written by the service.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    instance: str
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    status: Status
    status_message: str
    attributes: Mapping[str, object]
    events: tuple[SpanEvent, ...]
    links: tuple[SpanLink, ...]

    @property
    def duration_ns(self) -> int:
        """Give the length; zero when a clock stepped back between start and end."""
        return max(0, self.end_ns - self.start_ns)

    @property
    def failed(self) -> bool:
        """Tell whether the span ended in error."""
        return self.status is Status.ERROR


def spans_of(batch: Mapping[str, Any]) -> Iterator[Span]:
    """Read the spans of one OTLP JSON object.

    Shape: one line of a telemetry file in, its spans out in the order of the line.
    """
    for resource_spans in objects(batch.get("resourceSpans")):
        resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
        for scope_spans in objects(resource_spans.get("scopeSpans")):
            for record in filter(is_span, objects(scope_spans.get("spans"))):
                yield _span(record, resource)


def is_span(record: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object has the two ids without which it is no span."""
    return bool(_text(record.get("traceId")) and _text(record.get("spanId")))


def objects(value: object) -> list[dict[str, Any]]:
    """Give the JSON objects of a JSON list; anything else counts as absent."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _span(record: Mapping[str, Any], resource: Mapping[str, object]) -> Span:
    start_ns = _integer(record.get("startTimeUnixNano"))
    status = _object(record.get("status"))
    return Span(
        trace_id=_text(record.get("traceId")).lower(),
        span_id=_text(record.get("spanId")).lower(),
        parent_id=_text(record.get("parentSpanId")).lower(),
        service=_text(resource.get("service.name")) or "unknown",
        instance=_text(resource.get("service.instance.id")),
        name=_text(record.get("name")) or "(no name)",
        kind=_KINDS.get(_integer(record.get("kind")), Kind.INTERNAL),
        start_ns=start_ns,
        end_ns=_integer(record.get("endTimeUnixNano")) or start_ns,
        status=_STATUSES.get(_integer(status.get("code")), Status.UNSET),
        status_message=_text(status.get("message")),
        attributes=_attributes(record.get("attributes")),
        events=tuple(_event(item) for item in objects(record.get("events"))),
        links=tuple(_link(item) for item in objects(record.get("links"))),
    )


def _event(record: Mapping[str, Any]) -> SpanEvent:
    return SpanEvent(
        name=_text(record.get("name")),
        time_ns=_integer(record.get("timeUnixNano")),
        attributes=_attributes(record.get("attributes")),
    )


def _link(record: Mapping[str, Any]) -> SpanLink:
    return SpanLink(
        trace_id=_text(record.get("traceId")).lower(),
        span_id=_text(record.get("spanId")).lower(),
        attributes=_attributes(record.get("attributes")),
    )


def _attributes(value: object) -> dict[str, object]:
    return {_text(pair.get("key")): _value(pair.get("value")) for pair in objects(value)}


def _value(value: object) -> object:
    """Read OTLP's AnyValue; an unknown form reads as None."""
    match value:
        case {"intValue": number}:
            return _integer(number)
        case {"arrayValue": {**held}}:
            return [_value(item) for item in objects(held.get("values"))]
        case {"kvlistValue": {"values": [*items]}}:
            return _attributes(items)
        case {"stringValue": plain} | {"boolValue": plain} | {"bytesValue": plain}:
            return plain
        case {"doubleValue": plain}:
            return plain
        case _:
            return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: object) -> int:
    """Read a JSON integer, which OTLP writes as a string when it has 64 bits."""
    if not isinstance(value, (str, int)):
        return 0
    try:
        return int(value)
    except ValueError:
        return 0
