"""Orders as rows and back; `storage` alone uses it."""

from decimal import Decimal
from typing import Any

from channels.order.domain import (
    Check,
    CheckKind,
    Move,
    Order,
    OrderLine,
    Origin,
    Source,
    State,
)
from channels.pricing.domain import Convention, Factor, FactorKind, PricedLine
from chassis.money import Money, UnitPrice, format_decimal


def order_row(order: Order) -> dict[str, Any]:
    """Write an order as a row; ids that are empty become NULL."""
    origin = order.origin
    return {
        "order_id": order.order_id,
        "partner_id": order.partner_id,
        "customer_id": origin.customer_id,
        "unit_id": order.unit_id,
        "source": origin.source,
        "offer_id": origin.offer_id or None,
        "campaign_id": origin.campaign_id or None,
        "offer_code": origin.offer_code,
        "order_date": order.order_date,
        "currency_code": order.total.currency_code,
        "total_minor": order.total.amount_minor,
        "state": order.state,
        "contract_number": order.contract_number or None,
        "checks": [
            {"kind": check.kind, "passed": check.passed, "reason": check.reason}
            for check in order.checks
        ],
        "end_reason": order.end_reason,
        "carrier": order.carrier,
        "delivery_proof": order.delivery_proof,
        "cooling_off_end_time": order.cooling_off_end_time,
        "create_time": order.create_time,
        "version": order.version,
    }


def line_rows(order: Order) -> list[dict[str, Any]]:
    """Write an order's lines as rows."""
    return [
        {
            "order_id": order.order_id,
            "line_number": number,
            "product_id": line.priced.product_id,
            "quantity": line.priced.quantity,
            "unit_price": line.priced.unit_price.amount,
            "amount_minor": line.priced.amount.amount_minor,
            "excess_quantity": line.excess_quantity,
            "factors": [_factor_row(factor) for factor in line.priced.factors],
        }
        for number, line in enumerate(order.lines, start=1)
    ]


def order_of(row: Any, lines: tuple[OrderLine, ...], *, moves: tuple[Move, ...] = ()) -> Order:
    """Read an order from its row."""
    return Order(
        order_id=row.order_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        origin=Origin(
            source=Source(row.source),
            customer_id=row.customer_id,
            offer_id=row.offer_id or "",
            campaign_id=row.campaign_id or "",
            offer_code=row.offer_code,
        ),
        order_date=row.order_date,
        lines=lines,
        total=Money(row.currency_code, row.total_minor),
        create_time=row.create_time,
        state=State(row.state),
        contract_number=row.contract_number or "",
        checks=tuple(
            Check(CheckKind(one["kind"]), one["passed"], one["reason"]) for one in row.checks
        ),
        end_reason=row.end_reason,
        carrier=row.carrier,
        delivery_proof=row.delivery_proof,
        cooling_off_end_time=row.cooling_off_end_time,
        moves=moves,
        version=row.version,
    )


def line_of(row: Any, currency_code: str) -> OrderLine:
    """Read a line from its row."""
    factors = tuple(_factor_of(one) for one in row.factors)
    priced = PricedLine(
        product_id=row.product_id,
        quantity=row.quantity,
        unit_price=UnitPrice(currency_code, row.unit_price),
        amount=Money(currency_code, row.amount_minor),
        factors=factors,
    )
    return OrderLine(priced, row.excess_quantity)


def _factor_row(factor: Factor) -> dict[str, Any]:
    return {
        "kind": factor.kind,
        "value": format_decimal(factor.value),
        "multiplier": format_decimal(factor.multiplier),
        "policy_id": factor.policy_id,
        "policy_version": factor.policy_version,
        "convention": factor.convention,
    }


def _factor_of(row: dict[str, Any]) -> Factor:
    return Factor(
        kind=FactorKind(row["kind"]),
        value=Decimal(row["value"]),
        multiplier=Decimal(row["multiplier"]),
        policy_id=row["policy_id"],
        policy_version=row["policy_version"],
        convention=None if row["convention"] is None else Convention(row["convention"]),
    )
