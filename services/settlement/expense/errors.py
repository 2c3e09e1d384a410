"""Why an expense is refused."""

from collections.abc import Sequence

from chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)
from chassis.money import Money
from settlement.expense.states import BudgetState, State


class ExpenseNotFound(NotFound):
    """No expense has this id."""

    reason = "EXPENSE_NOT_FOUND"

    def __init__(self, expense_id: str) -> None:
        """Name the expense."""
        super().__init__(f"there is no expense {expense_id}", expenseId=expense_id)


class ExpenseStateForbids(FailedPrecondition):
    """The expense does not wait for approval."""

    reason = "EXPENSE_STATE_FORBIDS"

    def __init__(self, expense_id: str, state: State) -> None:
        """Name the expense and its state."""
        super().__init__(
            f"expense {expense_id} is {state} and does not wait for approval",
            expenseId=expense_id,
            state=state,
        )


class ExpenseEvidenceMissing(InvalidArgument):
    """An expense of a sensitive type has no evidence, or nobody is named who gets the money."""

    reason = "EXPENSE_EVIDENCE_MISSING"

    def __init__(self, expense_type: str, fields: Sequence[str]) -> None:
        """Name the type and the fields that are empty."""
        super().__init__(
            f"an expense of type {expense_type} needs {' and '.join(fields)}",
            [Violation(field, "sensitive_type", "is needed for this type") for field in fields],
            expenseType=expense_type,
        )


class ExpenseTypeDisabled(FailedPrecondition):
    """The policy has switched this type of expense off."""

    reason = "EXPENSE_TYPE_DISABLED"

    def __init__(self, expense_type: str) -> None:
        """Name the type."""
        super().__init__(
            f"expenses of type {expense_type} are switched off", expenseType=expense_type
        )


class ExpenseNeedsAnotherPerson(PermissionDenied):
    """Who asked for the expense, or approved it before, cannot decide on it."""

    reason = "EXPENSE_NEEDS_ANOTHER_PERSON"

    def __init__(self, expense_id: str, subject: str) -> None:
        """Name the expense and the person."""
        super().__init__(
            f"expense {expense_id} needs another person than {subject}",
            expenseId=expense_id,
            subject=subject,
        )


class ExpenseBudgetNotHeld(FailedPrecondition):
    """The budget of the expense is not confirmed yet, or was lost while it waited."""

    reason = "EXPENSE_BUDGET_NOT_HELD"

    def __init__(self, expense_id: str, state: BudgetState) -> None:
        """Name the expense and what became of its budget."""
        super().__init__(
            f"the budget of expense {expense_id} is {state}",
            expenseId=expense_id,
            budgetState=state,
        )


class ExpenseExceeded(FailedPrecondition):
    """More was spent than was approved."""

    reason = "EXPENSE_EXCEEDED"

    def __init__(self, expense_id: str, amount: Money, spent: Money) -> None:
        """Name the expense and both amounts."""
        super().__init__(
            f"expense {expense_id} is approved for {amount.major()}, not {spent.major()}",
            expenseId=expense_id,
            amountMinor=amount.amount_minor,
            spentMinor=spent.amount_minor,
        )


class AuthorityInsufficient(PermissionDenied):
    """No role of the caller, or no role at all, has the authority over this amount."""

    reason = "AUTHORITY_INSUFFICIENT"

    def __init__(self, amount: Money, subject: str) -> None:
        """Name the amount and the caller."""
        super().__init__(
            f"{subject} has no authority over {amount.major()}",
            amountMinor=amount.amount_minor,
            subject=subject,
        )


class BudgetLineNotFound(NotFound):
    """Planning has no budget line with this id."""

    reason = "BUDGET_LINE_NOT_FOUND"

    def __init__(self, budget_line_id: str) -> None:
        """Name the line."""
        super().__init__(f"there is no budget line {budget_line_id}", budgetLineId=budget_line_id)


class BudgetLineClosed(FailedPrecondition):
    """Nothing can be reserved on the budget line."""

    reason = "BUDGET_LINE_CLOSED"

    def __init__(self, budget_line_id: str, budget_reason: str) -> None:
        """Name the line and what planning says of it."""
        super().__init__(
            f"nothing can be reserved on budget line {budget_line_id}: {budget_reason}",
            budgetLineId=budget_line_id,
            budgetReason=budget_reason,
        )


class BudgetInsufficient(FailedPrecondition):
    """The budget line has less money available than is asked for."""

    reason = "BUDGET_INSUFFICIENT"

    def __init__(self, budget_line_id: str, wanted: Money, available_minor: str) -> None:
        """Name the line, what was wanted and what planning has."""
        super().__init__(
            f"budget line {budget_line_id} has less than {wanted.major()} available",
            budgetLineId=budget_line_id,
            availableMinor=available_minor,
            wantedMinor=wanted.amount_minor,
        )
