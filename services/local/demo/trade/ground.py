"""The ground of the distributors' year: an area, a product with its stock, partners that trade."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from mantle.channels.v1 import order_pb2, partner_pb2
from mantle.channels.v1 import order_service_pb2 as order_rpc
from mantle.channels.v1 import product_service_pb2 as product_rpc
from mantle.crm.v1 import service_case_pb2
from mantle.crm.v1 import service_case_service_pb2 as case_rpc
from mantle.settlement.v1 import invoice_service_pb2 as invoice_rpc

from local.demo.company import receive_stock
from local.demo.desk import until
from local.demo.money import receive_payment
from local.demo.narrator import ZONE, cny
from local.demo.planning.ground import found_region
from local.demo.scene import MORNING, Scene
from local.demo.touches import deliver
from local.demo.trade.rules import NewPartner, Rule, Terms, decide, take_in

UNIT: Final = "east"
PRODUCT: Final = "FILTER"
LIST_PRICE: Final = "10.00"
STOCK: Final = 300_000
# Crm has the file of a partner a moment after it has signed.
NOT_FILED: Final = frozenset({"CUSTOMER_NOT_FOUND"})
# A year begins in February, when the agreements are signed.
FIRST_MONTH: Final = 2
COMMISSION_RATE: Final = "0.03"


@dataclass(frozen=True, slots=True)
class Year:
    """Name a year of the distributors; each year has partners of its own.

    Shape: `applicant` is refused and `substitute` comes in its place, `loyal` reaches its target,
        `late` misses it and pays late.
    """

    year: int

    @property
    def applicant(self) -> str:
        """Return the partner that applies."""
        return f"D4-{self.year}"

    @property
    def substitute(self) -> str:
        """Return the partner that takes its place."""
        return f"D5-{self.year}"

    @property
    def loyal(self) -> str:
        """Return the partner that reaches its target."""
        return f"D1-{self.year}"

    @property
    def late(self) -> str:
        """Return the partner that pays late."""
        return f"D3-{self.year}"

    def morning(self, month: int, day: int) -> datetime:
        """Return nine in the morning of a day; month 13 is the next January."""
        over, number = divmod(month - 1, 12)
        return datetime.combine(date(self.year + over, number + 1, day), MORNING, ZONE)


def lay(scene: Scene, year: Year) -> None:
    """Make the area, the product and the two partners that traded before."""
    found_region(scene, UNIT, "East area", offices={})
    if not is_known(scene, PRODUCT):
        _release(scene)
    receive_stock(scene.desk, PRODUCT, STOCK)
    for partner_id in (year.loyal, year.late, year.substitute):
        decide(scene.desk, _commission(scene, partner_id))
    for partner_id, target, limit in (
        (year.loyal, 100_000_000, 50_000_000),
        (year.late, 50_000_000, 20_000_000),
    ):
        new = NewPartner(
            partner_id, f"Distributor {partner_id}", partner_pb2.PARTNER_KIND_DISTRIBUTOR, UNIT
        )
        take_in(scene.desk, new, [Terms(year.year, cny(limit), target=cny(target))])


def order(scene: Scene, partner_id: str, pieces: int) -> order_pb2.Order:
    """Let a partner order by phone: the service centre takes the call and places the order."""
    service = scene.desk.person("customer_service")
    call = case_rpc.OpenCaseRequest(
        customer_id=partner_id,
        kind=service_case_pb2.ServiceCase.KIND_ENQUIRY,
        subject=f"Orders {pieces:,} pieces",
        touchpoint_id="hotline",
    )
    wanted = case_rpc.PlaceCaseOrderRequest(
        lines=[case_rpc.CaseLine(product_id=PRODUCT, quantity=pieces)]
    )
    with scene.desk.begin("order", partner_id=partner_id):
        wanted.case_id = service.ask_when_told(call, reasons=NOT_FILED).case.case_id
        order_id = service.ask(wanted).case.order_ids[0]
        return order_of(scene, order_id)


def hand_over(scene: Scene, placed: order_pb2.Order) -> order_pb2.Order:
    """Send an order, hand it over, and wait for its invoice."""
    with scene.desk.begin("delivery", order_id=placed.order_id):
        deliver(scene, placed)
    until(lambda: bool(invoices_of(scene, placed.order_id)), "the invoice of an order")
    return order_of(scene, placed.order_id)


def pay(scene: Scene, partner_id: str, *, note: str = "by transfer") -> int:
    """Let a partner pay all that is open, and return the minor units."""
    return receive_payment(scene, partner_id, note=note)


def order_of(scene: Scene, order_id: str) -> order_pb2.Order:
    """Return an order as it is now."""
    asked = order_rpc.GetOrderRequest(order_id=order_id)
    found: order_pb2.Order = scene.desk.person("sales_administration").ask(asked).order
    return found


def invoices_of(scene: Scene, order_id: str) -> Any:
    """Return the invoices of an order."""
    asked = invoice_rpc.ListInvoicesRequest(order_id=order_id)
    return scene.desk.person("finance").ask(asked).invoices


def is_known(scene: Scene, product_id: str) -> bool:
    """Tell whether a product was created."""
    asked = product_rpc.GetProductRequest(product_id=product_id)
    found = scene.desk.person("product_manager").ask_unless(
        asked, reasons=frozenset({"PRODUCT_NOT_FOUND"})
    )
    return found is not None


def _release(scene: Scene) -> None:
    manager, director = scene.desk.person("product_manager"), scene.desk.person("market_director")
    creation = product_rpc.CreateProductRequest(
        product_id=PRODUCT, name="Water filter", line="household", stock_kept=True
    )
    manager.ask(creation)
    director.ask(product_rpc.ReviewProductRequest(product_id=PRODUCT))
    price = Rule(
        service="channels",
        kind="list_price",
        scope=f"product:{PRODUCT}",
        summary="List price of a water filter",
        parameters={"currency_code": "CNY", "amount": LIST_PRICE},
        start=scene.clock.today(ZONE).isoformat(),
        author="product_manager",
        approver="market_director",
    )
    decide(scene.desk, price)
    director.ask(product_rpc.ReleaseProductRequest(product_id=PRODUCT))


def _commission(scene: Scene, partner_id: str) -> Rule:
    return Rule(
        service="settlement",
        kind="commission",
        scope=f"partner:{partner_id}",
        summary="3 % of what the partner orders",
        parameters={"per_amount": {"ordered": {"rate": COMMISSION_RATE, "basis": "posting"}}},
        start=scene.clock.today(ZONE).isoformat(),
        conditions={"ordered": "amount_minor > 0"},
    )
