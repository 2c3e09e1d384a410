"""Budget lines: what is spent and reserved together never exceeds the line.

Whether there is enough, the line answers. A line of a plan is in force with its plan, and open for
spending once whoever answers for it has claimed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import CurrencyMismatch, Money
from chassis.period import DateRange


class LineState(StrEnum):
    """Where a line stands."""

    DRAFT = "DRAFT"
    EFFECTIVE = "EFFECTIVE"
    SIGNED = "SIGNED"
    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"


_L = LineState
LINE_MOVES: Final[Mapping[LineState, frozenset[LineState]]] = {
    _L.DRAFT: frozenset({_L.EFFECTIVE, _L.WITHDRAWN}),
    _L.EFFECTIVE: frozenset({_L.SIGNED, _L.CLOSED}),
    _L.SIGNED: frozenset({_L.CLOSED}),
    _L.CLOSED: frozenset(),
    _L.WITHDRAWN: frozenset(),
}
IN_FORCE: Final = frozenset({LineState.EFFECTIVE, LineState.SIGNED})


class Cause(StrEnum):
    """Why a line that is in force is another than before."""

    IN_FORCE = "IN_FORCE"
    SIGNED = "SIGNED"
    ADJUSTED = "ADJUSTED"
    TRANSFERRED = "TRANSFERRED"
    CARRIED_FORWARD = "CARRIED_FORWARD"


@dataclass(frozen=True, slots=True)
class Owner:
    """Name what a reservation is for: a thing of a service."""

    service: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class LineOwner:
    """Name who answers for a line of a plan and claims it.

    Shape: `role` as tokens spell it; `key` tells two with the same role apart, such as a product or
        a unit, and may be empty.
    """

    role: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class PlanPart:
    """Say which version of a plan a line is a part of, and whose part."""

    plan_id: str
    plan_version: int
    owner: LineOwner


@dataclass(frozen=True, slots=True)
class Part:
    """Name an amount of a line."""

    budget_line_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """Hold a line with what is reserved and spent at one moment.

    Shape: `plan` is None for a line that is approved by itself; `budget_cap_id` is empty without a
        cap; `signed_by` is who claimed it.
    """

    budget_line_id: str
    unit_id: str
    name: str
    expense_type: str
    period: DateRange
    amount: Money
    reserved: Money
    spent: Money
    state: LineState
    version: int
    created_by: str
    approved_by: str = ""
    signed_by: str = ""
    plan: PlanPart | None = None
    budget_cap_id: str = ""

    @property
    def committed(self) -> Money:
        """Tell what is spent and reserved."""
        return self.spent + self.reserved

    @property
    def available(self) -> Money:
        """Tell what is neither spent nor reserved; nothing while the line is not in force."""
        if self.state not in IN_FORCE:
            return replace(self.amount, amount_minor=0)
        return self.amount - self.committed

    def approve(self, *, by: str) -> "BudgetLine":
        """Make the money of a line without a plan reservable.

        Errors: BudgetLineOfPlan, BudgetLineStateForbids.
        """
        self.require_planless()
        return self.take_effect(by=by)

    def require_planless(self) -> None:
        """Refuse to do by itself what happens to a line of a plan with its plan.

        Errors: BudgetLineOfPlan.
        """
        if self.plan is not None:
            raise BudgetLineOfPlan(self, self.plan)

    def take_effect(self, *, by: str) -> "BudgetLine":
        """Put it in force; a line of a plan still waits for its claim.

        Errors: BudgetLineStateForbids.
        Source: R-025.
        """
        return replace(self._moved(LineState.EFFECTIVE), approved_by=by)

    def sign(self, *, by: str) -> "BudgetLine":
        """Claim it, which opens it for spending.

        Errors: BudgetLineStateForbids.
        Source: R-026.
        """
        return replace(self._moved(LineState.SIGNED), signed_by=by)

    def withdraw(self) -> "BudgetLine":
        """Give a draft up.

        Errors: BudgetLineStateForbids.
        """
        return self._moved(LineState.WITHDRAWN)

    def close(self) -> "BudgetLine":
        """End it: what is reserved may still be spent, and nothing more reserved.

        Errors: BudgetLineStateForbids.
        """
        return self._moved(LineState.CLOSED)

    def adjust(self, amount: Money) -> "BudgetLine":
        """Change the whole of it, never below what is spent and reserved.

        Errors: CurrencyMismatch, BudgetLineStateForbids, BudgetBelowCommitted.
        Source: R-039.
        """
        self._require_currency(amount)
        if self.state not in IN_FORCE:
            raise BudgetLineStateForbids(self)
        if amount < self.committed:
            raise BudgetBelowCommitted(self, amount)
        return replace(self, amount=amount, version=self.version + 1)

    def require(self, wanted: Money) -> None:
        """Refuse to reserve more than is available.

        Errors: CurrencyMismatch, NotEffective, BudgetLineUnsigned, BudgetLineStateForbids,
            BudgetInsufficient.
        Source: R-025, R-026, R-110.
        """
        self._require_currency(wanted)
        match self.state:
            case LineState.DRAFT | LineState.WITHDRAWN:
                raise NotEffective(self)
            case LineState.CLOSED:
                raise BudgetLineStateForbids(self)
            case LineState.EFFECTIVE if self.plan is not None:
                raise BudgetLineUnsigned(self, self.plan.owner)
            case LineState.EFFECTIVE | LineState.SIGNED:
                if self.available < wanted:
                    raise BudgetInsufficient(self, wanted)

    def spend(self, amount: Money) -> "BudgetLine":
        """Count what was spent, or what came back when the amount is negative."""
        return replace(self, spent=self.spent + amount, version=self.version + 1)

    def _moved(self, to: LineState) -> "BudgetLine":
        if to not in LINE_MOVES[self.state]:
            raise BudgetLineStateForbids(self)
        return replace(self, state=to, version=self.version + 1)

    def _require_currency(self, amount: Money) -> None:
        if amount.currency_code != self.amount.currency_code:
            raise CurrencyMismatch(self.amount.currency_code, amount.currency_code)


@dataclass(frozen=True, slots=True)
class LineChanged:
    """A line that is in force is another than before: its amount, or who may spend from it."""

    line: BudgetLine
    cause: Cause


@dataclass(frozen=True, slots=True)
class Which:
    """Say which lines are wanted: of a unit, of a plan, below a cap; empty means all."""

    unit_id: str = ""
    plan_id: str = ""
    budget_cap_id: str = ""


class PlanBudgetNotFound(NotFound):
    """No budget line belongs to this plan."""

    reason = "PLAN_BUDGET_NOT_FOUND"

    def __init__(self, plan_id: str) -> None:
        """Name the plan."""
        super().__init__(f"there is no budget of plan {plan_id}", planId=plan_id)


class BudgetLineNotFound(NotFound):
    """No budget line has this id."""

    reason = "BUDGET_LINE_NOT_FOUND"

    def __init__(self, budget_line_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no budget line {budget_line_id}", budgetLineId=budget_line_id)


class BudgetLineStateForbids(FailedPrecondition):
    """The line's state does not allow the move."""

    reason = "BUDGET_LINE_STATE_FORBIDS"

    def __init__(self, line: BudgetLine) -> None:
        """Name the line and its state."""
        super().__init__(
            f"budget line {line.budget_line_id} is {line.state}",
            budgetLineId=line.budget_line_id,
            state=line.state,
        )


