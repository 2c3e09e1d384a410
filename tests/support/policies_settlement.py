"""Policies of settlement, put in force through the real door."""

from collections.abc import Mapping
from datetime import date

from mantle.policy.v1.policy_service_pb2 import ApprovePolicyRequest

from chassis.period import DateRange
from chassis.policy import usecases as policies
from chassis.policy.domain import Draft
from chassis.policy.parameters import Value
from chassis.scope import Caller
from settlement.policy_kinds import KINDS
from tests.support.server import ROOT_UNIT, START, World

AUTHOR = Caller("li.wei", frozenset({"finance"}), ROOT_UNIT, "li.wei")


def in_force(
    world: World,
    kind: str,
    parameters: Mapping[str, Value],
    conditions: Mapping[str, str] | None = None,
    *,
    scope: str = "",
) -> None:
    """Put rules in force from the first day of a world on.

    Shape: approved through the door, which lets the service forget what it remembers of the rules.
    """
    service = world.start("settlement").services["settlement"]
    valid = DateRange(date(2026, 3, 2), None)
    draft = Draft(kind, scope, valid, parameters, conditions or {})
    with service.database.transaction() as tx:
        made = policies.create(tx, draft=draft, kinds=KINDS, by=AUTHOR, at=START).value
    request = ApprovePolicyRequest(policy_id=made.policy_id)
    world.call(request, role="marketing_vp", service="settlement")
