"""The parts of a trace's page that are plain HTML: header, critical path, hops, linked traces.

Every text that comes from a span passes `_html` on its way in.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from local.trace.model import Edge, Trace, edges_of
from local.trace.search import Digest, LinkedGroup, LinkedTraces
from local.trace.text import duration_text, instant_text, plural, readable, short_name
from local.trace.timing import CriticalPath, PathStep, path_steps

EXAMPLES_MAX = 50
_STEPS_MAX = 12
_COLOURS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Hold what the sections of one page draw on."""

    trace: Trace
    path: CriticalPath
    linked: LinkedTraces
    unreadable: int


def header(facts: Facts) -> str:
    """Write the title, the trace id and the figures."""
    trace = facts.trace
    root = trace.main_root
    figures = [
        _figure("Duration", duration_text(trace.duration_ns)),
        _figure("Spans", f"{len(trace.spans):,}"),
        _figure("Services", f"{len(trace.services):,}"),
        _figure("Errors", f"{trace.errors:,}", mark="bad" if trace.errors else ""),
        _figure("Linked traces", f"{facts.linked.count:,}"),
        _figure("Started", instant_text(trace.start_ns), mark="wide"),
    ]
    legend = "".join(
        f"<li>{_service(trace, name)} <em>{count:,}</em></li>"
        for name, count in trace.services.items()
    )
    return (
        f'<p class="over">{_service(trace, root.service)}</p>'
        f'<h1 dir="auto">{_html(short_name(root.name), limit=160)}</h1>'
        f'<p class="id"><code id="trace-id">{_html(trace.trace_id)}</code>'
        '<button type="button" id="copy-id">Copy id</button></p>'
        f'<dl class="figures">{"".join(figures)}</dl>'
        f'<ul class="legend" aria-label="Services and their spans">{legend}</ul>'
    )


def flaws(facts: Facts) -> str:
    """Write what is odd about the record, or nothing."""
    counts = Counter(flaw for found in facts.trace.flaws.values() for flaw in found)
    notes = [f"{plural(count, 'span')}: {flaw}" for flaw, count in counts.items()]
    if facts.unreadable:
        notes.append(f"{plural(facts.unreadable, 'line')} of the files could not be read")
    if not notes:
        return ""
    items = "".join(f"<li>{_html(note)}</li>" for note in notes)
    return f'<aside class="flaws"><b>Recorded oddly</b><ul>{items}</ul></aside>'


def path_summary(facts: Facts) -> str:
    """Write the critical path: its share by service, then its longest steps."""
    spans = {span.span_id: span for span in facts.trace.spans}
    own_ns = facts.path.own_ns
    by_service: Counter[str] = Counter()
    for span_id, spent_ns in own_ns.items():
        by_service[spans[span_id].service] += spent_ns
    stripes = [(_tone(facts.trace, name), ns) for name, ns in by_service.most_common()]
    legend = "".join(
        f"<li>{_service(facts.trace, name)} {duration_text(spent_ns)}</li>"
        for name, spent_ns in by_service.most_common()
    )
    if facts.path.waiting_ns:
        stripes.append(("wait", facts.path.waiting_ns))
        legend += (
            '<li><span class="service wait">waiting</span> '
            f"{duration_text(facts.path.waiting_ns)}</li>"
        )
    steps = "".join(_step(facts, step) for step in path_steps(facts.trace, facts.path)[:_STEPS_MAX])
    return (
        '<section class="card"><h2>Critical path</h2>'
        f"<p>The {plural(len(own_ns), 'span')} that decided how long the trace took.</p>"
        f'<svg class="stack" viewBox="0 0 1000 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{_placed(stripes, facts.trace.duration_ns)}</svg>'
        f'<ul class="legend">{legend}</ul><ol class="steps">{steps}</ol></section>'
    )


def edges(facts: Facts) -> str:
    """Write the hops between services, or nothing when there is one service."""
    found = edges_of(facts.trace)
    if not found:
        return ""
    body = "".join(_edge(facts.trace, edge) for edge in found)
    return (
        '<section class="card"><h2>Between services</h2><div class="scroll"><table>'
        "<thead><tr><th>Hop</th><th>By</th><th>Count</th><th>p50</th><th>Errors</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div></section>"
    )


def linked_section(facts: Facts) -> str:
    """Write the linked traces, one line per first step, or nothing."""
    parts = [
        _linked("Traces that link here", facts, facts.linked.incoming),
        _linked("This trace links to", facts, facts.linked.outgoing),
    ]
    body = "".join(part for part in parts if part)
    return f'<section class="card wide" id="linked">{body}</section>' if body else ""


