"""What `./run demo` does once the platform runs: a company plans, then plays one real campaign.

Everything happens by public RPCs, as the people of a company would send them. The demo takes part
in the traces as a service of its own, so each begins where a person or a customer acts.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mantle.channels.v1 import order_pb2
from rich.console import Console

from chassis import telemetry
from local.demo import evidence, planning, report, story, trade
from local.demo.desk import Desk
from local.demo.narrator import Narrator, day_text
from local.demo.planning import Planned
from local.demo.scene import Scene, Size
from local.demo.source import read_customers
from local.demo.story import Told
from local.demo.touches import Visit
from local.demo.trade import Traded, purchases
from local.places import REPOSITORY
from local.platform import Platform
from local.trace.files import TelemetryFiles

SERVICE = "demo"
SEED = 20_260_301


def run(platform: Platform, console: Console, size: Size | None = None, *, only: str = "") -> int:
    """Play the parts on a running platform, print the story, and return the exit code.

    Shape: `only` is `trade`, `planning` or `campaign`; all of them when it is empty.
    Errors: LocalError when a service answers otherwise than the story expects.
    """
    narrator = Narrator(console, platform.clock)
    if only in ("", "trade"):
        trade_history(platform, narrator)
    if only in ("", "planning"):
        plan(platform, narrator)
    if only in ("", "trade"):
        trade_year(platform, narrator)
    if only in ("", "campaign"):
        _catch_up(platform)
        begin_s = evidence.now_s()
        told = play(platform, narrator, size or Size())
        report.print_results(narrator, told)
        _show_traces(platform, narrator, told, begin_s=begin_s)
    narrator.blank()
    narrator.tell(f"Business time is {day_text(platform.clock.now())} now; all data stay.")
    narrator.tell("./run up keeps the platform running, ./run trace shows any trace,")
    narrator.tell("./run demo plays the next campaign, ./run reset clears everything.")
    return 0


def trade_history(
    platform: Platform,
    narrator: Narrator,
    *,
    months: int = purchases.MONTHS,
    a_month: int | None = None,
    seed: int = SEED,
) -> Traded:
    """Settle the real purchases, or the first ones of each month, and return what they brought."""
    with _at_desk(platform) as desk:
        scene = Scene(desk, narrator, platform.clock, size=Size(), seed=seed, customers=())
        return trade.settle_history(scene, months=months, a_month=a_month)


def trade_year(platform: Platform, narrator: Narrator, *, seed: int = SEED) -> trade.Told:
    """Play a year of distributors and return what it brought; all its spans are written then."""
    with _at_desk(platform) as desk:
        scene = Scene(desk, narrator, platform.clock, size=Size(), seed=seed, customers=())
        return trade.play_year(scene)


def plan(
    platform: Platform, narrator: Narrator, *, cycles: int = planning.CYCLES, seed: int = SEED
) -> Planned:
    """Play the planning and return what it brought about; all its spans are written then."""
    with _at_desk(platform) as desk:
        scene = Scene(desk, narrator, platform.clock, size=Size(), seed=seed, customers=())
        return planning.play(scene, platform.supply, cycles=cycles)


def play(platform: Platform, narrator: Narrator, size: Size, *, seed: int = SEED) -> Told:
    """Play the campaign and return what it brought about; all its spans are written then."""
    with _at_desk(platform) as desk:
        customers = read_customers(size.customers)
        return story.tell(
            Scene(desk, narrator, platform.clock, size=size, seed=seed, customers=customers)
        )


def chosen_visit(told: Told) -> Visit | None:
    """Return a touch that went all the way at once: offer, order, delivery; an agent's if any."""
    cancelled = {one.touch.key for one in told.cancelled}
    whole = [
        one
        for one in told.live.visits
        if one.order is not None
        and not one.waited
        and one.order.state == order_pb2.Order.STATE_DELIVERED
        and one.touch.key not in cancelled
    ]
    agents = [one for one in whole if one.touch.touchpoint.kind == "AGENT"]
    return next(reversed(agents or whole), None)


@contextmanager
def _at_desk(platform: Platform) -> Iterator[Desk]:
    measured = telemetry.set_up(
        SERVICE, instance=f"{SERVICE}-{os.getpid()}", directory=str(platform.places.telemetry)
    )
    desk = Desk(platform, measured)
    try:
        yield desk
    finally:
        desk.close()
        measured.stop()


def _catch_up(platform: Platform) -> None:
    """Let business time, which planning left in a year of its own, not be behind real time."""
    now = datetime.now(UTC)
    if platform.clock.now() < now:
        platform.clock.set(now)


def _show_traces(platform: Platform, narrator: Narrator, told: Told, *, begin_s: float) -> None:
    narrator.chapter("The trace")
    files = evidence.files_since(platform, begin_s)
    pages = []
    visit = chosen_visit(told)
    if visit is not None:
        pages.append(_show_touch(platform, narrator, files, visit=visit))
    trace = evidence.whole_trace(files, told.trace_id, needs=evidence.STAGE_SPANS)
    stages = evidence.campaign_stages(told.timeline, trace)
    path = evidence.write_page(platform, files, trace, name="campaign", stages=stages)
    pages.append((path, f"the whole campaign, {len(trace.links):,} links"))
    ids = {told.trace_id} | ({visit.trace_id} if visit is not None else set())
    pages.append((evidence.write_export(platform, files, ids), "for Jaeger: Search, Upload"))
    narrator.tell("Open in a browser; no server and no network needed:")
    for path, what in pages:
        inside = path.is_relative_to(REPOSITORY)
        narrator.tell(f"  {path.relative_to(REPOSITORY) if inside else path}", what)


def _show_touch(
    platform: Platform, narrator: Narrator, files: TelemetryFiles, *, visit: Visit
) -> tuple[Path, str]:
    trace = evidence.whole_trace(files, visit.trace_id, needs=evidence.LEAVES)
    where = visit.touch.touchpoint.name.lower()
    narrator.tell(f"One touch: customer {visit.touch.customer.customer_id}, {where}")
    narrator.blank()
    evidence.show(narrator.console, trace)
    narrator.blank()
    narrator.tell(f"./run trace {trace.trace_id[:8]} shows it with its statements.")
    stages = evidence.touch_stages(visit, trace)
    path = evidence.write_page(platform, files, trace, name="touch", stages=stages)
    return path, "this touch"
