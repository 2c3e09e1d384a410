"""What can be done with prices that differ from the policies."""

from collections.abc import Collection
from datetime import date, datetime

from channels.partner import usecases as partners
from channels.policy_kinds import PRICE_FLOOR
from channels.price_override import storage
from channels.price_override.domain import (
    Filter,
    PriceOverride,
    PriceOverrideApproved,
    State,
)
from channels.pricing import usecases as pricing
from channels.pricing.domain import Wanted, deviation
from chassis import scope
from chassis.database import Later, Transaction
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, UnitPrice
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller


def request(
    tx: Transaction,
    *,
    book: PolicyBook,
    partner_id: str,
    product_id: str,
    project_id: str,
    unit_price: UnitPrice,
    valid: DateRange,
    reason: str,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[PriceOverride]:
    """Ask for a price that differs from the policies.

    Errors: those of `pricing.quote`, CurrencyMismatch, AmountInvalid.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    quote = pricing.quote(
        tx,
        book=book,
        partner_id=partner_id,
        lines=[Wanted(product_id, 1)],
        on=max(valid.start, today),
        by=by,
    )
    policy_price = quote.lines[0].unit_price
    if unit_price.currency_code != policy_price.currency_code:
        raise CurrencyMismatch(policy_price.currency_code, unit_price.currency_code)
    # Refuses what has no deviation before it is stored.
    deviation(unit_price, policy_price)
    new = PriceOverride(
        override_id=new_id(),
        partner_id=partner_id,
        unit_id=partner.unit_id,
        product_id=product_id,
        project_id=project_id,
        unit_price=unit_price,
        policy_price=policy_price,
        valid=valid,
        reason=reason,
        state=State.REQUESTED,
        requested_by=by.actor,
        create_time=at,
    )
    storage.add(tx, new)
    return Outcome(new)


def approve(
    tx: Transaction,
    *,
    book: PolicyBook,
    override_id: str,
    decision: str,
    by: Caller,
    today: date,
) -> Outcome[PriceOverride]:
    """Allow a price that differs from the policies.

    Errors: PriceOverrideNotFound, PriceOverrideStateForbids, PriceApproverIsRequester,
        PriceBelowFloor, PolicyNotFound, OutOfScope.
    Source: R-088.
    """
    before = _locked(tx, override_id, by)
    floor = book.in_force(
        tx,
        kind=PRICE_FLOOR,
        scopes=[f"product:{before.product_id}", WHOLE_COMPANY],
        on=today,
    )
    after = before.approve(
        by=by.actor, decision=decision, floor_share=floor.parameters.decimal("share")
    )
    storage.save(tx, after)
    return Outcome(after, facts=[PriceOverrideApproved(after)])


def reject(
    tx: Transaction, *, override_id: str, decision: str, by: Caller
) -> Outcome[PriceOverride]:
    """Refuse a price, or take its approval back; orders that used it keep it.

    Errors: PriceOverrideNotFound, PriceOverrideStateForbids, OutOfScope.
    """
    after = _locked(tx, override_id, by).reject(by=by.actor, decision=decision)
    storage.save(tx, after)
    return Outcome(after)


def usable(tx: Transaction, wanted: Collection[tuple[str, str]]) -> Later[list[PriceOverride]]:
    """Send for the approved overrides of partners and products, those of a project first."""
    return storage.usable(tx, wanted)


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[PriceOverride]:
    """Return a page of the caller's overrides, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def _locked(tx: Transaction, override_id: str, by: Caller) -> PriceOverride:
    override = storage.lock(tx, override_id)
    scope.require(tx, by, override.unit_id)
    return override
