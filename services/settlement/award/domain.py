"""Awards and penalties with their table of moves, and rankings of people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money
from chassis.period import Month
from chassis.policy.parameters import Parameters, Value

_WHOLE: Final = 100


class Kind(StrEnum):
    """Which way the money goes."""

    AWARD = "AWARD"
    PENALTY = "PENALTY"


class BeneficiaryKind(StrEnum):
    """Who gets or pays it."""

    PARTNER = "PARTNER"
    PERSON = "PERSON"


class State(StrEnum):
    """How far it is."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    BOOKED = "BOOKED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PROPOSED: frozenset({State.APPROVED}),
    State.APPROVED: frozenset({State.BOOKED}),
    State.BOOKED: frozenset(),
}


class AwardNotFound(NotFound):
    """No award or penalty has this id."""

    reason = "AWARD_NOT_FOUND"

    def __init__(self, award_id: str) -> None:
        """Name the award."""
        super().__init__(f"there is no award {award_id}", awardId=award_id)


class AwardStateForbids(FailedPrecondition):
    """The state of the award does not allow the move."""

    reason = "AWARD_STATE_FORBIDS"

    def __init__(self, award_id: str, state: State, to: State) -> None:
        """Name the award, its state and the one that it cannot reach."""
        super().__init__(
            f"award {award_id} is {state} and cannot become {to}",
            awardId=award_id,
            state=state,
            to=to,
        )


class AwardNeedsAnotherPerson(FailedPrecondition):
    """Who proposed an award cannot approve it."""

    reason = "AWARD_NEEDS_ANOTHER_PERSON"

    def __init__(self, award_id: str, subject: str) -> None:
        """Name the award and the person."""
        super().__init__(
            f"{subject} proposed award {award_id} and cannot approve it",
            awardId=award_id,
            subject=subject,
        )


class RankingExists(AlreadyExists):
    """The unit is ranked for this month already."""

    reason = "RANKING_EXISTS"

    def __init__(self, unit_id: str, month: Month) -> None:
        """Name the unit and the month."""
        super().__init__(
            f"unit {unit_id} is ranked for {month} already", unitId=unit_id, month=str(month)
        )


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Name who gets or pays."""

    kind: BeneficiaryKind
    beneficiary_id: str

    @property
    def holder_id(self) -> str:
        """Return who holds the ledger account; a person is told apart from a partner."""
        person = self.kind is BeneficiaryKind.PERSON
        return f"person.{self.beneficiary_id}" if person else self.beneficiary_id


@dataclass(frozen=True, slots=True)
class Award:
    """Hold an award or a penalty.

    Shape: `amount` is base times factor, rounded once; above 0 also for a penalty.
    """

    award_id: str
    kind: Kind
    beneficiary: Beneficiary
    unit_id: str
    base: Money
    factor: Decimal
    reason: str
    award_date: date
    proposed_by: str
    create_time: datetime
    state: State = State.PROPOSED
    approved_by: str = ""
    approve_time: datetime | None = None
    booked_by: str = ""
    book_time: datetime | None = None
    sequence: int = 0

    @property
    def amount(self) -> Money:
        """Return base times factor.

        Source: R-121.
        """
        return self.base.times(self.factor)

    def approve(self, *, by: str, at: datetime) -> "Award":
        """Approve it as another person than who proposed it.

        Errors: AwardStateForbids, AwardNeedsAnotherPerson.
        """
        moved = self._move(State.APPROVED)
        if by == self.proposed_by:
            raise AwardNeedsAnotherPerson(self.award_id, by)
        return replace(moved, approved_by=by, approve_time=at)

    def book(self, *, by: str, at: datetime) -> "Award":
        """Let it stand in the ledger.

        Errors: AwardStateForbids.
        """
        return replace(self._move(State.BOOKED), booked_by=by, book_time=at)

    def _move(self, to: State) -> "Award":
        if to not in MOVES[self.state]:
            raise AwardStateForbids(self.award_id, self.state, to)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Granted:
    """Hold an award that channels granted to a partner, or a penalty that it imposed: proposed and
    approved there."""

    award_id: str
    partner_id: str
    unit_id: str
    amount: Money
    reason: str
    actor: str
    at: datetime
    kind: Kind = Kind.AWARD


@dataclass(frozen=True, slots=True)
class AwardBooked:
    """An award or a penalty stands in the ledger."""

    award: Award
    post_date: date


@dataclass(frozen=True, slots=True)
class AwardSum:
    """Hold the sums of awards and penalties in one currency."""

    awards: Money
    penalties: Money

    @property
    def net(self) -> Money:
        """Return awards less penalties."""
        return self.awards - self.penalties


@dataclass(frozen=True, slots=True)
class AwardStatement:
    """Hold what was booked for somebody within a month."""

    beneficiary: Beneficiary
    month: Month
    awards: tuple[Award, ...]

    @property
    def sums(self) -> tuple[AwardSum, ...]:
        """Sum the awards and the penalties of each currency, by its code.

        Source: R-123.
        """
        codes = sorted({one.amount.currency_code for one in self.awards})
        return tuple(
            AwardSum(self._total(code, Kind.AWARD), self._total(code, Kind.PENALTY))
            for code in codes
        )

    def _total(self, currency_code: str, kind: Kind) -> Money:
        own = [one.amount for one in self.awards if one.kind is kind]
        minors = [one.amount_minor for one in own if one.currency_code == currency_code]
        return Money(currency_code, sum(minors))


@dataclass(frozen=True, slots=True)
class Incentive:
    """Hold which units are model regions, and what that and a last place mean."""

    policy_id: str
    model_units: frozenset[str]
    model_factor: Decimal
    review_percent: Decimal

    def factor(self, path: Sequence[str]) -> Decimal:
        """Return what a bonus is multiplied with in a unit, by the ids from the root to it.

        Source: R-121.
        """
        return self.model_factor if self.model_units.intersection(path) else Decimal(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Hold the place of one person."""

    place: int
    person_id: str
    score: Decimal
    under_review: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hold the people of a unit in the order of their scores of a month."""

    ranking_id: str
    unit_id: str
    month: Month
    places: tuple[Place, ...]
    review_percent: Decimal
    policy_id: str
    created_by: str
    create_time: datetime
    sequence: int = 0


def places(scores: Mapping[str, Decimal], *, review_percent: Decimal) -> tuple[Place, ...]:
    """Rank people, the best first, and put the last of them on the review list.

    Shape: of equal scores the smaller id comes first; the list has the whole people within the
        percentage, so 10 % of 19 is one.
    Source: R-122.
    """
    numerator, denominator = review_percent.as_integer_ratio()
    last = len(scores) * numerator // (_WHOLE * denominator)
    ranked = sorted(scores.items(), key=lambda one: (-one[1], one[0]))
    kept = len(ranked) - last
    return tuple(
        Place(number, person_id, score, number > kept)
        for number, (person_id, score) in enumerate(ranked, 1)
    )


def incentive_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with the rules: a factor below 1, a percentage outside 0 to 100."""
    rules = Parameters(values)
    found = []
    if rules.decimal("model_factor") < 1:
        found.append("parameters.model_factor is below 1, so a model region would lose by it")
    if not 0 <= rules.decimal("review_percent") <= _WHOLE:
        found.append("parameters.review_percent is outside 0 to 100")
    return found
