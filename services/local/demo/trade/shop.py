"""The online shop of the real purchases: its unit, its product, its agents, and the rules of a time
from before the platform's own begin."""

from typing import Final

from mantle.channels.v1 import partner_pb2
from mantle.channels.v1 import product_service_pb2 as product_rpc

from local.demo.planning.ground import found_region
from local.demo.scene import Scene
from local.demo.trade import ground
from local.demo.trade.purchases import (
    AGENTS,
    COMMISSION_RATE,
    CURRENCY,
    FIRST_MONTH,
    MONTHS,
    PRODUCT,
    agent_id,
    usd,
)
from local.demo.trade.rules import NewPartner, Rule, Terms, decide, take_in

UNIT: Final = "cd"
FIRST_DAY: Final = FIRST_MONTH.first_day.isoformat()
# The days on which the platform's own rules begin.
CHANNELS_DAY: Final = "2000-01-01"
SETTLEMENT_DAY: Final = "2020-01-01"
LIMIT_MINOR: Final = 10_000_000
# A rebate on what was paid within a year, from these amounts on.
TIERS: Final = ((2_000_000, "0.005"), (5_000_000, "0.01"), (7_500_000, "0.015"))

RULES: Final = (
    Rule(
        service="channels",
        kind="list_price",
        scope=f"product:{PRODUCT}",
        summary="List price of a CD",
        parameters={"currency_code": CURRENCY, "amount": "14.90"},
        start=FIRST_DAY,
        author="product_manager",
        approver="market_director",
    ),
    Rule(
        service="channels",
        kind="cooling_off",
        summary="A delivered order can be cancelled for seven days",
        parameters={"days": 7},
        start=FIRST_DAY,
        end=CHANNELS_DAY,
        author="product_manager",
        approver="market_director",
    ),
    Rule(
        service="settlement",
        kind="payment_terms",
        summary="30 days to pay",
        parameters={"credit_days": 30, "grace_days": 10, "reservation_minutes": 2},
        start=FIRST_DAY,
        end=SETTLEMENT_DAY,
    ),
    Rule(
        service="settlement",
        kind="period_close",
        summary="A month may be closed from the first day of the next one on",
        parameters={"days_before_close": 0, "reopening": False},
        start=FIRST_DAY,
        end=SETTLEMENT_DAY,
    ),
    Rule(
        service="settlement",
        kind="commission",
        scope=f"unit:{UNIT}",
        summary="5 % of what an agent sells over its counter",
        parameters={
            "per_amount": {"counter_sale": {"rate": str(COMMISSION_RATE), "basis": "posting"}}
        },
        start=FIRST_DAY,
        conditions={"counter_sale": "source == 'PARTNER'"},
    ),
    Rule(
        service="settlement",
        kind="rebate",
        scope=f"unit:{UNIT}",
        summary="0.5 % from 20,000, 1 % from 50,000, 1.5 % from 75,000 of paid sales in a year",
        parameters={
            "currency_code": CURRENCY,
            "mode": "progressive",
            "tiers": [{"from_minor": minor, "rate": rate} for minor, rate in TIERS],
        },
        start=FIRST_DAY,
    ),
)


def is_founded(scene: Scene) -> bool:
    """Tell whether the shop has its product; of a time before the company's own begin, units are
    not listed."""
    return ground.is_known(scene, PRODUCT)


def found(scene: Scene) -> None:
    """Found the shop with its rules and its agents, each with its agreements."""
    found_region(scene, UNIT, "Online shop", offices={})
    for rule in RULES:
        decide(scene.desk, rule)
    _release(scene)
    years = sorted({month.year for month in FIRST_MONTH.span(MONTHS)})
    agreed = [Terms(year, usd(LIMIT_MINOR)) for year in years]
    for number in range(AGENTS):
        new = NewPartner(
            agent_id(number), f"Agent {number + 1}", partner_pb2.PARTNER_KIND_AGENT, UNIT
        )
        take_in(scene.desk, new, agreed)


def _release(scene: Scene) -> None:
    manager, director = scene.desk.person("product_manager"), scene.desk.person("market_director")
    creation = product_rpc.CreateProductRequest(product_id=PRODUCT, name="Compact disc", line="cd")
    manager.ask(creation)
    director.ask(product_rpc.ReviewProductRequest(product_id=PRODUCT))
    director.ask(product_rpc.ReleaseProductRequest(product_id=PRODUCT))
