"""Telemetry files for the tests of `local.trace`, in the form the services write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
START_NS = 1_790_000_000_000_000_000
MS = 1_000_000


def span_id(name: str) -> str:
    """Make the id that stands for a short name."""
    return name.encode().hex().rjust(16, "0")[-16:]


def trace_id(number: int) -> str:
    """Make the id of the numbered other trace."""
    return f"{number:032x}"


def record(
    name: str,
    start_ms: float = 0,
    end_ms: float = 1,
    *,
    parent: str = "",
    trace: str = TRACE,
    title: str | None = None,
    kind: int = 1,
    error: str = "",
    attributes: Mapping[str, Any] | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Make one span; name gives its id, and its title unless that is given.

    Units: milliseconds after START_NS. parent is a name; links are pairs of trace id and name.
    """
    return {
        "traceId": trace,
        "spanId": span_id(name),
        **({"parentSpanId": span_id(parent)} if parent else {}),
        "flags": 256,
        "name": name if title is None else title,
        "kind": kind,
        "startTimeUnixNano": str(START_NS + int(start_ms * MS)),
        "endTimeUnixNano": str(START_NS + int(end_ms * MS)),
        "attributes": _attributes(attributes or {}),
        "links": [{"traceId": to, "spanId": span_id(other)} for to, other in links],
        "status": {"code": 2, "message": error} if error else {},
    }


def line(service: str, *records: Mapping[str, Any]) -> str:
    """Make one line of a service's file."""
    resource = {"attributes": _attributes({"service.name": service})}
    scopes = [{"scope": {"name": "mantle"}, "spans": list(records)}]
    batch = {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}
    return json.dumps(batch, separators=(",", ":"))


@dataclass
class Telemetry:
    """Write lines into a folder, one file per service."""

    folder: Path

    def add(self, service: str, *records: Mapping[str, Any]) -> "Telemetry":
        """Append one line with the records."""
        return self.append(service, line(service, *records) + "\n")

    def append(self, service: str, text: str) -> "Telemetry":
        """Append text as it is."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / f"{service}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(text)
        return self


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": value}
