"""Everything that an order moves and its return moves back, read from the services' databases."""

from typing import Any

from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import events_pb2 as settlement
from mantle.settlement.v1.events_pb2 import ActualPosted

from tests.support.facts_settlement import events_of
from tests.support.server import World


def balances(world: World) -> dict[str, int]:
    """Return the balance of every account that has one, debits less credits."""
    rows = world.rows(
        "settlement",
        "SELECT account_id, debits_minor - credits_minor FROM account"
        " WHERE debits_minor <> credits_minor",
    )
    return {str(account_id): int(minor) for account_id, minor in rows}


def stocks(world: World) -> dict[str, tuple[int, int]]:
    """Return what is on hand of each product, and what is set aside."""
    rows = world.rows("channels", "SELECT product_id, on_hand, allocated FROM product_stock")
    return {str(product_id): (int(on_hand), int(aside)) for product_id, on_hand, aside in rows}


def rebate_base(world: World, partner_id: str) -> int:
    """Return what counts for a partner's rebate."""
    [(minor,)] = world.rows(
        "settlement",
        "SELECT coalesce(sum(CASE WHEN kind IN ('PURCHASE', 'READMISSION') THEN amount_minor"
        " ELSE -amount_minor END), 0) FROM rebate_base WHERE partner_id = %(partner_id)s",
        partner_id=partner_id,
    )
    return int(minor)


def available(world: World, partner_id: str) -> int:
    """Return what a partner may still order on credit."""
    request = credit.GetCreditAccountRequest(partner_id=partner_id)
    minor: int = world.call(request, role="finance").account.available.amount_minor
    return minor


def turnover(world: World, partner_id: str) -> int:
    """Return what channels knows a partner to have bought."""
    [(minor,)] = world.rows(
        "channels",
        "SELECT coalesce(sum(amount_minor - credited_minor), 0) FROM invoice_copy"
        " WHERE partner_id = %(partner_id)s",
        partner_id=partner_id,
    )
    return int(minor)


def actuals(world: World, partner_id: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the sums of what was told as actual: (kind, product) → minor units and pieces."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one in events_of(world, settlement.ActualPosted):
        if one.partner_id != partner_id:
            continue
        sign = -1 if one.reversal else 1
        key = ActualPosted.Kind.Name(one.kind), one.product_id
        minor, pieces = sums.get(key, (0, 0))
        sums[key] = minor + sign * one.amount.amount_minor, pieces + sign * one.quantity
    return sums


def picture(world: World, partner_id: str) -> dict[str, Any]:
    """Return all of it, to be compared with another moment."""
    return {
        "balances": balances(world),
        "stocks": stocks(world),
        "rebate base": rebate_base(world, partner_id),
        "available": available(world, partner_id),
        "turnover": turnover(world, partner_id),
        "actuals": {key: sums for key, sums in actuals(world, partner_id).items() if any(sums)},
    }
