"""What came of campaigns: postings, answers, results, lessons, and the form of the next one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money, total
from chassis.paging import Page, Slice
from chassis.scope import Caller
from planning.budget import usecases as budget
from planning.budget.domain import Owner
from planning.campaign import actuals, storage
from planning.campaign.domain import Campaign
from planning.campaign.form import PlanningForm
from planning.campaign.results import (
    ActualKind,
    Posting,
    Result,
    Touch,
    evaluate,
    shared,
    tally,
    uncovered,
)
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


def count_touches(tx: Transaction, touches: Sequence[Touch]) -> None:
    """Count what customers did with offers, each act once."""
    actuals.add_touches(tx, touches)


def post_actuals(tx: Transaction, postings: Sequence[Posting]) -> None:
    """Take over what settlement posted, once; a cost is spent from the campaign's reservations.

    Shape: a cost that they do not cover is counted all the same, as uncovered; a cost taken back is
        taken off the uncovered part first. Campaigns are made here, so an id that is not known
        never will be: whoever entered the order mistyped it, and no campaign counts it.
    Errors: CurrencyMismatch.
    """
    known = storage.lock(tx, {one.campaign_id for one in postings})
    stored = actuals.stored_transfers(tx, [one.transfer_id for one in postings])
    new = {
        one.transfer_id: one
        for one in postings
        if one.campaign_id in known and one.transfer_id not in stored
    }
    for gives_back, run in groupby(new.values(), key=lambda one: one.gives_back):
        # What a cost taken back is taken off depends on all that was posted before.
        for part in [[one] for one in run] if gives_back else [list(run)]:
            actuals.add_actuals(tx, _covered(tx, part))


def _covered(tx: Transaction, postings: Sequence[Posting]) -> list[tuple[Posting, Money]]:
    """Charge or give back the costs among some postings, and say what reservations cover of
    each."""
    covered = {one.transfer_id: replace(one.amount, amount_minor=0) for one in postings}
    costs: dict[str, list[Posting]] = {}
    for one in postings:
        if one.kind is ActualKind.COMMISSION:
            costs.setdefault(one.campaign_id, []).append(one)
    for campaign_id, own in sorted(costs.items()):
        if own[0].reversal:
            parts = [_given_back(tx, one) for one in own]
        else:
            cost = total(own[0].amount.currency_code, [one.amount for one in own])
            charged = budget.charge(tx, owner=owner_of(campaign_id), cost=cost, at=own[-1].at)
            parts = shared(charged, [one.amount for one in own])
        covered |= {one.transfer_id: part for one, part in zip(own, parts, strict=True)}
    return [(one, covered[one.transfer_id]) for one in postings]


def _given_back(tx: Transaction, posting: Posting) -> Money:
    campaign = storage.get(tx, posting.campaign_id)
    currency_code = campaign.plan.budget.currency_code
    open_part = uncovered(currency_code, actuals.sums(tx, campaign.campaign_id))
    covered = posting.amount - min(open_part, posting.amount)
    return budget.uncharge(tx, owner=owner_of(campaign.campaign_id), cost=covered, at=posting.at)


def result_of(tx: Transaction, campaign: Campaign) -> Result:
    """Compute what came of a campaign so far."""
    return evaluate(
        campaign.plan.budget.currency_code,
        margin_share=campaign.plan.margin_share,
        actuals=actuals.sums(tx, campaign.campaign_id),
        responses=tally(actuals.touch_counts(tx, campaign.campaign_id)),
    )


def owner_of(campaign_id: str) -> Owner:
    """Name a campaign as the owner of its reservations."""
    return Owner("planning", "campaign", campaign_id)
