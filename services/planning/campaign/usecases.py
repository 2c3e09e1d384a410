"""What campaigns do on their loop; each step of the process is completed by its own function.

A campaign's row is locked before its process and its budget lines.
"""

from dataclasses import replace
from datetime import datetime
from typing import Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import conditions
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.process.node import Node, StepState
from chassis.scope import Caller
from planning.budget import usecases as budget
from planning.budget.domain import Part as BudgetPart
from planning.campaign import storage, tracking
from planning.campaign.domain import (
    PROCESS,
    Allocation,
    Campaign,
    CampaignApproved,
    CampaignEnded,
    CampaignEvaluated,
    CampaignPaused,
    CampaignResumed,
    CampaignStarted,
    CampaignStopped,
    Plan,
    ProductUnknown,
    State,
    Step,
)
from planning.campaign.timeline import PARTS, Part, Timeline, timeline
from planning.organization import usecases as organization

SERVICE = "mantle.planning.v1.CampaignService"


def create(
    tx: Transaction, definition: Definition, *, unit_id: str, plan: Plan, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Plan a campaign and start its process.

    Errors: UnitNotFound, OutOfScope, ConditionInvalid, ProductUnknown.
    Source: R-267.
    """
    organization.require_unit(tx, unit_id, by=by)
    _require_sound(tx, plan)
    campaign_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=campaign_id,
        unit_id=unit_id,
        by=by,
        at=at,
    )
    campaign = Campaign(
        campaign_id=campaign_id,
        unit_id=unit_id,
        version=0,
        milestone=State.PLANNING,
        plan=plan,
        process_id=begun.process_id,
        traceparent=begun.traceparent,
        created_by=by.subject,
        create_time=at,
    )
    planned = _step(tx, campaign, Step.PLAN, by=by, at=at, rpc="CreateCampaign")
    storage.add(tx, planned)
    return Outcome(planned)


def revise(
    tx: Transaction, *, campaign_id: str, plan: Plan, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Replace the plan; after a disagreement this completes the planning anew.

    Errors: CampaignNotFound, OutOfScope, CampaignStateForbids, ConditionInvalid, ProductUnknown,
        StepRoleForbids.
    """
    campaign = _own(tx, campaign_id, by=by).revise(plan)
    _require_sound(tx, plan)
    planning = process.get(tx, campaign.process_id).status(Node(Step.PLAN))
    if planning.state is StepState.OPEN:
        campaign = _step(tx, campaign, Step.PLAN, by=by, at=at, rpc="ReviseCampaign")
    storage.save(tx, campaign)
    return Outcome(campaign)


def allocate(
    tx: Transaction,
    *,
    campaign_id: str,
    parts: tuple[Allocation, ...],
    by: Caller,
    at: datetime,
) -> Outcome[Campaign]:
    """Reserve the budget, all of it or nothing.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen, CurrencyMismatch,
        AllocationSumDiffers, UnitNotFound, BudgetLineNotFound, BudgetLineStateForbids,
        BudgetInsufficient.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, Step.ALLOCATE, by=by, at=at, rpc="AllocateResources")
    campaign.require_sum(parts)
    for unit_id in sorted({part.unit_id for part in parts}):
        organization.require_unit(tx, unit_id, by=by)
    held = budget.reserve_all(
        tx,
        parts=[BudgetPart(part.budget_line_id, part.amount) for part in parts],
        owner=tracking.owner_of(campaign_id),
        by=by,
        at=at,
    )
    allocated = campaign.allocate(
        tuple(
            replace(part, reservation_id=one.reservation_id)
            for part, one in zip(parts, held, strict=True)
        )
    )
    storage.save(tx, allocated)
    storage.save_allocations(tx, allocated)
    return Outcome(allocated)


def submit(tx: Transaction, *, campaign_id: str, by: Caller, at: datetime) -> Outcome[Campaign]:
    """Put a campaign to its signatories.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen, ProductUnknown.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, Step.SUBMIT, by=by, at=at, rpc="SubmitCampaign")
    _require_on_sale(tx, campaign.plan)
    storage.save(tx, campaign)
    return Outcome(campaign)


def sign(
    tx: Transaction, *, campaign_id: str, part: Part, note: str, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Sign one of the four parts.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    Source: R-268.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, PARTS[part], by=by, at=at, rpc="SignCampaign", note=note)
    storage.save(tx, campaign)
    return Outcome(campaign)


