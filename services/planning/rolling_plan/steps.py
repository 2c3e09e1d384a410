"""What every step of a cycle begins and ends with: the lock, the scope, the process."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from typing import Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.errors import StepNotOpen
from chassis.process.node import Node, StepState
from chassis.scope import Caller
from planning.rolling_plan import storage
from planning.rolling_plan.domain import Cycle, Step
from planning.rolling_plan.tools import ToolRules

SERVICE = "mantle.planning.v1.RollingPlanService"


def own(tx: Transaction, cycle_id: str, *, by: Caller) -> Cycle:
    """Lock a running cycle of the caller's part of the organisation.

    Errors: RollingCycleNotFound, OutOfScope, RollingCycleClosed.
    """
    cycle = storage.get(tx, cycle_id, lock=True)
    scope.require(tx, by, cycle.unit_id)
    cycle.require_running()
    return cycle


def own_office(tx: Transaction, cycle_id: str, unit_id: str, *, by: Caller) -> Cycle:
    """Lock a running cycle for an office in the caller's part of the organisation.

    Errors: RollingCycleNotFound, OutOfScope, RollingCycleClosed.
    """
    cycle = storage.get(tx, cycle_id, lock=True)
    scope.require(tx, by, unit_id)
    cycle.require_running()
    return cycle


def seen(tx: Transaction, cycle: Cycle, *, by: Caller) -> Cycle:
    """Show a cycle to somebody: no more than the part that the caller has a say over.

    Errors: OutOfScope when that is nothing.
    Source: R-183.
    """
    return cycle.part_of(seen_units(tx, cycle, by=by))


def seen_units(tx: Transaction, cycle: Cycle, *, by: Caller) -> set[str]:
    """Name the units of a cycle that the caller has a say over.

    Errors: OutOfScope when there is none.
    """
    units = scope.within(tx, by, cycle.units)
    if not units:
        raise scope.OutOfScope(by.subject, cycle.unit_id)
    return set(units)


def done(
    tx: Transaction, cycle: Cycle, step: Step, *, rpc: str, **how: Unpack[process.Doing]
) -> Cycle:
    """Complete a step, and let the cycle follow to the milestone.

    Errors: StepNotFound for an office that does not take part, StepRoleForbids, StepNotOpen.
    """
    completed = process.complete(tx, cycle.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return cycle.reach(completed.state)


def saved(tx: Transaction, cycle: Cycle) -> Outcome[Cycle]:
    """Store a cycle, and answer with it."""
    storage.save(tx, cycle)
    return Outcome(cycle)


def require_open(tx: Transaction, cycle: Cycle, *steps: Step) -> None:
    """Refuse what can be done only while one of some steps is open.

    Errors: StepNotOpen, of the last.
    """
    running = process.get(tx, cycle.process_id)
    states = [running.status(Node(step)).state for step in steps]
    if StepState.OPEN not in states:
        raise StepNotOpen(cycle.process_id, steps[-1], key="", state=states[-1])


def acting(by: Caller, unit_id: str) -> Caller:
    """Return the caller as the cube sees it: whoever may do the step may change what it changes.

    The scope was checked with the step; an office's manager writes into the version of the whole
    cycle.
    """
    return replace(by, unit_id=unit_id)


def inside(tx: Transaction, cycle_unit: str, unit_ids: Collection[str]) -> set[str]:
    """Return those of the units that lie in a cycle's unit."""
    eye = Caller(subject="", roles=frozenset(), unit_id=cycle_unit, actor="")
    return set(scope.within(tx, eye, unit_ids))


def tool_rules(tx: Transaction, unit_id: str, *, on: date) -> ToolRules:
    """Read what policy `forecast` says of a unit on a day.

    Errors: PolicyNotFound.
    """
    found = policy.in_force(tx, kind="forecast", scopes=[f"unit:{unit_id}", ""], on=on)
    return ToolRules(
        cover_months=found.parameters.decimal("cover_months"),
        average_months=found.parameters.integer("average_months"),
        growth_share=found.parameters.decimal("growth_share"),
    )
