"""The platform as four processes, and the demo's story played on it once for all tests here."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from mantle.crm.v1 import customer_service_pb2
from mantle.events.v1 import event_log_service_pb2, event_pb2
from mantle.settlement.v1 import commission_pb2
from rich.console import Console

from chassis import telemetry
from local import demo
from local.demo import money
from local.demo.desk import Desk
from local.demo.narrator import Narrator
from local.demo.scene import Scene, Size
from local.demo.story import Told
from local.places import REPOSITORY, Places
from local.platform import Platform
from local.trace.files import TelemetryFiles
from local.trace.model import Trace, build_trace
from local.trace.span import Span

BEGIN = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
SIZE = Size(customers=400, touches=64, in_flight=4)
AGAIN = Size(customers=400, touches=16, in_flight=4)


@dataclass(frozen=True, slots=True, repr=False)
class Played:
    """Hold what the story brought about, and what it left behind after a clean stop.

    Units: `took_s` real seconds of the first story.
    """

    told: Told
    again: Told
    took_s: float
    ended: datetime
    entries: list[commission_pb2.CommissionEntry]
    accruals: list[event_pb2.Event]
    some_names: list[str]
    first_call: subprocess.CompletedProcess[str]
    places: Places
    traces: dict[str, Trace]

    @property
    def campaign_trace(self) -> Trace:
        """Return the trace of the campaign."""
        return self.traces[self.told.trace_id]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the story twice on one platform, ask what is to be asked, and stop it in order."""
    places = Places(tmp_path_factory.mktemp("platform"))
    with Platform(places, durable=False) as platform:
        platform.clock.set(BEGIN)
        narrator = Narrator(Console(quiet=True), platform.clock)
        begin_s = time.monotonic()
        told = demo.play(platform, narrator, SIZE)
        took_s, ended = time.monotonic() - begin_s, platform.clock.now()
        again = demo.play(platform, narrator, AGAIN)
        measured = telemetry.set_up("test", instance="1", directory=str(places.telemetry))
        desk = Desk(platform, measured)
        scene = Scene(desk, narrator, platform.clock, size=SIZE, seed=0, customers=())
        facts = {
            "entries": money.entries(scene, told.campaign_id),
            "accruals": accruals(desk),
            "some_names": names(desk),
            "first_call": first_call(places),
        }
        desk.close()
        measured.stop()
    yield Played(
        told=told,
        again=again,
        took_s=took_s,
        ended=ended,
        places=places,
        traces=all_traces(places),
        **facts,  # type: ignore[arg-type]
    )


def accruals(desk: Desk) -> list[event_pb2.Event]:
    """Return the facts of earned commission as settlement's log has them."""
    request = event_log_service_pb2.ReadEventsRequest(
        types=["mantle.settlement.v1.CommissionAccrued"], page_size=1_000
    )
    found: list[event_pb2.Event] = []
    while True:
        answer = desk.ask(request, role="service", unit_id="", service="settlement")
        found += answer.events
        if answer.next_position >= answer.head_position:
            return found
        request.after_position = answer.next_position


def names(desk: Desk) -> list[str]:
    """Return names of customers as their owner's answers have them."""
    request = customer_service_pb2.ListCustomersRequest(page_size=20)
    answer = desk.person("customer_service").ask(request)
    return [one.display_name for one in answer.customers]


def first_call(places: Places) -> subprocess.CompletedProcess[str]:
    """Run the example as a user would."""
    return subprocess.run(
        [sys.executable, "examples/first_call.py", str(places.directory)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def all_traces(places: Places) -> dict[str, Trace]:
    """Return every trace of the run by its id."""
    spans: dict[str, list[Span]] = {}
    for span in TelemetryFiles.in_folder(places.telemetry).spans():
        spans.setdefault(span.trace_id, []).append(span)
    return {trace_id: build_trace(trace_id, found) for trace_id, found in spans.items()}
