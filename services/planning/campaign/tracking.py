"""What came of campaigns: postings, answers, results, lessons, and the form of the next one."""

from dataclasses import replace
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller
from planning.budget import usecases as budget
from planning.budget.domain import Owner
from planning.campaign import storage
from planning.campaign.domain import Campaign
from planning.campaign.form import PlanningForm
from planning.campaign.results import Act, Actual, ActualKind, Result, evaluate, tally, uncovered
from planning.organization import usecases as organization

FORM_LESSONS_MAX = 10
FORM_LINES_MAX = 50
FORM_PRODUCTS_MAX = 500


def result(tx: Transaction, *, campaign_id: str, by: Caller) -> Result:
    """Return what came of a campaign so far.

    Errors: CampaignNotFound, OutOfScope.
    """
    campaign = storage.get(tx, campaign_id)
    scope.require(tx, by, campaign.unit_id)
    return result_of(tx, campaign)


def lessons(tx: Transaction, part: Page, *, segment: str, by: Caller) -> Slice[Campaign]:
    """Return a page of the evaluated campaigns in the caller's scope."""
    return storage.evaluated(tx, part, segment=segment, units=scope.units_of(by))


def planning_form(
    tx: Transaction, *, unit_id: str, segment: str, by: Caller, at: datetime
) -> PlanningForm:
    """Return what the next campaign of a segment starts from.

    Errors: UnitNotFound, OutOfScope.
    Source: R-267: the evaluation feeds the next planning form.
    """
    organization.require_unit(tx, unit_id, by=by)
    return PlanningForm(
        lessons=tuple(
            storage.latest_evaluated(
                tx, segment=segment, units=scope.units_of(by), limit=FORM_LESSONS_MAX
            )
        ),
        lines=tuple(budget.effective_lines(tx, unit_id=unit_id, at=at, limit=FORM_LINES_MAX)),
        product_ids=tuple(storage.all_on_sale(tx, limit=FORM_PRODUCTS_MAX)),
    )


def copy_product(
    tx: Transaction, *, product_id: str, name: str, on_sale: bool, version: int
) -> None:
    """Keep a product as channels told it."""
    storage.copy_product(tx, product_id, name=name, on_sale=on_sale, version=version)


def count_touch(
    tx: Transaction,
    *,
    offer_id: str,
    act: Act,
    campaign_id: str,
    touchpoint_kind: str,
    at: datetime,
) -> None:
    """Count what a customer did with an offer, once."""
    storage.add_touch(
        tx,
        act,
        offer_id=offer_id,
        campaign_id=campaign_id,
        touchpoint_kind=touchpoint_kind,
        at=at,
    )


def post_actual(
    tx: Transaction,
    *,
    transfer_id: str,
    campaign_id: str,
    order_id: str,
    product_id: str,
    unit_id: str,
    kind: ActualKind,
    amount: Money,
    reversal: bool,
    at: datetime,
) -> None:
    """Take over what settlement posted, once; a cost is spent from the campaign's reservations.

    Shape: a cost that they do not cover is counted all the same, as uncovered; a cost taken back is
        taken off the uncovered part first. Campaigns are made here, so an id that is not known
        never will be: whoever entered the order mistyped it, and no campaign counts it.
    Errors: CurrencyMismatch.
    """
    if not storage.is_new_actual(tx, transfer_id=transfer_id, campaign_id=campaign_id):
        return
    campaign = storage.get(tx, campaign_id, lock=True)
    posted = Actual(kind, reversal, amount, replace(amount, amount_minor=0))
    if kind is ActualKind.COMMISSION:
        posted = replace(posted, covered=_covered(tx, campaign, posted, at=at))
    storage.add_actual(
        tx,
        posted,
        transfer_id=transfer_id,
        campaign_id=campaign_id,
        order_id=order_id,
        product_id=product_id,
        unit_id=unit_id,
        at=at,
    )


def _covered(tx: Transaction, campaign: Campaign, posted: Actual, *, at: datetime) -> Money:
    owner = owner_of(campaign.campaign_id)
    if not posted.reversal:
        return budget.charge(tx, owner=owner, cost=posted.amount, at=at)
    currency_code = campaign.plan.budget.currency_code
    open_part = uncovered(currency_code, storage.actuals(tx, campaign.campaign_id))
    covered = posted.amount - min(open_part, posted.amount)
    return budget.uncharge(tx, owner=owner, cost=covered, at=at)


def result_of(tx: Transaction, campaign: Campaign) -> Result:
    """Compute what came of a campaign so far."""
    return evaluate(
        campaign.plan.budget.currency_code,
        margin_share=campaign.plan.margin_share,
        actuals=storage.actuals(tx, campaign.campaign_id),
        responses=tally(storage.touches(tx, campaign.campaign_id)),
    )


def owner_of(campaign_id: str) -> Owner:
    """Name a campaign as the owner of its reservations."""
    return Owner("planning", "campaign", campaign_id)
