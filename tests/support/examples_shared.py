"""Examples of the writes that every service serves: processes, policies, long work, parked events.

What no public write begins (a run, a process by hand, an event that cannot be applied) is put into
the database of the service that is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from typing import cast

from mantle.events.v1 import event_log_service_pb2 as log_pb
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policy_service_pb
from mantle.process.v1 import process_service_pb2
from mantle.type.v1 import org_unit_pb2
from mantle.work.v1 import work_service_pb2

from chassis.database import Database, Transaction
from chassis.events import cursors
from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from chassis.process import usecases as process
from chassis.process.source import parse
from chassis.scope import Caller
from chassis.work import storage as work_storage
from chassis.work import usecases as work
from tests.support.examples import Example
from tests.support.server import ROOT_UNIT, START, World

BY_HAND = """
name = "by_hand"
version = 1
title_en = "By hand"
title_zh = "手工"
initial_state = "DRAFT"

[[step]]
number = 1
name_en = "sign"
name_zh = "签字"
role = "planning"
milestone = "SIGNED"
"""
WORKER = "settlement"
POLICY_OWNER = "channels"
PLANNER = Caller("planner", frozenset({"planning"}), ROOT_UNIT, "planner")
APPROVER = "market_director"

_days = count()
_positions = count(1_000_000)


def complete_step(world: World) -> Example:
    """Start a process with one step that no RPC completes."""
    with _database(world, "planning") as tx:
        instance = process.start(
            tx,
            parse(BY_HAND),
            subject_kind="paper",
            subject_id=new_id(),
            unit_id=ROOT_UNIT,
            by=PLANNER,
            at=START,
        )
    return Example(
        process_service_pb2.CompleteStepRequest(process_id=instance.process_id, step=1),
        role="planning",
        service="planning",
    )


def create_policy(_world: World) -> Example:
    """Write a draft; nothing must exist."""
    return Example(_draft(), role=APPROVER, service=POLICY_OWNER)


def approve_policy(world: World) -> Example:
    """Approve a draft of another person."""
    draft = _created(world)
    return Example(
        policy_service_pb.ApprovePolicyRequest(policy_id=draft.policy_id),
        role=APPROVER,
        service=POLICY_OWNER,
    )


def withdraw_policy(world: World) -> Example:
    """Take back a draft of another person."""
    draft = _created(world)
    return Example(
        policy_service_pb.WithdrawPolicyRequest(policy_id=draft.policy_id),
        role=APPROVER,
        service=POLICY_OWNER,
    )


def cancel_run(world: World) -> Example:
    """Ask for a run of a kind that nobody takes up."""
    return Example(
        work_service_pb2.CancelRunRequest(run_id=_run(world, failed=False)),
        role="finance",
        service=WORKER,
    )


def resume_run(world: World) -> Example:
    """Let a run fail."""
    return Example(
        work_service_pb2.ResumeRunRequest(run_id=_run(world, failed=True)),
        role="finance",
        service=WORKER,
    )


def replay_parked_event(world: World) -> Example:
    """Park a fact that can be applied by now."""
    unit_id = f"late-{next(_positions)}"
    fact = org_unit_pb2.OrgUnitChanged(unit_id=unit_id, path=f"{ROOT_UNIT}/{unit_id}/", version=1)
    parked = ReceivedEvent(
        source="planning",
        position=next(_positions),
        event_id=new_id(),
        type=fact.DESCRIPTOR.full_name,
        ordering_key=f"org_unit:{unit_id}",
        occur_time=START,
        record_time=START,
        actor=PLANNER.actor,
        traceparent="",
        payload=fact.SerializeToString(),
    )
    with _database(world, "channels") as tx:
        cursors.park(tx, parked, reason="INTERNAL", attempts=1, at=START)
    return Example(
        log_pb.ReplayParkedEventRequest(event_id=parked.event_id),
        role="business_support",
        service="channels",
    )


def _draft() -> policy_service_pb.CreatePolicyRequest:
    # Each begins a day later, so that the next one approved follows the one before.
    start = date(2026, 6, 1) + timedelta(days=next(_days))
    return policy_service_pb.CreatePolicyRequest(
        kind="cooling_off",
        scope=f"unit:{ROOT_UNIT}",
        start_date=start.isoformat(),
        summary="seven days, as before",
        parameters={"days": policy_pb2.PolicyValue(integer=7)},
    )


def _created(world: World) -> policy_pb2.Policy:
    reply = world.call(_draft(), role=APPROVER, subject="author", service=POLICY_OWNER)
    return cast(policy_pb2.Policy, reply.policy)


def _run(world: World, *, failed: bool) -> str:
    # Of a kind that no runner takes up.
    kind = f"example_{next(_positions)}"
    with _database(world, WORKER) as tx:
        run = work.run(tx, kind, new_id(), unit_id=ROOT_UNIT, requested_by=PLANNER.subject)
        if failed:
            claimed = work_storage.claim(tx, [kind], lease_s=60)
            assert claimed is not None
            work_storage.fail(tx, claimed, "EXAMPLE: it was meant to fail")
    return run.id


@contextmanager
def _database(world: World, service: str) -> Iterator[Transaction]:
    """Open a transaction with the rights that the service itself has."""
    world.start(service)
    database = Database(world.database(service).app_url, size=1)
    try:
        with database.transaction() as tx:
            yield tx
    finally:
        database.close()
