"""One example of every write of settlement on expenses."""

from mantle.settlement.v1 import expense_service_pb2 as pb
from mantle.settlement.v1.expense_pb2 import Expense

from chassis.ids import new_id
from tests.support import expense_desk as desk
from tests.support.examples import Example
from tests.support.server import World

DEAR_MINOR = 1_200_000


def request_expense(world: World) -> Example:
    """Ask for an expense within the manager's own authority."""
    return Example(desk.request_of(_line(world)), desk.MANAGER)


def approve_expense(world: World) -> Example:
    """Approve one beyond it."""
    expense = desk.ask(world, _line(world), DEAR_MINOR)
    request = pb.ApproveExpenseRequest(request_id=new_id(), expense_id=expense.expense_id)
    return Example(request, "sales_director")


def reject_expense(world: World) -> Example:
    """Refuse one beyond it."""
    expense = desk.ask(world, _line(world), DEAR_MINOR)
    request = pb.RejectExpenseRequest(
        request_id=new_id(), expense_id=expense.expense_id, note="not this year"
    )
    return Example(request, "sales_director")


def spend_expense(world: World) -> Example:
    """Spend an approved one."""
    expense = desk.ask(world, _line(world))
    desk.budget_is(world, expense, Expense.BUDGET_STATE_HELD)
    request = pb.SpendExpenseRequest(
        request_id=new_id(), expense_id=expense.expense_id, amount=desk.cny(900_000)
    )
    return Example(request, "finance")


def withdraw_expense(world: World) -> Example:
    """Give an approved one up."""
    expense = desk.ask(world, _line(world))
    request = pb.WithdrawExpenseRequest(
        request_id=new_id(), expense_id=expense.expense_id, note="the fair is cancelled"
    )
    return Example(request, "finance")


def pay_expense(world: World) -> Example:
    """Pay what was spent."""
    return Example(
        pb.PayExpenseRequest(request_id=new_id(), expense_id=_spent(world).expense_id), "finance"
    )


def evaluate_expense(world: World) -> Example:
    """Say what it brought."""
    return Example(desk.evaluation_of(_spent(world)), "sales_director")


def close_expense(world: World) -> Example:
    """End one that is paid and evaluated."""
    expense = _spent(world)
    world.call(pb.PayExpenseRequest(expense_id=expense.expense_id), role="finance")
    world.call(desk.evaluation_of(expense), role="sales_director")
    return Example(
        pb.CloseExpenseRequest(request_id=new_id(), expense_id=expense.expense_id), "finance"
    )


def _line(world: World) -> str:
    world.start("planning", "settlement").settle()
    return desk.a_line(world)


def _spent(world: World) -> Expense:
    return desk.spend(world, desk.ask(world, _line(world)), 900_000)
