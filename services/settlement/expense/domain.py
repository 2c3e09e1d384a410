"""Expenses as values: who may approve them, what is spent and where it stands, what it brought.

An expense has a process; its state is the last milestone of it. The money is planning's: settlement
keeps what it wants of a reservation beside what planning has said, and asks until both agree.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from chassis.ids import derived_id
from chassis.money import CurrencyMismatch, Money, ratio
from chassis.period import DateRange
from chassis.policy.parameters import Parameters, Value
from settlement.expense.errors import (
    AuthorityInsufficient,
    ExpenseBudgetNotHeld,
    ExpenseEvidenceMissing,
    ExpenseExceeded,
    ExpenseNeedsAnotherPerson,
    ExpenseStateForbids,
    ExpenseTypeDisabled,
)
from settlement.expense.figures import percent
from settlement.expense.states import Book, BudgetState, State

PROCESS: Final = "expense"
KIND: Final = "expense"


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what the policy `expense` says.

    Shape: sensitive types need evidence, a payee and `approvals_sensitive` approvals; with
        `own_authority` what lies within the requester's own authority is approved at once.
    """

    sensitive_types: frozenset[str]
    service_types: frozenset[str]
    disabled_types: frozenset[str]
    approvals_sensitive: int
    own_authority: bool
    reservation_minutes: int
    success_cost_goal_percent: Decimal

    @classmethod
    def read(cls, parameters: Parameters) -> "Rules":
        """Read them from a version of the policy."""
        return cls(
            frozenset(parameters.texts("sensitive_types")),
            frozenset(parameters.texts("service_types")),
            frozenset(parameters.texts("disabled_types")),
            parameters.integer("approvals_sensitive"),
            parameters.truth("own_authority"),
            parameters.integer("reservation_minutes"),
            parameters.decimal("success_cost_goal_percent"),
        )

    def book_of(self, expense_type: str) -> Book:
        """Name the book of a type of expense.

        Source: R-113.
        """
        return Book.SERVICE if expense_type in self.service_types else Book.SALES

    def approvals_of(self, expense_type: str) -> int:
        """Tell how many people have to approve a type of expense.

        Source: R-115.
        """
        return self.approvals_sensitive if expense_type in self.sensitive_types else 1

    def check(self, expense_type: str, *, payee: str, attachments: Collection[str]) -> None:
        """Refuse a type that is switched off, and a sensitive one without evidence and payee.

        Errors: ExpenseTypeDisabled, ExpenseEvidenceMissing.
        Source: R-115.
        """
        if expense_type in self.disabled_types:
            raise ExpenseTypeDisabled(expense_type)
        given = {"attachments": bool(attachments), "payee": bool(payee)}
        missing = [name for name, there in given.items() if not there]
        if expense_type in self.sensitive_types and missing:
            raise ExpenseEvidenceMissing(expense_type, missing)


