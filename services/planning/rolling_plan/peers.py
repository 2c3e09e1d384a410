"""The neighbour system for production and supply, in the words of a plan."""

import logging
from collections.abc import Iterable

from mantle.neighbour.v1 import supply_service_pb2 as pb

from chassis.errors import MantleError
from chassis.period import Month
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused
from planning.rolling_plan.balance import Answers, Asking
from planning.rolling_plan.supply import Capacity, CheckKind, Material

DEADLINE_S = 2.0

log = logging.getLogger("mantle.planning")


class SupplyDesk:
    """Ask the neighbour what it can make and has material for."""

    def __init__(self, neighbour: Peer | None) -> None:
        """Know the neighbour; None when the company has none, which then never answers."""
        self._neighbour = neighbour

    def ask(self, kind: CheckKind, asking: Asking) -> Answers | None:
        """Ask for a plan; None when no answer came in time.

        Shape: whatever keeps the neighbour from answering is an answer for the plan, not an error.
        """
        if self._neighbour is None:
            return None
        try:
            if kind is CheckKind.CAPACITY:
                return self._capacity(self._neighbour, asking)
            return self._material(self._neighbour, asking)
        except (MantleError, PeerRefused) as error:
            log.warning("supply not known", extra={"kind": kind, "reason": error.reason})
            return None

    def _capacity(self, neighbour: Peer, asking: Asking) -> Answers:
        request = pb.CheckCapacityRequest(plan_id=asking.cycle_id, lines=_lines(asking))
        reply = neighbour.ask(request, pb.CheckCapacityResponse, deadline_s=DEADLINE_S)
        return {
            (one.product_id, Month.parse(one.month)): Capacity(
                max(one.finished_stock, 0), max(one.capacity, 0), one.proposal
            )
            for one in reply.lines
        }

    def _material(self, neighbour: Peer, asking: Asking) -> Answers:
        request = pb.CheckMaterialRequest(plan_id=asking.cycle_id, lines=_lines(asking))
        reply = neighbour.ask(request, pb.CheckMaterialResponse, deadline_s=DEADLINE_S)
        return {
            (one.product_id, Month.parse(one.month)): Material(max(one.material, 0), one.proposal)
            for one in reply.lines
        }


def _lines(asking: Asking) -> Iterable[pb.DemandLine]:
    return [
        pb.DemandLine(product_id=product_id, month=str(month), quantity=quantity)
        for (product_id, month), quantity in sorted(asking.demand.items())
    ]
