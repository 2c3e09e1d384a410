"""What becomes of a draft: production and supply are asked, it is cut to what they can do, and it
is approved, sent and filed.

Whoever asks the neighbour does so before the transaction: first `wanted` reads what to ask, then
`keep_answer` takes over what came.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.scope import Caller
from planning.cube.domain import Cell
from planning.monthly_plan import usecases as monthly_plan
from planning.monthly_plan.domain import MonthlyPlan, PlanLine
from planning.rolling_plan import figures, storage
from planning.rolling_plan.delivery import Acknowledgement, Group, require_member
from planning.rolling_plan.domain import Cycle, Filed, Layer, Step, told_in_parts
from planning.rolling_plan.errors import SupplyUnavailable
from planning.rolling_plan.steps import done, inside, own, require_open, saved, seen
from planning.rolling_plan.supply import (
    Capacity,
    CheckKind,
    CheckState,
    Material,
    SupplyCheck,
    SupplyLine,
    Want,
    cuts,
    with_capacity,
    with_material,
)

STEPS = {CheckKind.CAPACITY: Step.CAPACITY, CheckKind.MATERIAL: Step.MATERIAL}
RPCS = {CheckKind.CAPACITY: "CheckCapacity", CheckKind.MATERIAL: "CheckMaterial"}

Answers = Mapping[Want, Capacity] | Mapping[Want, Material]


@dataclass(frozen=True, slots=True)
class Asking:
    """Hold what the neighbour is asked for: the cycle and what it wants, by product and month."""

    cycle_id: str
    demand: Mapping[Want, int]


def wanted(tx: Transaction, *, cycle_id: str, by: Caller) -> Asking:
    """Read what is to be asked; whether the step is open, `keep_answer` says.

    Errors: RollingCycleNotFound, OutOfScope, RollingCycleClosed.
    """
    cycle = storage.get(tx, cycle_id)
    scope.require(tx, by, cycle.unit_id)
    cycle.require_running()
    return Asking(cycle_id, figures.demand(tx, cycle))


def keep_answer(
    tx: Transaction,
    *,
    cycle_id: str,
    kind: CheckKind,
    answers: Answers | None,
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Take over what the neighbour answered; without an answer the draft is kept as it is, the
    reason with it, and the step stays open.

    Errors: those of `own` and `done`.
    Source: R-052, R-053.
    """
    cycle = own(tx, cycle_id, by=by)
    if answers is None:
        require_open(tx, cycle, STEPS[kind])
        return _checked(tx, cycle, _unanswered(kind, by=by.subject, at=at))
    cycle = done(tx, cycle, STEPS[kind], by=by, at=at, rpc=RPCS[kind])
    check = SupplyCheck(
        kind=kind,
        state=CheckState.ANSWERED,
        reason="",
        lines=_lines(tx, cycle, answers),
        asked_by=by.subject,
        ask_time=at,
    )
    return _checked(tx, cycle, check)


def coordinate(
    tx: Transaction, *, cycle_id: str, minutes: str, by: Caller, at: datetime
) -> Outcome[Cycle]:
    """Cut the draft to what can be supplied.

    Errors: those of `own` and `done`; SupplyUnavailable when the neighbour was asked last without
        an answer.
    Source: R-054.
    """
    cycle = own(tx, cycle_id, by=by)
    cycle.require_supply()
    cycle = done(tx, cycle, Step.COORDINATE, by=by, at=at, rpc="CoordinateSupply", note=minutes)
    figures.cut(tx, cycle, cuts(cycle.checks[-1].lines), by=by, at=at)
    return saved(tx, cycle)


