"""A diversion case with its table of moves, and whom a scanned batch had been sent to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from chassis.money import Money, UnitPrice


class State(StrEnum):
    """How far a case is."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    PENALISED = "PENALISED"
    DISMISSED = "DISMISSED"


# Source: R-209. What is confirmed goes to settlement at once, so it cannot be dismissed any more.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.CONFIRMED, State.DISMISSED}),
    State.CONFIRMED: frozenset({State.PENALISED}),
    State.PENALISED: frozenset(),
    State.DISMISSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Scan:
    """Hold what somebody found where; an empty text means that nobody said."""

    batch: str
    product_id: str
    quantity: int
    found_unit_id: str
    evidence: str
    found_partner_id: str = ""
    source_partner_id: str = ""
    finding_id: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Hold a partner that a batch was sent to, how much of it, and at what price."""

    partner_id: str
    unit_id: str
    order_id: str
    quantity: int
    unit_price: UnitPrice


def source_of(scan: Scan, sources: Sequence[Source]) -> Source:
    """Return whom the goods of a scan had been sent to.

    Errors: BatchNotShipped, BatchAmbiguous.
    Source: R-209: a batch is coded to a partner by what was sent.
    """
    found = [one for one in sources if scan.source_partner_id in ("", one.partner_id)]
    if not found:
        raise BatchNotShipped(scan.batch, scan.product_id)
    if len(found) > 1:
        raise BatchAmbiguous(scan.batch, scan.product_id, [one.partner_id for one in found])
    return found[0]


@dataclass(frozen=True, slots=True)
class DiversionCase:
    """Hold goods of one partner found in the area of another."""

    case_id: str
    scan: Scan
    source: Source
    opened_by: str
    open_time: datetime
    state: State = State.OPEN
    decided_by: str = ""
    decision: str = ""
    decide_time: datetime | None = None
    fine: Money | None = None
    version: int = 1

    @property
    def amount(self) -> Money:
        """Return what the partner paid for what was found.

        Source: R-209: 200 × 8.55 are 1,710.00.
        """
        return self.source.unit_price.times(self.scan.quantity)

    def decide(self, to: State, *, decision: str, by: str, at: datetime) -> "DiversionCase":
        """Confirm or dismiss it as another person than who scanned.

        Errors: DiversionStateForbids, DiversionNeedsAnotherPerson.
        """
        moved = self._move(to)
        if by == self.opened_by:
            raise DiversionNeedsAnotherPerson(self.case_id, by)
        return replace(moved, decision=decision, decided_by=by, decide_time=at)

    def penalise(self, fine: Money) -> "DiversionCase":
        """Take over the fine that settlement booked.

        Errors: DiversionStateForbids.
        """
        return replace(self._move(State.PENALISED), fine=fine)

    def _move(self, to: State) -> "DiversionCase":
        if to not in MOVES[self.state]:
            raise DiversionStateForbids(self.case_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Traced:
    """Hold whom a batch was sent to, and the case when it is not where it belongs."""

    source: Source
    case: DiversionCase | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which cases a list is to have; an empty text and None mean all."""

    source_partner_id: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class DiversionConfirmed:
    """A second person confirmed a case."""

    case: DiversionCase
    on: date


class BatchNotShipped(NotFound):
    """The batch of this product was sent to nobody."""

    reason = "BATCH_NOT_SHIPPED"

    def __init__(self, batch: str, product_id: str) -> None:
        """Name the batch and the product."""
        super().__init__(
            f"batch {batch} of {product_id} was not sent there", batch=batch, productId=product_id
        )


class BatchAmbiguous(FailedPrecondition):
    """The batch was sent to several partners."""

    reason = "BATCH_AMBIGUOUS"

    def __init__(self, batch: str, product_id: str, partners: Sequence[str]) -> None:
        """Name the batch, the product and the partners."""
        names = ", ".join(partners)
        super().__init__(
            f"batch {batch} of {product_id} was sent to {names}",
            batch=batch,
            productId=product_id,
            partners=names,
        )


class BatchQuantityExceeded(FailedPrecondition):
    """More was found than the partner got of the batch."""

    reason = "BATCH_QUANTITY_EXCEEDED"

    def __init__(self, scan: Scan, shipped: int) -> None:
        """Name the batch, the product and both numbers."""
        super().__init__(
            f"{scan.quantity} of batch {scan.batch} of {scan.product_id} are more than the "
            f"{shipped} that are left of what was sent",
            batch=scan.batch,
            productId=scan.product_id,
            quantity=scan.quantity,
            shippedQuantity=shipped,
        )


class DiversionCaseNotFound(NotFound):
    """No case has this id."""

    reason = "DIVERSION_CASE_NOT_FOUND"

    def __init__(self, case_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no diversion case {case_id}", caseId=case_id)


class DiversionStateForbids(FailedPrecondition):
    """The case's state does not allow the move."""

    reason = "DIVERSION_STATE_FORBIDS"

    def __init__(self, case_id: str, state: State, to: State) -> None:
        """Name the case and the move."""
        super().__init__(
            f"diversion case {case_id} is {state} and cannot become {to}",
            caseId=case_id,
            state=state,
            to=to,
        )


class DiversionNeedsAnotherPerson(PermissionDenied):
    """Who scanned the batch cannot decide on the case."""

    reason = "DIVERSION_NEEDS_ANOTHER_PERSON"

    def __init__(self, case_id: str, subject: str) -> None:
        """Name the case and the person."""
        super().__init__(
            f"{subject} scanned for diversion case {case_id} and cannot decide on it",
            caseId=case_id,
            subject=subject,
        )
