"""What returns say of quality: rates, and the items that are raised when they are too high."""

from collections.abc import Sequence
from datetime import date, datetime

from channels.policy_kinds import QUALITY_RISK
from channels.returns import risk_storage
from channels.returns.domain import GoodsReturn
from channels.returns.facts import QualityRiskRaised
from channels.returns.risk import QualityRisk, RateFilter, ReturnRate, RiskFilter
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.paging import Page, Slice
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller


def watch(
    tx: Transaction, settled: GoodsReturn, *, book: PolicyBook, on: date, at: datetime
) -> Sequence[QualityRiskRaised]:
    """Raise an item for each product of a return of which too much came back in the year.

    Shape: one a partner, product and year; a later return raises no second one.
    Errors: PolicyNotFound.
    Source: R-099.
    """
    year = RateFilter(date(on.year, 1, 1), date(on.year, 12, 31), settled.partner_id)
    rates = risk_storage.rates_of(tx, year)
    raised = []
    for product_id in sorted(settled.claimed()):
        scopes = [f"product:{product_id}", WHOLE_COMPANY]
        policy = book.in_force(tx, kind=QUALITY_RISK, scopes=scopes, on=on)
        share_max = policy.parameters.decimal("share_max")
        if not rates[product_id].exceeds(share_max):
            continue
        new = QualityRisk(
            risk_id=new_id(),
            rate=rates[product_id],
            unit_id=settled.unit_id,
            year=on.year,
            share_max=share_max,
            return_id=settled.return_id,
            raise_time=at,
        )
        if risk_storage.raise_risk(tx, new):
            raised.append(QualityRiskRaised(new))
    return raised


def rates(tx: Transaction, *, part: Page, wanted: RateFilter, by: Caller) -> Slice[ReturnRate]:
    """Return a page of how much came back of what was delivered, by partner and product."""
    return risk_storage.rates(tx, part, wanted=wanted, by=by)


def risks(tx: Transaction, *, part: Page, wanted: RiskFilter, by: Caller) -> Slice[QualityRisk]:
    """Return a page of the items in the caller's scope, the newest first."""
    return risk_storage.risk_page(tx, part, wanted=wanted, by=by)
