"""A branch's claim to a client of group uniforms, and the measuring of the client's people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from channels.turnover.domain import percent
from chassis.errors import FailedPrecondition, NotFound


class State(StrEnum):
    """How far a filing is."""

    FILED = "FILED"
    CONFIRMED = "CONFIRMED"
    CONFLICT = "CONFLICT"
    CONTRACTED = "CONTRACTED"
    EXPIRED = "EXPIRED"


# Source: R-144. A conflict stays one; the branch files again when the protection is over.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.FILED: frozenset({State.CONFIRMED, State.EXPIRED}),
    State.CONFIRMED: frozenset({State.CONTRACTED, State.EXPIRED}),
    State.CONFLICT: frozenset(),
    State.CONTRACTED: frozenset(),
    State.EXPIRED: frozenset(),
}
# In these people are measured.
MEASURABLE: Final = frozenset({State.CONFIRMED, State.CONTRACTED})


@dataclass(frozen=True, slots=True)
class SizeCount:
    """Hold how many people have a size."""

    size: str
    people: int


@dataclass(frozen=True, slots=True)
class Waiver:
    """Hold who let production begin before everybody was measured, and where that is written."""

    reason: str
    reference: str
    waived_by: str


@dataclass(frozen=True, slots=True)
class Measuring:
    """Hold how many people there are, and the sizes of those who were measured."""

    planned: int
    sizes: tuple[SizeCount, ...] = ()
    waiver: Waiver | None = None

    @property
    def measured(self) -> int:
        """Return how many people were measured."""
        return sum(one.people for one in self.sizes)

    @property
    def measured_percent(self) -> Decimal:
        """Return how many of the people were measured, in percent with one digit.

        Source: R-145: 480 of 500 are 96.0.
        """
        return percent(self.measured, self.planned)

    @property
    def done(self) -> bool:
        """Tell whether everybody is measured."""
        return self.measured == self.planned


@dataclass(frozen=True, slots=True)
class Filing:
    """Hold a filing; `first_filing_id` and `first_unit_id` are there only in conflict."""

    filing_id: str
    unit_id: str
    client_id: str
    project: str
    filed_by: str
    file_date: date
    protect_until: date
    create_time: datetime
    state: State = State.FILED
    first_filing_id: str = ""
    first_unit_id: str = ""
    measuring: Measuring | None = None
    contract_id: str = ""
    version: int = 1

    def behind(self, first: "Filing") -> "Filing":
        """Return it as one that came after another branch's.

        Source: R-144.
        """
        return replace(
            self,
            state=State.CONFLICT,
            first_filing_id=first.filing_id,
            first_unit_id=first.unit_id,
        )

    def move(self, to: State) -> "Filing":
        """Move it along the table.

        Errors: GroupFilingStateForbids.
        """
        if to not in MOVES[self.state]:
            raise GroupFilingStateForbids(self.filing_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)

    def contracted(self, contract_id: str) -> "Filing":
        """Let a signed contract stand behind it.

        Errors: GroupFilingStateForbids.
        """
        return replace(self.move(State.CONTRACTED), contract_id=contract_id)

    def measure(self, planned: int, sizes: Sequence[SizeCount]) -> "Filing":
        """Take over who was measured; a waiver stays.

        Errors: GroupFilingStateForbids, MeasuringExceedsPlan.
        """
        self._require_measurable()
        waiver = self.measuring.waiver if self.measuring else None
        measuring = Measuring(planned, tuple(sizes), waiver)
        if measuring.measured > planned:
            raise MeasuringExceedsPlan(self.filing_id, measuring)
        return replace(self, measuring=measuring, version=self.version + 1)

    def waive(self, waiver: Waiver) -> "Filing":
        """Let production begin before everybody is measured.

        Errors: GroupFilingStateForbids, MeasuringIncomplete when nobody knows how many are missing.
        Source: R-145.
        """
        self._require_measurable()
        if self.measuring is None:
            raise MeasuringIncomplete(self.filing_id, None)
        measuring = replace(self.measuring, waiver=waiver)
        return replace(self, measuring=measuring, version=self.version + 1)

    def require_measured(self) -> None:
        """Refuse production before everybody is measured or somebody waived it in writing.

        Errors: MeasuringIncomplete.
        Source: R-145.
        """
        found = self.measuring
        if found is None or not (found.done or found.waiver):
            raise MeasuringIncomplete(self.filing_id, found)

    def _require_measurable(self) -> None:
        if self.state not in MEASURABLE:
            raise GroupFilingStateForbids(self.filing_id, self.state, State.CONTRACTED)


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which filings a list is to have; an empty text and None mean all."""

    client_id: str = ""
    state: State | None = None


class GroupFilingNotFound(NotFound):
    """No filing has this id."""

    reason = "GROUP_FILING_NOT_FOUND"

    def __init__(self, filing_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no filing {filing_id}", filingId=filing_id)


class GroupFilingStateForbids(FailedPrecondition):
    """The filing's state does not allow the move."""

    reason = "GROUP_FILING_STATE_FORBIDS"

    def __init__(self, filing_id: str, state: State, to: State) -> None:
        """Name the filing and the move."""
        super().__init__(
            f"filing {filing_id} is {state} and cannot be used as or become {to}",
            filingId=filing_id,
            state=state,
            to=to,
        )


class MeasuringIncomplete(FailedPrecondition):
    """Not everybody is measured, and nobody waived it."""

    reason = "MEASURING_INCOMPLETE"

    def __init__(self, filing_id: str, found: Measuring | None) -> None:
        """Name the filing and how many are measured of how many."""
        measured, planned = (found.measured, found.planned) if found else (0, 0)
        super().__init__(
            f"{measured} of {planned} people of filing {filing_id} are measured",
            filingId=filing_id,
            measured=measured,
            planned=planned,
        )


class MeasuringExceedsPlan(FailedPrecondition):
    """More people were measured than there are."""

    reason = "MEASURING_EXCEEDS_PLAN"

    def __init__(self, filing_id: str, found: Measuring) -> None:
        """Name the filing and how many are measured of how many."""
        super().__init__(
            f"{found.measured} people of filing {filing_id} are measured, not {found.planned}",
            filingId=filing_id,
            measured=found.measured,
            planned=found.planned,
        )
