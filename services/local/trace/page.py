"""A trace as one self-contained HTML page.

Everything is inside the file: style, script and spans. A content security policy with the hashes
of that style and script keeps anything else from running or loading, whatever a span's name says.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files as resources
from typing import Any

from local.trace import sections
from local.trace.model import Trace
from local.trace.rows import Row, rows_of
from local.trace.search import LinkedTraces
from local.trace.span import Span, SpanEvent
from local.trace.text import instant_text, readable, short_name
from local.trace.timing import CriticalPath, critical_path, self_times

_PLACE = re.compile(r"<!--(\w+)-->")
_NAME_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Name one step of the business story that a trace tells.

    Shape: note is a short text below the name; span_id, when given, is the span to show for it.
    """

    name: str
    time: datetime | None = None
    note: str = ""
    span_id: str = ""


def trace_page(
    trace: Trace, linked: LinkedTraces, *, stages: Sequence[Stage] = (), unreadable: int = 0
) -> str:
    """Build the page of one trace.

    Shape: unreadable is the number of lines the files had that could not be decoded; the page
    says so when there are any.
    """
    path = critical_path(trace)
    style, script = _asset("page.css"), _asset("page.js")
    facts = sections.Facts(trace=trace, path=path, linked=linked, unreadable=unreadable)
    parts = {
        "policy": escape(_policy(style, script), quote=True),
        "title": escape(readable(f"{trace.main_root.name} · {trace.trace_id[:8]}", limit=120)),
        "style": style,
        "header": sections.header(facts),
        "stages": _stages(stages),
        "flaws": sections.flaws(facts),
        "path": sections.path_summary(facts),
        "edges": sections.edges(facts),
        "linked": sections.linked_section(facts),
        "spans": _script_safe(_content(trace, path)),
        "script": script,
    }
    # One pass, so that a text which looks like a place is not filled in its turn.
    return _PLACE.sub(lambda match: parts[match[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (resources("local.trace") / "assets" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _script_safe(content: Mapping[str, Any]) -> str:
    """Write JSON that cannot end the script element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _stages(stages: Sequence[Stage]) -> str:
    if not stages:
        return ""
    items = "".join(_stage(number, stage) for number, stage in enumerate(stages, start=1))
    return f'<section aria-label="Business summary"><ol class="stages">{items}</ol></section>'


def _stage(number: int, stage: Stage) -> str:
    name = escape(readable(stage.name, limit=80))
    when = f"<time>{stage.time:%Y-%m-%d %H:%M}</time>" if stage.time else ""
    note = f"<small>{escape(readable(stage.note, limit=160))}</small>" if stage.note else ""
    if stage.span_id:
        shown = escape(stage.span_id, quote=True)
        name = f'<button type="button" data-span="{shown}">{name}</button>'
    return f'<li><i>{number}</i><div><b dir="auto">{name}</b>{when}{note}</div></li>'


def _content(trace: Trace, path: CriticalPath) -> dict[str, Any]:
    """Give what the script draws.

    Units: times are nanoseconds from the start of the trace, which JavaScript's numbers hold
    exactly for 104 days.
    """
    index = {span.span_id: at for at, span in enumerate(trace.spans)}
    own_ns = self_times(trace)
    services = list(trace.services)
    return {
        "id": trace.trace_id,
        "duration": trace.duration_ns,
        "services": [readable(name, limit=80) for name in services],
        "spans": [
            {
                **_span(trace, span),
                "service": services.index(span.service),
                "self": own_ns[span.span_id],
            }
            for span in trace.spans
        ],
        "rows": [_row(row, index) for row in rows_of(trace)],
        "path": [
            [index[step.span_id], step.start_ns - trace.start_ns, step.duration_ns]
            for step in path.segments
            if not step.waiting
        ],
    }


def _row(row: Row, index: Mapping[str, int]) -> list[Any]:
    """Give depth, rows below and the indexes of the row's spans."""
    return [row.depth, row.below, [index[span.span_id] for span in row.spans]]


def _span(trace: Trace, span: Span) -> dict[str, Any]:
    """Give what is known of a span; what is empty is left out to keep the page small."""
    full = {
        "id": span.span_id,
        "parent": span.parent_id,
        "name": readable(short_name(span.name), limit=_NAME_MAX),
        "full": readable(span.name, limit=_NAME_MAX) if short_name(span.name) != span.name else "",
        "kind": span.kind,
        "start": span.start_ns - trace.start_ns,
        "duration": span.duration_ns,
        "at": instant_text(span.start_ns),
        "error": 1 if span.failed else "",
        "status": span.status,
        "message": readable(span.status_message),
        "instance": readable(span.instance, limit=80),
        "attributes": _pairs(span.attributes),
        "events": [_event(trace, event) for event in span.events],
        "links": [[link.trace_id, link.span_id, _pairs(link.attributes)] for link in span.links],
        "flaws": list(trace.flaws.get(span.span_id, ())),
    }
    return {key: value for key, value in full.items() if value or value == 0}


def _event(trace: Trace, event: SpanEvent) -> list[Any]:
    offset_ns = event.time_ns - trace.start_ns
    return [readable(event.name, limit=_NAME_MAX), offset_ns, _pairs(event.attributes)]


def _pairs(attributes: Mapping[str, object]) -> list[list[str]]:
    """Give names and values as text, our own names first."""
    ranked = sorted(attributes, key=lambda key: (not key.startswith("mantle."), key))
    return [[readable(key, limit=_NAME_MAX), _shown(attributes[key])] for key in ranked]


def _shown(value: object) -> str:
    if isinstance(value, str):
        return readable(value)
    return readable(json.dumps(value, ensure_ascii=False))
