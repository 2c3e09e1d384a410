"""What can be done with the stocks that partners report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.partner import usecases as partners
from channels.partner_stock import storage
from channels.partner_stock.domain import (
    Filter,
    PartnerStock,
    PartnerStockNegative,
    PartnerStockReported,
    PartnerStockSuperseded,
    Report,
    opening_of,
)
from channels.product import usecases as products
from channels.shipment import usecases as shipments
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import Caller


@dataclass(frozen=True, slots=True)
class _Given:
    """Hold what is the same for all products of a report."""

    partner_id: str
    unit_id: str
    month: str
    by: str
    at: datetime


def report(
    tx: Transaction,
    *,
    partner_id: str,
    month: Month,
    reports: Sequence[Report],
    by: Caller,
    at: datetime,
) -> Outcome[Sequence[PartnerStock]]:
    """Report a partner's stock of a month, or correct the last report.

    Errors: PartnerNotFound, ProductNotFound, PartnerStockSuperseded, PartnerStockOpeningDiffers,
        PartnerStockNegative, OutOfScope.
    Source: R-291.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    product_ids = [one.product_id for one in reports]
    products.get_all(tx, product_ids)
    storage.lock(tx, partner_id)
    earlier = storage.latest(tx, partner_id, product_ids)
    delivered = shipments.delivered_pieces(tx, partner_id=partner_id, month=month)
    given = _Given(partner_id, partner.unit_id, str(month), by.actor, at)
    stocks = [
        _stock(
            one,
            given,
            earlier.get(one.product_id, []),
            delivered=delivered.get(one.product_id, 0),
        )
        for one in reports
    ]
    storage.save_all(tx, stocks)
    fact = PartnerStockReported(partner_id, partner.unit_id, str(month), stocks)
    return Outcome(stocks, facts=[fact])


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[PartnerStock]:
    """Return a page of the caller's reports, by partner, product and month."""
    return storage.page(tx, part, by=by, wanted=wanted)


def _stock(
    one: Report, given: _Given, earlier: Sequence[PartnerStock], *, delivered: int
) -> PartnerStock:
    """Put a report behind those before it; `earlier` has the newest first."""
    if earlier and earlier[0].month > given.month:
        raise PartnerStockSuperseded(one.product_id, earlier[0].month)
    corrected = earlier[0] if earlier and earlier[0].month == given.month else None
    before = [stock for stock in earlier if stock.month < given.month]
    stock = PartnerStock(
        partner_id=given.partner_id,
        unit_id=given.unit_id,
        product_id=one.product_id,
        month=given.month,
        opening=opening_of(one, before[0] if before else None),
        came_in=one.came_in,
        went_out=one.went_out,
        demand=one.demand,
        delivered=delivered,
        reported_by=given.by,
        report_time=given.at,
        version=corrected.version + 1 if corrected else 1,
    )
    if stock.closing < 0:
        raise PartnerStockNegative(one.product_id, stock.closing)
    return stock
