"""The rows of a waterfall: a trace's tree in reading order, repeated siblings folded into one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local.trace.model import Trace
from local.trace.span import Span

FOLD_FROM = 3


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row: a span, or siblings of the same service and name.

    Shape: spans has one member, or FOLD_FROM and more; below counts the rows hidden when this
    one is closed; last tells that no sibling follows; errors counts the failed spans, of a
    folded row with all that it hides.
    """

    spans: tuple[Span, ...]
    depth: int
    below: int
    last: bool
    errors: int

    @property
    def folded(self) -> bool:
        """Tell whether the row stands for several spans."""
        return len(self.spans) > 1

    @property
    def first(self) -> Span:
        """Give the earliest span."""
        return self.spans[0]

    @property
    def start_ns(self) -> int:
        """Give the earliest start."""
        return self.first.start_ns

    @property
    def end_ns(self) -> int:
        """Give the latest end."""
        return max(max(span.start_ns, span.end_ns) for span in self.spans)

    @property
    def total_ns(self) -> int:
        """Sum the durations."""
        return sum(span.duration_ns for span in self.spans)


@dataclass(slots=True)
class _Open:
    """Hold a row while what lies below it is still being counted."""

    spans: tuple[Span, ...]
    depth: int
    last: bool


def rows_of(trace: Trace, *, fold: bool = True) -> list[Row]:
    """Lay a trace out in rows, parents before children, siblings in order of start.

    Shape: with fold, siblings of one service and name make one row from FOLD_FROM on and their
    spans follow as rows below it, one deeper; without, each span has a row at its own depth.
    """
    laid: list[_Open] = []
    stack = _entries(trace.roots, 0, fold=fold)[::-1]
    while stack:
        entry = stack.pop()
        laid.append(entry)
        if len(entry.spans) > 1:
            below = _single(entry.spans, entry.depth + 1)
        else:
            below = _entries(trace.children_of(entry.spans[0]), entry.depth + 1, fold=fold)
        stack.extend(reversed(below))
    counts = _counts_below(laid)
    return [_row(laid, at, below) for at, below in enumerate(counts)]


def closed(rows: Sequence[Row]) -> Iterator[Row]:
    """Give the rows that show while every folded row stays closed."""
    skip_to = 0
    for at, row in enumerate(rows):
        if at < skip_to:
            continue
        yield row
        if row.folded:
            skip_to = at + row.below + 1


def _row(laid: Sequence[_Open], at: int, below: int) -> Row:
    """Make a row; a folded one answers for all it hides."""
    entry = laid[at]
    hidden = laid[at + 1 : at + 1 + below] if len(entry.spans) > 1 else [entry]
    failed = {
        span.span_id
        for other in hidden
        if len(other.spans) == 1
        for span in other.spans
        if span.failed
    }
    return Row(entry.spans, entry.depth, below, entry.last, len(failed))


def _entries(siblings: Sequence[Span], depth: int, *, fold: bool) -> list[_Open]:
    if not fold:
        return _single(siblings, depth)
    alike: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in siblings:
        alike[span.service, span.name].append(span)
    groups: list[tuple[Span, ...]] = []
    for members in alike.values():
        if len(members) >= FOLD_FROM:
            groups.append(tuple(members))
        else:
            groups.extend((span,) for span in members)
    groups.sort(key=lambda spans: (spans[0].start_ns, -spans[0].end_ns))
    return _opened(groups, depth)


def _single(siblings: Sequence[Span], depth: int) -> list[_Open]:
    return _opened([(span,) for span in siblings], depth)


def _opened(groups: Sequence[tuple[Span, ...]], depth: int) -> list[_Open]:
    final = len(groups) - 1
    return [_Open(spans, depth, at == final) for at, spans in enumerate(groups)]


def _counts_below(laid: Sequence[_Open]) -> list[int]:
    """Count each row's descendants: all rows up to the next one that is not deeper."""
    counts = [0] * len(laid)
    ancestors: list[int] = []
    for at, entry in enumerate(laid):
        while ancestors and laid[ancestors[-1]].depth >= entry.depth:
            done = ancestors.pop()
            counts[done] = at - done - 1
        ancestors.append(at)
    for done in ancestors:
        counts[done] = len(laid) - done - 1
    return counts
