"""What the fault trials found about credit, each as the smallest case that shows it."""

from mantle.settlement.v1 import credit_service_pb2 as pb
from mantle.settlement.v1 import events_pb2

from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cancel,
    cny,
    events_of,
    open_units,
    opening_receivable,
)
from tests.support.server import World

LIMIT_MINOR = 20_000_000


def test_an_order_that_was_cancelled_is_not_confirmed_again_by_a_replay(world: World) -> None:
    """Replaying from an earlier cursor repeats the approval first; the order is gone all the same,
    and nobody may be told that its credit was refused."""
    open_units(world, "hq/r1/")
    activate(world)
    order = an_order(("P1", 1, 1_000))
    request = pb.ReserveCreditRequest(
        partner_id="D1",
        amount=order.total,
        owner_kind="order",
        owner_id=order.order_id,
        order_date="2026-03-02",
    )
    world.call(request, role="service")
    approve(world, order)
    cancel(world, order)
    opening_receivable(world, LIMIT_MINOR)

    approve(world, order)

    assert events_of(world, events_pb2.CreditConfirmRefused) == []
    account = world.call(pb.GetCreditAccountRequest(partner_id="D1"), role="finance").account
    assert account.reserved == cny(0)
