"""A scheme, its capital table, and how the net income of a month is shared by it.

A scheme's state is the last milestone of its process; a distribution has a table of moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from chassis.allocation import split, weights_of
from chassis.money import Money
from chassis.period import Month
from chassis.policy.parameters import Parameters, Value
from settlement.revenue_share.errors import (
    AdmissionTargetMissed,
    CapitalDatePassed,
    DistributionExists,
    DistributionMonthNotOver,
    DistributionNeedsAnotherPerson,
    DistributionOutOfOrder,
    DistributionStateForbids,
    ShareParticipantExists,
    ShareSchemeStateForbids,
)
from settlement.revenue_share.states import SchemeState, State

PROCESS: Final = "revenue_share"


DISTRIBUTES: Final = frozenset({SchemeState.TRIAL, SchemeState.EFFECTIVE})


class Pool(StrEnum):
    """A side of the net income."""

    UNIT = "UNIT"
    COMPANY = "COMPANY"
    FLEXIBLE = "FLEXIBLE"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.CALCULATED: frozenset({State.APPROVED, State.REJECTED}),
    State.APPROVED: frozenset({State.PAID}),
    State.PAID: frozenset(),
    State.REJECTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold what the policy says: the weight of each side, and what admission asks for."""

    policy_id: str
    weights: Mapping[Pool, Decimal]
    admission_score: Decimal


@dataclass(frozen=True, slots=True)
class Scheme:
    """Hold how the net income of a unit is shared.

    Shape: `loss_minor` is what later income has to cover first; `last_month` the last one that was
        calculated.
    """

    scheme_id: str
    unit_id: str
    title: str
    steering_group: tuple[str, ...]
    state: SchemeState
    process_id: str
    currency_code: str
    terms: Terms
    created_by: str
    create_time: datetime
    loss_minor: int = 0
    last_month: Month | None = None
    sequence: int = 0

    def revise(self, title: str, steering_group: Sequence[str], terms: Terms) -> "Scheme":
        """Take over a new draft."""
        return replace(self, title=title, steering_group=tuple(steering_group), terms=terms)

    def admit(self, participant_id: str, score: Decimal) -> None:
        """Refuse who misses the target standard.

        Errors: AdmissionTargetMissed.
        Source: R-127.
        """
        if score < self.terms.admission_score:
            raise AdmissionTargetMissed(participant_id, score, self.terms.admission_score)

    def require_month(self, month: Month, *, today: date) -> None:
        """Refuse to distribute before the trial, a month that is not over, one twice, or one behind
        a later one.

        Errors: ShareSchemeStateForbids, DistributionMonthNotOver, DistributionExists,
            DistributionOutOfOrder.
        Source: R-132.
        """
        if self.state not in DISTRIBUTES:
            raise ShareSchemeStateForbids(self.scheme_id, self.state)
        if today <= month.last_day:
            raise DistributionMonthNotOver(month)
        if self.last_month is None:
            return
        if month == self.last_month:
            raise DistributionExists(self.scheme_id, month)
        if month.first_day < self.last_month.first_day:
            raise DistributionOutOfOrder(self.scheme_id, month, self.last_month)

    def take_back(self, last: "Distribution", *, before: Month | None) -> "Scheme":
        """Return to what was before the last distribution, and to the month that is the last then.

        Errors: DistributionOutOfOrder when a later one has counted its loss.
        """
        if self.last_month is not None and last.month != self.last_month:
            raise DistributionOutOfOrder(self.scheme_id, last.month, self.last_month)
        return replace(self, loss_minor=last.result.loss_before_minor, last_month=before)


@dataclass(frozen=True, slots=True)
class CapitalEntry:
    """Hold what a participant invested."""

    participant_id: str
    capital: Money


