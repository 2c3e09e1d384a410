"""What a rolling cycle refuses."""

from collections.abc import Sequence

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from chassis.period import Month


class RollingCycleNotFound(NotFound):
    """No cycle has this id."""

    reason = "ROLLING_CYCLE_NOT_FOUND"

    def __init__(self, cycle_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no rolling cycle {cycle_id}", cycleId=cycle_id)


class RollingCycleAlreadyExists(AlreadyExists):
    """The unit has a cycle of this month already."""

    reason = "ROLLING_CYCLE_ALREADY_EXISTS"

    def __init__(self, unit_id: str, month: Month) -> None:
        """Name the unit and the month."""
        super().__init__(
            f"unit {unit_id} has a rolling cycle of {month} already", unitId=unit_id, month=month
        )


class RollingCycleClosed(FailedPrecondition):
    """The cycle's plan is approved; nothing of it changes any more."""

    reason = "ROLLING_CYCLE_CLOSED"

    def __init__(self, cycle_id: str, state: str) -> None:
        """Name the cycle and its state."""
        super().__init__(
            f"rolling cycle {cycle_id} is {state} and changes no more",
            cycleId=cycle_id,
            state=state,
        )


class OfficeOutsideUnit(FailedPrecondition):
    """An office does not lie in the unit whose plan it would take part in."""

    reason = "OFFICE_OUTSIDE_UNIT"

    def __init__(self, unit_id: str, office_id: str) -> None:
        """Name the unit and the office."""
        super().__init__(
            f"office {office_id} does not lie in unit {unit_id}", unitId=unit_id, officeId=office_id
        )


class ProductNotLaunched(FailedPrecondition):
    """The product is not sold in this month yet."""

    reason = "PRODUCT_NOT_LAUNCHED"

    def __init__(self, product_id: str, month: Month, launch: Month) -> None:
        """Name the product, the month and the launch."""
        super().__init__(
            f"product {product_id} is launched in {launch}, not in {month} yet",
            productId=product_id,
            month=month,
            launchMonth=launch,
        )


class MonthOutsideHorizon(FailedPrecondition):
    """The month is none of those that the cycle plans."""

    reason = "MONTH_OUTSIDE_HORIZON"

    def __init__(self, month: Month, *, first: Month, last: Month) -> None:
        """Name the month and the months planned."""
        super().__init__(
            f"{month} is not planned by a cycle of {first} to {last}",
            month=month,
            first=first,
            last=last,
        )


class ForecastBelowZero(FailedPrecondition):
    """An adjustment takes more than there is."""

    reason = "FORECAST_BELOW_ZERO"

    def __init__(self, quantity: int, delta: int) -> None:
        """Name what there is and the change."""
        super().__init__(
            f"{quantity} pieces cannot be changed by {delta}", quantity=quantity, delta=delta
        )


class ForecastEmpty(FailedPrecondition):
    """There is nothing that an adjustment could be shared by."""

    reason = "FORECAST_EMPTY"

    def __init__(self, month: Month) -> None:
        """Name the month."""
        super().__init__(f"nothing is forecast for {month} where it is to change", month=month)


class ConsentMissing(FailedPrecondition):
    """A director has not consented to what was agreed."""

    reason = "CONSENT_MISSING"

    def __init__(self, cycle_id: str, missing: Sequence[str]) -> None:
        """Name the sides that are missing."""
        names = ", ".join(missing)
        super().__init__(
            f"rolling cycle {cycle_id} lacks the consent of {names}",
            cycleId=cycle_id,
            missing=names,
        )


class SideForbids(PermissionDenied):
    """The side belongs to the other director."""

    reason = "PLAN_SIDE_FORBIDS"

    def __init__(self, side: str, subject: str) -> None:
        """Name the side and the caller."""
        super().__init__(f"{subject} is not the director of {side}", side=side, subject=subject)


class SupplyUnavailable(FailedPrecondition):
    """The neighbour system did not answer; the draft is kept and can be checked again."""

    reason = "SUPPLY_UNAVAILABLE"

    def __init__(self, cycle_id: str, kind: str) -> None:
        """Name the cycle and what was asked for."""
        super().__init__(
            f"{kind} of rolling cycle {cycle_id} is not known: the neighbour did not answer",
            cycleId=cycle_id,
            kind=kind,
        )


class PlanNotApproved(FailedPrecondition):
    """The plan is not approved yet, so nobody was sent it."""

    reason = "PLAN_NOT_APPROVED"

    def __init__(self, cycle_id: str, state: str) -> None:
        """Name the cycle and its state."""
        super().__init__(
            f"the plan of rolling cycle {cycle_id} is {state}", cycleId=cycle_id, state=state
        )


class RecipientRoleForbids(PermissionDenied):
    """The caller does not belong to this group of recipients."""

    reason = "RECIPIENT_ROLE_FORBIDS"

    def __init__(self, group: str, subject: str) -> None:
        """Name the group and the caller."""
        super().__init__(f"{subject} does not belong to {group}", group=group, subject=subject)


class CalendarInvalid(FailedPrecondition):
    """Policy `calendar` does not name four days of the month, each after the one before."""

    reason = "CALENDAR_INVALID"

    def __init__(self, days: Sequence[int]) -> None:
        """Name the days."""
        text = ", ".join(map(str, days))
        super().__init__(f"the rolling plan needs four days that ascend, not {text}", days=text)
