"""What other capabilities do with rebate: tell what was bought, paid, returned or is not to count.

The partners' credit accounts are locked by whoever calls `add_base`, as for everything that moves
their money.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from chassis.database import Transaction
from chassis.ids import derived_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.scope import Caller
from settlement.credit import usecases as credit
from settlement.rebate import correcting, storage
from settlement.rebate.domain import (
    BaseEntry,
    BaseKind,
    Cause,
    Forfeit,
    GoodsBack,
    returned_of,
    spread,
)
from settlement.rebate.run import RebateExclusionNotFound

# Who excludes because another service told so.
PLATFORM: Final = Caller("settlement", frozenset({"service"}), "", "settlement")


def add_base(tx: Transaction, entries: Sequence[BaseEntry]) -> None:
    """Write down what changed the base of partners; an entry that is known changes nothing.

    Shape: one PURCHASE for each part of a receipt that pays an invoice, with the allocation's id;
        one RETURN for each such part that is undone, with an id of its own. Purchases alone are one
        statement. What lowers the base of a year that is settled claws rebate back at once.
    Source: R-101, R-096.
    """
    parts = [
        (one, one.day.year, one.amount.amount_minor)
        for one in entries
        if one.kind is BaseKind.PURCHASE
    ]
    if parts:
        storage.add_base(tx, parts)
    others = [one for one in entries if one.kind is not BaseKind.PURCHASE]
    if others:
        _change(tx, others)


def exclude(
    tx: Transaction,
    *,
    exclusion_id: str,
    partner_id: str,
    amount: Money,
    day: date,
    reason: str,
    order_id: str = "",
    product_id: str = "",
    by: Caller = PLATFORM,
) -> Outcome[BaseEntry]:
    """Take an amount out of a partner's base, for example what was diverted.

    Shape: `exclusion_id` is a UUID; the same one again changes nothing. Without an order it counts
        for the year of `day`.
    Errors: CreditAccountNotFound, OutOfScope.
    Source: R-105.
    """
    account = credit.require(tx, partner_id=partner_id, by=by, lock=True)
    entry = BaseEntry(
        entry_id=exclusion_id,
        partner_id=partner_id,
        unit_id=account.unit_id,
        kind=BaseKind.EXCLUSION,
        amount=amount,
        day=day,
        order_id=order_id,
        product_id=product_id,
        reason=reason,
    )
    add_base(tx, [entry])
    return Outcome(entry)


def readmit(
    tx: Transaction, *, exclusion_id: str, day: date, by: Caller = PLATFORM
) -> Outcome[list[BaseEntry]]:
    """Put what was excluded back into the base: the exact inverse, once.

    Shape: one entry for each year that the exclusion was taken from; what came back of its goods
        meanwhile was put back with them.
    Errors: RebateExclusionNotFound, OutOfScope.
    Source: R-105.
    """
    found = storage.exclusions(tx, entry_id=exclusion_id)
    if not found:
        raise RebateExclusionNotFound(exclusion_id)
    partner_id = found[0].entry.partner_id
    credit.require(tx, partner_id=partner_id, by=by, lock=True)
    entry_id = derived_id(exclusion_id, "readmit", 0)
    if known := storage.entries(tx, entry_id):
        return Outcome([one for one, _ in known])
    [excluded] = storage.exclusions(tx, entry_id=exclusion_id)
    back = [
        (excluded.entry.readmitted(entry_id, minor, on=day), year, minor)
        for year, minor in excluded.left.items()
        if minor
    ]
    storage.add_base(tx, back)
    correcting.correct(tx, [partner_id], day=day)
    return Outcome([one for one, _, _ in back])


def came_back(
    tx: Transaction,
    *,
    partner_id: str,
    order_id: str,
    note_id: str,
    goods: Sequence[GoodsBack],
    day: date,
) -> None:
    """Put back into the base what was excluded of goods that come back: they leave it as returned,
    and lower it once.

    Shape: to be called once for a credit note, before the money for it is given back; the partner's
        credit account is locked.
    Source: R-096, R-105.
    """
    known = {
        one.entry.entry_id: one
        for one in storage.exclusions(tx, partner_id=partner_id, order_id=order_id)
        if not storage.entries(tx, derived_id(one.entry.entry_id, "readmit", 0))
    }
    back = [
        (known[exclusion_id].entry.readmitted(entry_id, part, on=day), year, part)
        for exclusion_id, minor in returned_of(list(known.values()), goods).items()
        for entry_id in (derived_id(exclusion_id, f"came back {note_id}", 0),)
        for year, part in spread(minor, known[exclusion_id].left, year=day.year).items()
    ]
    if back:
        storage.add_base(tx, back)
        correcting.correct(tx, [partner_id], day=day)


def forfeit(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    cause: Cause,
    note: str,
    by: Caller,
    at: datetime,
) -> Outcome[Forfeit]:
    """Let a partner lose the share of a year's rebate that the policy names for a cause.

    Shape: the same cause again changes nothing. What is settled already stays as it was settled.
    Errors: CreditAccountNotFound, OutOfScope.
    Source: R-105.
    """
    credit.require(tx, partner_id=partner_id, by=by, lock=True)
    storage.add_forfeit(tx, Forfeit(partner_id, year, cause, note, by.subject, at))
    return Outcome(storage.get_forfeit(tx, partner_id=partner_id, year=year, cause=cause))


def regrade(tx: Transaction, *, partner_id: str, credit_grade: str) -> None:
    """Take over a partner's credit grade, which may cap its tiers.

    Source: R-102.
    """
    storage.save_grade(tx, partner_id=partner_id, credit_grade=credit_grade)


def agree(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    target: Money | None,
    policy_scope: str,
) -> None:
    """Take over what a partner's agreement of a year says about rebate.

    Source: R-151.
    """
    storage.save_agreement(
        tx, partner_id=partner_id, year=year, target=target, policy_scope=policy_scope
    )


def _change(tx: Transaction, entries: Sequence[BaseEntry]) -> None:
    """Take amounts out of the years in which their orders were paid, and claw back what those
    years had earned with them."""
    known = storage.known(tx, [one.entry_id for one in entries])
    left = storage.left_of_orders(
        tx,
        order_ids={one.order_id for one in entries if one.order_id},
        partner_ids={one.partner_id for one in entries},
    )
    parts = []
    new = {one.entry_id: one for one in entries if one.entry_id not in known}
    for one in new.values():
        years = left.get(one.order_id, {})
        taken = spread(one.amount.amount_minor, years, year=one.day.year)
        for year, amount_minor in taken.items():
            years[year] = years.get(year, 0) - amount_minor
            parts.append((one, year, amount_minor))
    if parts:
        storage.add_base(tx, parts)
        partners = {one.partner_id for one in new.values()}
        correcting.correct(tx, partners, day=max(one.day for one in new.values()))
