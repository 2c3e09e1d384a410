"""How the draft of a year plan comes about: what its steps bring, targets, and the plans of
products, areas and channel expansion."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Final, cast

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.process import usecases as process
from chassis.process.node import Node, StepState
from chassis.scope import Caller
from planning.annual_plan import figures, record_storage, target_storage, usecases
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.content import (
    Contribution,
    Direction,
    ExpansionPlan,
    MarketPreliminary,
    MarketSummary,
    ProductPlan,
    ProductSummary,
    RegionalPlan,
    RegionalSummary,
    SalesPreliminary,
    SalesSummary,
    Strategy,
    Submission,
    amounts_of,
    expense_types_of,
    key_of,
)
from planning.annual_plan.domain import AnnualPlan, Step
from planning.annual_plan.errors import PlanPartUnknown
from planning.annual_plan.targets import (
    Measure,
    Move,
    Place,
    Split,
    Target,
    TargetState,
    View,
)
from planning.annual_plan.view import PlanView
from planning.profit import usecases as profit

STEPS: Final[Mapping[type, Step]] = {
    RegionalSummary: Step.REGIONAL_SUMMARY,
    SalesSummary: Step.SALES_SUMMARY,
    SalesPreliminary: Step.SALES_PRELIMINARY,
    ProductSummary: Step.PRODUCT_SUMMARY,
    MarketSummary: Step.MARKET_SUMMARY,
    MarketPreliminary: Step.MARKET_PRELIMINARY,
    Strategy: Step.STRATEGY,
}
# The step that submits a plan first, and the one that submits it again after a disagreement.
SUBMISSIONS: Final[Mapping[type, tuple[Step, Step]]] = {
    ProductPlan: (Step.PRODUCT_PLAN, Step.PRODUCT_REVISION),
    RegionalPlan: (Step.REGIONAL_PLAN, Step.REGIONAL_REVISION),
    ExpansionPlan: (Step.EXPANSION_PLAN, Step.EXPANSION_REVISION),
}
DECOMPOSITIONS: Final = {View.PRODUCT: Step.MARKET_TARGETS, View.AREA: Step.AREA_TARGETS}
# The information item that holds a target.
TARGET_ITEMS: Final = {
    (View.COMPANY, Measure.SALES): 11,
    (View.COMPANY, Measure.PROFIT): 12,
    (View.PRODUCT, Measure.SALES): 13,
    (View.PRODUCT, Measure.PROFIT): 14,
    (View.PRODUCT, Measure.CONTRIBUTION): 14,
    (View.AREA, Measure.SALES): 15,
    (View.AREA, Measure.PROFIT): 16,
    (View.AREA, Measure.CONTRIBUTION): 16,
}
FIRST_DIRECTION, HQ_EXPENSE, AREA_EXPENSE = 5, 17, 18


def contribute(
    tx: Transaction,
    *,
    annual_plan_id: str,
    content: Contribution,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Record what one of the steps 3 to 9 brings, and complete it.

    Errors: AnnualPlanNotFound, OutOfScope, CurrencyMismatch, StepNotFound, StepRoleForbids,
        StepNotOpen, PlanPhaseNotOpen.
    Source: R-006, R-007, R-008, R-009.
    """
    step = STEPS[type(content)]
    area = key_of(content) if isinstance(content, RegionalSummary) else ""
    plan = usecases.own(tx, annual_plan_id, by=by, unit_id=area)
    plan.require_currency(*amounts_of(content))
    plan = usecases.complete_or_amend(
        tx, plan, step, key=key_of(content), by=by, at=at, rpc="RecordContribution"
    )
    plan.require_open(AGENDA.phase_of(step))
    record_storage.record(tx, plan, content, by=by.subject, at=at)
    usecases.provide(tx, plan, _items_of(content), by=by, at=at)
    return usecases.kept(tx, plan, at=at, zone=zone)


