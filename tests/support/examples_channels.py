"""One example of every write of channels, and the small steps that its tests are arranged with."""

from itertools import count
from typing import Any

from mantle.channels.v1 import order_pb2, partner_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import partner_service_pb2 as partners
from mantle.channels.v1 import product_service_pb2 as products
from mantle.channels.v1 import stock_service_pb2 as stock
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.server import ROOT_UNIT, World

LIMIT_MINOR = 20_000_000
_numbers = count(1)


def cny(amount_minor: int) -> money_pb2.Money:
    """Return an amount of fen."""
    return money_pb2.Money(currency_code="CNY", amount_minor=amount_minor)


def unique(prefix: str) -> str:
    """Return an id that nothing has yet."""
    return f"{prefix}-{next(_numbers)}"


def a_policy(
    world: World,
    *,
    kind: str,
    scope: str,
    start_date: str,
    values: dict[str, str | int],
    conditions: dict[str, str] | None = None,
) -> policy_pb2.Policy:
    """Write a policy as one person and approve it as another."""
    request = policies.CreatePolicyRequest(kind=kind, scope=scope, start_date=start_date)
    for name, value in values.items():
        if isinstance(value, int):
            request.parameters[name].integer = value
        else:
            request.parameters[name].text = value
    for name, text in (conditions or {}).items():
        request.conditions.add(name=name, text=text)
    draft = world.call(request, role="product_manager", service="channels").policy
    approved: policy_pb2.Policy = world.call(
        policies.ApprovePolicyRequest(policy_id=draft.policy_id),
        role="president",
        service="channels",
    ).policy
    return approved


def a_list_price(
    world: World, product_id: str, amount: str, *, start_date: str = "2026-03-02"
) -> policy_pb2.Policy:
    """Put a list price in force."""
    return a_policy(
        world,
        kind="list_price",
        scope=f"product:{product_id}",
        start_date=start_date,
        values={"currency_code": "CNY", "amount": amount},
    )


def a_new_product(world: World, product_id: str = "", *, stock_kept: bool = False) -> str:
    """Create a product."""
    product_id = product_id or unique("product")
    world.call(
        products.CreateProductRequest(
            product_id=product_id, name=f"Product {product_id}", stock_kept=stock_kept
        ),
        role="product_manager",
    )
    return product_id


def a_product(
    world: World, product_id: str = "", *, amount: str = "10.00", stock_kept: bool = False
) -> str:
    """Put a product on sale."""
    product_id = a_new_product(world, product_id, stock_kept=stock_kept)
    world.call(products.ReviewProductRequest(product_id=product_id), role="market_director")
    a_list_price(world, product_id, amount)
    world.call(products.ReleaseProductRequest(product_id=product_id), role="market_director")
    return product_id


def a_prospect(
    world: World,
    partner_id: str = "",
    *,
    grade: str = "B",
    kind: str = "DISTRIBUTOR",
    unit_id: str = ROOT_UNIT,
) -> str:
    """Create a partner."""
    partner_id = partner_id or unique("partner")
    world.call(
        partners.CreatePartnerRequest(
            partner_id=partner_id,
            name=f"Partner {partner_id}",
            kind=partner_pb2.PartnerKind.Value(f"PARTNER_KIND_{kind}"),
            unit_id=unit_id,
            credit_grade=partner_pb2.CreditGrade.Value(f"CREDIT_GRADE_{grade}"),
        ),
        role="channel_manager",
    )
    return partner_id


def a_signed_partner(
    world: World, partner_id: str = "", *, limit_minor: int = LIMIT_MINOR, **details: str
) -> str:
    """Create a partner with an agreement for the year of the tests."""
    partner_id = a_prospect(world, partner_id, **details)
    world.call(
        partners.SignAgreementRequest(
            partner_id=partner_id, year=2026, credit_limit=cny(limit_minor), credit_days=30
        ),
        role="sales_director",
    )
    return partner_id


def a_partner(
    world: World, partner_id: str = "", *, limit_minor: int = LIMIT_MINOR, **details: str
) -> str:
    """Create a partner that may order."""
    partner_id = a_signed_partner(world, partner_id, limit_minor=limit_minor, **details)
    world.call(partners.ActivatePartnerRequest(partner_id=partner_id), role="sales_director")
    return partner_id


def order_of(
    partner_id: str, product_id: str, quantity: int = 1, *, offer_id: str = "", **fields: Any
) -> orders.PlaceOrderRequest:
    """Return a request for one product."""
    source = order_pb2.ORDER_SOURCE_OFFER if offer_id else order_pb2.ORDER_SOURCE_OFFICE
    return orders.PlaceOrderRequest(
        partner_id=partner_id,
        source=fields.pop("source", source),
        lines=[orders.PlaceOrderLine(product_id=product_id, quantity=quantity)],
        offer_id=offer_id,
        **fields,
    )


def a_world(world: World) -> World:
    """Start what channels asks and is told by, and wait until it knows the organisation."""
    world.start("planning", "settlement", "channels")
    world.settle()
    return world


def an_order(world: World, *, limit_minor: int = LIMIT_MINOR) -> order_pb2.Order:
    """Place an order of a new partner for a new product."""
    partner_id = a_partner(a_world(world), limit_minor=limit_minor)
    product_id = a_product(world)
    world.settle()
    order: order_pb2.Order = world.call(
        order_of(partner_id, product_id), role="sales_administration"
    ).order
    return order


