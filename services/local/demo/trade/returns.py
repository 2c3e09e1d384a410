"""T8: a complaint, a return that takes back what its pieces had caused, and the call back."""

from typing import Final

from mantle.channels.v1 import order_pb2, return_pb2
from mantle.channels.v1 import order_service_pb2 as order_rpc
from mantle.channels.v1 import return_service_pb2 as rpc
from mantle.crm.v1 import service_case_pb2
from mantle.crm.v1 import service_case_service_pb2 as case_rpc
from mantle.settlement.v1 import commission_service_pb2 as commission_rpc

from local.demo.desk import all_pages, until
from local.demo.narrator import money_text
from local.demo.scene import Scene
from local.demo.trade.ground import PRODUCT, Year

PIECES: Final = 100
REASON: Final = "DAMAGED"


def play(scene: Scene, year: Year) -> None:
    """Play a return of pieces of the last order, from the complaint to the credit note."""
    narrator = scene.narrator
    narrator.chapter("A return")
    order = _last_order(scene, year.loyal)
    before = _commission(scene, order.order_id)
    desk = scene.desk
    with desk.begin("return", order_id=order.order_id):
        case = _complain(scene, order)
        [return_id] = case.return_ids
        desk.person("sales_director").ask(rpc.ApproveReturnRequest(return_id=return_id))
        receipt = rpc.ReceiveReturnRequest(return_id=return_id, receipt_slip="RS-1")
        desk.person("logistics").ask(receipt)
        checked = rpc.InspectionLine(
            product_id=PRODUCT, accepted_quantity=PIECES, restocked_quantity=0, finding="crushed"
        )
        desk.person("logistics").ask(rpc.InspectReturnRequest(return_id=return_id, lines=[checked]))
        desk.person("finance").ask(rpc.CreditReturnRequest(return_id=return_id))
    until(lambda: _return(scene, return_id).credit_note_issued, "the credit note of a return")
    until(lambda: _commission(scene, order.order_id) < before, "the reversal of commission")
    _call_back(scene, case.case_id)
    found = _return(scene, return_id)
    back = before - _commission(scene, order.order_id)
    narrator.tell(
        f"{PIECES} of {order.lines[0].priced.quantity:,} pieces came back damaged",
        f"credit note {money_text(found.credit_amount)}",
    )
    narrator.tell(
        f"Commission taken back: {back // 100}.{back % 100:02}",
        "the rebate follows with the month's accrual, from 2 % of the base",
    )


def _complain(scene: Scene, order: order_pb2.Order) -> service_case_pb2.ServiceCase:
    """Take the partner's complaint at the hotline, and ask for the pieces to be taken back."""
    service = scene.desk.person("customer_service")
    opened = case_rpc.OpenCaseRequest(
        customer_id=order.partner_id,
        kind=service_case_pb2.ServiceCase.KIND_COMPLAINT,
        subject="Boxes were crushed on the way",
        touchpoint_id="hotline",
        order_id=order.order_id,
    )
    case_id = service.ask(opened).case.case_id
    request = case_rpc.RequestCaseReturnRequest(
        case_id=case_id,
        order_id=order.order_id,
        lines=[case_rpc.CaseLine(product_id=PRODUCT, quantity=PIECES)],
        reason_code=REASON,
    )
    found: service_case_pb2.ServiceCase = service.ask(request).case
    return found


def _call_back(scene: Scene, case_id: str) -> None:
    """Call the partner back once the return has solved its complaint, and close that."""
    service = scene.desk.person("customer_service")
    asked = case_rpc.GetCaseRequest(case_id=case_id)
    solved = service_case_pb2.ServiceCase.STATE_SOLVED
    until(lambda: service.ask(asked).case.state == solved, "the solution of a complaint")
    service.ask(case_rpc.RecordCallbackRequest(case_id=case_id, satisfied=True, note="thanks"))
    closed = service.ask(case_rpc.CloseCaseRequest(case_id=case_id)).case
    scene.narrator.tell(
        "The complaint is solved by the credit; called back, content, closed",
        "in time" if closed.in_time else "late",
    )


def _last_order(scene: Scene, partner_id: str) -> order_pb2.Order:
    asked = order_rpc.ListOrdersRequest(partner_id=partner_id, page_size=1)
    found: order_pb2.Order = scene.desk.person("sales_administration").ask(asked).orders[0]
    return found


def _return(scene: Scene, return_id: str) -> return_pb2.GoodsReturn:
    asked = rpc.GetReturnRequest(return_id=return_id)
    answer = scene.desk.person("sales_administration").ask(asked)
    found: return_pb2.GoodsReturn = answer.goods_return
    return found


def _commission(scene: Scene, order_id: str) -> int:
    """Return what an order has earned, what was taken back taken off; minor units."""
    asked = commission_rpc.ListCommissionEntriesRequest(order_id=order_id)
    found = all_pages(scene.desk.person("finance"), asked, "entries")
    return sum(one.amount.amount_minor - one.reversed_amount.amount_minor for one in found)
