"""A partner's customer file: what it signed, and the reports behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.errors import NotFound


class State(StrEnum):
    """Whether the partner trades."""

    SIGNED = "SIGNED"
    ACTIVE = "ACTIVE"
    TERMINATED = "TERMINATED"


@dataclass(frozen=True, slots=True)
class FiledAgreement:
    """Hold an agreement; no end date while none ended it before its year was over."""

    agreement_id: str
    year: int
    report_id: str
    selection_id: str
    end_date: date | None = None
    end_reason: str = ""


@dataclass(frozen=True, slots=True)
class FiledReview:
    """Hold a yearly evaluation; no target percent without a target.

    Units: percent with one digit, as channels told them.
    """

    review_id: str
    year: int
    target_percent: str
    late_percent: str
    proposal: str


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """Hold a file with its agreements and its evaluations by year."""

    customer_id: str
    unit_id: str
    name: str
    kind: str
    state: State
    create_time: datetime
    agreements: Sequence[FiledAgreement] = ()
    reviews: Sequence[FiledReview] = ()

    @property
    def report_ids(self) -> list[str]:
        """Return the evaluation reports, in the order of their agreements, each once."""
        return list(dict.fromkeys(one.report_id for one in self.agreements if one.report_id))


class CustomerFileNotFound(NotFound):
    """The customer is no partner, or none that has signed."""

    reason = "CUSTOMER_FILE_NOT_FOUND"

    def __init__(self, customer_id: str) -> None:
        """Name the customer."""
        super().__init__(f"customer {customer_id} has no file as a partner", customerId=customer_id)
