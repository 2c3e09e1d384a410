"""What the traces of the story show: whole, connected, and without a word about a person."""

import re
from collections.abc import Iterator
from pathlib import Path

from local.demo import chosen_visit
from local.demo.evidence import STAGE_SPANS
from local.demo.source import FAMILY_NAMES, GIVEN_NAMES, PHONE_PREFIX
from local.platform import SERVICES
from local.trace.model import Trace, Via, edges_of
from local.trace.span import Span
from tests.e2e.conftest import Played
from tests.support.requirements import req

PHONE = re.compile(rb"\+?" + PHONE_PREFIX.removeprefix("+").encode() + rb"[0-9]{8}")
NAME = re.compile(
    rb"\b(?:" + b"|".join(map(str.encode, FAMILY_NAMES)) + rb") (?:"
    rb"" + b"|".join(map(str.encode, GIVEN_NAMES)) + rb")\b"
)
EXPECTED_EDGES = {
    ("demo", "crm", Via.CALL),
    ("crm", "channels", Via.CALL),
    ("channels", "settlement", Via.CALL),
    ("channels", "settlement", Via.EVENT),
    ("settlement", "planning", Via.EVENT),
    ("settlement", "channels", Via.EVENT),
    ("crm", "planning", Via.EVENT),
    ("channels", "crm", Via.EVENT),
}


@req("R-309")
def test_one_trace_runs_through_all_stages_of_a_campaign(played: Played) -> None:
    trace = played.campaign_trace
    states = {span.attributes.get("mantle.process.state") for span in trace.spans} - {None}

    assert (trace.main_root.service, trace.main_root.name) == ("demo", "campaign")
    assert [one.name for one in trace.children_of(trace.main_root)] == list(STAGE_SPANS)
    assert set(SERVICES) <= set(trace.services)
    assert len(states) >= 5
    assert len(trace.roots) == 1
    assert trace.broken_parents == 0


@req("R-310")
def test_one_trace_runs_from_the_touch_to_the_commission(played: Played) -> None:
    visit = chosen_visit(played.told)
    assert visit is not None
    trace = played.traces[visit.trace_id]
    told_in = {_span_of(event.traceparent) for event in played.accruals}
    [accrual] = [span for span in trace.spans if (span.trace_id, span.span_id) in told_in]

    assert (trace.main_root.service, trace.main_root.name) == ("demo", "touch")
    assert len(trace.roots) == 1
    assert (accrual.service, accrual.name) == ("settlement", "apply OrderApproved")
    assert [span.service for span in _ancestors(trace, accrual)] == [
        "channels",
        "crm",
        "crm",
        "demo",
        "demo",
    ]
    assert {(edge.source, edge.target, edge.via) for edge in edges_of(trace)} >= EXPECTED_EDGES


def test_every_order_of_the_story_has_its_commission_in_the_trace_of_its_touch(
    played: Played,
) -> None:
    told_in = {_span_of(event.traceparent)[0] for event in played.accruals}
    ordered = [one for one in played.told.live.visits if one.order is not None]

    assert {one.trace_id for one in ordered if one.order.moves} <= told_in


def test_every_touch_with_an_offer_links_to_its_campaign(played: Played) -> None:
    offered = [one for one in played.told.live.visits if one.offer is not None]
    linked = {
        link.trace_id
        for one in offered
        for span in played.traces[one.trace_id].spans
        for link in span.links
    }

    assert played.told.trace_id in linked
    assert len(offered) > 0


def test_no_span_of_the_run_lacks_its_parent(played: Played) -> None:
    broken = {
        f"{trace.main_root.service} {trace.main_root.name}": trace.broken_parents
        for trace in played.traces.values()
        if trace.broken_parents
    }

    assert broken == {}


@req("R-315")
def test_no_span_and_no_log_line_names_a_customer_or_a_phone(played: Played) -> None:
    assert all(NAME.fullmatch(name.encode()) for name in played.some_names)
    assert len(played.some_names) == 20

    found = {
        path.name: (PHONE.findall(content), NAME.findall(content))
        for path, content in _telemetry_and_logs(played)
    }

    assert len(found) >= 2 * len(SERVICES)
    assert {name: hits for name, hits in found.items() if hits != ([], [])} == {}


def _telemetry_and_logs(played: Played) -> Iterator[tuple[Path, bytes]]:
    for folder in (played.places.telemetry, played.places.logs):
        yield from ((path, path.read_bytes()) for path in sorted(folder.iterdir()))


def _span_of(traceparent: str) -> tuple[str, str]:
    _, trace_id, span_id, _ = traceparent.split("-")
    return trace_id, span_id


def _ancestors(trace: Trace, span: Span) -> Iterator[Span]:
    by_id = {one.span_id: one for one in trace.spans}
    while span.parent_id:
        span = by_id[span.parent_id]
        yield span
