"""One rolling cycle of the south area: a draft that the region gives back, two directors, a
neighbour that is silent at first, a cut to what can be supplied, and the plan that goes out."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from mantle.planning.v1 import rolling_plan_pb2 as pb
from mantle.planning.v1 import rolling_plan_service_pb2 as rpc

from chassis.period import Month
from local.demo.planning import cycle as rolling
from local.demo.planning import figures
from local.demo.planning.cycle import MARKET, SALES, Cycle
from local.demo.planning.fixture import CHANNELS, OFFICES, PRODUCTS
from local.demo.scene import Scene
from local.supply import Ability, SupplyStandIn
from local.tokens import ROOT_UNIT_ID

AREA: Final = "a1"
ABILITY: Final = Ability(finished_stock=500, capacity=8_300, material=8_000)
AVERAGE: Final = pb.FORECAST_TOOL_MOVING_AVERAGE
SEASONAL: Final = pb.FORECAST_TOOL_SEASONAL
REASONS: Final = pb.ForecastAdjustmentDraft
# Pieces of an office and channel in an ordinary month, by product; the season is made up, too.
ORDINARY: Final = {"P1": (2_500, 1_500), "P2": (1_000, 700)}
SEASON: Final = (90, 95, 100, 102, 108, 112, 110, 104, 100, 97, 93, 89)
GROWTH_PERCENT: Final = 6


def play(scene: Scene, supply: SupplyStandIn, year: int) -> str:
    """Play the cycle of March and what then came; return the cycle."""
    month = Month(year, 3)
    scene.move_to(rolling.morning_of(month, rolling.START_DAY))
    scene.narrator.chapter(f"The rolling plan of {month}")
    _sell(scene, month.plus(-14).span(14), year)
    offices = [one for one, area in OFFICES.items() if area == AREA]
    cycle = rolling.open_cycle(scene, AREA, month, offices=offices)
    _draft(cycle, offices)
    cycle.on_day(rolling.MERGE_DAY)
    cycle.merge()
    _adjust(cycle)
    cycle.on_day(rolling.COORDINATION_DAY)
    cycle.agree("promotion in May, a price change in June")
    _balance(cycle, supply)
    cycle.on_day(rolling.APPROVAL_DAY)
    cycle.issue()
    _acknowledge(cycle, offices)
    scene.move_to(rolling.morning_of(month.plus(5), 1))
    _sell(scene, month.plus(2).span(3), year)
    return cycle.cycle_id


def _sell(scene: Scene, months: list[Month], year: int) -> None:
    """Import what the area's offices sold; made up, with a little chance."""
    rows = figures.import_actuals(
        scene.desk,
        f"sales {months[0]} to {months[-1]}",
        _sold(scene, months, year),
    )
    scene.narrator.tell(f"{rows} figures of sales imported", f"{months[0]} to {months[-1]}")


def _sold(scene: Scene, months: list[Month], year: int) -> Iterator[figures.Figure]:
    offices = [one for one, area in OFFICES.items() if area == AREA]
    for month, office, product_id in product(months, offices, PRODUCTS):
        for channel, base in zip(CHANNELS, ORDINARY[product_id], strict=True):
            chance = scene.chance("sold", office, product_id, channel, month.month)
            drift = chance.randint(-40, 40) + 10 * GROWTH_PERCENT * (month.year - year)
            pieces = base * SEASON[month.month - 1] * (1_000 + drift) // 100_000
            yield (figures.VOLUME, office, product_id, channel, str(month), str(pieces))


def _draft(cycle: Cycle, offices: list[str]) -> None:
    """Let both offices draft; the region gives the first one's draft back once."""
    narrator = cycle.scene.narrator
    for number, office in enumerate(offices):
        note = pb.CustomerNote(partner_id="D1", product_id="P1", sell_out=1_000, stock=900)
        cycle.prepare(office, situation="a warm spring is expected", notes=[note])
        form = cycle.form(office)
        if number == 0:
            cycle.draft(office, rolling.suggested(form, AVERAGE), AVERAGE)
            cycle.check(office, comment="the season is missing")
            narrator.tell(f"The region gives the draft of {office} back", "the season is missing")
        lines = rolling.suggested(form, SEASONAL)
        drafted = cycle.draft(office, lines, SEASONAL)
        version = next(one for one in drafted.offices if one.unit_id == office).draft_version
        narrator.tell(f"{office}: draft {version} by the seasonal tool", f"{len(lines)} lines")
        cycle.check(office, lines=_own_opinion(lines))
        cycle.file(office)


