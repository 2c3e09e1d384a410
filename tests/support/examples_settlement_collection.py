"""One example of every write on receipts, pick-up notes, bills and collection targets."""

from mantle.channels.v1 import order_service_pb2 as orders
from mantle.settlement.v1 import bill_service_pb2 as bills
from mantle.settlement.v1 import collection_service_pb2 as collection
from mantle.settlement.v1 import invoice_pb2
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_channels import a_partner, a_product, a_world, cny, order_of, unique
from tests.support.server import ROOT_UNIT, World


def match_receipt(world: World) -> Example:
    """Pay an invoice with a receipt that waits for it."""
    invoice = _an_invoice(world)
    receipt = invoices.RecordReceiptRequest(
        request_id=new_id(),
        partner_id=invoice.partner_id,
        amount=cny(100),
        reference=unique("bank"),
        by_hand=True,
    )
    receipt_id = world.call(receipt, role="finance").receipt.receipt_id
    request = invoices.MatchReceiptRequest(
        request_id=new_id(), receipt_id=receipt_id, invoice_id=invoice.invoice_id
    )
    return Example(request, "finance")


def record_pickup(world: World) -> Example:
    """Pick one piece of an invoice up."""
    invoice = _an_invoice(world)
    line = invoice_pb2.PickupLine(product_id=invoice.lines[0].product_id, quantity=1)
    request = invoices.RecordPickupRequest(
        request_id=new_id(), invoice_id=invoice.invoice_id, lines=[line], slip="slip 9"
    )
    return Example(request, "logistics")


def issue_credit_note(world: World) -> Example:
    """Take one piece of an invoice back."""
    invoice = _an_invoice(world)
    item = invoices.CreditNoteItem(product_id=invoice.lines[0].product_id, quantity=1)
    request = invoices.IssueCreditNoteRequest(
        request_id=new_id(), invoice_id=invoice.invoice_id, items=[item], reason="a wrong price"
    )
    return Example(request, "finance")


def record_bill(world: World) -> Example:
    """Record a bill of a partner."""
    partner_id = a_partner(a_world(world))
    world.settle()
    request = bills.RecordBillRequest(
        request_id=new_id(),
        partner_id=partner_id,
        bill_number=unique("bill"),
        drawer="a bank",
        amount=cny(1_000),
        due_date="2026-06-30",
    )
    return Example(request, "finance")


def honour_bill(world: World) -> Example:
    """Turn a bill into money."""
    request = bills.HonourBillRequest(request_id=new_id(), bill_id=_a_bill(world))
    return Example(request, "finance")


def dishonour_bill(world: World) -> Example:
    """Give a bill up."""
    request = bills.DishonourBillRequest(
        request_id=new_id(), bill_id=_a_bill(world), note="no cover"
    )
    return Example(request, "finance")


def set_collection_target(world: World) -> Example:
    """Say what a unit is to collect."""
    a_world(world)
    request = collection.SetCollectionTargetRequest(
        request_id=new_id(), unit_id=ROOT_UNIT, month="2026-03", amount=cny(1_000)
    )
    return Example(request, "finance")


def _a_bill(world: World) -> str:
    bill_id: str = world.call(record_bill(world).request, role="finance").bill.bill_id
    return bill_id


def _an_invoice(world: World) -> invoice_pb2.Invoice:
    partner_id = a_partner(a_world(world))
    product_id = a_product(world)
    world.settle()
    order = world.call(order_of(partner_id, product_id), role="sales_administration").order
    world.call(orders.ShipOrderRequest(order_id=order.order_id), role="logistics")
    deliver = orders.DeliverOrderRequest(order_id=order.order_id, proof="slip 7")
    world.call(deliver, role="logistics")
    world.settle()
    listed = world.call(invoices.ListInvoicesRequest(order_id=order.order_id), role="finance")
    [invoice] = listed.invoices
    assert isinstance(invoice, invoice_pb2.Invoice)
    return invoice
