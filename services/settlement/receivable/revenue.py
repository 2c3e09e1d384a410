"""The revenue of an invoice's lines: what is posted, and what is told of it; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.money import Money
from settlement.ledger.domain import (
    AccountCode,
    AccountRef,
    ActualKind,
    ActualPosted,
    Move,
    Reason,
    unit_account,
)
from settlement.receivable.domain import Invoice


@dataclass(frozen=True, slots=True)
class RevenueLine:
    """Hold what a line earned, or what of it is taken back, under the id of its transfer."""

    transfer_id: str
    product_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Revenue:
    """Hold the postings of lines, and the actual amounts that are told of them."""

    moves: list[Move]
    actuals: list[ActualPosted]


def revenue_of(
    invoice: Invoice, lines: Iterable[RevenueLine], reason: Reason, *, reversal: bool
) -> Revenue:
    """Give the revenue of lines of an invoice, or the exact inverse; what costs nothing is left
    out."""
    delivery, currency_code = invoice.delivery, invoice.amount.currency_code
    receivable = AccountRef(
        AccountCode.RECEIVABLE, delivery.partner_id, delivery.unit_id, currency_code
    )
    earned = unit_account(AccountCode.REVENUE, delivery.unit_id, currency_code)
    debit, credited = (earned, receivable) if reversal else (receivable, earned)
    priced = [line for line in lines if line.amount.amount_minor]
    actuals = [
        ActualPosted(
            kind=ActualKind.REVENUE,
            amount=line.amount,
            reversal=reversal,
            transfer_id=line.transfer_id,
            post_date=reason.post_date,
            order_id=delivery.order_id,
            partner_id=delivery.partner_id,
            unit_id=delivery.unit_id,
            campaign_id=delivery.campaign_id,
            product_id=line.product_id,
            quantity=line.quantity,
        )
        for line in priced
    ]
    moves = [Move(line.transfer_id, debit, credited, line.amount, reason) for line in priced]
    return Revenue(moves, actuals)