def set_targets(
    tx: Transaction,
    *,
    annual_plan_id: str,
    amounts: Mapping[Measure, Money],
    by: Caller,
    at: datetime,
) -> Outcome[list[Target]]:
    """Set the company's targets.

    Shape: the targets with their values.
    Errors: AnnualPlanNotFound, OutOfScope, CurrencyMismatch, TargetsFixed, StepRoleForbids,
        StepNotOpen, PlanPhaseNotOpen.
    Source: R-010.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan.require_currency(*amounts.values())
    plan = usecases.complete_or_amend(tx, plan, Step.TARGETS, by=by, at=at, rpc="SetTargets")
    # What was waived was the gap to the target before.
    plan = replace(plan, waiver_reason="")
    place = Place(plan.unit_id)
    wanted = {measure: {place: amount} for measure, amount in amounts.items()}
    return _set(tx, plan, wanted, view=View.COMPANY, by=by, at=at)


def decompose(
    tx: Transaction,
    *,
    annual_plan_id: str,
    view: View,
    splits: Sequence[Split],
    by: Caller,
    at: datetime,
) -> Outcome[list[Target]]:
    """Bring the company's targets down to products and channels, or to areas.

    Shape: the targets of the view with their values.
    Errors: AnnualPlanNotFound, OutOfScope, CurrencyMismatch, TargetsFixed, TargetSumDiffers,
        PlanPartUnknown, CubeMemberUnknown, StepRoleForbids, StepNotOpen, PlanPhaseNotOpen.
    Source: R-011.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    step = DECOMPOSITIONS[view]
    plan = usecases.complete_or_amend(tx, plan, step, by=by, at=at, rpc="DecomposeTargets")
    wanted = {one.measure: _amounts(tx, plan, one, view=view) for one in splits}
    return _set(tx, plan, wanted, view=view, by=by, at=at)


