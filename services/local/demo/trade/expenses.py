"""T9: an expense, from its request to what it brought."""

from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import budget_service_pb2 as budget_rpc
from mantle.settlement.v1 import expense_service_pb2 as rpc
from mantle.settlement.v1.expense_pb2 import Expense

from local.demo.desk import until
from local.demo.narrator import cny, money_text
from local.demo.scene import Scene
from local.demo.trade.ground import UNIT, Year

BUDGET_MINOR: Final = 5_000_000
# More than a regional manager may decide alone.
ASKED_MINOR: Final = 1_200_000
SPENT_MINOR: Final = 1_140_000
TYPE: Final = "expense_press_advertising"
NOT_YET: Final = frozenset({"OUT_OF_SCOPE", "UNIT_NOT_FOUND", "BUDGET_LINE_NOT_FOUND"})


def spend(scene: Scene, year: Year) -> str:
    """Ask for an expense, let it be approved, spend less of it, pay, and return its id."""
    narrator = scene.narrator
    narrator.chapter("An expense")
    line_id = _line(scene, year)
    request = rpc.RequestExpenseRequest(
        budget_line_id=line_id, amount=cny(ASKED_MINOR), purpose="spring fair", payee="Fair Ltd"
    )
    manager = scene.desk.person("regional_manager", UNIT)
    asked = manager.ask_when_told(request, reasons=NOT_YET).expense
    own = rpc.ApproveExpenseRequest(expense_id=asked.expense_id)
    narrator.refused(
        f"{money_text(asked.amount)} for a fair, by the regional manager alone",
        manager.refusal(own),
    )
    scene.desk.person("sales_director").ask(rpc.ApproveExpenseRequest(expense_id=asked.expense_id))
    _await_budget(scene, asked.expense_id, Expense.BUDGET_STATE_HELD)
    finance = scene.desk.person("finance")
    finance.ask(rpc.SpendExpenseRequest(expense_id=asked.expense_id, amount=cny(SPENT_MINOR)))
    _await_budget(scene, asked.expense_id, Expense.BUDGET_STATE_CONSUMED)
    finance.ask(rpc.PayExpenseRequest(expense_id=asked.expense_id))
    found = _get(scene, asked.expense_id)
    line = _budget(scene, line_id)
    narrator.tell(
        f"Approved by the sales director, {money_text(found.spent)} spent and paid",
        f"of the budget {money_text(line.amount)} are left {money_text(line.available)}",
    )
    return str(asked.expense_id)


def evaluate(scene: Scene, year: Year, expense_id: str) -> None:
    """Compare the sales of the month before with those of the month after, and end it."""
    request = rpc.EvaluateExpenseRequest(
        expense_id=expense_id,
        before_start=f"{year.year}-03-01",
        before_end=f"{year.year}-04-01",
        after_start=f"{year.year}-04-01",
        after_end=f"{year.year}-05-01",
        opinion="worth repeating",
    )
    scene.narrator.chapter("What the expense brought")
    scene.desk.person("sales_director").ask(request)
    scene.desk.person("finance").ask(rpc.CloseExpenseRequest(expense_id=expense_id))
    found = _get(scene, expense_id).evaluation
    scene.narrator.tell(
        f"Sales {money_text(found.sales_before)} before, {money_text(found.sales_after)} after",
        f"{found.uplift_percent} % more, {found.return_ratio} for each unit spent",
    )


def _line(scene: Scene, year: Year) -> str:
    request = budget_rpc.CreateBudgetLineRequest(
        unit_id=UNIT,
        name=f"Press and fairs {year.year}",
        expense_type=TYPE,
        start_date=f"{year.year}-01-01",
        end_date=f"{year.year + 1}-01-01",
        amount=cny(BUDGET_MINOR),
    )
    made = scene.desk.person("planning").ask(request).budget_line
    approval = budget_rpc.ApproveBudgetLineRequest(budget_line_id=made.budget_line_id)
    scene.desk.person("marketing_vp").ask(approval)
    return str(made.budget_line_id)


def _budget(scene: Scene, line_id: str) -> Any:
    request: Message = budget_rpc.GetBudgetLineRequest(budget_line_id=line_id)
    return scene.desk.person("finance").ask(request).budget_line


def _get(scene: Scene, expense_id: str) -> Expense:
    asked = rpc.GetExpenseRequest(expense_id=expense_id)
    found: Expense = scene.desk.person("finance").ask(asked).expense
    return found


def _await_budget(scene: Scene, expense_id: str, state: Expense.BudgetState.ValueType) -> None:
    """Wait until settlement and planning agree on what became of the budget."""
    until(
        lambda: _get(scene, expense_id).budget_state == state,
        f"the budget to be {Expense.BudgetState.Name(state)}",
    )