def approve(tx: Transaction, *, cycle_id: str, by: Caller, at: datetime) -> Outcome[Cycle]:
    """Approve the plan: it freezes, partners' parts become their monthly plans, and all are told.

    Errors: those of `own` and `done`.
    Source: R-055.
    """
    cycle = own(tx, cycle_id, by=by)
    cycle = done(tx, cycle, Step.APPROVE, by=by, at=at, rpc="ApproveRollingPlan")
    figures.freeze(tx, cycle, cycle.version_id, by=by)
    storage.lock_unit(tx, cycle.unit_id)
    cycle = cycle.approve(storage.next_plan_version(tx, cycle.unit_id))
    cells = figures.all_cells(tx, cycle)
    storage.save(tx, cycle)
    return Outcome(cycle, told_in_parts(cycle, _plans(tx, cycle, cells, by=by, at=at), cells))


def archive(tx: Transaction, *, cycle_id: str, by: Caller, at: datetime) -> Outcome[Cycle]:
    """File the plan for the appraisal of planning.

    Errors: RollingCycleNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    Source: R-048, R-056.
    """
    cycle = storage.get(tx, cycle_id, lock=True)
    scope.require(tx, by, cycle.unit_id)
    cycle = done(tx, cycle, Step.ARCHIVE, by=by, at=at, rpc="ArchiveRollingPlan")
    filed = Filed(Layer.PLANNING, cycle.unit_id, cycle.version_id, by.subject, at)
    storage.add_filed(tx, cycle_id, filed)
    return saved(tx, replace(cycle, filed=(*cycle.filed, filed)))


def acknowledge(
    tx: Transaction, *, cycle_id: str, group: Group, unit_id: str, by: Caller, at: datetime
) -> Outcome[Cycle]:
    """Acknowledge an approved plan for a group of recipients.

    Errors: RollingCycleNotFound, OutOfScope, PlanNotApproved, RecipientRoleForbids.
    Source: R-055.
    """
    cycle = storage.get(tx, cycle_id, lock=True)
    scope.require(tx, by, unit_id)
    if not inside(tx, cycle.unit_id, [unit_id]):
        raise scope.OutOfScope(by.subject, cycle.unit_id)
    cycle.require_approved()
    require_member(group, by.roles, subject=by.subject)
    storage.acknowledge(tx, cycle_id, Acknowledgement(group, unit_id, by.subject, at))
    return Outcome(seen(tx, cycle, by=by))


def _lines(tx: Transaction, cycle: Cycle, answers: Answers) -> tuple[SupplyLine, ...]:
    """Lay capacity beside the demand, or material beside the capacity that was answered before."""
    material = {want: one for want, one in answers.items() if isinstance(one, Material)}
    capacity = {want: one for want, one in answers.items() if isinstance(one, Capacity)}
    answered = [one.lines for one in cycle.checks if one.state is CheckState.ANSWERED]
    if answered:
        return with_material(answered[-1], material)
    return with_capacity(figures.demand(tx, cycle), capacity)


def _unanswered(kind: CheckKind, *, by: str, at: datetime) -> SupplyCheck:
    return SupplyCheck(
        kind=kind,
        state=CheckState.UNAVAILABLE,
        reason=SupplyUnavailable.reason,
        lines=(),
        asked_by=by,
        ask_time=at,
    )


def _plans(
    tx: Transaction, cycle: Cycle, cells: Sequence[Cell], *, by: Caller, at: datetime
) -> list[MonthlyPlan]:
    """Make partners' parts their monthly plans, by office and month; channels add up.

    Shape: an office without partners has no such plan, and the one that it had ends.
    """
    parts: dict[tuple[str, Month], defaultdict[tuple[str, str], int]]
    parts = {(one, month): defaultdict(int) for one in cycle.offices for month in cycle.horizon}
    for cell in cells:
        where = cell.address
        if where.terminal_id:
            parts[where.unit_id, where.month][where.terminal_id, where.product_id] += cell.value
    wanted = {
        key: tuple(PlanLine(*one, quantity) for one, quantity in sorted(own_lines.items()))
        for key, own_lines in parts.items()
    }
    return monthly_plan.put_in_force(tx, wanted, by=by, at=at)


def _checked(tx: Transaction, cycle: Cycle, check: SupplyCheck) -> Outcome[Cycle]:
    storage.add_check(tx, cycle, check)
    return saved(tx, replace(cycle, checks=(*cycle.checks, check)))
