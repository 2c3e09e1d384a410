"""A trace as one OTLP JSON file, which Jaeger's UI takes under Search, Upload."""

import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from local.trace.files import TelemetryFiles
from local.trace.search import naming
from local.trace.span import is_span, objects


def export_traces(files: TelemetryFiles, trace_ids: Container[str], target: Path) -> int:
    """Write the spans of some traces as they were recorded, and nothing of other traces.

    Shape: one JSON object on one line with all resourceSpans; Jaeger reads a file both whole and
    line by line, and this form passes either way. Gives the number of spans written.
    """
    written = 0
    with target.open("w", encoding="utf-8") as stream:
        stream.write('{"resourceSpans":[')
        for batch in files.batches(naming(trace_ids)):
            for resource_spans, count in _filtered(batch, trace_ids):
                stream.write("," if written else "")
                json.dump(resource_spans, stream, separators=(",", ":"))
                written += count
        stream.write("]}\n")
    return written


def _filtered(
    batch: dict[str, Any], trace_ids: Container[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Give the resourceSpans that keep a span, with the number kept."""
    for resource_spans in objects(batch.get("resourceSpans")):
        scopes = [_kept(scope, trace_ids) for scope in objects(resource_spans.get("scopeSpans"))]
        scopes = [scope for scope in scopes if scope["spans"]]
        if scopes:
            count = sum(len(scope["spans"]) for scope in scopes)
            yield {**resource_spans, "scopeSpans": scopes}, count


def _kept(scope: dict[str, Any], trace_ids: Container[str]) -> dict[str, Any]:
    spans = [
        record
        for record in objects(scope.get("spans"))
        if is_span(record) and record["traceId"].lower() in trace_ids
    ]
    return {**scope, "spans": spans}
