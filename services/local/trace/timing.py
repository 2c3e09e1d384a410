"""Where the time of a trace went: self time of each span and the critical path."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from local.trace.model import Trace
from local.trace.span import Span


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold one stretch of the critical path.

    Shape: waiting is true for time in which the span itself had ended already, and the next step
    had not begun: an event on its way to its reader.
    Units: nanoseconds since 1970.
    """

    span_id: str
    start_ns: int
    end_ns: int
    waiting: bool

    @property
    def duration_ns(self) -> int:
        """Give the length of the stretch."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """Sum up the spans of one service and name on the critical path."""

    longest: Span
    count: int
    spent_ns: int


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Hold the stretches that together explain the whole duration of a trace, in order of time."""

    segments: tuple[Segment, ...]

    @property
    def own_ns(self) -> dict[str, int]:
        """Sum the working time on the path by span id."""
        total: Counter[str] = Counter()
        for segment in self.segments:
            if not segment.waiting:
                total[segment.span_id] += segment.duration_ns
        return dict(total)

    @property
    def span_ids(self) -> frozenset[str]:
        """Name the spans on the path."""
        return frozenset(self.own_ns)

    @property
    def waiting_ns(self) -> int:
        """Sum the time in which no span of the path was at work."""
        return sum(segment.duration_ns for segment in self.segments if segment.waiting)


def critical_path(trace: Trace) -> CriticalPath:
    """Find the chain of work that decided when the trace ended.

    Shape: walks from the last end back to the start. At each point the child whose subtree ended
    last is the reason for the time before; a subtree includes events applied after the reply.
    """
    ends = _subtree_ends(trace)
    segments: list[Segment] = []
    cursor = trace.end_ns
    for root in sorted(trace.roots, key=lambda span: ends[span.span_id], reverse=True):
        if root.start_ns >= cursor and segments:
            continue
        end = min(ends[root.span_id], cursor)
        if end < cursor:
            segments.append(Segment(root.span_id, end, cursor, waiting=True))
        segments.extend(_walk(trace, root, ends=ends, until=end))
        cursor = root.start_ns
    return CriticalPath(tuple(sorted(segments, key=lambda segment: segment.start_ns)))


def path_steps(trace: Trace, path: CriticalPath) -> list[PathStep]:
    """Sum the working time on the path by service and name, the most first."""
    own_ns = path.own_ns
    alike: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in trace.spans:
        if span.span_id in own_ns:
            alike[span.service, span.name].append(span)
    steps = [
        PathStep(
            longest=max(spans, key=lambda span: own_ns[span.span_id]),
            count=len(spans),
            spent_ns=sum(own_ns[span.span_id] for span in spans),
        )
        for spans in alike.values()
    ]
    return sorted(steps, key=lambda step: -step.spent_ns)


def self_times(trace: Trace) -> dict[str, int]:
    """Give each span's duration without the time in which a child was at work.

    Units: nanoseconds by span id; children that overlap count once.
    """
    return {
        span.span_id: span.duration_ns - _covered_ns(span, trace.children_of(span))
        for span in trace.spans
    }


def _covered_ns(span: Span, children: tuple[Span, ...]) -> int:
    covered = 0
    reached = span.start_ns
    for child in children:
        start = max(child.start_ns, reached)
        end = min(child.end_ns, span.end_ns)
        if end > start:
            covered += end - start
            reached = end
    return covered


def _subtree_ends(trace: Trace) -> dict[str, int]:
    """Give the latest end in each span's subtree, without recursion: chains can be long."""
    order: list[Span] = []
    stack = list(trace.roots)
    while stack:
        span = stack.pop()
        order.append(span)
        stack.extend(trace.children_of(span))
    ends: dict[str, int] = {}
    for span in reversed(order):
        below = (ends[child.span_id] for child in trace.children_of(span))
        ends[span.span_id] = max(span.start_ns, span.end_ns, *below)
    return ends


def _walk(trace: Trace, root: Span, *, ends: Mapping[str, int], until: int) -> list[Segment]:
    """Walk one tree backwards; a stack holds (span, until, not before)."""
    segments: list[Segment] = []
    stack = [(root, until, root.start_ns)]
    while stack:
        span, cursor, floor = stack.pop()
        floor = max(floor, span.start_ns)
        ranked = sorted(
            trace.children_of(span), key=lambda child: ends[child.span_id], reverse=True
        )
        for child in ranked:
            end = min(ends[child.span_id], cursor)
            if child.start_ns >= cursor or end <= floor:
                continue
            segments.extend(_own(span, end, cursor))
            stack.append((child, end, floor))
            cursor = max(child.start_ns, floor)
        segments.extend(_own(span, floor, cursor))
    return segments


def _own(span: Span, start_ns: int, end_ns: int) -> list[Segment]:
    """Split a stretch that belongs to the span itself at the span's end."""
    turn = min(max(span.end_ns, start_ns), end_ns)
    parts = [
        Segment(span.span_id, start_ns, turn, waiting=False),
        Segment(span.span_id, turn, end_ns, waiting=True),
    ]
    return [part for part in parts if part.duration_ns > 0]
