"""Turnover as messages."""

from mantle.channels.v1 import partner_pb2
from mantle.channels.v1 import partner_service_pb2 as pb

from channels.turnover.domain import PartnerYear
from chassis.wire import from_decimal, from_money


def from_year(figures: PartnerYear) -> partner_pb2.PartnerYear:
    """Write the figures of a partner's year."""
    target_percent, late_percent = figures.target_percent, figures.late_percent
    return partner_pb2.PartnerYear(
        partner_id=figures.partner_id,
        year=figures.year,
        purchases=from_money(figures.purchases) if figures.purchases else None,
        target=from_money(figures.target) if figures.target else None,
        target_percent="" if target_percent is None else from_decimal(target_percent),
        invoices=figures.invoices,
        late_invoices=figures.late_invoices,
        late_percent="" if late_percent is None else from_decimal(late_percent),
    )


def got(figures: PartnerYear) -> pb.GetPartnerYearResponse:
    """Answer with the figures."""
    return pb.GetPartnerYearResponse(figures=from_year(figures))
