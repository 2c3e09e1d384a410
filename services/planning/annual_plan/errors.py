"""Why a year plan refuses what is asked of it."""

from collections.abc import Iterable

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money


class AnnualPlanNotFound(NotFound):
    """No year plan has this id."""

    reason = "ANNUAL_PLAN_NOT_FOUND"

    def __init__(self, annual_plan_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no year plan {annual_plan_id}", annualPlanId=annual_plan_id)


class PlanArchiveNotFound(NotFound):
    """The plan is not archived yet."""

    reason = "PLAN_ARCHIVE_NOT_FOUND"

    def __init__(self, annual_plan_id: str) -> None:
        """Name the plan."""
        super().__init__(f"year plan {annual_plan_id} is not archived", annualPlanId=annual_plan_id)


class AnnualPlanAlreadyExists(AlreadyExists):
    """The year has a plan already."""

    reason = "ANNUAL_PLAN_ALREADY_EXISTS"

    def __init__(self, fiscal_year: int) -> None:
        """Name the year."""
        super().__init__(f"{fiscal_year} has a year plan already", fiscalYear=fiscal_year)


class PlanPhaseNotOpen(FailedPrecondition):
    """What was asked for belongs to a phase that is not reached, or closed."""

    reason = "PLAN_PHASE_NOT_OPEN"

    def __init__(self, annual_plan_id: str, phase: int, *, open_phase: int) -> None:
        """Name the phase that is wanted, and the one that is open."""
        super().__init__(
            f"it belongs to phase {phase} of year plan {annual_plan_id}, whose open phase is"
            f" {open_phase}",
            annualPlanId=annual_plan_id,
            phase=phase,
            openPhase=open_phase,
        )


class PlanPhaseIncomplete(FailedPrecondition):
    """Something of the phase is missing."""

    reason = "PLAN_PHASE_INCOMPLETE"

    def __init__(
        self,
        annual_plan_id: str,
        phase: int,
        *,
        items: Iterable[int],
        meetings: Iterable[str],
        steps: Iterable[int],
    ) -> None:
        """Name all that is missing."""
        lacking = [", ".join(map(str, one)) for one in (items, meetings, steps)]
        super().__init__(
            f"phase {phase} of year plan {annual_plan_id} lacks items [{lacking[0]}],"
            f" minutes of [{lacking[1]}], steps [{lacking[2]}]",
            annualPlanId=annual_plan_id,
            phase=phase,
            missingItems=lacking[0],
            missingMeetings=lacking[1],
            missingSteps=lacking[2],
        )


class PlanReasonMissing(FailedPrecondition):
    """Last year stayed below the floor, and nobody has said why."""

    reason = "PLAN_REASON_MISSING"

    def __init__(self, annual_plan_id: str, *, completion: str, floor: str) -> None:
        """Name both shares, in percent."""
        super().__init__(
            f"year plan {annual_plan_id} needs reasons: completion {completion} % is below"
            f" {floor} %",
            annualPlanId=annual_plan_id,
            completionPercent=completion,
            floorPercent=floor,
        )


class PlanItemDerived(FailedPrecondition):
    """A step brings the information item."""

    reason = "PLAN_ITEM_DERIVED"

    def __init__(self, number: int, step: int) -> None:
        """Name the item and its step."""
        super().__init__(
            f"information item {number} comes from step {step}", number=number, step=step
        )


class PlanMeetingIncomplete(FailedPrecondition):
    """The meeting was not held, or somebody who must take part did not."""

    reason = "PLAN_MEETING_INCOMPLETE"

    def __init__(self, meeting: str, missing: Iterable[str] = ()) -> None:
        """Name the meeting, and the roles that it lacks."""
        lacking = ", ".join(missing)
        super().__init__(
            f"meeting {meeting} was not held, or lacks [{lacking}]",
            meeting=meeting,
            missing=lacking,
        )


class PlanAreaInvalid(FailedPrecondition):
    """An area or an office does not lie where a plan's do."""

    reason = "PLAN_AREA_INVALID"

    def __init__(self, unit_id: str) -> None:
        """Name the unit."""
        super().__init__(
            f"unit {unit_id} is no area within the plan's unit beside the others, and no office in"
            " one of its areas",
            unitId=unit_id,
        )


class PlanPartUnknown(FailedPrecondition):
    """The area or product is not planned."""

    reason = "PLAN_PART_UNKNOWN"

    def __init__(self, annual_plan_id: str, key: str) -> None:
        """Name the plan and the key."""
        super().__init__(
            f"'{key}' is no part of year plan {annual_plan_id}",
            annualPlanId=annual_plan_id,
            key=key,
        )


class PlanViewsDiffer(FailedPrecondition):
    """The targets by product and by area differ, from each other or from the company's."""

    reason = "PLAN_VIEWS_DIFFER"

    def __init__(self, annual_plan_id: str, gap: Money) -> None:
        """Name the gap: by product less by area, or less the company's where those agree."""
        super().__init__(
            f"the views of year plan {annual_plan_id} differ by {gap.major()}",
            annualPlanId=annual_plan_id,
            gapMinor=gap.amount_minor,
        )


class TargetsFixed(FailedPrecondition):
    """The challenge meeting has agreed on the targets."""

    reason = "TARGETS_FIXED"

    def __init__(self, annual_plan_id: str) -> None:
        """Name the plan."""
        super().__init__(
            f"the targets of year plan {annual_plan_id} are agreed on",
            annualPlanId=annual_plan_id,
        )


class TargetSumDiffers(FailedPrecondition):
    """The parts do not sum to the company's figure."""

    reason = "TARGET_SUM_DIFFERS"

    def __init__(self, measure: str, *, target: Money, together: Money) -> None:
        """Name the measure and both figures."""
        super().__init__(
            f"the parts of {measure} sum to {together.major()}, the target is {target.major()}",
            measure=measure,
            targetMinor=target.amount_minor,
            sumMinor=together.amount_minor,
        )


class TargetStateForbids(FailedPrecondition):
    """The target's state does not allow the move."""

    reason = "TARGET_STATE_FORBIDS"

    def __init__(self, target_id: str, *, state: str, to: str) -> None:
        """Name the target and the move."""
        super().__init__(
            f"target {target_id} is {state} and cannot become {to}",
            targetId=target_id,
            state=state,
            to=to,
        )