def _linked(title: str, facts: Facts, groups: Sequence[LinkedGroup]) -> str:
    if not groups:
        return ""
    longest = max(group.p95_ns for group in groups)
    return f"<h2>{title}</h2>" + "".join(_group(facts, group, longest) for group in groups)


def _group(facts: Facts, group: LinkedGroup, longest_ns: int) -> str:
    shown = group.traces[-EXAMPLES_MAX:][::-1]
    rest = group.count - len(shown)
    more = f'<p class="rest">and {plural(rest, "earlier trace")}</p>' if rest else ""
    errors = (
        f'<b class="bad">{plural(group.errors, "failed trace")}</b>'
        if group.errors
        else "<span></span>"
    )
    extent = _range(group.p50_ns, group.p95_ns, longest_ns)
    return (
        f'<details class="group"><summary><span class="what">'
        f"{_service(facts.trace, group.root_service)}"
        f' <b dir="auto">{_html(short_name(group.root_name), limit=160)}</b></span>'
        f'<span class="count">×{group.count:,}</span>{extent}'
        f"<span>p50 {duration_text(group.p50_ns)}</span>"
        f"<span>p95 {duration_text(group.p95_ns)}</span>{errors}</summary>"
        '<div class="scroll"><table><thead><tr><th>Trace</th><th>Started</th><th>Duration</th>'
        "<th>Spans</th><th>Services</th></tr></thead>"
        f"<tbody>{''.join(_trace_row(digest) for digest in shown)}</tbody></table></div>{more}"
        "</details>"
    )


def _trace_row(digest: Digest) -> str:
    mark = ' class="bad"' if digest.errors else ""
    cells: Iterable[str] = (
        f"<code>{_html(digest.trace_id)}</code>",
        instant_text(digest.start_ns),
        duration_text(digest.duration_ns),
        f"{digest.spans:,}",
        _html(", ".join(digest.services), limit=120),
    )
    return f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _range(p50_ns: int, p95_ns: int, longest_ns: int) -> str:
    """Draw p50 and p95 on the scale of the slowest group."""
    half, most = (value * 100 // max(1, longest_ns) for value in (p50_ns, p95_ns))
    return (
        '<svg class="range" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="p95" y="2" height="4" width="{max(most, 1)}"/>'
        f'<rect class="p50" y="2" height="4" width="{max(half, 1)}"/></svg>'
    )


def _edge(trace: Trace, edge: Edge) -> str:
    errors = f'<td class="bad">{edge.errors:,}</td>' if edge.errors else "<td>0</td>"
    return (
        f"<tr><td>{_service(trace, edge.source)} → {_service(trace, edge.target)}</td>"
        f"<td>{edge.via}</td><td>{edge.count:,}</td><td>{duration_text(edge.p50_ns)}</td>"
        f"{errors}</tr>"
    )


def _step(facts: Facts, step: PathStep) -> str:
    span = step.longest
    times = f" ×{step.count:,}" if step.count > 1 else ""
    share = step.spent_ns * 100 // max(1, facts.trace.duration_ns)
    return (
        f'<li><button type="button" data-span="{_html(span.span_id)}">'
        f"{_service(facts.trace, span.service)} "
        f'<span class="name" dir="auto">{_html(short_name(span.name), limit=120)}</span>'
        f"{times}</button>"
        f"<span>{duration_text(step.spent_ns)}</span><em>{share} %</em></li>"
    )


def _placed(stripes: Sequence[tuple[str, int]], whole_ns: int) -> str:
    """Set stripes of tone and duration one behind the other on a scale of 1,000."""
    left, drawn = 0, []
    for tone, spent_ns in stripes:
        width = spent_ns * 1000 // max(1, whole_ns)
        drawn.append(f'<rect class="{tone}" x="{left}" width="{width}" height="10"/>')
        left += width
    return "".join(drawn)


def _figure(label: str, value: str, *, mark: str = "") -> str:
    return f'<div class="{mark}"><dt>{label}</dt><dd>{_html(value)}</dd></div>'


def _service(trace: Trace, name: str) -> str:
    return f'<span class="service {_tone(trace, name)}">{_html(name, limit=40)}</span>'


def _tone(trace: Trace, name: str) -> str:
    """Give the colour class of a service; one that is not in this trace has none."""
    names = list(trace.services)
    return f"s{names.index(name) % _COLOURS}" if name in names else "other"


def _html(text: str, *, limit: int = 300) -> str:
    return escape(readable(text, limit=limit), quote=True)
