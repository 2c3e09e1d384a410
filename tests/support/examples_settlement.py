"""One example of every write of settlement; partners and orders are made by channels."""

from datetime import timedelta

from mantle.channels.v1 import order_service_pb2 as orders
from mantle.settlement.v1 import commission_service_pb2 as commission
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1.commission_pb2 import CommissionEntry
from mantle.settlement.v1.ledger_pb2 import Transfer

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_channels import (
    a_partner,
    a_product,
    a_world,
    cny,
    order_of,
    unique,
)
from tests.support.server import ROOT_UNIT, World
from tests.support.waiting import until

COOLING_OFF = timedelta(days=8)


def a_creditor(world: World) -> str:
    """Return a partner whose credit is known in settlement."""
    partner_id = a_partner(a_world(world))
    world.settle()
    return partner_id


def a_reservation(partner_id: str) -> credit.ReserveCreditRequest:
    """Return the request for a reservation of a new owner."""
    return credit.ReserveCreditRequest(
        request_id=new_id(),
        partner_id=partner_id,
        amount=cny(1_000),
        owner_kind="order",
        owner_id=new_id(),
        order_date="2026-03-02",
    )


def post_transfers(world: World) -> Example:
    """Put money into the till."""
    a_world(world)
    wish = ledger.PostTransfer(
        transfer_id=new_id(),
        kind=Transfer.KIND_POSTED,
        debit_account_id=f"cash:{ROOT_UNIT}:CNY",
        credit_account_id=f"opening:{ROOT_UNIT}:CNY",
        amount=cny(1_000),
    )
    return Example(ledger.PostTransfersRequest(request_id=new_id(), transfers=[wish]), "finance")


def reserve_credit(world: World) -> Example:
    """Set credit aside for a new owner."""
    return Example(a_reservation(a_creditor(world)), "service")


def reserve_credits(world: World) -> Example:
    """Reserve for two orders of a partner at once."""
    one = a_reservation(a_creditor(world))
    wishes = [
        credit.CreditWish(
            partner_id=one.partner_id,
            amount=one.amount,
            owner_kind=one.owner_kind,
            owner_id=new_id(),
            order_date=one.order_date,
        )
        for _ in range(2)
    ]
    return Example(credit.ReserveCreditsRequest(request_id=new_id(), wishes=wishes), "service")


def release_credit(world: World) -> Example:
    """Give back what was set aside."""
    reservation = a_reservation(a_creditor(world))
    world.call(reservation, role="service")
    request = credit.ReleaseCreditRequest(
        request_id=new_id(), owner_kind="order", owner_id=reservation.owner_id
    )
    return Example(request, "service")


def block_credit(world: World) -> Example:
    """Block a partner's credit."""
    request = credit.BlockCreditRequest(
        request_id=new_id(), partner_id=a_creditor(world), reason="overdue"
    )
    return Example(request, "finance")


def unblock_credit(world: World) -> Example:
    """Free a partner's credit."""
    blocked = block_credit(world).request
    assert isinstance(blocked, credit.BlockCreditRequest)
    world.call(blocked, role="finance")
    request = credit.UnblockCreditRequest(request_id=new_id(), partner_id=blocked.partner_id)
    return Example(request, "finance")


def record_receipt(world: World) -> Example:
    """Record money of a partner."""
    request = invoices.RecordReceiptRequest(
        request_id=new_id(),
        partner_id=a_creditor(world),
        amount=cny(1_000),
        reference=unique("bank"),
    )
    return Example(request, "finance")


def pay_commission(world: World) -> Example:
    """Pay what a partner earned with an offer, after the cooling-off."""
    partner_id = a_creditor(world)
    product_id = a_product(world)
    world.settle()
    request = order_of(partner_id, product_id, offer_id=new_id())
    order_id = world.call(request, role="sales_administration").order.order_id
    world.call(orders.ShipOrderRequest(order_id=order_id), role="logistics")
    world.call(orders.DeliverOrderRequest(order_id=order_id, proof="slip 7"), role="logistics")
    world.settle()
    world.clock.advance(COOLING_OFF)
    until(lambda: _is_confirmed(world, partner_id), "the commission is confirmed")
    return Example(
        commission.PayCommissionRequest(request_id=new_id(), partner_id=partner_id), "finance"
    )


def _is_confirmed(world: World, partner_id: str) -> bool:
    request = commission.ListCommissionEntriesRequest(
        partner_id=partner_id, state=CommissionEntry.STATE_CONFIRMED
    )
    return len(world.call(request, role="finance").entries) > 0
