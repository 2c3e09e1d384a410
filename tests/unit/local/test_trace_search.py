"""Traces are found by id, by attribute and by date, and linked ones are summed up."""

from pathlib import Path

import pytest

from local.trace.files import TelemetryFiles
from local.trace.model import TraceNotFound, read_trace
from local.trace.search import (
    AmbiguousTraceId,
    BadTraceId,
    attribute_key,
    by_attribute,
    full_id,
    latest,
    linked_traces,
)
from tests.unit.local.otlp_lines import MS, TRACE, Telemetry, record, trace_id


def read(folder: Path) -> TelemetryFiles:
    return TelemetryFiles.in_folder(folder)


def test_the_beginning_of_an_id_is_enough(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"), record("b", trace=trace_id(5)))

    found = full_id(read(tmp_path), " 4BF92F ")

    assert found == TRACE


def test_a_beginning_of_two_ids_names_both(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", *(record("a", trace=trace_id(number)) for number in (1, 2)))

    with pytest.raises(AmbiguousTraceId) as caught:
        full_id(read(tmp_path), "0000")

    assert caught.value.candidates == (trace_id(1), trace_id(2))


def test_a_beginning_of_no_id_is_not_found(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"))

    with pytest.raises(TraceNotFound):
        full_id(read(tmp_path), "abcd1")


@pytest.mark.parametrize("text", ["", "4bf", "no id", "g" * 32, "a" * 33, '4bf92f"'])
def test_what_is_no_id_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadTraceId):
        full_id(read(tmp_path), text)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("campaign_id", "mantle.campaign.id"),
        ("service_case_id", "mantle.service_case.id"),
        ("step", "mantle.step"),
        ("rpc.method", "rpc.method"),
    ],
)
def test_a_short_attribute_name_is_completed(name: str, key: str) -> None:
    assert attribute_key(name) == key


def test_an_attribute_finds_the_traces_that_carry_it_and_those_that_link_to_them(
    tmp_path: Path,
) -> None:
    telemetry = Telemetry(tmp_path)
    telemetry.add("planning", record("launch", 0, 9, attributes={"mantle.campaign.id": "c-营-1"}))
    telemetry.add("crm", record("touch", 5, 6, trace=trace_id(1), links=[(TRACE, "launch")]))
    telemetry.add("crm", record("other", 7, 8, trace=trace_id(2)))
    telemetry.add(
        "crm", record("wrong", 7, 8, trace=trace_id(3), attributes={"mantle.plan.id": "c-营-1"})
    )

    found = by_attribute(read(tmp_path), "campaign_id", "c-营-1")

    assert [digest.root_name for digest in found] == ["touch", "launch"]


@pytest.mark.parametrize(("held", "asked"), [(7, "7"), (True, "True"), (["a", "b"], "b")])
def test_an_attribute_of_any_type_is_compared_as_text(
    tmp_path: Path, held: object, asked: str
) -> None:
    Telemetry(tmp_path).add("crm", record("a", attributes={"mantle.step": held}))

    found = by_attribute(read(tmp_path), "step", asked)

    assert len(found) == 1


def test_the_latest_traces_come_newest_first_with_their_figures(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path)
    for number in range(1, 6):
        at = number * 100
        telemetry.add(
            "crm",
            record("work", at + 2, at + 30, parent="start", trace=trace_id(number), error="no"),
        )
        telemetry.add("planning", record("start", at, at + 20, trace=trace_id(number)))

    found = latest(read(tmp_path), 2)

    assert [digest.trace_id for digest in found] == [trace_id(5), trace_id(4)]
    newest = found[0]
    assert (newest.root_name, newest.root_service) == ("start", "planning")
    assert (newest.spans, newest.errors, newest.services) == (2, 1, ("crm", "planning"))
    assert newest.duration_ns == 30 * MS


def test_thousands_of_linked_traces_are_grouped_by_their_first_step(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("planning", record("campaign", 0, 9))
    touches = [
        record("touch", 10, 10 + number, trace=trace_id(number), links=[(TRACE, "campaign")])
        for number in range(1, 2001)
    ]
    telemetry.add("crm", *touches)
    telemetry.add("settlement", record("close", trace=trace_id(9999), links=[(TRACE, "campaign")]))
    files = read(tmp_path)

    linked = linked_traces(files, read_trace(files, TRACE))

    figures = [
        (group.root_name, group.count, group.p50_ns // MS, group.p95_ns // MS)
        for group in linked.incoming
    ]
    assert figures == [("touch", 2000, 1000, 1900), ("close", 1, 1, 1)]
    assert (linked.outgoing, linked.count) == ((), 2001)


def test_the_group_of_a_trace_that_links_inside_out_is_named_by_its_root(tmp_path: Path) -> None:
    """The linking span may lie deep in its trace; the summary names the first step."""
    telemetry = Telemetry(tmp_path).add("planning", record("campaign", 0, 9))
    telemetry.add("crm", record("first", 10, 30, trace=trace_id(1)))
    telemetry.add(
        "crm",
        record("inner", 12, 20, parent="first", trace=trace_id(1), links=[(TRACE, "campaign")]),
    )
    files = read(tmp_path)

    linked = linked_traces(files, read_trace(files, TRACE))

    assert [group.root_name for group in linked.incoming] == ["first"]


def test_a_trace_shows_what_it_links_to(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("planning", record("campaign", trace=trace_id(1)))
    telemetry.add("crm", record("touch", links=[(trace_id(1), "campaign"), (trace_id(2), "gone")]))
    files = read(tmp_path)

    linked = linked_traces(files, read_trace(files, TRACE))

    assert [group.root_name for group in linked.outgoing] == ["campaign"]
