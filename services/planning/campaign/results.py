"""What came of a campaign: cost, revenue, return on investment, and what customers did.

Pure arithmetic on integers; a percentage is rounded once, half up, to one digit behind the point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from chassis.money import Money, ratio, total


class ActualKind(StrEnum):
    """What settlement posts for a campaign."""

    REVENUE = "REVENUE"
    COMMISSION = "COMMISSION"


class Act(StrEnum):
    """What happened with an offer."""

    SHOWN = "SHOWN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    POSTPONED = "POSTPONED"


@dataclass(frozen=True, slots=True)
class Actual:
    """Hold one posting, or the sum of postings of one kind.

    Shape: `covered` is the part that reservations covered; a reversal takes both off.
    """

    kind: ActualKind
    reversal: bool
    amount: Money
    covered: Money


@dataclass(frozen=True, slots=True)
class Posting:
    """Hold what settlement posted for a product of an order; a reversal takes it back."""

    transfer_id: str
    campaign_id: str
    order_id: str
    product_id: str
    unit_id: str
    kind: ActualKind
    amount: Money
    reversal: bool
    at: datetime

    @property
    def gives_back(self) -> bool:
        """Tell whether it takes a cost back."""
        return self.reversal and self.kind is ActualKind.COMMISSION


@dataclass(frozen=True, slots=True)
class Touch:
    """Say what happened with an offer of a campaign, at which kind of touchpoint, and when."""

    offer_id: str
    act: Act
    campaign_id: str
    touchpoint_kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Response:
    """Count what customers did at one kind of touchpoint."""

    touchpoint_kind: str
    shown: int = 0
    accepted: int = 0
    declined: int = 0
    postponed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Hold what came of a campaign.

    Units: percent; None where there is nothing to divide by.
    """

    cost: Money
    cost_uncovered: Money
    revenue: Money
    margin: Money
    roi_percent: Decimal | None
    responses: tuple[Response, ...]
    success_percent: Decimal | None


def evaluate(
    currency_code: str,
    *,
    margin_share: Decimal,
    actuals: Iterable[Actual],
    responses: Sequence[Response],
) -> Result:
    """Compute the results of a campaign.

    Shape: return on investment is margin less cost, over cost.
    Source: R-277: cost 100,000, revenue 350,000, margin share 60 % make 110.0 %.
    """
    known = list(actuals)
    revenue = _sum(currency_code, known, ActualKind.REVENUE)
    cost = _sum(currency_code, known, ActualKind.COMMISSION)
    margin = revenue.times(margin_share)
    return Result(
        cost=cost,
        cost_uncovered=uncovered(currency_code, known),
        revenue=revenue,
        margin=margin,
        roi_percent=_percent((margin - cost).amount_minor, cost.amount_minor),
        responses=tuple(responses),
        success_percent=_percent(
            sum(response.accepted for response in responses),
            sum(response.shown for response in responses),
        ),
    )


def uncovered(currency_code: str, actuals: Iterable[Actual]) -> Money:
    """Tell the part of the cost that no reservation covered."""
    return total(
        currency_code,
        [
            _signed(actual, actual.amount - actual.covered)
            for actual in actuals
            if actual.kind is ActualKind.COMMISSION
        ],
    )


def shared(covered: Money, costs: Iterable[Money]) -> list[Money]:
    """Say which part of each cost is covered, when together so much of them is: the first come
    first."""
    parts = []
    for cost in costs:
        parts.append(min(covered, cost))
        covered -= parts[-1]
    return parts


def tally(counts: Mapping[tuple[str, Act], int]) -> list[Response]:
    """Bring counts by kind of touchpoint and act into one line a kind, sorted by kind."""
    found: dict[str, Response] = {}
    for (kind, act), count in sorted(counts.items()):
        response = found.get(kind, Response(kind))
        match act:
            case Act.SHOWN:
                found[kind] = replace(response, shown=count)
            case Act.ACCEPTED:
                found[kind] = replace(response, accepted=count)
            case Act.DECLINED:
                found[kind] = replace(response, declined=count)
            case Act.POSTPONED:
                found[kind] = replace(response, postponed=count)
    return list(found.values())


def _sum(currency_code: str, actuals: Iterable[Actual], kind: ActualKind) -> Money:
    amounts = [_signed(actual, actual.amount) for actual in actuals if actual.kind is kind]
    return total(currency_code, amounts)


def _signed(actual: Actual, amount: Money) -> Money:
    return -amount if actual.reversal else amount


def _percent(part: int, whole: int) -> Decimal | None:
    """Divide and round to one digit behind the point; None when the whole is not above zero."""
    if whole <= 0:
        return None
    return ratio(part * 100, whole, decimals=1)


@dataclass(frozen=True, slots=True)
class CampaignCost:
    """Hold what was posted as a campaign's cost over some time."""

    campaign_id: str
    name: str
    cost: Money
