"""One trace as a tree: its spans, roots, broken parents, and who called whom."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from local.trace.files import TelemetryFiles, containing
from local.trace.span import Kind, Span
from local.trace.text import percentile

# Clocks of two processes on one machine agree better than this; more is worth a word.
SKEW_TOLERANCE_NS = 1_000_000


class Flaw(StrEnum):
    """Name what is wrong with the record of a trace."""

    PARENT_MISSING = "parent missing"
    PARENT_CYCLE = "parents form a cycle"
    STARTS_BEFORE_PARENT = "starts before its parent"
    ENDS_BEFORE_START = "ends before it starts"


class Via(StrEnum):
    """Tell how one service reached the other."""

    CALL = "call"
    EVENT = "event"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Incoming:
    """Point from a span of another trace to a span of this one."""

    trace_id: str
    span_id: str
    to_span_id: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Sum up how one service reached another within a trace.

    Units: p50_ns is the median duration of the reached spans, in nanoseconds.
    """

    source: str
    target: str
    via: Via
    count: int
    p50_ns: int
    errors: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold the spans of one trace and their tree.

    Shape: spans, roots and children are in order of start; a span whose parent is missing or
    would close a cycle is a root. links are the spans of other traces that point here.
    Units: start_ns and end_ns are the earliest start and the latest end, nanoseconds since 1970.
    """

    trace_id: str
    start_ns: int
    end_ns: int
    spans: tuple[Span, ...]
    roots: tuple[Span, ...]
    children: Mapping[str, tuple[Span, ...]]
    flaws: Mapping[str, tuple[Flaw, ...]]
    links: tuple[Incoming, ...]

    @property
    def duration_ns(self) -> int:
        """Give the time from the earliest start to the latest end."""
        return self.end_ns - self.start_ns

    @property
    def main_root(self) -> Span:
        """Give the first true root, or the first span when every root lost its parent."""
        whole = [root for root in self.roots if not root.parent_id]
        return (whole or list(self.roots))[0]

    @property
    def services(self) -> dict[str, int]:
        """Count the spans of each service, in order of first appearance."""
        return dict(Counter(span.service for span in self.spans))

    @property
    def errors(self) -> int:
        """Count the spans that ended in error."""
        return sum(span.failed for span in self.spans)

    @property
    def broken_parents(self) -> int:
        """Count the spans whose parent is named but cannot be followed."""
        broken = {Flaw.PARENT_MISSING, Flaw.PARENT_CYCLE}
        return sum(not broken.isdisjoint(found) for found in self.flaws.values())

    def children_of(self, span: Span) -> tuple[Span, ...]:
        """Give the direct children of a span."""
        return self.children.get(span.span_id, ())


def read_trace(files: TelemetryFiles, trace_id: str) -> Trace:
    """Read one trace and the links that point to it, in one pass over the files.

    Shape: the full id of 32 hex digits.
    Errors: TraceNotFound when no span has the id.
    """
    own: list[Span] = []
    links: list[Incoming] = []
    for span in files.spans(containing(trace_id)):
        if span.trace_id == trace_id:
            own.append(span)
            continue
        links.extend(
            Incoming(span.trace_id, span.span_id, link.span_id)
            for link in span.links
            if link.trace_id == trace_id
        )
    return build_trace(trace_id, own, links=links)


class TraceNotFound(LookupError):
    """No span in the telemetry files belongs to the trace asked for."""

    def __init__(self, wanted: str) -> None:
        """Name what was asked for."""
        super().__init__(f"no trace {wanted} in the telemetry files")


def build_trace(trace_id: str, spans: Iterable[Span], *, links: Iterable[Incoming] = ()) -> Trace:
    """Build the tree of one trace from its spans in any order.

    Shape: a span id that comes twice counts once, the first stays.
    Errors: TraceNotFound when there is no span.
    """
    by_id: dict[str, Span] = {}
    for span in spans:
        by_id.setdefault(span.span_id, span)
    if not by_id:
        raise TraceNotFound(trace_id)
    ordered = sorted(by_id.values(), key=_in_order)
    closing = _cycle_closers(ordered, by_id)
    roots: list[Span] = []
    children: defaultdict[str, list[Span]] = defaultdict(list)
    for span in ordered:
        if span.parent_id in by_id and span.span_id not in closing:
            children[span.parent_id].append(span)
        else:
            roots.append(span)
    found = {span.span_id: _flaws(span, by_id.get(span.parent_id), closing) for span in ordered}
    return Trace(
        trace_id=trace_id,
        start_ns=ordered[0].start_ns,
        end_ns=max(max(span.start_ns, span.end_ns) for span in ordered),
        spans=tuple(ordered),
        roots=tuple(roots),
        children={parent: tuple(group) for parent, group in children.items()},
        flaws={span_id: flaws for span_id, flaws in found.items() if flaws},
        links=tuple(links),
    )


def edges_of(trace: Trace) -> list[Edge]:
    """Sum up the hops between services.

    Shape: one edge per source, target and way, in order of first use; links inside the trace
    between two services count as a way of their own.
    """
    by_id = {span.span_id: span for span in trace.spans}
    reached: defaultdict[tuple[str, str, Via], list[Span]] = defaultdict(list)
    for span in trace.spans:
        parent = by_id.get(span.parent_id)
        if parent is not None and parent.service != span.service:
            reached[parent.service, span.service, _via(parent, span)].append(span)
        for link in span.links:
            origin = by_id.get(link.span_id)
            if origin is not None and origin.service != span.service:
                reached[origin.service, span.service, Via.LINK].append(span)
    return [_edge(key, spans) for key, spans in reached.items()]


def _in_order(span: Span) -> tuple[int, int, str]:
    return (span.start_ns, -span.end_ns, span.span_id)


def _edge(key: tuple[str, str, Via], spans: list[Span]) -> Edge:
    source, target, via = key
    return Edge(
        source=source,
        target=target,
        via=via,
        count=len(spans),
        p50_ns=percentile([span.duration_ns for span in spans], 50),
        errors=sum(span.failed for span in spans),
    )


def _via(parent: Span, child: Span) -> Via:
    event = parent.kind is Kind.PRODUCER or child.kind is Kind.CONSUMER
    return Via.EVENT if event else Via.CALL


def _cycle_closers(ordered: list[Span], by_id: Mapping[str, Span]) -> set[str]:
    """Find one span of each cycle of parents, the earliest walked into.

    Only damaged or hostile files have cycles; without this cut a tree walk would lose them.
    """
    settled: set[str] = set()
    closing: set[str] = set()
    for span in ordered:
        walked: list[str] = []
        step: Span | None = span
        while step is not None and step.span_id not in settled:
            settled.add(step.span_id)
            walked.append(step.span_id)
            step = by_id.get(step.parent_id)
        if step is not None and step.span_id in walked:
            closing.add(step.span_id)
    return closing


def _flaws(span: Span, parent: Span | None, closing: set[str]) -> tuple[Flaw, ...]:
    checks = {
        Flaw.PARENT_CYCLE: span.span_id in closing,
        Flaw.PARENT_MISSING: bool(span.parent_id) and parent is None,
        Flaw.STARTS_BEFORE_PARENT: (
            parent is not None and span.start_ns < parent.start_ns - SKEW_TOLERANCE_NS
        ),
        Flaw.ENDS_BEFORE_START: span.end_ns < span.start_ns,
    }
    return tuple(flaw for flaw, present in checks.items() if present)
