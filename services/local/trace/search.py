"""Find traces: by id, by attribute, the latest ones, and those linked to a trace."""

import heapq
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local.trace.files import LineTest, TelemetryFiles, containing, every_line
from local.trace.model import Trace, TraceNotFound
from local.trace.span import Span
from local.trace.text import percentile

PREFIX_DIGITS_MIN = 4
ID_DIGITS = 32
_CANDIDATES_MAX = 8
_TRACE_ID = re.compile(rb'"traceId":\s*"([0-9a-f]{32})"')


class BadTraceId(ValueError):
    """The text is no trace id and no beginning of one."""

    def __init__(self, text: str) -> None:
        """Name the text."""
        super().__init__(
            f"{text!r} is no trace id: {PREFIX_DIGITS_MIN} to {ID_DIGITS} hex digits are needed"
        )


class AmbiguousTraceId(LookupError):
    """More than one trace begins with the digits given."""

    def __init__(self, prefix: str, candidates: Sequence[str]) -> None:
        """Name the first few candidates."""
        shown = ", ".join(candidates[:_CANDIDATES_MAX])
        super().__init__(f"{len(candidates)} traces begin with {prefix}: {shown}")
        self.candidates = tuple(candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Sum up one trace in a line of a list.

    Units: nanoseconds since 1970; services in order of name.
    """

    trace_id: str
    root_name: str
    root_service: str
    start_ns: int
    end_ns: int
    spans: int
    errors: int
    services: tuple[str, ...]

    @property
    def duration_ns(self) -> int:
        """Give the time from the earliest start to the latest end."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedGroup:
    """Sum up the linked traces that begin with the same step.

    Shape: traces are in order of start, all of them.
    Units: nanoseconds; p50_ns and p95_ns are nearest-rank percentiles of the durations.
    """

    root_name: str
    root_service: str
    p50_ns: int
    p95_ns: int
    errors: int
    traces: tuple[Digest, ...]

    @property
    def count(self) -> int:
        """Count the traces."""
        return len(self.traces)


@dataclass(frozen=True, slots=True)
class LinkedTraces:
    """Hold the traces on the other end of links, both ways, each way grouped by first step."""

    incoming: tuple[LinkedGroup, ...]
    outgoing: tuple[LinkedGroup, ...]

    @property
    def count(self) -> int:
        """Count the linked traces of both ways."""
        return sum(group.count for group in self.incoming + self.outgoing)


@dataclass(slots=True)
class _Tally:
    """Collect one trace while its spans stream by."""

    first: Span
    root: Span | None = None
    start_ns: int = 0
    end_ns: int = 0
    spans: int = 0
    errors: int = 0
    services: set[str] = field(default_factory=set)

    def add(self, span: Span) -> None:
        first_seen = self.spans == 0
        self.spans += 1
        self.errors += span.failed
        self.services.add(span.service)
        self.start_ns = span.start_ns if first_seen else min(self.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.start_ns, span.end_ns)
        if span.start_ns < self.first.start_ns:
            self.first = span
        if not span.parent_id and (self.root is None or span.start_ns < self.root.start_ns):
            self.root = span

    def digest(self) -> Digest:
        named = self.root or self.first
        return Digest(
            trace_id=named.trace_id,
            root_name=named.name,
            root_service=named.service,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            spans=self.spans,
            errors=self.errors,
            services=tuple(sorted(self.services)),
        )


def digests(files: TelemetryFiles, trace_ids: Container[str] | None = None) -> list[Digest]:
    """Sum up the named traces, or all of them.

    Shape: one digest per trace that has a span, in order of start.
    """
    tallies: dict[str, _Tally] = {}
    wanted = every_line if trace_ids is None else naming(trace_ids)
    for span in files.spans(wanted):
        if trace_ids is None or span.trace_id in trace_ids:
            tallies.setdefault(span.trace_id, _Tally(span)).add(span)
    found = [tally.digest() for tally in tallies.values()]
    return sorted(found, key=lambda digest: (digest.start_ns, digest.trace_id))


def latest(files: TelemetryFiles, count: int) -> list[Digest]:
    """Give the traces that began last, the newest first."""
    return heapq.nlargest(count, digests(files), key=lambda digest: digest.start_ns)


def full_id(files: TelemetryFiles, text: str) -> str:
    """Complete the beginning of a trace id.

    Errors: BadTraceId, TraceNotFound, AmbiguousTraceId.
    """
    prefix = text.strip().lower().replace("-", "")
    well_formed = re.fullmatch(r"[0-9a-f]+", prefix)
    if not well_formed or not PREFIX_DIGITS_MIN <= len(prefix) <= ID_DIGITS:
        raise BadTraceId(text)
    if len(prefix) == ID_DIGITS:
        return prefix
    found = {
        span.trace_id
        for span in files.spans(containing(prefix))
        if span.trace_id.startswith(prefix)
    }
    if not found:
        raise TraceNotFound(prefix)
    if len(found) > 1:
        raise AmbiguousTraceId(prefix, sorted(found))
    return found.pop()


def attribute_key(name: str) -> str:
    """Complete a short attribute name: `campaign_id` is `mantle.campaign.id`.

    Shape: a name with a dot is taken as it stands.
    """
    if "." in name:
        return name
    thing = name.removesuffix("_id")
    return f"mantle.{thing}.id" if thing != name else f"mantle.{name}"


def by_attribute(files: TelemetryFiles, name: str, value: str) -> list[Digest]:
    """Find the traces that carry an attribute, on a span or a link, or link to one that does.

    Shape: the name may be short, see attribute_key; the newest trace first.
    """
    key = attribute_key(name)
    carrying = {
        span.trace_id
        for span in files.spans(containing(value, value.lower()))
        if _carries(span, key, value)
    }
    linking = _traces_linking_to(files, carrying)
    return digests(files, carrying | linking)[::-1]


def linked_traces(files: TelemetryFiles, trace: Trace) -> LinkedTraces:
    """Sum up the traces that link to this one and those it links to, in one pass."""
    incoming = {link.trace_id for link in trace.links}
    outgoing = {link.trace_id for span in trace.spans for link in span.links}
    outgoing -= {trace.trace_id}
    if not incoming and not outgoing:
        return LinkedTraces((), ())
    found = digests(files, incoming | outgoing)
    return LinkedTraces(
        incoming=group_digests(digest for digest in found if digest.trace_id in incoming),
        outgoing=group_digests(
            digest for digest in found if digest.trace_id in outgoing - incoming
        ),
    )


def group_digests(found: Iterable[Digest]) -> tuple[LinkedGroup, ...]:
    """Group traces by the service and name of their first step, the largest group first."""
    groups: defaultdict[tuple[str, str], list[Digest]] = defaultdict(list)
    for digest in found:
        groups[digest.root_service, digest.root_name].append(digest)
    made = [_group(key, members) for key, members in groups.items()]
    return tuple(sorted(made, key=lambda group: -group.count))


def naming(trace_ids: Container[str]) -> LineTest:
    """Accept the lines that name one of the traces; a set is asked, however many there are."""
    return lambda line: any(found.decode() in trace_ids for found in set(_TRACE_ID.findall(line)))


def _group(key: tuple[str, str], members: Sequence[Digest]) -> LinkedGroup:
    durations = [digest.duration_ns for digest in members]
    return LinkedGroup(
        root_service=key[0],
        root_name=key[1],
        p50_ns=percentile(durations, 50),
        p95_ns=percentile(durations, 95),
        errors=sum(digest.errors > 0 for digest in members),
        traces=tuple(members),
    )


def _traces_linking_to(files: TelemetryFiles, trace_ids: Container[str]) -> set[str]:
    return {
        span.trace_id
        for span in files.spans(containing("links"))
        if any(link.trace_id in trace_ids for link in span.links)
    }


def _carries(span: Span, key: str, value: str) -> bool:
    held: list[Mapping[str, object]] = [span.attributes]
    held.extend(link.attributes for link in span.links)
    return any(_matches(attributes.get(key), value) for attributes in held)


def _matches(held: object, value: str) -> bool:
    if isinstance(held, bool):
        return str(held).lower() == value.lower()
    if isinstance(held, list):
        return any(_matches(item, value) for item in held)
    return held is not None and str(held) == value