class NotEffective(FailedPrecondition):
    """The line is not in force yet, so none of its money can be reserved."""

    reason = "NOT_EFFECTIVE"

    def __init__(self, line: BudgetLine) -> None:
        """Name the line and its state."""
        super().__init__(
            f"budget line {line.budget_line_id} is {line.state} and not in force",
            budgetLineId=line.budget_line_id,
            state=line.state,
        )


class BudgetLineUnsigned(FailedPrecondition):
    """Whoever answers for the line has not claimed it yet."""

    reason = "BUDGET_LINE_UNSIGNED"

    def __init__(self, line: BudgetLine, owner: LineOwner) -> None:
        """Name the line and who is to claim it."""
        super().__init__(
            f"budget line {line.budget_line_id} waits for the claim of {owner.role} {owner.key}",
            budgetLineId=line.budget_line_id,
            ownerRole=owner.role,
            ownerKey=owner.key,
        )


class BudgetLineOfPlan(FailedPrecondition):
    """The line takes effect and changes with its plan and not by itself."""

    reason = "BUDGET_LINE_OF_PLAN"

    def __init__(self, line: BudgetLine, plan: PlanPart) -> None:
        """Name the line and its plan."""
        super().__init__(
            f"budget line {line.budget_line_id} takes effect and changes with plan {plan.plan_id}",
            budgetLineId=line.budget_line_id,
            planId=plan.plan_id,
        )


class BudgetInsufficient(FailedPrecondition):
    """The line has less money available than is asked for."""

    reason = "BUDGET_INSUFFICIENT"

    def __init__(self, line: BudgetLine, wanted: Money) -> None:
        """Name the line and both amounts."""
        super().__init__(
            f"budget line {line.budget_line_id} has {line.available.major()} available,"
            f" not {wanted.major()}",
            budgetLineId=line.budget_line_id,
            availableMinor=line.available.amount_minor,
            wantedMinor=wanted.amount_minor,
        )


class BudgetBelowCommitted(FailedPrecondition):
    """A line cannot be lowered below what is spent and reserved."""

    reason = "BUDGET_BELOW_COMMITTED"

    def __init__(self, line: BudgetLine, wanted: Money) -> None:
        """Name the line, the least amount possible and the one that was wanted."""
        super().__init__(
            f"budget line {line.budget_line_id} has {line.committed.major()} spent and reserved,"
            f" more than {wanted.major()}",
            budgetLineId=line.budget_line_id,
            minimumMinor=line.committed.amount_minor,
            wantedMinor=wanted.amount_minor,
        )