def create_product(world: World) -> Example:
    """Create a product."""
    a_world(world)
    request = products.CreateProductRequest(
        request_id=new_id(), product_id=unique("product"), name="Tariff M"
    )
    return Example(request, "product_manager")


def review_product(world: World) -> Example:
    """Review a new product."""
    product_id = a_new_product(a_world(world))
    request = products.ReviewProductRequest(request_id=new_id(), product_id=product_id)
    return Example(request, "market_director")


def release_product(world: World) -> Example:
    """Release a reviewed product with a price."""
    product_id = a_new_product(a_world(world))
    world.call(products.ReviewProductRequest(product_id=product_id), role="market_director")
    a_list_price(world, product_id, "10.00")
    request = products.ReleaseProductRequest(request_id=new_id(), product_id=product_id)
    return Example(request, "market_director")


def withdraw_product(world: World) -> Example:
    """Withdraw a product."""
    product_id = a_product(a_world(world))
    request = products.WithdrawProductRequest(request_id=new_id(), product_id=product_id)
    return Example(request, "market_director")


def change_product_rules(world: World) -> Example:
    """Let a product exclude another."""
    product_id, other = a_new_product(a_world(world)), a_new_product(world)
    request = products.ChangeProductRulesRequest(
        request_id=new_id(), product_id=product_id, excludes_product_ids=[other]
    )
    return Example(request, "product_manager")


def receive_stock(world: World) -> Example:
    """Receive pieces of a product."""
    product_id = a_new_product(a_world(world), stock_kept=True)
    request = stock.ReceiveStockRequest(request_id=new_id(), product_id=product_id, quantity=5)
    return Example(request, "logistics")


def create_partner(world: World) -> Example:
    """Create a partner."""
    a_world(world)
    request = partners.CreatePartnerRequest(
        request_id=new_id(),
        partner_id=unique("partner"),
        name="Distributor One",
        kind=partner_pb2.PARTNER_KIND_DISTRIBUTOR,
        unit_id=ROOT_UNIT,
        credit_grade=partner_pb2.CREDIT_GRADE_B,
    )
    return Example(request, "channel_manager")


def sign_agreement(world: World) -> Example:
    """Sign a partner's first agreement."""
    partner_id = a_prospect(a_world(world))
    request = partners.SignAgreementRequest(
        request_id=new_id(),
        partner_id=partner_id,
        year=2026,
        credit_limit=cny(LIMIT_MINOR),
        credit_days=30,
    )
    return Example(request, "sales_director")


def activate_partner(world: World) -> Example:
    """Activate a partner with an agreement."""
    partner_id = a_signed_partner(a_world(world))
    request = partners.ActivatePartnerRequest(request_id=new_id(), partner_id=partner_id)
    return Example(request, "sales_director")


def change_credit_grade(world: World) -> Example:
    """Raise a partner's grade."""
    partner_id = a_partner(a_world(world))
    request = partners.ChangeCreditGradeRequest(
        request_id=new_id(),
        partner_id=partner_id,
        credit_grade=partner_pb2.CREDIT_GRADE_A,
        credit_limit=cny(2 * LIMIT_MINOR),
        credit_days=60,
    )
    return Example(request, "finance")


def record_prior_year_purchases(world: World) -> Example:
    """Record what a partner bought."""
    partner_id = a_prospect(a_world(world))
    request = partners.RecordPriorYearPurchasesRequest(
        request_id=new_id(), partner_id=partner_id, year=2025, amount=cny(100_000_000)
    )
    return Example(request, "finance")


def place_order(world: World) -> Example:
    """Order one piece."""
    partner_id = a_partner(a_world(world))
    product_id = a_product(world)
    world.settle()
    request = order_of(partner_id, product_id, request_id=new_id())
    return Example(request, "sales_administration")


def release_hold(world: World) -> Example:
    """Release an order after its partner's limit was raised."""
    order = an_order(world, limit_minor=0)
    world.call(
        partners.ChangeCreditGradeRequest(
            partner_id=order.partner_id,
            credit_grade=partner_pb2.CREDIT_GRADE_B,
            credit_limit=cny(LIMIT_MINOR),
        ),
        role="finance",
    )
    world.settle()
    request = orders.ReleaseHoldRequest(request_id=new_id(), order_id=order.order_id)
    return Example(request, "sales_administration")


def reject_order(world: World) -> Example:
    """Reject an order on hold."""
    order = an_order(world, limit_minor=0)
    request = orders.RejectOrderRequest(
        request_id=new_id(), order_id=order.order_id, reason="no credit"
    )
    return Example(request, "sales_administration")


def ship_order(world: World) -> Example:
    """Ship an order."""
    order = an_order(world)
    return Example(
        orders.ShipOrderRequest(request_id=new_id(), order_id=order.order_id), "logistics"
    )


def deliver_order(world: World) -> Example:
    """Deliver an order that was shipped."""
    order = an_order(world)
    world.call(orders.ShipOrderRequest(order_id=order.order_id), role="logistics")
    request = orders.DeliverOrderRequest(
        request_id=new_id(), order_id=order.order_id, proof="slip 7"
    )
    return Example(request, "logistics")


def cancel_order(world: World) -> Example:
    """Cancel an order."""
    order = an_order(world)
    request = orders.CancelOrderRequest(
        request_id=new_id(), order_id=order.order_id, reason="changed mind"
    )
    return Example(request, "customer_service")
