"""What is proposed in a contract: lines with their floor, their template, and the approval that a
price below the floor needs."""

from dataclasses import dataclass
from datetime import date, datetime

from channels.contract import register
from channels.contract.domain import Draft, Line, Proposed, Terms
from channels.price_override import usecases as overrides
from channels.pricing import usecases as pricing
from channels.pricing.domain import Wanted
from chassis.database import Transaction
from chassis.money import CurrencyMismatch, UnitPrice
from chassis.period import DateRange
from chassis.policy.book import PolicyBook
from chassis.scope import Caller


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold who proposes, when, and the policies in memory."""

    book: PolicyBook
    by: Caller
    at: datetime
    today: date


def write(
    tx: Transaction, draft: Draft, *, desk: Desk, partner_id: str, contract_id: str, version: int
) -> Terms:
    """Write terms; each price below that of the policies asks for an override of the contract.

    Errors: PartnerNotFound, ProductNotFound, PriceNotFound, PolicyNotFound, ConditionFailed,
        CurrencyMismatch, AmountInvalid, OutOfScope.
    Source: R-148, R-149.
    """
    quote = pricing.quote(
        tx,
        book=desk.book,
        partner_id=partner_id,
        lines=[Wanted(one.product_id, one.quantity) for one in draft.lines],
        on=max(draft.start_date, desk.today),
        by=desk.by,
    )
    floors = {one.product_id: one.unit_price for one in quote.lines}
    templates = register.template_versions(tx, [one.product_id for one in draft.lines])
    lines = []
    for one in draft.lines:
        floor = floors[one.product_id]
        below = _is_below(one.unit_price, floor)
        asked = below and _ask(
            tx, one, draft=draft, desk=desk, partner_id=partner_id, contract_id=contract_id
        )
        lines.append(
            Line(
                product_id=one.product_id,
                quantity=one.quantity,
                unit_price=one.unit_price,
                floor=floor,
                override_id=asked or "",
                template_version=templates.get(one.product_id, 0),
            )
        )
    terms = Terms(
        terms_version=version,
        lines=tuple(lines),
        start_date=draft.start_date,
        end_date=draft.end_date,
        conditions=draft.conditions,
        reason=draft.reason,
        written_by=desk.by.actor,
        write_time=desk.at,
    )
    # Refuses a sum that no amount can hold before anything is stored.
    assert terms.value.amount_minor >= 0, "no price is negative"
    return terms


def _is_below(price: UnitPrice, floor: UnitPrice) -> bool:
    if price.currency_code != floor.currency_code:
        raise CurrencyMismatch(floor.currency_code, price.currency_code)
    return price.amount < floor.amount


def _ask(
    tx: Transaction, one: Proposed, *, draft: Draft, desk: Desk, partner_id: str, contract_id: str
) -> str:
    asked = overrides.request(
        tx,
        book=desk.book,
        partner_id=partner_id,
        product_id=one.product_id,
        project_id=contract_id,
        unit_price=one.unit_price,
        valid=DateRange.closed(draft.start_date, draft.end_date),
        reason=f"contract {contract_id}",
        by=desk.by,
        at=desk.at,
        today=desk.today,
    )
    return asked.value.override_id
