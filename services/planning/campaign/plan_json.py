"""Plans and results as the JSON that the database keeps; numbers with a fraction are texts."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.money import Money
from chassis.policy.domain import VariableType
from planning.campaign.domain import Goal, GoalKind, Offer, Plan
from planning.campaign.results import Response, Result

Json = Mapping[str, Any]


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Write a plan."""
    return {
        "name": plan.name,
        "segment": plan.segment,
        "goals": [
            [goal.kind, goal.unit, str(goal.baseline), str(goal.target)] for goal in plan.goals
        ],
        "audience": plan.audience,
        "offers": [_offer_to_json(offer) for offer in plan.offers],
        "wording": plan.wording,
        "support": plan.support,
        "budget": _money_to_json(plan.budget),
        "start_time": plan.start_time.isoformat(),
        "end_time": plan.end_time.isoformat(),
        "margin_share": str(plan.margin_share),
        "attributes": dict(plan.attributes),
    }


def plan_from_json(stored: Json) -> Plan:
    """Read a plan."""
    return Plan(
        name=stored["name"],
        segment=stored["segment"],
        goals=tuple(
            Goal(GoalKind(kind), unit, Decimal(baseline), Decimal(target))
            for kind, unit, baseline, target in stored["goals"]
        ),
        audience=stored["audience"],
        offers=tuple(_offer_from_json(offer) for offer in stored["offers"]),
        wording=stored["wording"],
        support=stored["support"],
        budget=_money_from_json(stored["budget"]),
        start_time=datetime.fromisoformat(stored["start_time"]),
        end_time=datetime.fromisoformat(stored["end_time"]),
        margin_share=Decimal(stored["margin_share"]),
        attributes={name: VariableType(kind) for name, kind in stored["attributes"].items()},
    )


def result_to_json(result: Result) -> dict[str, Any]:
    """Write a result."""
    return {
        "cost": _money_to_json(result.cost),
        "cost_uncovered": _money_to_json(result.cost_uncovered),
        "revenue": _money_to_json(result.revenue),
        "margin": _money_to_json(result.margin),
        "roi_percent": _decimal_to_json(result.roi_percent),
        "responses": [
            [one.touchpoint_kind, one.shown, one.accepted, one.declined, one.postponed]
            for one in result.responses
        ],
        "success_percent": _decimal_to_json(result.success_percent),
    }


def result_from_json(stored: Json) -> Result:
    """Read a result."""
    return Result(
        cost=_money_from_json(stored["cost"]),
        cost_uncovered=_money_from_json(stored["cost_uncovered"]),
        revenue=_money_from_json(stored["revenue"]),
        margin=_money_from_json(stored["margin"]),
        roi_percent=_decimal_from_json(stored["roi_percent"]),
        responses=tuple(Response(*one) for one in stored["responses"]),
        success_percent=_decimal_from_json(stored["success_percent"]),
    )


def _offer_to_json(offer: Offer) -> dict[str, Any]:
    return {
        "offer_code": offer.offer_code,
        "product_id": offer.product_id,
        "wording": offer.wording,
        "event_types": list(offer.event_types),
        "touchpoint_kinds": list(offer.touchpoint_kinds),
        "required_tags": list(offer.required_tags),
        "excluded_tags": list(offer.excluded_tags),
        "condition": offer.condition,
        "propensity": str(offer.propensity),
        "value": _money_to_json(offer.value),
        "score_cut": str(offer.score_cut),
        "moment": offer.moment,
        "valid_days": offer.valid_days,
    }


def _offer_from_json(stored: Json) -> Offer:
    return Offer(
        offer_code=stored["offer_code"],
        product_id=stored["product_id"],
        wording=stored["wording"],
        event_types=tuple(stored["event_types"]),
        touchpoint_kinds=tuple(stored["touchpoint_kinds"]),
        required_tags=tuple(stored["required_tags"]),
        excluded_tags=tuple(stored["excluded_tags"]),
        condition=stored["condition"],
        propensity=Decimal(stored["propensity"]),
        value=_money_from_json(stored["value"]),
        score_cut=Decimal(stored["score_cut"]),
        moment=stored["moment"],
        valid_days=stored["valid_days"],
    )


def _money_to_json(money: Money) -> list[Any]:
    return [money.currency_code, money.amount_minor]


def _money_from_json(stored: list[Any]) -> Money:
    return Money(*stored)


def _decimal_to_json(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal_from_json(stored: str | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)
