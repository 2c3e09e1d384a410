"""Fund plans: what comes in and goes out within half a month, what is missing, what is tied up.

A plan is a draft until it is handed in, and then stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money, total
from chassis.period import Month
from chassis.policy.parameters import Parameters, Value

KIND: Final = "fund_plan"
DAYS_MAX: Final = 31


class Half(IntEnum):
    """Which half of a month."""

    FIRST = 1
    SECOND = 2


class State(StrEnum):
    """Where a plan stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.DRAFT, State.SUBMITTED}),
    State.SUBMITTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Key:
    """Name a plan."""

    unit_id: str
    month: Month
    half: Half


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what the policy `fund_plan` says.

    Shape: the first half is handed in until a day of the month before, the second until a day of
        its own month; a day beyond a month's end is its last.
    """

    minimum: Money
    first_half_day: int
    second_half_day: int

    @classmethod
    def read(cls, parameters: Parameters) -> "Rules":
        """Read them from a version of the policy."""
        return cls(
            Money(parameters.text("currency_code"), parameters.integer("minimum_minor")),
            parameters.integer("first_half_day"),
            parameters.integer("second_half_day"),
        )

    def due_date(self, month: Month, half: Half) -> date:
        """Tell the last day for handing a plan in.

        Source: R-138.
        """
        if half is Half.FIRST:
            return month.previous().day(self.first_half_day)
        return month.day(self.second_half_day)


def rule_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with a `fund_plan` policy whose shape is right."""
    rules = Parameters(values)
    found = [
        f"parameters.{name} is outside 1 to {DAYS_MAX}"
        for name in ("first_half_day", "second_half_day")
        if not 1 <= rules.integer(name) <= DAYS_MAX
    ]
    if rules.integer("minimum_minor") < 0:
        found.append("parameters.minimum_minor is below 0")
    return found


@dataclass(frozen=True, slots=True)
class Capital:
    """Hold the capital that a business ties up."""

    receivable: Money
    stock: Money
    payable: Money

    @property
    def tied_up(self) -> Money:
        """Tell receivable plus stock less payable.

        Source: R-141.
        """
        return self.receivable + self.stock - self.payable


@dataclass(frozen=True, slots=True)
class Funds:
    """Hold what is there, comes in and goes out."""

    opening: Money
    receipts: Money
    payments: Money

    @property
    def closing(self) -> Money:
        """Tell what is left.

        Source: R-138.
        """
        return self.opening + self.receipts - self.payments


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPlan:
    """Hold a plan; all its amounts have one currency."""

    key: Key
    funds: Funds
    capital: Capital
    minimum: Money
    due_date: date
    written_by: str
    write_time: datetime
    state: State = State.DRAFT
    submitted_by: str = ""
    submit_date: date | None = None

    @property
    def shortfall(self) -> Money:
        """Tell by how much the closing falls short of the minimum; 0 when it does not.

        Source: R-138.
        """
        return max(self.minimum - self.funds.closing, replace(self.minimum, amount_minor=0))

    @property
    def late(self) -> bool:
        """Tell whether it was handed in too late."""
        return self.submit_date is not None and self.submit_date > self.due_date

    def require_draft(self, to: State) -> None:
        """Refuse to change what was handed in.

        Errors: FundPlanSubmitted.
        """
        if to not in MOVES[self.state]:
            raise FundPlanSubmitted(self.key)

    def submit(self, *, by: str, on: date) -> "FundPlan":
        """Hand it in.

        Errors: FundPlanSubmitted.
        """
        self.require_draft(State.SUBMITTED)
        return replace(self, state=State.SUBMITTED, submitted_by=by, submit_date=on)


@dataclass(frozen=True, slots=True)
class CompanyPlan:
    """Hold the sum of the plans that were handed in of a unit and all below it."""

    key: Key
    plan_count: int
    draft_count: int
    funds: Funds
    capital: Capital
    shortfall: Money


def company_plan(key: Key, plans: Iterable[FundPlan], *, currency_code: str) -> CompanyPlan:
    """Sum the plans that were handed in; a unit's surplus does not cover another's shortfall.

    Source: R-138.
    """
    known = list(plans)
    counted = [one for one in known if one.state is State.SUBMITTED]

    def of(amounts: Iterable[Money]) -> Money:
        return total(currency_code, list(amounts))

    return CompanyPlan(
        key,
        len(counted),
        len(known) - len(counted),
        Funds(
            of(one.funds.opening for one in counted),
            of(one.funds.receipts for one in counted),
            of(one.funds.payments for one in counted),
        ),
        Capital(
            of(one.capital.receivable for one in counted),
            of(one.capital.stock for one in counted),
            of(one.capital.payable for one in counted),
        ),
        of(one.shortfall for one in counted),
    )


class FundPlanNotFound(NotFound):
    """The unit has no fund plan for this half of the month."""

    reason = "FUND_PLAN_NOT_FOUND"

    def __init__(self, key: Key) -> None:
        """Name the unit and the half month."""
        super().__init__(
            f"unit {key.unit_id} has no fund plan for half {key.half} of {key.month}",
            unitId=key.unit_id,
            month=key.month,
            half=int(key.half),
        )


class FundPlanSubmitted(FailedPrecondition):
    """The fund plan was handed in and stays as it is."""

    reason = "FUND_PLAN_SUBMITTED"

    def __init__(self, key: Key) -> None:
        """Name the unit and the half month."""
        super().__init__(
            f"the fund plan of unit {key.unit_id} for half {key.half} of {key.month} is handed in",
            unitId=key.unit_id,
            month=key.month,
            half=int(key.half),
        )
