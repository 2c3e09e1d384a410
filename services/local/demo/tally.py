"""Counting what came of the touches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mantle.channels.v1 import order_pb2
from mantle.crm.v1 import decision_pb2, offer_pb2

from local.demo.touches import Visit

HANDED_OVER: Final = (
    order_pb2.Order.STATE_DELIVERED,
    order_pb2.Order.STATE_INVOICED,
    order_pb2.Order.STATE_SETTLED,
    order_pb2.Order.STATE_CLOSED,
)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Hold how many touches came how far; cancelled orders count as delivered."""

    touches: int
    offered: int
    shown: int
    accepted: int
    ordered: int
    delivered: int
    cancelled: int
    paid: int

    def stages(self) -> list[tuple[str, int]]:
        """Return the stages of the funnel in order."""
        return [
            ("touches", self.touches),
            ("offered", self.offered),
            ("shown", self.shown),
            ("accepted", self.accepted),
            ("ordered", self.ordered),
            ("delivered", self.delivered),
            ("paid", self.paid),
        ]


def funnel(visits: Sequence[Visit], *, cancelled: int, paid: int) -> Funnel:
    """Count the touches by how far they came."""
    orders = [one.order for one in visits if one.order is not None]
    delivered = sum(order.state in HANDED_OVER for order in orders)
    return Funnel(
        touches=len(visits),
        offered=sum(one.offer is not None for one in visits),
        shown=sum(one.shown for one in visits),
        accepted=sum(one.answer == offer_pb2.ANSWER_ACCEPT for one in visits),
        ordered=len(orders),
        delivered=delivered + cancelled,
        cancelled=cancelled,
        paid=paid,
    )


def reasons(visits: Iterable[Visit]) -> Counter[str]:
    """Count why offers were not made: those that were weighed, and refusals of all."""
    counts: Counter[str] = Counter()
    for one in visits:
        counts.update(_reason(rejection.reason) for rejection in one.rejections)
        if one.decision.refusal:
            counts[_reason(one.decision.refusal)] += 1
    return counts


def outcomes(visits: Iterable[Visit]) -> Counter[str]:
    """Count the decisions by their outcome."""
    name = decision_pb2.Decision.Outcome.Name
    return Counter(name(one.decision.outcome).removeprefix("OUTCOME_") for one in visits)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def _reason(number: decision_pb2.RejectionReason.ValueType) -> str:
    return decision_pb2.RejectionReason.Name(number).removeprefix("REJECTION_REASON_")
