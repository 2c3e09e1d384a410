"""After the touches: what is cancelled, paid and earned, and what the ledger says of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mantle.channels.v1 import order_pb2, order_service_pb2
from mantle.settlement.v1 import (
    commission_pb2,
    commission_service_pb2,
    credit_service_pb2,
    invoice_pb2,
    invoice_service_pb2,
    ledger_pb2,
    ledger_service_pb2,
)

from local.demo.company import DISTRIBUTOR, HUB, SELLERS, receive_stock
from local.demo.desk import Refused, all_pages, until
from local.demo.narrator import ZONE, cny
from local.demo.scene import Scene
from local.demo.touches import Visit, deliver, fulfil

CANCELLED_SHARE: Final = 0.08
SLOW_PAYER: Final = "AG-1"
LOOK_S: Final = 0.2
HOLD: Final = order_pb2.Order.STATE_CREDIT_HOLD
DELIVERED: Final = order_pb2.Order.STATE_DELIVERED
OPEN: Final = (invoice_pb2.Invoice.STATE_ISSUED, invoice_pb2.Invoice.STATE_PARTIALLY_PAID)


def entries(scene: Scene, campaign_id: str) -> list[commission_pb2.CommissionEntry]:
    """Return the commission of a campaign."""
    asked = commission_service_pb2.ListCommissionEntriesRequest(campaign_id=campaign_id)
    return all_pages(scene.desk.person("finance"), asked, "entries")


def invoices(scene: Scene, partner_id: str = "") -> list[invoice_pb2.Invoice]:
    """Return the invoices of a partner, or of all."""
    asked = invoice_service_pb2.ListInvoicesRequest(partner_id=partner_id)
    return all_pages(scene.desk.person("finance"), asked, "invoices")


def booked(scene: Scene, campaign_id: str) -> tuple[int, int]:
    """Return what settlement has booked for a campaign: cost and revenue, reversals taken off.

    Units: minor units.
    """
    reversed_ = commission_pb2.CommissionEntry.STATE_REVERSED
    credited = invoice_pb2.Invoice.STATE_CREDITED
    cost = sum(
        one.amount.amount_minor for one in entries(scene, campaign_id) if one.state != reversed_
    )
    own = [one for one in invoices(scene) if one.campaign_id == campaign_id]
    return cost, sum(one.amount.amount_minor for one in own if one.state != credited)


def await_commission(scene: Scene, campaign_id: str, *, count: int) -> float:
    """Wait until so many orders of the campaign have earned commission; return the seconds."""
    return until(
        lambda: len(entries(scene, campaign_id)) >= count,
        f"commission of {count} orders",
        pause_s=LOOK_S,
    )


def await_invoices(scene: Scene, campaign_id: str, *, count: int) -> None:
    """Wait until so many orders of the campaign are invoiced."""
    until(
        lambda: sum(one.campaign_id == campaign_id for one in invoices(scene)) >= count,
        f"{count} invoices",
        pause_s=LOOK_S,
    )


def sell_to_distributor(scene: Scene) -> order_pb2.Order:
    """Let the distributor order SIM kits by phone, and hand them over."""
    placed = (
        scene.desk.person("sales_administration")
        .ask(
            order_service_pb2.PlaceOrderRequest(
                partner_id=DISTRIBUTOR.partner_id,
                source=order_pb2.ORDER_SOURCE_CALL_CENTRE,
                lines=[order_service_pb2.PlaceOrderLine(product_id="P1", quantity=1_000)],
            )
        )
        .order
    )
    return deliver(scene, placed)


def cancel_some(scene: Scene, visits: Iterable[Visit], campaign_id: str) -> list[Visit]:
    """Let some customers change their minds within the cooling-off; return their visits."""
    changed = [one for one in visits if _changes_mind(scene, one)]
    service = scene.desk.person("customer_service")
    for one in changed:
        with scene.desk.begin("change of mind", since=one.traceparent, order_id=one.order.order_id):
            one.order = service.ask(
                order_service_pb2.CancelOrderRequest(
                    order_id=one.order.order_id, reason="changed their mind"
                )
            ).order
    until(
        lambda: (
            Counter(entry.state for entry in entries(scene, campaign_id))[
                commission_pb2.CommissionEntry.STATE_REVERSED
            ]
            >= len(changed)
        ),
        "reversals of commission",
        pause_s=LOOK_S,
    )
    return changed


def work_off_waiting(scene: Scene, waiting: Sequence[Visit]) -> tuple[int, int]:
    """Bring new goods, let partners pay, and go on with the orders that waited.

    Shape: how many waited for credit and how many for goods; none waits afterwards.
    """
    for one in waiting:
        one.waited = True
    held = [one for one in waiting if one.order.state == HOLD]
    for_goods = [one for one in waiting if one.order.state != HOLD]
    if for_goods:
        receive_stock(scene.desk, HUB, len(for_goods))
    for one in for_goods:
        _go_on(scene, one)
    left = list(held)
    while left:
        for partner_id in sorted({one.order.partner_id for one in left}):
            receive_payment(scene, partner_id, note=f"before-{len(left)}")
        left = [one for one in left if not _released(scene, one)]
    return len(held), len(for_goods)


def receive_payment(scene: Scene, partner_id: str, *, note: str, part: int = 100) -> int:
    """Record that a partner pays what is open, or a part of it; return the minor units.

    Units: part in percent.
    """
    finance = scene.desk.person("finance")
    known = invoices(scene, partner_id)
    due = sum(one.open_amount.amount_minor for one in known if one.state in OPEN) * part // 100
    if due:
        day = scene.clock.today(ZONE).isoformat()
        with scene.desk.begin("receipt", partner_id=partner_id):
            finance.ask(
                invoice_service_pb2.RecordReceiptRequest(
                    partner_id=partner_id,
                    amount=cny(due),
                    reference=f"bank {day} {note}",
                )
            )
    return due


def receive_payments(scene: Scene) -> dict[str, int]:
    """Let all partners pay; one of them pays only a part.

    Shape: partner → minor units.
    """
    return {
        seller.partner_id: receive_payment(
            scene, seller.partner_id, note="month", part=60 if _is_slow(seller.partner_id) else 100
        )
        for seller in SELLERS
    }


def pay_commission(scene: Scene, campaign_id: str) -> dict[str, int]:
    """Wait until the cooling-off has confirmed all commission, and pay it.

    Shape: partner → minor units.
    """
    accrued = commission_pb2.CommissionEntry.STATE_ACCRUED
    until(
        lambda: all(one.state != accrued for one in entries(scene, campaign_id)),
        "confirmed commission",
        within_s=30,
        pause_s=LOOK_S,
    )
    finance, paid = scene.desk.person("finance"), {}
    for seller in SELLERS:
        answer = finance.ask_unless(
            commission_service_pb2.PayCommissionRequest(partner_id=seller.partner_id),
            reasons=frozenset({"COMMISSION_NOTHING_TO_PAY"}),
        )
        if answer is not None:
            paid[seller.partner_id] = answer.payment.amount.amount_minor
    return paid


def statement(scene: Scene, partner_id: str, month: str) -> invoice_pb2.PartnerStatement:
    """Return a partner's statement of a month such as 2026-03."""
    asked = invoice_service_pb2.GetPartnerStatementRequest(partner_id=partner_id, month=month)
    found: invoice_pb2.PartnerStatement = scene.desk.person("finance").ask(asked).statement
    return found


