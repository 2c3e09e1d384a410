"""One example of every write of rebate; each run is over a unit of its own and the year 2025."""

from mantle.settlement.v1 import rebate_service_pb2 as pb
from mantle.settlement.v1.rebate_pb2 import REBATE_FORFEIT_CAUSE_BREACH, REBATE_PAYOUT_CASH
from mantle.work.v1 import work_pb2, work_service_pb2

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_channels import a_partner, a_world, cny
from tests.support.examples_planning import a_unit
from tests.support.server import ROOT_UNIT, World
from tests.support.waiting import until

YEAR = 2025


def accrue_rebates(world: World) -> Example:
    """Accrue a month of a unit without partners."""
    request = pb.AccrueRebatesRequest(
        request_id=new_id(), month="2025-12", unit_id=_a_known_unit(world)
    )
    return Example(request, "finance")


def simulate_rebate_run(world: World) -> Example:
    """Try a year."""
    a_world(world)
    request = pb.SimulateRebateRunRequest(request_id=new_id(), year=YEAR, unit_id=ROOT_UNIT)
    return Example(request, "sales_director")


def start_rebate_run(world: World) -> Example:
    """Begin the rebates of a unit."""
    request = pb.StartRebateRunRequest(request_id=new_id(), year=YEAR, unit_id=_a_known_unit(world))
    return Example(request, "finance")


def review_rebate_run(world: World) -> Example:
    """Find the lines of a run right."""
    request = pb.ReviewRebateRunRequest(
        request_id=new_id(), run_id=_a_computed_run(world), passed=True, note="as expected"
    )
    return Example(request, "sales_director")


def approve_rebate_run(world: World) -> Example:
    """Approve a run."""
    request = pb.ApproveRebateRunRequest(
        request_id=new_id(), run_id=_a_reviewed_run(world), agreed=True, note="agreed"
    )
    return Example(request, "marketing_vp")


def pay_rebate_run(world: World) -> Example:
    """Pay a run that was approved and booked."""
    run_id = _a_reviewed_run(world)
    world.call(pb.ApproveRebateRunRequest(run_id=run_id, agreed=True), role="marketing_vp")
    _await_work(world, "rebate_settle")
    request = pb.PayRebateRunRequest(request_id=new_id(), run_id=run_id, payout=REBATE_PAYOUT_CASH)
    return Example(request, "finance")


def exclude_from_rebate(world: World) -> Example:
    """Take what was diverted out of a partner's base."""
    request = pb.ExcludeFromRebateRequest(
        request_id=new_id(),
        partner_id=_a_creditor(world),
        amount=cny(171_000),
        reason="200 boxes found elsewhere",
    )
    return Example(request, "supervision")


def restore_to_rebate(world: World) -> Example:
    """Put back what was excluded by mistake."""
    excluded = exclude_from_rebate(world).request
    assert isinstance(excluded, pb.ExcludeFromRebateRequest)
    entry_id = world.call(excluded, role="supervision").entry.entry_id
    return Example(pb.RestoreToRebateRequest(request_id=new_id(), entry_id=entry_id), "finance")


def forfeit_rebate(world: World) -> Example:
    """Let a partner lose its rebate."""
    request = pb.ForfeitRebateRequest(
        request_id=new_id(),
        partner_id=_a_creditor(world),
        year=YEAR,
        cause=REBATE_FORFEIT_CAUSE_BREACH,
        note="sold a competitor's product",
    )
    return Example(request, "finance")


def _a_creditor(world: World) -> str:
    partner_id = a_partner(a_world(world))
    world.settle()
    return partner_id


def _a_known_unit(world: World) -> str:
    unit_id = a_unit(a_world(world))
    world.start("settlement").settle()
    return unit_id


def _a_computed_run(world: World) -> str:
    begun = start_rebate_run(world).request
    assert isinstance(begun, pb.StartRebateRunRequest)
    run_id: str = world.call(begun, role="finance").run.run_id
    _await_work(world, "rebate_run")
    return run_id


def _a_reviewed_run(world: World) -> str:
    run_id = _a_computed_run(world)
    world.call(pb.ReviewRebateRunRequest(run_id=run_id, passed=True), role="sales_director")
    return run_id


def _await_work(world: World, kind: str) -> None:
    states = [work_pb2.Run.STATE_PENDING, work_pb2.Run.STATE_RUNNING]
    request = work_service_pb2.ListRunsRequest(kind=kind, states=states)
    until(
        lambda: not world.call(request, role="finance", service="settlement").runs,
        f"the work {kind} is done",
    )