def rule_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with an `expense` policy whose shape is right."""
    rules = Parameters(values)
    found = []
    if rules.integer("approvals_sensitive") < 1:
        found.append("parameters.approvals_sensitive is below 1")
    if not 1 <= rules.integer("reservation_minutes") <= 60:
        found.append("parameters.reservation_minutes is outside 1 to 60")
    return found


@dataclass(frozen=True, slots=True)
class Authority:
    """Say up to which amount a role may approve, by copy of planning's policy.

    Shape: limits are inclusive, those in `unlimited` have none. Amounts of another currency than
        the limits' are for the unlimited alone.
    """

    limits_minor: Mapping[str, int]
    unlimited: tuple[str, ...]
    two_person: bool
    currency_code: str

    @classmethod
    def read(cls, parameters: Parameters) -> "Authority":
        """Read it from a version of the policy."""
        rows = parameters.records("limits")
        return cls(
            {one.text("role"): one.integer("limit_minor") for one in rows},
            tuple(parameters.texts("unlimited_roles")),
            parameters.truth("two_person"),
            parameters.text("currency_code"),
        )

    def able(self, amount: Money) -> list[str]:
        """List the roles that may approve an amount, the lowest limit first, of equal ones the
        first of the policy."""
        limits = self.limits_minor if amount.currency_code == self.currency_code else {}
        limited = sorted(limits, key=lambda role: limits[role])
        covered = [role for role in limited if limits[role] >= amount.amount_minor]
        return [*(role for role in covered if role not in self.unlimited), *self.unlimited]

    def role_for(self, amount: Money) -> str:
        """Pick the lowest role that may approve an amount.

        Errors: AuthorityInsufficient when no role may.
        Source: R-108.
        """
        able = self.able(amount)
        if not able:
            raise AuthorityInsufficient(amount, "no role")
        return able[0]

    def role_of(self, amount: Money, *, roles: Collection[str], subject: str) -> str:
        """Pick the role by which somebody may approve an amount.

        Errors: AuthorityInsufficient.
        """
        found = [role for role in self.able(amount) if role in roles]
        if not found:
            raise AuthorityInsufficient(amount, subject)
        return found[0]


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """Hold what an expense has to know of a line of planning."""

    budget_line_id: str
    unit_id: str
    expense_type: str
    currency_code: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what somebody asks for."""

    budget_line_id: str
    amount: Money
    purpose: str
    payee: str
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Which:
    """Say which expenses are wanted; empty and None mean all."""

    unit_id: str = ""
    book: Book | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Hold who approved, by which role."""

    approved_by: str
    role: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """Hold an expense.

    Shape: `budget_wanted` is what the reservation is to become, `budget_state` what planning has
        said. `sequence` is 0 until it is stored, and `traceparent` is of the last change.
    """

    expense_id: str
    unit_id: str
    expense_type: str
    book: Book
    purpose: str
    payee: str
    attachments: tuple[str, ...]
    budget_line_id: str
    reservation_id: str
    amount: Money
    spent: Money
    state: State
    process_id: str
    approvals_needed: int
    requested_by: str
    request_time: datetime
    budget_state: BudgetState = BudgetState.PENDING
    budget_wanted: BudgetState = BudgetState.HELD
    approvals: tuple[Approval, ...] = ()
    spend_date: date | None = None
    pay_date: date | None = None
    sequence: int = 0
    traceparent: str = ""

    @property
    def approved_enough(self) -> bool:
        """Tell whether as many people approved as have to."""
        return len(self.approvals) >= self.approvals_needed

    def require_decider(self, subject: str, *, two_person: bool) -> None:
        """Refuse a decision that is not open to somebody.

        Errors: ExpenseStateForbids, ExpenseNeedsAnotherPerson.
        Source: R-115.
        """
        if self.state is not State.BUDGET_CHECKED:
            raise ExpenseStateForbids(self.expense_id, self.state)
        own = subject == self.requested_by and (two_person or self.approvals_needed > 1)
        if own or subject in {one.approved_by for one in self.approvals}:
            raise ExpenseNeedsAnotherPerson(self.expense_id, subject)

    def approve(self, approval: Approval) -> "Expense":
        """Add an approval.

        Errors: ExpenseBudgetNotHeld when the money is gone.
        """
        if self.budget_state is BudgetState.LOST:
            raise ExpenseBudgetNotHeld(self.expense_id, self.budget_state)
        return replace(self, approvals=(*self.approvals, approval))

    def give_up(self) -> "Expense":
        """Let the budget go back."""
        return replace(self, budget_wanted=BudgetState.RELEASED)

    def spend(self, spent: Money, *, on: date) -> "Expense":
        """Spend a part or the whole; the rest of the budget goes back.

        Errors: CurrencyMismatch, ExpenseExceeded, ExpenseBudgetNotHeld.
        Source: R-107.
        """
        if spent.currency_code != self.amount.currency_code:
            raise CurrencyMismatch(self.amount.currency_code, spent.currency_code)
        if spent > self.amount:
            raise ExpenseExceeded(self.expense_id, self.amount, spent)
        if self.budget_state is not BudgetState.HELD:
            raise ExpenseBudgetNotHeld(self.expense_id, self.budget_state)
        return replace(self, spent=spent, spend_date=on, budget_wanted=BudgetState.CONSUMED)

    def pay(self, *, on: date) -> "Expense":
        """Pay it out."""
        return replace(self, pay_date=on)

    def kept(self, said: BudgetState) -> "Expense":
        """Keep what planning has said of the reservation."""
        return replace(self, budget_state=said)

    def transfer_id(self, what: str) -> str:
        """Name the transfer of its spending or its payment."""
        return derived_id(self.expense_id, what, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Hold what an expense brought: sales before and after it.

    Units: percent with one decimal, a ratio with two.
    Source: R-109.
    """

    before: DateRange
    after: DateRange
    sales_before: Money
    sales_after: Money
    spent: Money
    opinion: str
    evaluated_by: str
    at: datetime

    @property
    def uplift_percent(self) -> Decimal | None:
        """Tell by how much sales grew; None when there were none before."""
        before = self.sales_before.amount_minor
        return percent(self.sales_after.amount_minor - before, before, decimals=1)

    @property
    def return_ratio(self) -> Decimal:
        """Tell what each unit of money that was spent brought of additional sales."""
        gained = self.sales_after - self.sales_before
        return ratio(gained.amount_minor, self.spent.amount_minor, decimals=2)


@dataclass(frozen=True, slots=True)
class ExpenseEvaluated:
    """It was found out what an expense brought."""

    expense: Expense
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Detail:
    """Hold an expense with its evaluation, if there is one."""

    expense: Expense
    evaluation: Evaluation | None
