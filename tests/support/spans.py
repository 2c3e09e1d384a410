"""Reading the spans that a test's services have written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_spans(directory: Path) -> Iterator[dict[str, Any]]:
    """Give every span of the OTLP JSON-lines files in a folder, with its `service`."""
    for file in sorted(directory.glob("*.jsonl")):
        # The exporter may be writing: only what ends with a line's end is whole.
        for line in file.read_text().split("\n")[:-1]:
            for resource in json.loads(line)["resourceSpans"]:
                yield from _spans(resource)


def _spans(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    attributes = {
        one["key"]: one["value"].get("stringValue") for one in resource["resource"]["attributes"]
    }
    for scope in resource["scopeSpans"]:
        for span in scope["spans"]:
            yield {**span, "service": attributes["service.name"]}
