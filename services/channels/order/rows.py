"""Orders as rows and back; `storage` alone uses it."""

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
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
from channels.pricing.domain import (
    PRICES_MAX,
    Convention,
    Factor,
    FactorKind,
    PricedLine,
    deviation,
    policy_price_of,
)
from chassis import arrays
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
        "project_id": origin.project_id,
        "order_date": order.order_date,
        "currency_code": order.total.currency_code,
        "total_minor": order.total.amount_minor,
        "state": order.state,
        "contract_number": order.contract_number or None,
        "checks": _check_rows(order),
        "end_reason": order.end_reason,
        "carrier": order.carrier,
        "delivery_proof": order.delivery_proof,
        "cooling_off_end_time": order.cooling_off_end_time,
        "create_time": order.create_time,
        "version": order.version,
    }


def columns(orders: Sequence[Order]) -> dict[str, str]:
    """Write new orders with their lines and moves as arrays, one a column."""
    return {**_order_columns(orders), **_line_columns(orders), **_move_columns(orders)}


def _order_columns(orders: Sequence[Order]) -> dict[str, str]:
    origins = [order.origin for order in orders]
    return {
        "order_ids": arrays.plain(order.order_id for order in orders),
        "partner_ids": arrays.texts(order.partner_id for order in orders),
        "customer_ids": arrays.texts(origin.customer_id for origin in origins),
        "unit_ids": arrays.texts(order.unit_id for order in orders),
        "sources": arrays.plain(origin.source for origin in origins),
        "offer_ids": arrays.plain(origin.offer_id or None for origin in origins),
        "campaign_ids": arrays.plain(origin.campaign_id or None for origin in origins),
        "offer_codes": arrays.texts(origin.offer_code for origin in origins),
        "project_ids": arrays.texts(origin.project_id for origin in origins),
        "order_dates": arrays.plain(order.order_date for order in orders),
        "currency_codes": arrays.plain(order.total.currency_code for order in orders),
        "totals_minor": arrays.plain(order.total.amount_minor for order in orders),
        "states": arrays.plain(order.state for order in orders),
        "contract_numbers": arrays.plain(order.contract_number or None for order in orders),
        "checks": arrays.texts(json.dumps(_check_rows(order)) for order in orders),
        "delivery_proofs": arrays.texts(order.delivery_proof for order in orders),
        "cooling_off_end_times": arrays.plain(order.cooling_off_end_time for order in orders),
        "create_times": arrays.plain(order.create_time for order in orders),
        "versions": arrays.plain(order.version for order in orders),
    }


def _line_columns(orders: Sequence[Order]) -> dict[str, str]:
    numbered = [
        (order.order_id, number, line)
        for order in orders
        for number, line in enumerate(order.lines, start=1)
    ]
    lines = [line for _, _, line in numbered]
    priced = [line.priced for line in lines]
    return {
        "line_order_ids": arrays.plain(order_id for order_id, _, _ in numbered),
        "line_numbers": arrays.plain(number for _, number, _ in numbered),
        "product_ids": arrays.texts(one.product_id for one in priced),
        "quantities": arrays.plain(one.quantity for one in priced),
        "unit_prices": arrays.plain(format_decimal(one.unit_price.amount) for one in priced),
        "amounts_minor": arrays.plain(one.amount.amount_minor for one in priced),
        "excess_quantities": arrays.plain(line.excess_quantity for line in lines),
        "factors": arrays.texts(_factors_json(one.factors) for one in priced),
    }


def _move_columns(orders: Sequence[Order]) -> dict[str, str]:
    numbered = [
        (order.order_id, number, move)
        for order in orders
        for number, move in enumerate(order.moves, start=1)
    ]
    moves = [move for _, _, move in numbered]
    return {
        "move_order_ids": arrays.plain(order_id for order_id, _, _ in numbered),
        "move_numbers": arrays.plain(number for _, number, _ in numbered),
        "from_states": arrays.plain(move.before for move in moves),
        "to_states": arrays.plain(move.after for move in moves),
        "move_times": arrays.plain(move.at for move in moves),
        "moved_bys": arrays.texts(move.by for move in moves),
    }


def deviation_columns(orders: Sequence[Order]) -> dict[str, str] | None:
    """Write those lines of new orders whose price is not that of the policies as arrays; None when
    there are none."""
    found = [
        (order, line.priced, line.priced.policy_price)
        for order in orders
        for line in order.lines
        if line.priced.policy_price is not None
    ]
    if not found:
        return None
    return {
        "order_ids": arrays.plain(order.order_id for order, _, _ in found),
        "product_ids": arrays.texts(line.product_id for _, line, _ in found),
        "override_ids": arrays.plain(line.factors[-1].policy_id for _, line, _ in found),
        "unit_prices": arrays.plain(line.unit_price.amount for _, line, _ in found),
        "policy_unit_prices": arrays.plain(price.amount for _, _, price in found),
        "policy_amounts_minor": arrays.plain(
            price.times(line.quantity).amount_minor for _, line, price in found
        ),
        "deviations": arrays.plain(deviation(line.unit_price, price) for _, line, price in found),
        "placed_bys": arrays.texts(order.moves[0].by for order, _, _ in found),
        "create_times": arrays.plain(order.create_time for order, _, _ in found),
    }


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
            project_id=row.project_id,
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
        policy_price=policy_price_of(factors, currency_code),
    )
    return OrderLine(priced, row.excess_quantity)


def _check_rows(order: Order) -> list[dict[str, Any]]:
    return [
        {"kind": check.kind, "passed": check.passed, "reason": check.reason}
        for check in order.checks
    ]


@lru_cache(maxsize=PRICES_MAX)
def _factors_json(factors: tuple[Factor, ...]) -> str:
    return json.dumps([_factor_row(factor) for factor in factors])


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
