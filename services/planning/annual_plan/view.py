"""A year plan as it is told: with its items, meetings, claims, windows, and what is late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Final

from chassis.process.domain import Instance
from chassis.process.node import Node, StepState
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.domain import (
    CLAIMS,
    AnnualPlan,
    Archive,
    Meeting,
    Provided,
    Revision,
    Step,
    Window,
)
from planning.annual_plan.targets import Target
from planning.cube.domain import Cell
from planning.telling import in_parts

# Targets and figures of one event; targets with the longest names make 1.6 MiB of them, and the
# first part has the plan beside them.
TOLD_MAX: Final = 6_000


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold who did a step, or one repetition of it; empty while nobody has."""

    key: str
    done_by: str = ""
    done_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class WindowState:
    """Hold a window, and whether its step was done in it."""

    window: Window
    done: date | None
    late: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """Hold something that is late, and the last day on which it was in time."""

    kind: str
    name_en: str
    name_zh: str
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """Hold a plan with all that is told of it at one moment."""

    plan: AnnualPlan
    items: Mapping[int, Provided]
    meetings: Mapping[str, Meeting]
    revisions: tuple[Revision, ...]
    claims: Mapping[Step, tuple[Signature, ...]]
    windows: tuple[WindowState, ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class AnnualPlanApproved:
    """A plan is in force: its targets, its sales by month and its expenses by month, or a part of
    them."""

    view: PlanView
    targets: Sequence[Target]
    quotas: Sequence[Cell]
    limits: Sequence[Cell]
    part: int = 0
    part_count: int = 1


@dataclass(frozen=True, slots=True)
class AnnualPlanClaimed:
    """All four claims of a plan are signed."""

    view: PlanView


@dataclass(frozen=True, slots=True)
class AnnualPlanArchived:
    """A plan was archived."""

    view: PlanView
    archive: Archive = field(repr=False)


def told_in_parts(
    view: PlanView, targets: Sequence[Target], *, quotas: Sequence[Cell], limits: Sequence[Cell]
) -> list[AnnualPlanApproved]:
    """Tell of an approved plan, in as many parts as its figures need; one at least."""
    parts = in_parts(targets, quotas, limits, most=TOLD_MAX)
    return [
        AnnualPlanApproved(view, some_targets, some_quotas, some_limits, part, len(parts))
        for part, (some_targets, some_quotas, some_limits) in enumerate(parts)
    ]


def signatures(process: Instance, step: int) -> tuple[Signature, ...]:
    """List who did a step, with one entry a repetition."""
    nodes = process.nodes(process.definition.by_number[step])
    return tuple(_signature(process, node) for node in nodes)


def step_state(process: Instance, step: int) -> StepState:
    """Tell where a step stands with all its repetitions: done when all are, open when one is."""
    states = {
        process.status(node).state for node in process.nodes(process.definition.by_number[step])
    }
    for state in (StepState.OPEN, StepState.WAITING, StepState.DORMANT):
        if state in states:
            return state
    return StepState.DONE


def is_settled(process: Instance, step: int) -> bool:
    """Tell whether a step is done or not needed."""
    return step_state(process, step) in (StepState.DONE, StepState.DORMANT)


def claim_signatures(process: Instance) -> dict[Step, tuple[Signature, ...]]:
    """List the signatures of each of the four claims."""
    return {step: signatures(process, step) for step in CLAIMS}


def claim_count(process: Instance) -> int:
    """Count the claims that everybody has signed.

    Source: R-026.
    """
    return sum(step_state(process, step) is StepState.DONE for step in CLAIMS)


def window_states(
    plan: AnnualPlan, process: Instance, *, today: date, zone: tzinfo
) -> tuple[WindowState, ...]:
    """Tell of each window whether its step was done in it.

    Source: R-002.
    """
    return tuple(_window_state(one, process, today=today, zone=zone) for one in plan.windows)


def alerts(
    windows: Sequence[WindowState], meetings: Mapping[str, Meeting], *, today: date
) -> tuple[Alert, ...]:
    """Tell what is late now: the last window that was missed, and the meetings not held.

    Source: R-002; an earlier window is not told again beside a later one.
    """
    missed = [one.window for one in windows if one.late and one.done is None]
    late = [Alert("WINDOW", one.name_en, one.name_zh, one.last) for one in missed[-1:]]
    for kind in AGENDA.meetings:
        meeting = meetings.get(kind.kind)
        if meeting and meeting.planned and meeting.held is None and meeting.planned < today:
            late.append(Alert("MEETING", kind.name_en, kind.name_zh, meeting.planned))
    return tuple(late)


def _window_state(window: Window, process: Instance, *, today: date, zone: tzinfo) -> WindowState:
    done = None
    if step_state(process, window.step) is StepState.DONE:
        times = [one.done_time for one in signatures(process, window.step) if one.done_time]
        done = max(times).astimezone(zone).date()
    return WindowState(window, done, late=(done or today) > window.last)


def _signature(process: Instance, node: Node) -> Signature:
    status = process.status(node)
    if status.state is not StepState.DONE:
        return Signature(node.key)
    return Signature(node.key, status.done_by or "", status.done_time)
