"""Critical path and self time."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.trace.model import Trace, build_trace
from local.trace.span import spans_of
from local.trace.timing import critical_path, path_steps, self_times
from tests.unit.local.otlp_lines import MS, TRACE, record, span_id


def trace_of(*records: dict[str, Any]) -> Trace:
    batch = {"resourceSpans": [{"scopeSpans": [{"spans": list(records)}]}]}
    return build_trace(TRACE, spans_of(batch))


def own_ms(trace: Trace) -> dict[str, int]:
    names = {span.span_id: span.name for span in trace.spans}
    return {names[key]: ns // MS for key, ns in critical_path(trace).own_ns.items()}


def test_the_path_follows_the_child_that_ends_last() -> None:
    trace = trace_of(
        record("root", 0, 100),
        record("slow", 10, 90, parent="root"),
        record("beside", 20, 60, parent="root"),
        record("deep", 30, 80, parent="slow"),
    )

    own = own_ms(trace)

    assert own == {"root": 20, "slow": 30, "deep": 50}


def test_children_one_after_the_other_are_all_on_the_path() -> None:
    trace = trace_of(
        record("root", 0, 100),
        record("first", 0, 40, parent="root"),
        record("second", 50, 100, parent="root"),
    )

    own = own_ms(trace)

    assert own == {"root": 10, "first": 40, "second": 50}


def test_the_way_of_an_event_to_its_reader_is_waiting() -> None:
    trace = trace_of(record("root", 0, 100), record("applied", 130, 150, parent="root", kind=5))

    path = critical_path(trace)

    assert own_ms(trace) == {"root": 100, "applied": 20}
    assert path.waiting_ns == 30 * MS


def test_a_child_that_starts_before_its_parent_does_not_leave_the_trace() -> None:
    trace = trace_of(record("root", 50, 100), record("early", 0, 90, parent="root"))

    path = critical_path(trace)

    assert all(segment.duration_ns > 0 for segment in path.segments)
    assert own_ms(trace) == {"root": 10, "early": 40}


def test_self_time_counts_overlapping_children_once() -> None:
    trace = trace_of(
        record("root", 0, 100),
        record("a", 10, 50, parent="root"),
        record("b", 30, 60, parent="root"),
        record("late", 90, 200, parent="root"),
    )

    own = self_times(trace)

    assert own[span_id("root")] == 40 * MS
    assert own[span_id("late")] == 110 * MS


def test_steps_sum_spans_of_one_name_the_most_first() -> None:
    trace = trace_of(
        record("root", 0, 100),
        record("a", 0, 20, parent="root", title="read"),
        record("b", 20, 70, parent="root", title="read"),
    )

    steps = path_steps(trace, critical_path(trace))

    assert [(step.longest.name, step.count, step.spent_ns // MS) for step in steps] == [
        ("read", 2, 70),
        ("root", 1, 30),
    ]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9)), max_size=12))
def test_the_path_never_counts_a_moment_twice(shape: list[tuple[int, int, int]]) -> None:
    children = [
        record(f"s{at + 1}", start, end, parent=f"s{min(parent, at)}")
        for at, (start, end, parent) in enumerate(shape)
    ]
    trace = trace_of(record("s0", 0, 50), *children)

    segments = critical_path(trace).segments

    assert all(a.end_ns <= b.start_ns for a, b in zip(segments, segments[1:], strict=False))
    assert sum(segment.duration_ns for segment in segments) <= trace.duration_ns


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    chain = [record("s0", 0, 9000)]
    chain += [record(f"s{at}", at, 9000 - at, parent=f"s{at - 1}") for at in range(1, 3000)]

    trace = trace_of(*chain)

    assert len(critical_path(trace).span_ids) == 3000
    assert len(self_times(trace)) == 3000
