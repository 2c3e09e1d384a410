"""How a year plan is decided: analysed, confirmed, challenged, approved, claimed and archived."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.period import local_date
from chassis.scope import Caller
from planning.adjustment import usecases as adjustment
from planning.annual_plan import (
    archiving,
    budgeting,
    figures,
    record_storage,
    storage,
    target_storage,
    usecases,
)
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.domain import (
    CLAIMS,
    AnnualPlan,
    Archive,
    Decision,
    Meeting,
    Opinion,
    Revision,
    Step,
)
from planning.annual_plan.targets import Target, TargetState
from planning.annual_plan.view import (
    AnnualPlanArchived,
    AnnualPlanClaimed,
    PlanView,
    told_in_parts,
)
from planning.profit import usecases as profit

CHALLENGE = "CHALLENGE"


def record_analysis(
    tx: Transaction, *, annual_plan_id: str, analysis: str, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[PlanView]:
    """Record the financial analysis of the current revision, with sales and profit as they are now.

    Errors: AnnualPlanNotFound, OutOfScope, StepRoleForbids, StepNotOpen, PlanPhaseNotOpen,
        PolicyNotFound, CubeTooLarge.
    Source: R-018, R-019, R-023.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(tx, plan, Step.ANALYSIS, by=by, at=at, rpc="RecordFinancialAnalysis")
    grown = profit.tree(
        tx, plan.cube_version_id, unit_id=plan.unit_id, months=plan.months, by=by
    ).tree.figures
    analysed = replace(
        _revision(tx, plan),
        analysis_id=new_id(),
        analysis=analysis,
        sales=plan.money(grown.sales),
        profit=plan.money(grown.profit),
    )
    record_storage.save_revision(tx, annual_plan_id, analysed)
    figures.close_to_hands(tx, plan)
    return usecases.kept(tx, plan, at=at, zone=zone)