def balance(
    tx: Transaction,
    *,
    annual_plan_id: str,
    priorities: str,
    waiver_reason: str,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Record what the co-ordination meeting agreed on.

    Errors: AnnualPlanNotFound, OutOfScope, StepRoleForbids, StepNotOpen, PlanPhaseNotOpen;
        PlanViewsDiffer also when the company's target was set anew and neither view followed.
    Source: R-011, R-012.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan = usecases.complete(tx, plan, Step.BALANCE, by=by, at=at, rpc="BalanceTargets")
    by_product, by_area, whole = (
        figures.target_total(tx, plan, view=view, measure=Measure.SALES)
        for view in (View.PRODUCT, View.AREA, View.COMPANY)
    )
    between = by_product - by_area
    gap = between if between.amount_minor else by_product - whole
    plan = plan.balance(gap=gap, priorities=priorities, waiver_reason=waiver_reason)
    return usecases.kept(tx, plan, at=at, zone=zone)


def submit(
    tx: Transaction,
    *,
    annual_plan_id: str,
    content: Submission,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Submit the plan of a product, of an area, or of the channel expansion.

    Errors: AnnualPlanNotFound, OutOfScope, CurrencyMismatch, PlanPartUnknown, StepNotFound,
        StepRoleForbids, StepNotOpen, PlanPhaseNotOpen, PolicyNotFound, ExpenseTypeUnknown,
        MeasureUnknown, CubeMemberUnknown, CellValueInvalid.
    Source: R-013, R-014, R-015, R-016, R-021, R-024.
    """
    area = key_of(content) if isinstance(content, RegionalPlan) else ""
    plan = usecases.own(tx, annual_plan_id, by=by, unit_id=area)
    plan.require_currency(*amounts_of(content))
    plan = _submitted(tx, plan, content, by=by, at=at)
    for product_id in _products_of(content):
        plan.require_part(product_id, plan.product_ids)
    profit.catalogue_on(tx, plan.months[-1].last_day).require(expense_types_of(content))
    before = record_storage.record(tx, plan, content, by=by.subject, at=at)
    figures.submit(tx, plan, before=cast(Submission | None, before), after=content, by=by, at=at)
    _provide_bottom_up(tx, plan, by=by, at=at)
    return usecases.kept(tx, plan, at=at, zone=zone)


def _submitted(
    tx: Transaction, plan: AnnualPlan, content: Submission, *, by: Caller, at: datetime
) -> AnnualPlan:
    """Complete the first submission, amend it while its phase is open, or complete the revision."""
    first, again = SUBMISSIONS[type(content)]
    key = key_of(content)
    done = process.get(tx, plan.process_id).status(Node(first, key)).state is StepState.DONE
    if done and plan.phase != AGENDA.phase_of(first):
        return usecases.complete(tx, plan, again, key=key, by=by, at=at, rpc="SubmitPlan")
    return usecases.complete_or_amend(tx, plan, first, key=key, by=by, at=at, rpc="SubmitPlan")


def _provide_bottom_up(tx: Transaction, plan: AnnualPlan, *, by: Caller, at: datetime) -> None:
    """Keep the items of the bottom-up phase once every area has submitted its plan."""
    if plan.phase != AGENDA.phase_of(Step.REGIONAL_PLAN):
        return
    contents = record_storage.contents(tx, plan.annual_plan_id)
    areas = {key_of(one) for one in contents if isinstance(one, RegionalPlan)}
    if areas == set(plan.area_unit_ids):
        numbers = AGENDA.items_of_step(Step.REGIONAL_PLAN)
        usecases.provide_all(tx, plan, numbers, by=by, at=at)


def _products_of(content: Submission) -> set[str]:
    if not isinstance(content, RegionalPlan):
        return set()
    named = [
        [one.product_id for one in content.lines],
        [one.product_id for one in content.expenses],
        [one.product_id for one in content.new_terminals],
        [one.product_id for one in content.growths],
    ]
    return {product_id for some in named for product_id in some} - {""}


def _items_of(content: Contribution) -> dict[int, tuple[str, Money | None]]:
    match content:
        case Strategy():
            order = list(Direction)
            return {
                FIRST_DIRECTION + order.index(kind): (text, None)
                for kind, text in content.directions
            }
        case SalesPreliminary():
            return {AREA_EXPENSE: (content.plan.text, content.plan.budget)}
        case MarketPreliminary():
            return {HQ_EXPENSE: (content.plan.text, content.plan.budget)}
        case _:
            return {}


def _amounts(tx: Transaction, plan: AnnualPlan, split: Split, *, view: View) -> dict[Place, Money]:
    """Tell what each part gets, at its place in the plan."""
    for part in split.parts:
        _require_place(plan, view, part.place)
        plan.require_currency(part.amount)
    whole = figures.target_total(tx, plan, view=View.COMPANY, measure=split.measure)
    amounts = split.amounts(whole if whole.amount_minor else None, currency_code=plan.currency_code)
    return {
        replace(place, unit_id=place.unit_id or plan.unit_id): amount
        for place, amount in amounts.items()
    }


def _require_place(plan: AnnualPlan, view: View, place: Place) -> None:
    if view is View.AREA:
        plan.require_part(place.unit_id, plan.area_unit_ids)
        strange = place.product_id or place.channel
    else:
        plan.require_part(place.product_id, plan.product_ids)
        strange = place.unit_id
    if strange:
        raise PlanPartUnknown(plan.annual_plan_id, strange)


def _set(
    tx: Transaction,
    plan: AnnualPlan,
    wanted: Mapping[Measure, Mapping[Place, Money]],
    *,
    view: View,
    by: Caller,
    at: datetime,
) -> Outcome[list[Target]]:
    """Put targets of a view in place of those that it has of the same measures."""
    plan.require_unfixed()
    known = target_storage.living(tx, plan.annual_plan_id)
    replaced = [one for one in known if one.view is view and one.measure in wanted]
    target_storage.save(tx, [one.move(TargetState.SUPERSEDED, at=at) for one in replaced])
    fresh = [
        _target(plan, place, amount, view=view, measure=measure, at=at)
        for measure, amounts in wanted.items()
        for place, amount in amounts.items()
    ]
    target_storage.add(tx, fresh)
    for measure, amounts in wanted.items():
        figures.set_targets(tx, plan, amounts, view=view, measure=measure, by=by, at=at)
    _provide_targets(tx, plan, wanted, view=view, by=by, at=at)
    usecases.save(tx, plan)
    return Outcome(fresh)


def _provide_targets(
    tx: Transaction,
    plan: AnnualPlan,
    wanted: Mapping[Measure, Mapping[Place, Money]],
    *,
    view: View,
    by: Caller,
    at: datetime,
) -> None:
    whole = view is View.COMPANY
    items = {
        TARGET_ITEMS[view, measure]: ("", next(iter(amounts.values())) if whole else None)
        for measure, amounts in wanted.items()
        if (view, measure) in TARGET_ITEMS
    }
    usecases.provide(tx, plan, items, by=by, at=at)


def _target(
    plan: AnnualPlan, place: Place, value: Money, *, view: View, measure: Measure, at: datetime
) -> Target:
    return Target(
        target_id=new_id(),
        annual_plan_id=plan.annual_plan_id,
        measure=measure,
        view=view,
        place=place,
        moves=(Move(TargetState.PRELIMINARY, at),),
        value=value,
    )
