"""Telemetry files become a trace, whatever state the files are in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.trace.files import TelemetryFiles
from local.trace.model import Edge, Flaw, TraceNotFound, Via, build_trace, edges_of, read_trace
from local.trace.span import Kind, Span, Status, spans_of
from tests.unit.local.otlp_lines import MS, TRACE, Telemetry, line, record, span_id, trace_id


def read(folder: Path) -> TelemetryFiles:
    return TelemetryFiles.in_folder(folder)


def test_a_trace_is_put_together_from_the_files_of_all_services(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path)
    telemetry.add("crm", record("touch", 0, 50), record("call", 5, 40, parent="touch", kind=3))
    telemetry.add("channels", record("order", 10, 35, parent="call", kind=2))
    telemetry.add("channels", record("else", 0, 9, trace=trace_id(7)))

    trace = read_trace(read(tmp_path), TRACE)

    assert [span.name for span in trace.spans] == ["touch", "call", "order"]
    assert [root.name for root in trace.roots] == ["touch"]
    assert trace.services == {"crm": 2, "channels": 1}
    assert trace.duration_ns == 50 * MS
    assert trace.broken_parents == 0


def test_a_span_is_read_with_all_that_is_written() -> None:
    batch = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "crm"}}]
                },
                "scopeSpans": [
                    {
                        "spans": [
                            record(
                                "a",
                                0,
                                2,
                                kind=5,
                                error="wrong",
                                attributes={"n": 7, "ok": True, "list": ["x", 1], "f": 1.5},
                                links=[(trace_id(3), "b")],
                            )
                        ]
                    }
                ],
            }
        ]
    }

    (span,) = spans_of(batch)

    assert (span.service, span.kind, span.status) == ("crm", Kind.CONSUMER, Status.ERROR)
    assert span.status_message == "wrong"
    assert span.attributes == {"n": 7, "ok": True, "list": ["x", 1], "f": 1.5}
    assert [(link.trace_id, link.span_id) for link in span.links] == [(trace_id(3), span_id("b"))]


def test_an_unknown_trace_is_not_found(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"))

    with pytest.raises(TraceNotFound, match=trace_id(9)):
        read_trace(read(tmp_path), trace_id(9))


def test_a_missing_parent_makes_a_root_and_is_told(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a", 0, 9), record("b", 2, 4, parent="gone"))

    trace = read_trace(read(tmp_path), TRACE)

    assert [root.name for root in trace.roots] == ["a", "b"]
    assert trace.flaws == {span_id("b"): (Flaw.PARENT_MISSING,)}
    assert trace.broken_parents == 1
    assert trace.main_root.name == "a"


def test_a_cycle_of_parents_is_cut_once(tmp_path: Path) -> None:
    Telemetry(tmp_path).add(
        "crm",
        record("a", 0, 9, parent="c"),
        record("b", 1, 9, parent="a"),
        record("c", 2, 9, parent="b"),
        record("self", 3, 4, parent="self"),
    )

    trace = read_trace(read(tmp_path), TRACE)

    assert [root.name for root in trace.roots] == ["a", "self"]
    assert trace.broken_parents == 2


def test_clocks_that_disagree_are_told_and_never_give_negative_time(tmp_path: Path) -> None:
    Telemetry(tmp_path).add(
        "crm", record("a", 100, 200), record("early", 50, 120, parent="a"), record("back", 150, 140)
    )

    trace = read_trace(read(tmp_path), TRACE)

    assert trace.flaws[span_id("early")] == (Flaw.STARTS_BEFORE_PARENT,)
    assert trace.flaws[span_id("back")] == (Flaw.ENDS_BEFORE_START,)
    assert min(span.duration_ns for span in trace.spans) == 0
    assert trace.duration_ns == 150 * MS


def test_a_cut_last_line_is_left_out_and_counted(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("crm", record("a"))
    telemetry.append("crm", line("crm", record("b"))[:-20])

    files = read(tmp_path)
    trace = read_trace(files, TRACE)

    assert [span.name for span in trace.spans] == ["a"]
    assert files.unreadable == 1


def test_a_line_written_behind_a_cut_one_is_read(tmp_path: Path) -> None:
    """A service killed while writing appends its next line to the cut one."""
    telemetry = Telemetry(tmp_path).append("crm", line("crm", record("a"))[:60])
    telemetry.add("crm", record("b"))

    trace = read_trace(read(tmp_path), TRACE)

    assert [span.name for span in trace.spans] == ["b"]


def test_a_span_written_twice_counts_once(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"), record("a")).add("crm", record("a"))

    trace = read_trace(read(tmp_path), TRACE)

    assert len(trace.spans) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '{"resourceSpans":null}',
        '{"resourceSpans":[1,{"scopeSpans":[{"spans":[{"name":"no ids"}]}]}]}',
        '{"resourceMetrics":[]}',
        "[" * 5000,
        '{"resourceSpans":[{"resource":7,"scopeSpans":[{"spans":[{"traceId":"ab","spanId":"cd",'
        '"startTimeUnixNano":"soon","attributes":[{"key":1,"value":[]}],"status":3}]}]}]}',
    ],
)
def test_a_strange_line_is_no_error(tmp_path: Path, text: str) -> None:
    telemetry = Telemetry(tmp_path).append("crm", text + "\n").add("crm", record("a"))

    spans = list(read(telemetry.folder).spans())

    assert spans[-1].name == "a"


def test_edges_tell_who_reached_whom_and_how(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path)
    telemetry.add("crm", record("decide", 0, 50), record("call", 5, 40, parent="decide", kind=3))
    telemetry.add("channels", record("order", 10, 35, parent="call", kind=2, error="short"))
    telemetry.add("settlement", record("applied", 60, 64, parent="order", kind=5))
    telemetry.add("planning", record("late", 90, 92, links=[(TRACE, "order")]))

    edges = edges_of(read_trace(read(tmp_path), TRACE))

    assert edges == [
        Edge("crm", "channels", Via.CALL, 1, 25 * MS, 1),
        Edge("channels", "settlement", Via.EVENT, 1, 4 * MS, 0),
        Edge("channels", "planning", Via.LINK, 1, 2 * MS, 0),
    ]


def test_links_of_other_traces_are_kept(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("planning", record("campaign"))
    telemetry.add("crm", record("touch", trace=trace_id(1), links=[(TRACE, "campaign")]))

    (link,) = read_trace(read(tmp_path), TRACE).links

    assert (link.trace_id, link.to_span_id) == (trace_id(1), span_id("campaign"))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_every_span_stands_in_the_tree_exactly_once(parents: list[int]) -> None:
    spans = [made(number, parent) for number, parent in enumerate(parents)]

    trace = build_trace(TRACE, spans)

    stack, reached = list(trace.roots), []
    while stack:
        span = stack.pop()
        reached.append(span.span_id)
        stack.extend(trace.children_of(span))
    assert sorted(reached) == sorted(span.span_id for span in spans)


def made(number: int, parent: int) -> Span:
    batch = {
        "resourceSpans": [
            {"scopeSpans": [{"spans": [record(f"s{number}", number, 99, parent=f"s{parent}")]}]}
        ]
    }
    return next(spans_of(batch))
