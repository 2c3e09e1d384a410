"""The company of the demo: its units, products, prices, partners and stock.

All of it is found again at a second run, so it is made only when it is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from mantle.channels.v1 import (
    partner_pb2,
    partner_service_pb2,
    pricing_service_pb2,
    product_pb2,
    product_service_pb2,
    stock_service_pb2,
)
from mantle.planning.v1 import monthly_plan_pb2, monthly_plan_service_pb2, unit_pb2
from mantle.planning.v1 import unit_service_pb2 as unit_rpc
from mantle.policy.v1 import policy_pb2, policy_service_pb2

from local.demo.desk import Desk, Refused, all_pages
from local.demo.narrator import Narrator, cny, money_text
from local.demo.source import INTERNET

UNITS: Final = {"a1": "South area", "a2": "North area"}
NOT_YET: Final = frozenset({"OUT_OF_SCOPE", "UNIT_NOT_FOUND"})
HUB: Final = "P2"
HUBS_A_RUN: Final = 12


@dataclass(frozen=True, slots=True)
class Ware:
    """Describe a product; `price` is its list price as a decimal text, empty for none."""

    product_id: str
    name: str
    price: str
    line: str = "telecom"
    stock_kept: bool = False
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


WARES: Final = (
    Ware(INTERNET, "Internet access", "69.00"),
    Ware("SECURITY", "Online security, three months", "29.00", requires=(INTERNET,)),
    Ware("BACKUP", "Online backup, three months", "19.00", requires=(INTERNET,)),
    Ware("PROTECT", "Device protection, three months", "24.00", requires=(INTERNET,)),
    Ware("SUPPORT", "Tech support, three months", "27.00", requires=(INTERNET,)),
    Ware("TV", "Streaming TV", "32.00", requires=(INTERNET,)),
    Ware("MOVIES", "Streaming movies", "32.00", requires=(INTERNET,)),
    Ware(
        "STREAM", "TV and movies in one", "45.00", requires=(INTERNET,), excludes=("TV", "MOVIES")
    ),
    Ware("P1", "SIM kit", "10.00", stock_kept=True),
    Ware(HUB, "Home hub", "25.00", stock_kept=True, requires=(INTERNET,)),
)


@dataclass(frozen=True, slots=True)
class Seller:
    """Describe a partner; the limit is what it may owe, in minor units."""

    partner_id: str
    name: str
    kind: partner_pb2.PartnerKind.ValueType
    unit_id: str
    limit_minor: int


DISTRIBUTOR: Final = Seller(
    "D1", "Distributor one", partner_pb2.PARTNER_KIND_DISTRIBUTOR, "a1", 20_000_000
)
SELLERS: Final = (
    DISTRIBUTOR,
    Seller("AG-1", "Agent south", partner_pb2.PARTNER_KIND_AGENT, "a1", 500_000),
    # So small that some orders have to wait for a receipt.
    Seller("AG-2", "Agent north", partner_pb2.PARTNER_KIND_AGENT, "a2", 12_000),
    Seller("HALL-1", "Own hall south", partner_pb2.PARTNER_KIND_OWN_HALL, "a1", 2_000_000),
    Seller("HALL-2", "Own hall north", partner_pb2.PARTNER_KIND_OWN_HALL, "a2", 2_000_000),
    Seller("WEB-1", "Electronic south", partner_pb2.PARTNER_KIND_ELECTRONIC, "a1", 2_000_000),
    Seller("WEB-2", "Electronic north", partner_pb2.PARTNER_KIND_ELECTRONIC, "a2", 2_000_000),
)


def found_units(desk: Desk, narrator: Narrator, *, today: date) -> None:
    """Make the two areas below headquarters."""
    support = desk.person("business_support")
    known = {one.unit_id for one in all_pages(support, unit_rpc.ListUnitsRequest(), "units")}
    for unit_id, name in UNITS.items():
        if unit_id not in known:
            support.ask(
                unit_rpc.CreateUnitRequest(
                    unit_id=unit_id,
                    name=name,
                    kind=unit_pb2.OrgUnit.KIND_REGION,
                    parent_unit_id="hq",
                    valid_from=today.isoformat(),
                )
            )
    narrator.tell("Units: hq, below it a1 South area and a2 North area")


def release_products(desk: Desk, narrator: Narrator, *, today: date) -> None:
    """Create, review, price and release the products; two people for each price."""
    support = desk.person("business_support")
    asked = product_service_pb2.ListProductsRequest(state=product_pb2.Product.STATE_ON_SALE)
    on_sale = {one.product_id for one in all_pages(support, asked, "products")}
    new = [ware for ware in WARES if ware.product_id not in on_sale]
    for ware in new:
        _release(desk, ware, today=today)
    narrator.tell(
        f"{len(WARES)} products on sale, each with a dated list price",
        f"{len(new)} new; priced by the product manager, approved by the market director",
    )


def sign_partners(desk: Desk, narrator: Narrator, *, today: date) -> None:
    """Sign the partners for this year and the next, and let them order."""
    director = desk.person("sales_director")
    for seller in SELLERS:
        _create(desk, seller)
        partner = director.ask(
            partner_service_pb2.GetPartnerRequest(partner_id=seller.partner_id)
        ).partner
        signed = {agreement.year for agreement in partner.agreements}
        for year in {today.year, today.year + 1} - signed:
            director.ask(
                partner_service_pb2.SignAgreementRequest(
                    partner_id=seller.partner_id,
                    year=year,
                    credit_limit=cny(seller.limit_minor),
                    credit_days=30,
                    territory=UNITS[seller.unit_id],
                )
            )
        if partner.state != partner_pb2.Partner.STATE_ACTIVE:
            director.ask(partner_service_pb2.ActivatePartnerRequest(partner_id=seller.partner_id))
    narrator.tell(
        f"{len(SELLERS)} partners with agreement and credit limit",
        "a distributor, two agents, two halls, two electronic channels",
    )


def fill_stock(desk: Desk, narrator: Narrator) -> None:
    """Put SIM kits and a few home hubs into the warehouse, up to what a campaign begins with."""
    logistics = desk.person("logistics")
    levels = {}
    for product_id, wanted in (("P1", 5_000), (HUB, HUBS_A_RUN)):
        asked = stock_service_pb2.GetStockRequest(product_id=product_id)
        missing = wanted - logistics.ask(asked).stock.available
        if missing > 0:
            receive_stock(desk, product_id, missing)
        levels[product_id] = logistics.ask(asked).stock.available
    narrator.tell(
        f"Stock: {levels['P1']:,} SIM kits, and only {levels[HUB]} home hubs",
        "the offer ends by itself when the last hub is gone",
    )


def receive_stock(desk: Desk, product_id: str, quantity: int) -> None:
    """Take pieces into the warehouse."""
    desk.person("logistics").ask(
        stock_service_pb2.ReceiveStockRequest(product_id=product_id, quantity=quantity)
    )


def publish_plan(desk: Desk, narrator: Narrator, *, months: Iterable[str]) -> None:
    """Publish what each partner is to be sold; orders are checked against it."""
    director = desk.person("sales_director")
    for month in months:
        for unit_id in UNITS:
            lines = [
                monthly_plan_pb2.MonthlyPlanLine(
                    partner_id=seller.partner_id, product_id=ware.product_id, quantity=1_000
                )
                for seller in SELLERS
                if seller.unit_id == unit_id
                for ware in WARES
            ]
            director.ask(
                monthly_plan_service_pb2.PublishMonthlyPlanRequest(
                    unit_id=unit_id, month=month, lines=lines
                )
            )
    narrator.tell("Monthly plan published: the quota of each partner and product")


def quote_offers(desk: Desk, narrator: Narrator) -> None:
    """Check what the sellers of a campaign will pay for its products."""
    products = ("SECURITY", "SUPPORT", "STREAM", "PROTECT", HUB)
    answer = desk.person("planning_team_manager").ask(
        pricing_service_pb2.QuotePriceRequest(
            partner_id="HALL-1",
            lines=[pricing_service_pb2.QuoteLine(product_id=one, quantity=1) for one in products],
        )
    )
    prices = ", ".join(f"{line.product_id} {money_text(line.amount)}" for line in answer.lines)
    narrator.tell("What the sellers of the offers will pay:", prices)


def quote(desk: Desk, narrator: Narrator) -> None:
    """Show what a price is made of."""
    answer = desk.person("sales_administration").ask_when_told(
        pricing_service_pb2.QuotePriceRequest(
            partner_id=DISTRIBUTOR.partner_id,
            lines=[
                pricing_service_pb2.QuoteLine(product_id="P1", quantity=1_000),
                pricing_service_pb2.QuoteLine(product_id=HUB, quantity=100),
            ],
        ),
        reasons=NOT_YET,
    )
    for line in answer.lines:
        factors = " x ".join(factor.multiplier for factor in line.factors)
        narrator.tell(
            f"Price of {line.product_id}: {factors} = {line.unit_price.amount}",
            f"{line.quantity:,} pieces {money_text(line.amount)}; each factor names its policy",
        )


def _release(desk: Desk, ware: Ware, *, today: date) -> None:
    manager, director = desk.person("product_manager"), desk.person("market_director")
    manager.ask_unless(
        product_service_pb2.CreateProductRequest(
            product_id=ware.product_id,
            name=ware.name,
            line=ware.line,
            stock_kept=ware.stock_kept,
            requires_product_ids=ware.requires,
            excludes_product_ids=ware.excludes,
        ),
        reasons=frozenset({"PRODUCT_EXISTS"}),
    )
    director.ask_unless(
        product_service_pb2.ReviewProductRequest(product_id=ware.product_id),
        reasons=frozenset({"PRODUCT_STATE_FORBIDS"}),
    )
    _price(desk, ware, today=today)
    director.ask(product_service_pb2.ReleaseProductRequest(product_id=ware.product_id))


def _price(desk: Desk, ware: Ware, *, today: date) -> None:
    parameters = {
        "currency_code": policy_pb2.PolicyValue(text="CNY"),
        "amount": policy_pb2.PolicyValue(text=ware.price),
    }
    draft = policy_service_pb2.CreatePolicyRequest(
        kind="list_price",
        scope=f"product:{ware.product_id}",
        start_date=today.isoformat(),
        summary=f"List price of {ware.name}",
        parameters=parameters,
    )
    made = desk.person("product_manager").ask(draft, service="channels").policy
    # An earlier run that was broken off may have priced it already.
    desk.person("market_director").ask_unless(
        policy_service_pb2.ApprovePolicyRequest(policy_id=made.policy_id),
        reasons=frozenset({"POLICY_OVERLAPS"}),
        service="channels",
    )


def _create(desk: Desk, seller: Seller) -> None:
    developer = desk.person("sales_development")
    creation = partner_service_pb2.CreatePartnerRequest(
        partner_id=seller.partner_id,
        name=seller.name,
        kind=seller.kind,
        unit_id=seller.unit_id,
        credit_grade=partner_pb2.CREDIT_GRADE_B,
    )
    try:
        developer.ask_when_told(creation, reasons=NOT_YET)
    except Refused as refused:
        if refused.reason != "PARTNER_EXISTS":
            raise