def credit(scene: Scene, partner_id: str) -> Any:
    """Return what a partner may owe, and owes."""
    return (
        scene.desk.person("finance")
        .ask(credit_service_pb2.GetCreditAccountRequest(partner_id=partner_id))
        .account
    )


def trial_balance(scene: Scene) -> Mapping[str, tuple[int, int]]:
    """Return debits and credits of the campaign's currency by what the accounts are for.

    Units: minor units.
    """
    answer = scene.desk.person("finance").ask(ledger_service_pb2.GetTrialBalanceRequest())
    return {
        ledger_pb2.AccountCode.Name(line.code)
        .removeprefix("ACCOUNT_CODE_")
        .replace("_", " ")
        .lower(): (line.debits.amount_minor, line.credits.amount_minor)
        for line in answer.lines
        if line.debits.currency_code == "CNY"
    }


def _is_slow(partner_id: str) -> bool:
    return partner_id == SLOW_PAYER


def _changes_mind(scene: Scene, one: Visit) -> bool:
    if one.order is None or one.order.state != DELIVERED:
        return False
    return scene.chance("cancel", one.touch.key).random() < CANCELLED_SHARE


def _released(scene: Scene, one: Visit) -> bool:
    release = order_service_pb2.ReleaseHoldRequest(order_id=one.order.order_id)
    try:
        with scene.desk.begin("release", since=one.traceparent, order_id=one.order.order_id):
            scene.desk.person("sales_administration").ask(release)
    except Refused as refused:
        if refused.reason != "CREDIT_REFUSED":
            raise
        return False
    _go_on(scene, one)
    return True


def _go_on(scene: Scene, one: Visit) -> None:
    with scene.desk.begin("late delivery", since=one.traceparent, order_id=one.order.order_id):
        fulfil(scene, one)
