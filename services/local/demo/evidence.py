"""What the traces of the run show: waterfalls in the terminal, pages and a file for Jaeger."""

import time
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Final

from mantle.planning.v1 import campaign_pb2
from mantle.planning.v1.campaign_service_pb2 import GetCampaignTimelineResponse as Timeline
from rich.console import Console

from local.demo.desk import until
from local.demo.narrator import ZONE
from local.demo.touches import Visit
from local.platform import Platform
from local.trace import search
from local.trace.export import export_traces
from local.trace.files import TelemetryFiles
from local.trace.model import Trace, TraceNotFound, build_trace, read_trace
from local.trace.page import Stage, trace_page
from local.trace.waterfall import print_trace

WAIT_S: Final = 20.0
# What comes last in a touch that became an order: the events of its approval and its delivery.
LEAVES: Final = ("apply OrderApproved", "apply OrderDelivered", "apply ActualPosted")
STAGE_SPANS: Final = ("planning", "allocation", "approval", "execution", "evaluation")


def files_since(platform: Platform, begin_s: float) -> TelemetryFiles:
    """Return the telemetry that was written since an instant.

    Units: seconds since 1970.
    """
    paths = platform.places.telemetry.glob("*.jsonl")
    return TelemetryFiles([path for path in paths if path.stat().st_mtime >= begin_s])


def whole_trace(files: TelemetryFiles, trace_id: str, *, needs: Iterable[str] = ()) -> Trace:
    """Read a trace when all of it has been written.

    Shape: whole means that no parent is missing and that each needed name is in some span's name.
    Errors: NeverCame.
    """
    wanted = tuple(needs)
    found: list[Trace] = []

    def is_whole() -> bool:
        try:
            trace = read_trace(files, trace_id)
        except TraceNotFound:
            return False
        found[:] = [trace]
        names = [span.name for span in trace.spans]
        complete = all(any(need in name for name in names) for need in wanted)
        return complete and not trace.broken_parents

    until(is_whole, f"the spans of trace {trace_id}", within_s=WAIT_S)
    return found[0]


def write_page(
    platform: Platform,
    files: TelemetryFiles,
    trace: Trace,
    *,
    name: str,
    stages: Sequence[Stage],
) -> Path:
    """Write the page of a trace beside the platform's data and return its path."""
    path = platform.places.directory / f"{name}.html"
    page = trace_page(trace, search.linked_traces(files, trace), stages=stages)
    path.write_text(page, encoding="utf-8")
    return path


def write_export(platform: Platform, files: TelemetryFiles, trace_ids: Set[str]) -> Path:
    """Write traces as one file for Jaeger and return its path."""
    path = platform.places.directory / "traces.json"
    export_traces(files, trace_ids, path)
    return path


def show(console: Console, trace: Trace) -> None:
    """Print the waterfall of a trace without the statements of the databases."""
    calls = [span for span in trace.spans if "db.system.name" not in span.attributes]
    print_trace(console, build_trace(trace.trace_id, calls), search.LinkedTraces((), ()))


def touch_stages(visit: Visit, trace: Trace) -> list[Stage]:
    """Return the steps of a touch in business words, each with its span."""
    spans = {(span.service, span.name.rpartition("/")[2]): span.span_id for span in trace.spans}
    offer, order = visit.offer, visit.order
    steps = (
        ("Touch", ("demo", "touch"), visit.touch.touchpoint.name),
        ("Decision", ("crm", "Decide"), f"{offer.offer_code}, {len(visit.rejections)} others not"),
        ("Offer shown", ("crm", "ShowOffer"), f"propensity {offer.propensity}"),
        ("Accepted", ("crm", "AnswerOffer"), f"customer {visit.touch.customer.customer_id}"),
        ("Order", ("channels", "PlaceOrder"), f"contract {order.contract_number}"),
        ("Credit reserved", ("settlement", "ReserveCredits"), f"partner {order.partner_id}"),
        ("Commission accrued", ("settlement", "apply OrderApproved"), "5.00 for the seller"),
        ("Delivered", ("channels", "DeliverOrder"), order.delivery_proof),
        ("Invoiced", ("settlement", "apply OrderDelivered"), "receivable against revenue"),
        ("On the campaign's account", ("planning", "apply ActualPosted"), "cost and revenue"),
    )
    return [Stage(name=name, note=note, span_id=spans.get(key, "")) for name, key, note in steps]


def campaign_stages(timeline: Timeline, trace: Trace) -> list[Stage]:
    """Return the five stages of a campaign, each with its business time and its span."""
    span_ids = {span.name: span.span_id for span in trace.spans if span.service == "demo"}
    kinds = campaign_pb2.CampaignStage.Kind
    return [
        Stage(
            name=kinds.Name(stage.kind).removeprefix("KIND_").capitalize(),
            time=stage.begin_time.ToDatetime(ZONE) if stage.HasField("begin_time") else None,
            note=_note(stage),
            span_id=span_ids.get(name, ""),
        )
        for stage, name in zip(timeline.stages, STAGE_SPANS, strict=True)
    ]


def _note(stage: campaign_pb2.CampaignStage) -> str:
    if not stage.HasField("end_time"):
        return ""
    return f"until {stage.end_time.ToDatetime(ZONE):%Y-%m-%d %H:%M}"


def now_s() -> float:
    """Return the real instant, to find this run's files by.

    Units: seconds since 1970.
    """
    return time.time()
