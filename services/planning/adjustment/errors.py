"""What an adjustment refuses."""

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from chassis.period import Month


class AdjustmentNotFound(NotFound):
    """No adjustment has this id."""

    reason = "ADJUSTMENT_NOT_FOUND"

    def __init__(self, adjustment_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no adjustment {adjustment_id}", adjustmentId=adjustment_id)


class AdjustmentAlreadyExists(AlreadyExists):
    """The unit has an adjustment of this month already."""

    reason = "ADJUSTMENT_ALREADY_EXISTS"

    def __init__(self, unit_id: str, month: Month) -> None:
        """Name the unit and the month."""
        super().__init__(
            f"unit {unit_id} has an adjustment of {month} already", unitId=unit_id, month=month
        )


class AdjustmentClosed(FailedPrecondition):
    """The adjustment has ended."""

    reason = "ADJUSTMENT_CLOSED"

    def __init__(self, adjustment_id: str, state: str) -> None:
        """Name the adjustment and its state."""
        super().__init__(
            f"adjustment {adjustment_id} is {state}", adjustmentId=adjustment_id, state=state
        )


class ReviewReasonMissing(InvalidArgument):
    """The meeting decided otherwise than the rule and did not say why."""

    reason = "REVIEW_REASON_MISSING"

    def __init__(self, adjustment_id: str, *, rule_says_major: bool) -> None:
        """Name the adjustment and what the rule says."""
        says = "is major" if rule_says_major else "is not major"
        super().__init__(
            f"by the rule the variance of adjustment {adjustment_id} {says}: say why not",
            adjustmentId=adjustment_id,
            ruleSaysMajor=str(rule_says_major).lower(),
        )


class AdjustmentOutsideYear(InvalidArgument):
    """The months of a change lie outside the year, or end before they begin."""

    reason = "ADJUSTMENT_OUTSIDE_YEAR"

    def __init__(self, first: Month, last: Month, year: int) -> None:
        """Name the months and the year."""
        super().__init__(
            f"{first} to {last} are no months of {year} in order",
            firstMonth=first,
            lastMonth=last,
            year=year,
        )


class AdjustmentChangesYear(FailedPrecondition):
    """The changes of a measure and unit do not sum to 0, so the year's total would change."""

    reason = "ADJUSTMENT_CHANGES_YEAR"

    def __init__(self, measure: str, unit_id: str, change: int) -> None:
        """Name what would change, and by how much."""
        super().__init__(
            f"{measure} of unit {unit_id} would change by {change} over the year",
            measure=measure,
            unitId=unit_id,
            change=change,
        )


class AdjustmentMissesTarget(FailedPrecondition):
    """The adjusted plan does not bring what the meeting set."""

    reason = "ADJUSTMENT_MISSES_TARGET"

    def __init__(self, measure: str, unit_id: str, *, wanted: int, change: int) -> None:
        """Name what the meeting set and what the plan brings."""
        super().__init__(
            f"the meeting wants {measure} of unit {unit_id} changed by {wanted}, not by {change}",
            measure=measure,
            unitId=unit_id,
            wanted=wanted,
            change=change,
        )


class PlanNotInForce(FailedPrecondition):
    """The unit has no plan in force for this year, or not the one that was begun with."""

    reason = "PLAN_NOT_IN_FORCE"

    def __init__(self, unit_id: str, fiscal_year: int, *, plan_version: int = 0) -> None:
        """Name the unit and the year, and the version that is replaced, if there was one."""
        text = (
            f"version {plan_version} of the plan of unit {unit_id} for {fiscal_year} is replaced"
            if plan_version
            else f"unit {unit_id} has no plan in force for {fiscal_year}"
        )
        super().__init__(text, unitId=unit_id, fiscalYear=fiscal_year, planVersion=plan_version)


class MonthNotOver(FailedPrecondition):
    """The month to be looked at is not over."""

    reason = "MONTH_NOT_OVER"

    def __init__(self, month: Month) -> None:
        """Name the month."""
        super().__init__(f"{month} is not over", month=month)


class AdjustmentAhead(FailedPrecondition):
    """Another adjustment of the plan has passed its check and waits for its claims."""

    reason = "ADJUSTMENT_AHEAD"

    def __init__(self, adjustment_id: str, other_id: str) -> None:
        """Name both."""
        super().__init__(
            f"adjustment {other_id} has passed its check and waits for its claims, before"
            f" {adjustment_id}",
            adjustmentId=adjustment_id,
            otherAdjustmentId=other_id,
        )


class PlanBelowZero(FailedPrecondition):
    """A change takes more from a month than it has."""

    reason = "PLAN_BELOW_ZERO"

    def __init__(self, measure: str, unit_id: str, month: Month) -> None:
        """Name the figure."""
        super().__init__(
            f"{measure} of unit {unit_id} in {month} would fall below 0",
            measure=measure,
            unitId=unit_id,
            month=month,
        )