def _own_opinion(lines: list[pb.ForecastLine]) -> list[pb.ForecastLine]:
    """Let the regional manager expect three percent more of the second product."""
    return [
        pb.ForecastLine(
            product_id=one.product_id,
            channel=one.channel,
            month=one.month,
            quantity=one.quantity * 103 // 100,
        )
        for one in lines
        if one.product_id == "P2"
    ]


def _adjust(cycle: Cycle) -> None:
    """Let both directors adjust, each change with its reason."""
    horizon = [str(one) for one in cycle.month.plus(2).span(3)]
    promoted = _change(
        400, REASONS.REASON_CHANNEL_PROMOTION, note="spring promotion", month=horizon[0]
    )
    priced = _change(-200, REASONS.REASON_PRICE_CHANGE, note="list price rises", month=horizon[1])
    before = cycle.merged().total_quantity
    cycle.adjust(SALES, [promoted])
    cycle.adjust(MARKET, [priced])
    cycle.scene.narrator.tell(
        f"Merged: {before:,} pieces; the directors make it {cycle.merged().total_quantity:,}",
        "a promotion in the first month, a price change in the second",
    )


def _change(
    delta: int, reason: pb.ForecastAdjustmentDraft.Reason.ValueType, *, note: str, month: str
) -> pb.ForecastAdjustmentDraft:
    return pb.ForecastAdjustmentDraft(
        delta=delta, reason=reason, note=note, month=month, product_id="P1"
    )


def _balance(cycle: Cycle, supply: SupplyStandIn) -> None:
    """Ask production and supply, the first time in vain, and cut the draft to their answer."""
    narrator, before = cycle.scene.narrator, supply.abilities
    supply.abilities = {"P1": ABILITY}
    supply.awake.clear()
    try:
        silent = cycle.capacity()
    finally:
        supply.awake.set()
    narrator.refused("Production does not answer; the draft stays", silent.reason)
    cycle.capacity()
    answered = cycle.material()
    supply.abilities = before
    cycle.coordinate()
    for line in (one for one in answered.lines if one.shortfall):
        narrator.tell(
            f"{line.product_id} in {line.month}: {line.demand:,} wanted, {line.supply:,} possible",
            f"cut by {line.shortfall:,} in proportion",
        )


def _acknowledge(cycle: Cycle, offices: list[str]) -> None:
    """Let the six groups of recipients say that they have the plan."""
    group = pb.RecipientGroup
    who = [(group.RECIPIENT_GROUP_REGIONAL_MANAGERS, "regional_manager", AREA)]
    who += [(group.RECIPIENT_GROUP_OFFICES, "channel_manager", office) for office in offices]
    who += [
        (group.RECIPIENT_GROUP_MARKETING, "market_director", ROOT_UNIT_ID),
        (group.RECIPIENT_GROUP_PRODUCTION, "production", ROOT_UNIT_ID),
        (group.RECIPIENT_GROUP_SUPPLY, "supply", ROOT_UNIT_ID),
        (group.RECIPIENT_GROUP_STORAGE_AND_TRANSPORT, "logistics", ROOT_UNIT_ID),
    ]
    for recipient, role, unit_id in who:
        receiver = AREA if unit_id == ROOT_UNIT_ID else unit_id
        request = rpc.AcknowledgePlanRequest(recipient_group=recipient, unit_id=receiver)
        cycle.ask(request, role=role, unit_id=unit_id)
    log = cycle.ask(rpc.GetDeliveryLogRequest(), role="planning").deliveries
    done = sum(one.acknowledged for one in log)
    cycle.scene.narrator.tell(
        f"Approved and sent: {done} of {len(log)} groups have acknowledged it"
    )
