"""T7: from the order to the cash. One order fits the credit, the next one waits for money."""

from datetime import UTC
from typing import Final

from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as order_rpc
from mantle.settlement.v1 import commission_service_pb2 as commission_rpc
from mantle.settlement.v1 import credit_service_pb2 as credit_rpc

from local.demo.desk import Refused, until
from local.demo.narrator import ZONE, money_text
from local.demo.scene import Scene
from local.demo.trade import ground
from local.demo.trade.ground import Year

FIRST_PIECES: Final = 20_000
SECOND_PIECES: Final = 5_000
_KIND: Final = order_pb2.OrderTimelineEntry
_STATE: Final = order_pb2.Order


def play(scene: Scene, year: Year) -> None:
    """Play two orders of the new distributor, from the call to the payment."""
    narrator, partner_id = scene.narrator, year.substitute
    scene.move_to(year.morning(3, 2))
    narrator.chapter("From the order to the cash")
    _sell_first(scene, partner_id)
    scene.move_to(year.morning(3, 9))
    second = ground.order(scene, partner_id, SECOND_PIECES)
    reason = next(
        one.reason for one in second.checks if one.kind == order_pb2.OrderCheck.KIND_CREDIT
    )
    narrator.refused(f"{SECOND_PIECES:,} pieces more, {money_text(second.total)}, wait", reason)
    _print_credit(scene, partner_id)
    scene.move_to(year.morning(3, 20))
    ground.pay(scene, partner_id, note="first order")
    narrator.tell(f"{partner_id} pays its first invoice", "the order that waited goes on")
    _release(scene, second.order_id)
    ground.hand_over(scene, ground.order_of(scene, second.order_id))
    scene.move_to(year.morning(3, 30))
    ground.pay(scene, partner_id, note="second order")
    _await_settled(scene, second.order_id)
    _print_timeline(scene, second)
    _print_credit(scene, partner_id)
    _print_commission(scene, partner_id, f"{year.year}-03")


def _sell_first(scene: Scene, partner_id: str) -> None:
    """Sell what the credit is enough for, and show what the price is made of."""
    first = ground.order(scene, partner_id, FIRST_PIECES)
    line = first.lines[0].priced
    factors = " x ".join(factor.multiplier for factor in line.factors)
    scene.narrator.tell(
        f"{line.quantity:,} pieces at {factors} = {line.unit_price.amount}",
        f"{money_text(first.total)}, contract {first.contract_number}",
    )
    ground.hand_over(scene, first)


def _release(scene: Scene, order_id: str) -> None:
    """Let the order go on by hand, unless it already did by itself."""
    request = order_rpc.ReleaseHoldRequest(order_id=order_id)
    try:
        scene.desk.person("sales_administration").ask(request)
    except Refused as refused:
        if refused.reason != "ORDER_STATE_FORBIDS":
            raise


def _await_settled(scene: Scene, order_id: str) -> None:
    settled = (_STATE.STATE_SETTLED, _STATE.STATE_CLOSED)
    until(lambda: ground.order_of(scene, order_id).state in settled, "the payment of an order")


def _print_timeline(scene: Scene, order: order_pb2.Order) -> None:
    """Print all that is known of an order, by one call."""
    asked = order_rpc.GetOrderTimelineRequest(order_id=order.order_id)
    answer = scene.desk.person("finance").ask(asked)
    scene.narrator.blank()
    scene.narrator.tell(f"The second order, {len(answer.entries)} entries", order.order_id)
    scene.narrator.table([_row(one) for one in answer.entries], right=(2,))
    scene.narrator.blank()


def _row(one: order_pb2.OrderTimelineEntry) -> tuple[str, str, str, str]:
    day = one.occur_time.ToDatetime(tzinfo=UTC).astimezone(ZONE)
    what = _KIND.Kind.Name(one.kind).removeprefix("KIND_").replace("_", " ").lower()
    if one.kind == _KIND.KIND_MOVED:
        what = f"to {_STATE.State.Name(one.to).removeprefix('STATE_').replace('_', ' ').lower()}"
    amount = money_text(one.amount) if one.HasField("amount") else ""
    return f"{day:%d %b}", what, amount, one.actor


def _print_credit(scene: Scene, partner_id: str) -> None:
    asked = credit_rpc.GetCreditAccountRequest(partner_id=partner_id)
    account = scene.desk.person("finance").ask(asked).account
    scene.narrator.tell(
        f"Credit of {partner_id}: {money_text(account.available)} of {money_text(account.limit)}",
        f"owes {money_text(account.receivable)}, reserved {money_text(account.reserved)}",
    )


def _print_commission(scene: Scene, partner_id: str, month: str) -> None:
    asked = commission_rpc.GetCommissionStatementRequest(partner_id=partner_id, month=month)
    found = scene.desk.person("finance").ask(asked).statement
    scene.narrator.tell(
        f"Commission of {month}: {money_text(found.total)}",
        ", ".join(f"{one.accrued_count} x {one.event_kind}" for one in found.lines),
    )