@dataclass(frozen=True, slots=True)
class CapitalTable:
    """Hold who invested how much from a day on; a version never changes."""

    scheme_id: str
    version: int
    effective_date: date
    entries: tuple[CapitalEntry, ...]
    created_by: str
    create_time: datetime

    def following(
        self, new: CapitalEntry, *, effective_date: date, by: str, at: datetime
    ) -> "CapitalTable":
        """Make the next version, with one participant more.

        Errors: ShareParticipantExists, CapitalDatePassed.
        Source: R-127, R-128.
        """
        if new.participant_id in {one.participant_id for one in self.entries}:
            raise ShareParticipantExists(self.scheme_id, new.participant_id)
        if effective_date < self.effective_date:
            raise CapitalDatePassed(self.scheme_id, effective_date, self.effective_date)
        entries = (*self.entries, new)
        return CapitalTable(
            self.scheme_id, self.version + 1, effective_date, entries, created_by=by, create_time=at
        )


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what a participant gets of a side, and by which weight."""

    pool: Pool
    participant_id: str
    weight: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class Result:
    """Hold what a month brought, and what of it can be shared.

    Units: minor units; `net` is below 0 in a month of loss, all others are 0 or more.
    """

    income_minor: int
    cost_minor: int
    loss_before_minor: int

    @property
    def net_minor(self) -> int:
        """Return income less cost."""
        return self.income_minor - self.cost_minor

    @property
    def distributable_minor(self) -> int:
        """Return the net income less the loss that was carried to it; nothing when that is below 0.

        Source: R-131.
        """
        return max(self.net_minor - self.loss_before_minor, 0)

    @property
    def loss_after_minor(self) -> int:
        """Return the loss that is carried on."""
        return max(self.loss_before_minor - self.net_minor, 0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Hold how the net income of a month is shared."""

    distribution_id: str
    scheme_id: str
    unit_id: str
    month: Month
    currency_code: str
    result: Result
    capital_version: int
    lines: tuple[Line, ...]
    calculated_by: str
    create_time: datetime
    state: State = State.CALCULATED
    approved_by: str = ""
    approve_date: date | None = None
    pay_date: date | None = None
    rejected_by: str = ""
    reject_date: date | None = None
    reject_reason: str = ""

    def approve(self, *, by: str, on: date) -> "Distribution":
        """Approve it as another person than who calculated it.

        Errors: DistributionStateForbids, DistributionNeedsAnotherPerson.
        """
        moved = self._move(State.APPROVED)
        if by == self.calculated_by:
            raise DistributionNeedsAnotherPerson(self.distribution_id, by)
        return replace(moved, approved_by=by, approve_date=on)

    def reject(self, *, why: str, by: str, on: date) -> "Distribution":
        """Reject it.

        Errors: DistributionStateForbids.
        """
        moved = self._move(State.REJECTED)
        return replace(moved, rejected_by=by, reject_date=on, reject_reason=why)

    def pay(self, *, on: date) -> "Distribution":
        """Pay it out.

        Errors: DistributionStateForbids.
        """
        return replace(self._move(State.PAID), pay_date=on)

    def _move(self, to: State) -> "Distribution":
        if to not in MOVES[self.state]:
            raise DistributionStateForbids(self.distribution_id, self.state, to)
        return replace(self, state=to)


def share(
    distributable: Money,
    terms: Terms,
    *,
    unit_id: str,
    capital: Sequence[CapitalEntry],
    scores: Mapping[str, Decimal],
) -> tuple[Line, ...]:
    """Share an amount between the sides, and each side among those behind it.

    Shape: the sides in their order, within them the participants in theirs; no cent is lost on
        either level. Nothing to share gives no lines.
    Source: R-126, R-128, R-129, R-130; largest remainder, ties to the first.
    """
    if not distributable.amount_minor:
        return ()
    pools = list(terms.weights)
    parts = split(distributable.amount_minor, weights_of([terms.weights[pool] for pool in pools]))
    behind: Mapping[Pool, Mapping[str, Decimal]] = {
        Pool.UNIT: {unit_id: Decimal(1)},
        Pool.COMPANY: {one.participant_id: Decimal(one.capital.amount_minor) for one in capital},
        Pool.FLEXIBLE: scores,
    }
    return tuple(
        line
        for pool, part in zip(pools, parts, strict=True)
        for line in _lines(pool, Money(distributable.currency_code, part), behind[pool])
    )


def _lines(pool: Pool, part: Money, weights: Mapping[str, Decimal]) -> list[Line]:
    amounts = split(part.amount_minor, weights_of(list(weights.values())))
    return [
        Line(pool, participant_id, weight, Money(part.currency_code, minor))
        for (participant_id, weight), minor in zip(weights.items(), amounts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Hold what a participant got of a side in a month."""

    month: Month
    pool: Pool
    amount: Money
    state: State


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold what a participant got from a scheme; what is only calculated is left out."""

    scheme_id: str
    participant_id: str
    currency_code: str
    lines: tuple[StatementLine, ...]

    def total(self, *states: State) -> Money:
        """Sum the lines whose distribution is that far."""
        minors = (one.amount.amount_minor for one in self.lines if one.state in states)
        return Money(self.currency_code, sum(minors))


@dataclass(frozen=True, slots=True)
class RevenueShared:
    """A month's net income was shared."""

    distribution: Distribution


def share_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with the rules: a weight or a standard below 0, or no weight at all."""
    rules = Parameters(values)
    weights = [rules.decimal(f"{pool.lower()}_weight") for pool in Pool]
    found = []
    if min(weights) < 0 or not sum(weights):
        found.append("parameters.unit_weight and the other weights are not 0 or more, or all 0")
    if rules.decimal("admission_score") < 0:
        found.append("parameters.admission_score is below 0")
    return found
