"""Two services made of the chassis alone, to test its walls without any business behind them.

`planning` owns the policy kind `limit`; `channels` follows planning's log and keeps a copy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as pb

from chassis.policy.domain import KindSpec
from chassis.policy.subscriber import PolicySubscriber
from chassis.rpc.service import Service
from tests.support.server import World

KINDS = {
    "limit": KindSpec(
        approve_roles=frozenset({"finance"}), parameters={"amount_minor": "int"}, two_person=False
    )
}


@pytest.fixture
def walls(world: World, tmp_path: Path) -> Iterator[World]:
    """Give a test the two services, running."""
    empty = tmp_path / "policies"
    empty.mkdir()
    owner = Service(world.settings("planning"), facts={})
    owner.mount_policies(KINDS, empty)
    owner.start()
    reader = Service(world.settings("channels"), facts={})
    reader.mount_policies({}, empty)
    reader.subscribe("planning", PolicySubscriber().handlers())
    reader.start()
    world.services |= {"planning": owner, "channels": reader}
    yield world


def draft(scope: str = "", *, amount_minor: int = 5) -> pb.CreatePolicyRequest:
    """Return a request for a limit from 2026-04-01 on."""
    return pb.CreatePolicyRequest(
        kind="limit",
        scope=scope,
        start_date="2026-04-01",
        summary="a limit",
        parameters={"amount_minor": policy_pb2.PolicyValue(integer=amount_minor)},
    )


def create(walls: World, scope: str = "") -> policy_pb2.Policy:
    """Create a draft."""
    reply = walls.call(draft(scope), role="finance", service="planning")
    return cast(policy_pb2.Policy, reply.policy)


def approve(walls: World, policy_id: str) -> None:
    """Approve a draft, which is the fact that the reader waits for."""
    request = pb.ApprovePolicyRequest(policy_id=policy_id)
    walls.call(request, role="finance", service="planning")
