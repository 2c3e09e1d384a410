"""Why revenue share refuses."""

from datetime import date
from decimal import Decimal

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.period import Month
from settlement.revenue_share.states import SchemeState, State


class ShareSchemeNotFound(NotFound):
    """No scheme has this id."""

    reason = "SHARE_SCHEME_NOT_FOUND"

    def __init__(self, scheme_id: str) -> None:
        """Name the scheme."""
        super().__init__(f"there is no revenue-share scheme {scheme_id}", schemeId=scheme_id)


class ShareSchemeStateForbids(FailedPrecondition):
    """The scheme is neither on trial nor in effect."""

    reason = "SHARE_SCHEME_STATE_FORBIDS"

    def __init__(self, scheme_id: str, state: SchemeState) -> None:
        """Name the scheme and its state."""
        super().__init__(
            f"scheme {scheme_id} is {state} and distributes nothing",
            schemeId=scheme_id,
            state=state,
        )


class ShareParticipantExists(AlreadyExists):
    """The scheme has this participant already."""

    reason = "SHARE_PARTICIPANT_EXISTS"

    def __init__(self, scheme_id: str, participant_id: str) -> None:
        """Name both."""
        super().__init__(
            f"scheme {scheme_id} has participant {participant_id} already",
            schemeId=scheme_id,
            participantId=participant_id,
        )


class AdmissionTargetMissed(FailedPrecondition):
    """The applicant reached less than admission asks for."""

    reason = "ADMISSION_TARGET_MISSED"

    def __init__(self, participant_id: str, score: Decimal, required: Decimal) -> None:
        """Name the applicant, what it reached and what it should have."""
        super().__init__(
            f"{participant_id} reached {score} of {required}",
            participantId=participant_id,
            score=score,
            required=required,
        )


class CapitalDatePassed(FailedPrecondition):
    """The newest version of the capital table begins later."""

    reason = "CAPITAL_DATE_PASSED"

    def __init__(self, scheme_id: str, effective_date: date, newest_date: date) -> None:
        """Name the scheme and both days."""
        super().__init__(
            f"the capital table of scheme {scheme_id} begins on {newest_date.isoformat()}, after"
            f" {effective_date.isoformat()}",
            schemeId=scheme_id,
            effectiveDate=effective_date.isoformat(),
            newestDate=newest_date.isoformat(),
        )


class CapitalMissing(FailedPrecondition):
    """The scheme has no capital table that holds then."""

    reason = "CAPITAL_MISSING"

    def __init__(self, scheme_id: str, day: date) -> None:
        """Name the scheme and the day."""
        super().__init__(
            f"scheme {scheme_id} has no capital table on {day.isoformat()}",
            schemeId=scheme_id,
            day=day.isoformat(),
        )


class DistributionNotFound(NotFound):
    """No distribution has this id."""

    reason = "DISTRIBUTION_NOT_FOUND"

    def __init__(self, distribution_id: str) -> None:
        """Name the distribution."""
        super().__init__(
            f"there is no distribution {distribution_id}", distributionId=distribution_id
        )


class DistributionStateForbids(FailedPrecondition):
    """The state of the distribution does not allow the move."""

    reason = "DISTRIBUTION_STATE_FORBIDS"

    def __init__(self, distribution_id: str, state: State, to: State) -> None:
        """Name the distribution, its state and the one that it cannot reach."""
        super().__init__(
            f"distribution {distribution_id} is {state} and cannot become {to}",
            distributionId=distribution_id,
            state=state,
            to=to,
        )


class DistributionNeedsAnotherPerson(FailedPrecondition):
    """Who calculated a distribution cannot approve it."""

    reason = "DISTRIBUTION_NEEDS_ANOTHER_PERSON"

    def __init__(self, distribution_id: str, subject: str) -> None:
        """Name the distribution and the person."""
        super().__init__(
            f"{subject} calculated distribution {distribution_id} and cannot approve it",
            distributionId=distribution_id,
            subject=subject,
        )


class DistributionExists(AlreadyExists):
    """The month is distributed already."""

    reason = "DISTRIBUTION_EXISTS"

    def __init__(self, scheme_id: str, month: Month) -> None:
        """Name the scheme and the month."""
        super().__init__(
            f"{month} of scheme {scheme_id} is distributed already",
            schemeId=scheme_id,
            month=str(month),
        )


class DistributionMonthNotOver(FailedPrecondition):
    """The month can still bring income."""

    reason = "DISTRIBUTION_MONTH_NOT_OVER"

    def __init__(self, month: Month) -> None:
        """Name the month."""
        super().__init__(f"the month {month} is not over", month=str(month))


class DistributionOutOfOrder(FailedPrecondition):
    """A later month is distributed already."""

    reason = "DISTRIBUTION_OUT_OF_ORDER"

    def __init__(self, scheme_id: str, month: Month, last: Month) -> None:
        """Name the scheme and both months."""
        super().__init__(
            f"scheme {scheme_id} distributed {last} already, so {month} comes too late",
            schemeId=scheme_id,
            month=str(month),
            lastMonth=str(last),
        )