def confirm(
    tx: Transaction, *, annual_plan_id: str, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[PlanView]:
    """Confirm the targets from the drafts and the analysis; they are under discussion from now on.

    Errors: AnnualPlanNotFound, OutOfScope, StepRoleForbids, PlanPhaseNotOpen, TargetSumDiffers;
        StepNotOpen while the current revision has no analysis.
    Source: R-023, R-028.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(tx, plan, Step.CONFIRM, by=by, at=at, rpc="ConfirmTargets")
    known = _summing(tx, plan)
    fresh = [one for one in known if one.state is TargetState.PRELIMINARY]
    target_storage.save(tx, [one.move(TargetState.UNDER_DISCUSSION, at=at) for one in fresh])
    usecases.provide_all(tx, plan, AGENDA.items_of_step(Step.CONFIRM), by=by, at=at)
    return usecases.kept(tx, plan, at=at, zone=zone)


def challenge(
    tx: Transaction,
    *,
    annual_plan_id: str,
    decision: Decision,
    opinions: tuple[Opinion, ...],
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Record what the challenge meeting decided.

    Errors: AnnualPlanNotFound, OutOfScope, PlanMeetingIncomplete, StepRoleForbids, StepNotOpen,
        PlanPhaseNotOpen; TargetStateForbids when it agrees while a target is not discussed.
    Source: R-024, R-028.
    """
    before = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(
        tx,
        before,
        Step.CHALLENGE,
        by=by,
        at=at,
        rpc="DecideChallenge",
        answer=decision.lower(),
        note="; ".join(f"{one.part}: {one.comment}" for one in opinions),
    )
    *earlier, revision = record_storage.revisions(tx, annual_plan_id)[: before.revision]
    _require_held(tx, before, earlier, zone=zone)
    if decision is Decision.AGREE:
        _issued(tx, plan, at=at)
    decided = replace(
        revision,
        decision=decision,
        opinions=opinions,
        decided_by=by.subject,
        decide_time=at,
    )
    record_storage.save_revision(tx, annual_plan_id, decided)
    if decision is Decision.AGREE:
        figures.freeze(tx, plan, by=by)
        budgeting.draft(tx, plan, by=by, at=at)
    else:
        plan = _revise(tx, before, plan, by=by, at=at)
    return usecases.kept(tx, plan, at=at, zone=zone)


def approve(
    tx: Transaction, *, annual_plan_id: str, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[PlanView]:
    """Put plan, targets and budget in force.

    Errors: AnnualPlanNotFound, OutOfScope, TargetStateForbids, StepRoleForbids, StepNotOpen,
        PlanPhaseNotOpen; PlanNotInForce when the unit has another plan for the year.
    Source: R-025, R-028.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(tx, plan, Step.APPROVE, by=by, at=at, rpc="ApproveAnnualPlan")
    targets = [one.move(TargetState.EFFECTIVE, at=at) for one in _issued(tx, plan, at=at)]
    target_storage.save(tx, targets)
    budget = budgeting.enforce(tx, plan, by=by, at=at)
    adjustment.put_plan(
        tx,
        unit_id=plan.unit_id,
        fiscal_year=plan.fiscal_year,
        version_id=plan.cube_version_id,
        by=by,
        at=at,
    )
    usecases.provide_all(tx, plan, AGENDA.items_of_step(Step.APPROVE), by=by, at=at)
    told = usecases.kept(tx, plan, at=at, zone=zone).value
    effective = told_in_parts(
        told,
        figures.valued(tx, plan, targets),
        quotas=figures.quotas(tx, plan),
        limits=figures.limits(tx, plan),
    )
    return Outcome(told, [*effective, *budget.facts])


def claim(
    tx: Transaction,
    *,
    annual_plan_id: str,
    step: Step,
    key: str,
    signature: str,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Sign one of the four claims, or the part of one product or area in it.

    Errors: AnnualPlanNotFound, OutOfScope, StepNotFound, StepRoleForbids, StepNotOpen.
    Source: R-026.
    """
    area = key if step is Step.CLAIM_REGION else ""
    plan = usecases.own(tx, annual_plan_id, by=by, unit_id=area)
    plan = usecases.complete(tx, plan, step, key=key, by=by, at=at, rpc="ClaimPlan", note=signature)
    budget = budgeting.claim(tx, plan, step, key=key, by=by, at=at)
    told = usecases.kept(tx, plan, at=at, zone=zone).value
    done = [AnnualPlanClaimed(told)] if plan.claims == len(CLAIMS) else []
    return Outcome(told, [*done, *budget.facts])


def archive(
    tx: Transaction, *, annual_plan_id: str, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[Archive]:
    """Archive plan and budget as they were approved, as the basis of the year-end appraisal.

    Errors: AnnualPlanNotFound, OutOfScope, StepRoleForbids, StepNotOpen; PlanPhaseNotOpen while a
        phase is not closed.
    Source: R-027.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(tx, plan, Step.ARCHIVE, by=by, at=at, rpc="ArchiveAnnualPlan")
    plan.require_phase(AGENDA.phase_after_all)
    # An adjustment may have put another version in force since.
    approved = replace(plan, cube_version_id=_revision(tx, plan).cube_version_id)
    made = archiving.archived(tx, approved, by=by, at=at)
    record_storage.add_archive(tx, made)
    told = usecases.kept(tx, plan, at=at, zone=zone).value
    return Outcome(made, [AnnualPlanArchived(told, made)])


def _revision(tx: Transaction, plan: AnnualPlan) -> Revision:
    return record_storage.revisions(tx, plan.annual_plan_id)[plan.revision - 1]


def _require_held(
    tx: Transaction, plan: AnnualPlan, earlier: Sequence[Revision], *, zone: tzinfo
) -> None:
    """Refuse a decision without a meeting; after a disagreement one of that day or later."""
    decide_time = earlier[-1].decide_time if earlier else None
    meeting = storage.meetings(tx, plan.annual_plan_id).get(CHALLENGE, Meeting(kind=CHALLENGE))
    meeting.require_held(since=local_date(decide_time, zone) if decide_time else None)


def _issued(tx: Transaction, plan: AnnualPlan, *, at: datetime) -> list[Target]:
    """Issue all targets; nobody agrees to a plan with a target that was not discussed, and only
    targets whose parts sum to the whole come to be discussed.

    Errors: TargetStateForbids.
    Source: R-028.
    """
    known = target_storage.living(tx, plan.annual_plan_id)
    return [one.move(TargetState.ISSUED, at=at) for one in known]


def _summing(tx: Transaction, plan: AnnualPlan) -> list[Target]:
    """Return the living targets; a gap that the co-ordination meeting did not waive is refused.

    Errors: TargetSumDiffers.
    Source: R-011, R-012.
    """
    known = target_storage.living(tx, plan.annual_plan_id)
    if not plan.waiver_reason:
        figures.require_sums(tx, plan, known)
    return known


def _revise(
    tx: Transaction, before: AnnualPlan, plan: AnnualPlan, *, by: Caller, at: datetime
) -> AnnualPlan:
    """Begin the next revision with the figures of the one that was refused, which is read-only."""
    version_id = figures.next_revision(tx, before, by=by, at=at)
    fresh = Revision(revision=plan.revision, cube_version_id=version_id)
    record_storage.save_revision(tx, plan.annual_plan_id, fresh)
    return plan.touched(cube_version_id=version_id)
