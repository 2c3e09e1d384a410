"""What can be done with the sales that partners report."""

from collections.abc import Sequence
from datetime import date, datetime

from channels.order import reporting
from channels.order.domain import Order, OrderLine, Origin, Source
from channels.order.fulfilment import Rules
from channels.partner import usecases as partners
from channels.partner.domain import Partner
from channels.pricing.domain import PricedLine, average
from channels.product import usecases as products
from channels.sales_report import storage
from channels.sales_report.domain import (
    Ground,
    Reported,
    ReportedSale,
    Sale,
    SaleLine,
    SalesReportInvalid,
    problems,
)
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import total
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller


def take_in(
    tx: Transaction,
    *,
    partner_id: str,
    sales: Sequence[Sale],
    rules: Rules,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[Reported]:
    """Take all sales of a report in, or none: each becomes an order that is delivered.

    Errors: PartnerNotFound, OutOfScope, PartnerStateForbids, SalesReportInvalid, PolicyNotFound,
        AmountInvalid when the sum is too large.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    partner.require_active()
    storage.lock(tx, partner_id)
    wrong = problems(sales, _ground(tx, partner, sales, today=today))
    if wrong:
        raise SalesReportInvalid(wrong)
    drafts = [_order(sale, partner, at=at) for sale in sales]
    done = reporting.hand_over(
        tx, drafts, proofs=[sale.sale_id for sale in sales], rules=rules, by=by, at=at
    )
    storage.add_all(tx, [_reported(sale, order) for sale, order in zip(sales, drafts, strict=True)])
    amounts = [order.total for order in drafts]
    reported = Reported(
        [order.order_id for order in drafts], total(amounts[0].currency_code, amounts)
    )
    return Outcome(reported, facts=done.facts)


def list_page(tx: Transaction, *, part: Page, by: Caller, partner_id: str) -> Slice[ReportedSale]:
    """Return a page of the caller's reported sales, by partner and sale."""
    return storage.page(tx, part, by=by, partner_id=partner_id)


def _ground(tx: Transaction, partner: Partner, sales: Sequence[Sale], *, today: date) -> Ground:
    """Read what sales are looked at against; who has been active has credit."""
    assert partner.credit is not None, "an active partner has signed an agreement"
    years = {sale.sale_date.year for sale in sales if sale.sale_date is not None}
    signed = [
        agreement
        for year in sorted(years)
        for agreement in partners.agreements(tx, [partner.partner_id], year=year).values()
    ]
    known = products.look_up(tx, {line.product_id for sale in sales for line in sale.lines})
    return Ground(
        today=today,
        currency_code=partner.credit.limit.currency_code,
        agreements={agreement.year: agreement for agreement in signed},
        products=known(),
        used=storage.used(tx, partner.partner_id, {sale.sale_id for sale in sales}),
    )


def _order(sale: Sale, partner: Partner, *, at: datetime) -> Order:
    assert sale.sale_date is not None, "a day that no calendar has was refused"
    amounts = [line.amount for line in sale.lines]
    return Order(
        order_id=new_id(),
        partner_id=partner.partner_id,
        unit_id=partner.unit_id,
        origin=Origin(Source.PARTNER, customer_id=sale.customer_id),
        order_date=sale.sale_date,
        lines=tuple(OrderLine(_priced(line)) for line in sale.lines),
        total=total(amounts[0].currency_code, amounts),
        create_time=at,
    )


def _priced(line: SaleLine) -> PricedLine:
    """Take over what the partner asked for; no policy made this price."""
    price = average(line.amount, line.quantity)
    return PricedLine(line.product_id, line.quantity, price, line.amount, ())


def _reported(sale: Sale, order: Order) -> ReportedSale:
    return ReportedSale(
        partner_id=order.partner_id,
        sale_id=sale.sale_id,
        unit_id=order.unit_id,
        order_id=order.order_id,
        sale_date=order.order_date,
        report_time=order.create_time,
    )
