"""The front door of policies; a service mounts it with the kinds it owns."""

from collections.abc import Callable
from datetime import tzinfo

import grpc
from mantle.policy.v1 import policy_service_pb2 as pb

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.policy import usecases, wire
from chassis.policy.domain import Explanation, PolicyKinds
from chassis.rpc.door import Door


class PolicyServicer:
    """Serve `mantle.policy.v1.PolicyService`."""

    def __init__(
        self,
        door: Door,
        kinds: PolicyKinds,
        *,
        clock: Clock,
        zone: tzinfo,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Know the kinds that are owned here, and whom to tell of a change that is committed.

        Shape: `zone` is the company's; `changed` is usually `PolicyBook.expire`.
        """
        self._door = door
        self._kinds = kinds
        self._clock = clock
        self._zone = zone
        self._changed = changed

    def CreatePolicy(self, request: pb.CreatePolicyRequest, context: grpc.ServicerContext) -> bytes:
        """Write a draft."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx, draft=wire.draft(request), kinds=self._kinds, by=who, at=self._clock.now()
            ),
            reply=wire.created,
        )

    def ApprovePolicy(
        self, request: pb.ApprovePolicyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put a draft in force."""
        answer = self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                policy_id=request.policy_id,
                kinds=self._kinds,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.approved,
        )
        self._changed()
        return answer

    def WithdrawPolicy(
        self, request: pb.WithdrawPolicyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take a policy back."""
        answer = self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.withdraw(
                tx,
                policy_id=request.policy_id,
                kinds=self._kinds,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.withdrawn,
        )
        self._changed()
        return answer

    def GetPolicy(self, request: pb.GetPolicyRequest, context: grpc.ServicerContext) -> bytes:
        """Return one version."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.get(tx, policy_id=request.policy_id),
            reply=wire.got,
        )

    def ListPolicies(self, request: pb.ListPoliciesRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of versions."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.list_page(
                tx, wanted=wire.wanted(request), part=page_of(request)
            ),
            reply=lambda found: wire.listed(found.items, found.next_page_token),
        )

    def EvaluatePolicy(
        self, request: pb.EvaluatePolicyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Try a policy on sample values."""
        return self._door.read(
            request, context, act=lambda tx, _: _explain(tx, request), reply=wire.explained
        )


def _explain(tx: Transaction, request: pb.EvaluatePolicyRequest) -> Explanation:
    values = wire.samples(request)
    if request.WhichOneof("target") == "policy_id":
        return usecases.explain(tx, policy_id=request.policy_id, values=values)
    return usecases.explain_in_force(
        tx,
        kind=request.lookup.kind,
        scopes=request.lookup.scopes,
        on=parse_date(request.lookup.date),
        values=values,
    )