def approve(
    tx: Transaction, *, campaign_id: str, agree: bool, reason: str, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Decide about the whole; a disagreement reopens the planning and gives the budget back.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    Source: R-268.
    """
    campaign = _own(tx, campaign_id, by=by)
    answer = "agree" if agree else "disagree"
    campaign = _step(
        tx,
        campaign,
        Step.APPROVE,
        by=by,
        at=at,
        rpc="ApproveCampaign",
        answer=answer,
        note=reason,
    )
    if agree:
        storage.save(tx, campaign)
        return Outcome(campaign, [CampaignApproved(campaign)])
    refused = campaign.refuse(reason)
    storage.save(tx, refused)
    storage.save_allocations(tx, refused)
    budget.give_back(tx, owner=tracking.owner_of(campaign_id), at=at)
    return Outcome(refused)


def start(tx: Transaction, *, campaign_id: str, by: Caller, at: datetime) -> Outcome[Campaign]:
    """Go live.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen before the approval.
    Source: R-267.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, Step.START, by=by, at=at, rpc="StartCampaign")
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignStarted(campaign)])


def pause(tx: Transaction, *, campaign_id: str, by: Caller) -> Outcome[Campaign]:
    """Withhold the offers.

    Errors: CampaignNotFound, OutOfScope, CampaignStateForbids.
    """
    campaign = _own(tx, campaign_id, by=by).pause()
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignPaused(campaign)])


def resume(tx: Transaction, *, campaign_id: str, by: Caller) -> Outcome[Campaign]:
    """Make the offers again.

    Errors: CampaignNotFound, OutOfScope, CampaignStateForbids.
    """
    campaign = _own(tx, campaign_id, by=by).resume()
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignResumed(campaign)])


def stop(
    tx: Transaction, *, campaign_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """End a campaign before its time.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    campaign = _own(tx, campaign_id, by=by).stop(reason)
    campaign = _step(tx, campaign, Step.END, by=by, at=at, rpc="StopCampaign", note=reason)
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignStopped(campaign)])


def end(tx: Transaction, *, campaign_id: str, by: Caller, at: datetime) -> Outcome[Campaign]:
    """End a campaign as planned.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, Step.END, by=by, at=at, rpc="EndCampaign")
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignEnded(campaign)])


def evaluate_campaign(
    tx: Transaction, *, campaign_id: str, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Fix the results and give the rest of the budget back.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    Source: R-277.
    """
    campaign = _own(tx, campaign_id, by=by)
    campaign = _step(tx, campaign, Step.EVALUATE, by=by, at=at, rpc="EvaluateCampaign")
    budget.give_back(tx, owner=tracking.owner_of(campaign_id), at=at)
    campaign = campaign.evaluate(tracking.result_of(tx, campaign), at=at)
    storage.save(tx, campaign)
    return Outcome(campaign, [CampaignEvaluated(campaign)])


def close(
    tx: Transaction, *, campaign_id: str, lesson: str, by: Caller, at: datetime
) -> Outcome[Campaign]:
    """Put the lesson into the library.

    Errors: CampaignNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    campaign = _own(tx, campaign_id, by=by).learn(lesson)
    campaign = _step(tx, campaign, Step.CLOSE, by=by, at=at, rpc="CloseCampaign")
    storage.save(tx, campaign)
    return Outcome(campaign)


def get(tx: Transaction, *, campaign_id: str, by: Caller) -> Campaign:
    """Return a campaign.

    Errors: CampaignNotFound, OutOfScope.
    """
    campaign = storage.get(tx, campaign_id)
    scope.require(tx, by, campaign.unit_id)
    return campaign


def loop(tx: Transaction, *, campaign_id: str, by: Caller) -> Timeline:
    """Return the stages and signatures of a campaign.

    Errors: CampaignNotFound, OutOfScope.
    """
    return timeline(process.get(tx, get(tx, campaign_id=campaign_id, by=by).process_id))


def list_page(tx: Transaction, part: Page, *, segment: str, by: Caller) -> Slice[Campaign]:
    """Return a page of the campaigns in the caller's scope."""
    return storage.page(tx, part, segment=segment, units=scope.units_of(by))


def _own(tx: Transaction, campaign_id: str, *, by: Caller) -> Campaign:
    campaign = storage.get(tx, campaign_id, lock=True)
    scope.require(tx, by, campaign.unit_id)
    return campaign


def _step(
    tx: Transaction, campaign: Campaign, step: Step, *, rpc: str, **how: Unpack[process.Doing]
) -> Campaign:
    """Complete a step, and let the campaign follow to the milestone."""
    done = process.complete(tx, campaign.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return campaign.reach(done.state)


def _require_sound(tx: Transaction, plan: Plan) -> None:
    """Refuse conditions that do not compile, and products that nobody can buy."""
    within = conditions.environment(plan.variables)
    for text in plan.conditions:
        within.condition(text)
    _require_on_sale(tx, plan)


def _require_on_sale(tx: Transaction, plan: Plan) -> None:
    missing = sorted({*plan.product_ids} - {*storage.on_sale(tx, plan.product_ids)})
    if missing:
        raise ProductUnknown(missing[0])
