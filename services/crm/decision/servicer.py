"""The front door of the decisions."""

import grpc
from mantle.crm.v1 import decision_service_pb2 as pb

from chassis import telemetry
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.combined import Combined
from chassis.rpc.door import Door
from chassis.rpc.messages import in_batch
from chassis.rpc.visit import Visit
from crm.decision import usecases, wire
from crm.decision.domain import Decision, Touch
from crm.decision.usecases import Books

# One batch is decided while the other waits for the database; customers seldom meet in two of them.
LANES = 2


class DecisionServicer:
    """Serve `mantle.crm.v1.DecisionService`."""

    def __init__(self, door: Door, clock: Clock, *, books: Books) -> None:
        """Know the door, the business time, and what is looked up in memory.

        Touches that come together are decided together: a commit costs the same for thirty.
        """
        self._door = door
        self._deciding: Combined[Touch, Decision] = door.combined(
            "decide",
            item=wire.touch,
            look=usecases.look,
            act=lambda tx, wanted, seen: usecases.decide(
                tx, wanted, seen, books=books, at=clock.now()
            ),
            reply=wire.decided,
            told=_told,
            lanes=LANES,
        )

    @in_batch
    def Decide(self, visit: Visit) -> None:
        """Decide what to offer now."""
        self._deciding.take(visit)

    def GetDecision(self, request: pb.GetDecisionRequest, context: grpc.ServicerContext) -> bytes:
        """Return a decision."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, decision_id=request.decision_id, by=who),
            reply=wire.got,
        )

    def ListDecisions(
        self, request: pb.ListDecisionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of a customer's timeline."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.timeline(
                tx,
                customer_id=request.customer_id,
                page=page_of(request, size_max=200),
                by=who,
            ),
            reply=wire.listed,
        )


def _told(decision: Decision) -> None:
    """Write the verdict on the call's span, and link it to the traces of its campaigns."""
    telemetry.annotate("mantle.decision", decision.verdict.value)
    for traceparent in decision.campaign_traceparents:
        telemetry.link(traceparent)
