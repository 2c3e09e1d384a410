"""One example of every write of closing the months.

The months of these examples lie long before any posting, so that closing them locks nothing that
another example needs; each takes the month after the last one.
"""

from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import period_close_pb2 as pb
from mantle.settlement.v1 import period_close_service_pb2 as periods

from chassis.ids import new_id
from chassis.period import Month
from tests.support.examples import Example
from tests.support.examples_channels import a_world
from tests.support.server import World
from tests.support.waiting import until

FIRST_MONTH = "2001-01"


def close_period(world: World) -> Example:
    """Ask for the next month to be closed."""
    month = next_month(a_world(world))
    return Example(periods.ClosePeriodRequest(request_id=new_id(), month=month), "finance")


def reopen_period(world: World) -> Example:
    """Open a closed month again, after the policy has allowed it."""
    month = a_closed_month(a_world(world))
    allow_reopening(world)
    request = periods.ReopenPeriodRequest(request_id=new_id(), month=month, reason="a late bill")
    return Example(request, "finance")


def prepare_ledger_export(world: World) -> Example:
    """Prepare the export of a closed month."""
    month = a_closed_month(a_world(world))
    return Example(periods.PrepareLedgerExportRequest(request_id=new_id(), month=month), "finance")


def send_ledger_export(world: World) -> Example:
    """Send an export that is prepared."""
    request = periods.SendLedgerExportRequest(
        request_id=new_id(), export_id=an_export(a_world(world))
    )
    return Example(request, "finance")


def confirm_ledger_export(world: World) -> Example:
    """Confirm an export that is sent; nothing was posted, so there are no totals."""
    export_id = an_export(a_world(world))
    world.call(periods.SendLedgerExportRequest(export_id=export_id), role="finance")
    request = periods.ConfirmLedgerExportRequest(
        request_id=new_id(), export_id=export_id, reference="GL-1"
    )
    return Example(request, "finance")


def an_export(world: World) -> str:
    """Return the export of a month that was closed for it."""
    request = periods.PrepareLedgerExportRequest(month=a_closed_month(world))
    return str(world.call(request, role="finance").export.export_id)


def a_closed_month(world: World) -> str:
    """Close the next month and return it."""
    month = next_month(world)
    close(world, month)
    return month


def next_month(world: World) -> str:
    """Return the month after the last one that was closed, or the last one that was reopened."""
    found = world.call(periods.ListPeriodsRequest(page_size=1), role="finance").periods
    if not found:
        return FIRST_MONTH
    if found[0].state == pb.Period.STATE_OPEN:
        return str(found[0].month)
    wait_for(world, found[0].month)
    return str(Month.parse(found[0].month).next())


def close(world: World, month: str) -> pb.Period:
    """Close a month and wait until it is."""
    world.call(periods.ClosePeriodRequest(month=month), role="finance")
    return wait_for(world, month)


def wait_for(world: World, month: str) -> pb.Period:
    """Wait until a month that is closing is closed, and return it."""
    request = periods.GetPeriodRequest(month=month)

    def is_closed() -> bool:
        period = world.call(request, role="finance").period
        return bool(period.state == pb.Period.STATE_CLOSED)

    until(is_closed, f"{month} is closed")
    period: pb.Period = world.call(request, role="finance").period
    return period


def allow_reopening(world: World) -> None:
    """Let closed months be opened again from today on, unless they may be."""
    today = world.clock.now().date().isoformat()
    known = world.call(
        policies.ListPoliciesRequest(kind="period_close"), role="finance", service="settlement"
    ).policies
    if any(one.parameters["reopening"].truth for one in known):
        return
    draft = policies.CreatePolicyRequest(
        kind="period_close",
        start_date=today,
        summary="reopening allowed",
        parameters={
            "days_before_close": policy_pb2.PolicyValue(integer=0),
            "reopening": policy_pb2.PolicyValue(truth=True),
        },
    )
    made = world.call(draft, role="finance", service="settlement", subject="writer")
    approve = policies.ApprovePolicyRequest(policy_id=made.policy.policy_id)
    world.call(approve, role="marketing_vp", service="settlement", subject="approver")
