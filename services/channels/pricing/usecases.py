"""Price lines for a partner as of a day."""

from collections.abc import Sequence
from datetime import date

from channels.partner import usecases as partners
from channels.partner.domain import Partner
from channels.policy_kinds import CHANNEL_TERMS, DISCOUNT, LIST_PRICE, QUALIFIES
from channels.pricing.domain import (
    PricedLine,
    PriceNotFound,
    Quote,
    Rules,
    Wanted,
    price_line,
    scopes_of,
    sum_up,
)
from channels.product import usecases as products
from chassis.database import Transaction
from chassis.policy.book import PolicyBook
from chassis.policy.conditions import holds
from chassis.policy.domain import Bindable, Policy, PolicyNotFound
from chassis.scope import Caller


def quote(
    tx: Transaction,
    *,
    book: PolicyBook,
    partner_id: str,
    lines: Sequence[Wanted],
    on: date,
    by: Caller,
) -> Quote:
    """Price lines for a partner.

    Errors: PartnerNotFound, OutOfScope, ProductNotFound, and those of `price`.
    Source: R-082, R-083, R-092.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    products.get_all(tx, [line.product_id for line in lines])
    return price(
        tx,
        book=book,
        partner=partner,
        purchases_minor=partners.purchases_minor(tx, partner_id=partner_id, year=on.year - 1),
        lines=lines,
        on=on,
    )


def price(
    tx: Transaction,
    *,
    book: PolicyBook,
    partner: Partner,
    purchases_minor: int,
    lines: Sequence[Wanted],
    on: date,
) -> Quote:
    """Price lines for a partner that was looked up before; of the transaction only the policies are
    read, when the book is old.

    Units: `purchases_minor` is what it bought in the year before, in minor units.
    Errors: PriceNotFound, PolicyNotFound without terms, ConditionFailed, AmountInvalid,
        CurrencyMismatch.
    """
    priced = [
        _price(tx, line, book=book, partner=partner, purchases_minor=purchases_minor, on=on)
        for line in lines
    ]
    return sum_up(priced, on)


def _price(
    tx: Transaction,
    line: Wanted,
    *,
    book: PolicyBook,
    partner: Partner,
    purchases_minor: int,
    on: date,
) -> PricedLine:
    scopes = scopes_of(
        partner_id=partner.partner_id,
        product_id=line.product_id,
        kind=partner.kind.lower(),
        grade=partner.credit_grade,
        agreed_scope=partner.price_policy,
    )
    list_price = _found(tx, book, LIST_PRICE, scopes=[f"product:{line.product_id}"], on=on)
    if list_price is None:
        raise PriceNotFound(line.product_id, on)
    discount = _found(tx, book, DISCOUNT, scopes=scopes, on=on)
    values: dict[str, Bindable] = {
        "grade": str(partner.credit_grade),
        "kind": partner.kind.lower(),
        "prior_year_purchases_minor": purchases_minor,
        "product_id": line.product_id,
        "quantity": line.quantity,
    }
    if discount is not None and not holds(discount, QUALIFIES, values):
        discount = None
    terms = book.in_force(tx, kind=CHANNEL_TERMS, scopes=scopes, on=on)
    return price_line(line, Rules(list_price, terms, discount))


def _found(
    tx: Transaction, book: PolicyBook, kind: str, *, scopes: Sequence[str], on: date
) -> Policy | None:
    try:
        return book.in_force(tx, kind=kind, scopes=scopes, on=on)
    except PolicyNotFound:
        return None
