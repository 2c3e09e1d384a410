"""Orders with the real settlement beside: credit, invoice, payment."""

from datetime import UTC, datetime

import pytest
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.support import examples_channels as made
from tests.support.requirements import req
from tests.support.server import World
from tests.support.waiting import until

Order = order_pb2.Order
LIMIT_MINOR = 20_000_000


def at_list_price(world: World, product_id: str) -> str:
    made.a_policy(
        world,
        kind="channel_terms",
        scope=f"product:{product_id}",
        start_date="2026-03-02",
        values={"channel_factor": "1", "allowance": "0"},
    )
    return product_id


def delivered(world: World, partner_id: str, product_id: str, quantity: int) -> str:
    order = world.call(made.order_of(partner_id, product_id, quantity)).order
    assert order.state == Order.STATE_ALLOCATED
    world.call(orders.ShipOrderRequest(order_id=order.order_id), role="logistics")
    world.call(
        orders.DeliverOrderRequest(order_id=order.order_id, proof="slip 7"), role="logistics"
    )
    world.settle()
    return str(order.order_id)


@req("R-084")
@pytest.mark.parametrize(
    ("cents", "state"), [(0, Order.STATE_ALLOCATED), (1, Order.STATE_CREDIT_HOLD)]
)
def test_credit_counts_what_is_owed_and_what_is_ordered(
    world: World, cents: int, state: int
) -> None:
    partner_id = made.a_partner(made.a_world(world), "D1", limit_minor=LIMIT_MINOR)
    product_id = at_list_price(world, made.a_product(world, amount="100.00"))
    cent_id = at_list_price(world, made.a_product(world, amount="0.01"))
    world.settle()
    delivered(world, partner_id, product_id, 1500)
    request = made.order_of(partner_id, product_id, 500)
    if cents:
        request.lines.add(product_id=cent_id, quantity=cents)

    order = world.call(request).order

    assert order.total.amount_minor == 5_000_000 + cents
    assert order.state == state


@req("R-090")
def test_a_paid_invoice_settles_the_order(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=LIMIT_MINOR)
    product_id = at_list_price(world, made.a_product(world, amount="100.00"))
    world.settle()
    order_id = delivered(world, partner_id, product_id, 10)

    invoiced = world.call(orders.GetOrderRequest(order_id=order_id)).order
    world.call(
        invoices.RecordReceiptRequest(
            partner_id=partner_id, amount=made.cny(100_000), reference="bank 1"
        ),
        role="finance",
    )
    world.settle()
    settled = world.call(orders.GetOrderRequest(order_id=order_id)).order

    assert invoiced.state == Order.STATE_INVOICED
    assert settled.state == Order.STATE_SETTLED


def allow_no_grace(world: World, partner_id: str) -> None:
    draft = policies.CreatePolicyRequest(
        kind="payment_terms",
        scope=f"partner:{partner_id}",
        start_date="2026-03-03",
        parameters={
            name: policy_pb2.PolicyValue(integer=value)
            for name, value in (("credit_days", 30), ("reservation_minutes", 2), ("grace_days", 0))
        },
    )
    written = world.call(draft, role="finance", subject="author", service="settlement").policy
    approval = policies.ApprovePolicyRequest(policy_id=written.policy_id)
    world.call(approval, role="finance", service="settlement")


def is_blocked(world: World, partner_id: str) -> bool:
    request = credit.GetCreditAccountRequest(partner_id=partner_id)
    return bool(world.call(request, role="finance").account.blocked)


@req("R-085")
def test_an_overdue_invoice_holds_new_orders_until_its_payment_releases_them(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=LIMIT_MINOR)
    product_id = at_list_price(world, made.a_product(world, amount="100.00"))
    allow_no_grace(world, partner_id)
    world.settle()
    delivered(world, partner_id, product_id, 10)
    world.clock.set(datetime(2026, 4, 2, 2, 0, tzinfo=UTC))
    until(lambda: is_blocked(world, partner_id), "the block", within_s=60)

    held = world.call(made.order_of(partner_id, product_id, 1)).order
    world.call(
        invoices.RecordReceiptRequest(
            partner_id=partner_id, amount=made.cny(100_000), reference="bank 1"
        ),
        role="finance",
    )

    def order() -> order_pb2.Order:
        request = orders.GetOrderRequest(order_id=held.order_id)
        found: order_pb2.Order = world.call(request).order
        return found

    until(lambda: order().state == Order.STATE_ALLOCATED, "the release by itself", within_s=60)

    [check] = [one for one in held.checks if one.kind == order_pb2.OrderCheck.KIND_CREDIT]
    assert held.state == Order.STATE_CREDIT_HOLD
    assert (check.passed, check.reason) == (False, "CREDIT_BLOCKED")
    assert order().moves[-1].moved_by == "channels"
