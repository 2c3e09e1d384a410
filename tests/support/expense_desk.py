"""The small steps that tests of expenses are arranged with, through the public API alone."""

from typing import Any

from mantle.planning.v1 import budget_pb2
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.settlement.v1 import expense_service_pb2 as pb
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1.expense_pb2 import Expense
from mantle.settlement.v1.ledger_pb2 import Transfer
from mantle.type.v1.money_pb2 import Money

from chassis.ids import new_id
from tests.support.server import ROOT_UNIT, World
from tests.support.waiting import until

MANAGER = "regional_manager"
SENSITIVE = "expense_hospital_development"


def cny(amount_minor: int) -> Money:
    """Return an amount of fen."""
    return Money(currency_code="CNY", amount_minor=amount_minor)


def a_line(
    world: World, amount_minor: int = 5_000_000, *, expense_type: str = "expense_press_advertising"
) -> str:
    """Write and approve a budget line at planning, and return its id."""
    request = budgets.CreateBudgetLineRequest(
        unit_id=ROOT_UNIT,
        name="expenses",
        expense_type=expense_type,
        start_date="2026-01-01",
        end_date="2027-01-01",
        amount=cny(amount_minor),
    )
    line_id = str(world.call(request, role="planning").budget_line.budget_line_id)
    world.call(budgets.ApproveBudgetLineRequest(budget_line_id=line_id), role="marketing_vp")
    return line_id


def line_of(world: World, line_id: str) -> budget_pb2.BudgetLine:
    """Return a budget line as it is now."""
    reply = world.call(budgets.GetBudgetLineRequest(budget_line_id=line_id), role="finance")
    line: budget_pb2.BudgetLine = reply.budget_line
    return line


def request_of(
    line_id: str, amount_minor: int = 950_000, **fields: Any
) -> pb.RequestExpenseRequest:
    """Return the request for an expense."""
    return pb.RequestExpenseRequest(
        request_id=new_id(),
        budget_line_id=line_id,
        amount=cny(amount_minor),
        purpose=fields.pop("purpose", "spring fair"),
        **fields,
    )


def ask(world: World, line_id: str, amount_minor: int = 950_000, **fields: Any) -> Expense:
    """Ask for an expense."""
    expense: Expense = world.call(request_of(line_id, amount_minor, **fields), role=MANAGER).expense
    return expense


def approve(world: World, expense: Expense, role: str, *, subject: str = "") -> Expense:
    """Approve it."""
    request = pb.ApproveExpenseRequest(expense_id=expense.expense_id)
    done: Expense = world.call(request, role=role, subject=subject).expense
    return done


def expense_of(world: World, expense: Expense) -> Expense:
    """Return it as it is now."""
    request = pb.GetExpenseRequest(expense_id=expense.expense_id)
    found: Expense = world.call(request, role="finance").expense
    return found


def budget_is(world: World, expense: Expense, state: Expense.BudgetState.ValueType) -> None:
    """Wait until settlement and planning agree on what became of the budget."""
    name = Expense.BudgetState.Name(state)
    until(lambda: expense_of(world, expense).budget_state == state, f"the budget is {name}")


def spend(world: World, expense: Expense, amount_minor: int) -> Expense:
    """Spend a part of it, once its budget is held."""
    budget_is(world, expense, Expense.BUDGET_STATE_HELD)
    request = pb.SpendExpenseRequest(expense_id=expense.expense_id, amount=cny(amount_minor))
    done: Expense = world.call(request, role="finance").expense
    budget_is(world, expense, Expense.BUDGET_STATE_CONSUMED)
    return done


def evaluation_of(expense: Expense, **fields: Any) -> pb.EvaluateExpenseRequest:
    """Return the request that compares January with February."""
    return pb.EvaluateExpenseRequest(
        request_id=new_id(),
        expense_id=expense.expense_id,
        before_start="2026-01-01",
        before_end="2026-02-01",
        after_start="2026-02-01",
        after_end="2026-03-01",
        opinion=fields.pop("opinion", "worth repeating"),
        **fields,
    )


def post(world: World, debit: str, credit: str, amount_minor: int, *, day: str = "") -> None:
    """Post by hand from one account of the root unit to another."""
    wish = ledger.PostTransfer(
        transfer_id=new_id(),
        kind=Transfer.KIND_POSTED,
        debit_account_id=f"{debit}:{ROOT_UNIT}:CNY",
        credit_account_id=f"{credit}:{ROOT_UNIT}:CNY",
        amount=cny(amount_minor),
        post_date=day or None,
    )
    world.call(ledger.PostTransfersRequest(transfers=[wish]), role="finance")


def balance(world: World, code: str) -> int:
    """Return the balance of an account of the root unit."""
    request = ledger.GetAccountRequest(account_id=f"{code}:{ROOT_UNIT}:CNY")
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found
