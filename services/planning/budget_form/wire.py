"""The budget form between the domain and the contracts."""

from decimal import Decimal

from mantle.planning.v1 import budget_form_pb2
from mantle.planning.v1 import budget_form_service_pb2 as pb
from mantle.settlement.v1 import events_pb2

from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.wire import from_money, to_money
from planning.budget_form.domain import Brought, Form, FormLine, Opinion


def told(fact: events_pb2.ExpenseEvaluated) -> Opinion:
    """Read the opinion on an expense."""
    return Opinion(
        expense_id=fact.expense_id,
        unit_id=fact.unit_id,
        fiscal_year=fact.fiscal_year,
        expense_type=fact.expense_type,
        purpose=fact.purpose,
        brought=Brought(
            to_money(fact.spent), to_money(fact.sales_before), to_money(fact.sales_after)
        ),
        opinion=fact.opinion,
        evaluated_by=fact.evaluated_by,
    )


def got(one: Form) -> pb.GetBudgetFormResponse:
    """Answer with a form."""
    return pb.GetBudgetFormResponse(
        budget_form=budget_form_pb2.BudgetForm(
            unit_id=one.unit_id, fiscal_year=one.fiscal_year, lines=map(_line, one.lines)
        )
    )


def listed(found: Slice[Opinion]) -> pb.ListExpenseOpinionsResponse:
    """Answer with a page of opinions."""
    return pb.ListExpenseOpinionsResponse(
        opinions=map(_opinion, found.items), next_page_token=found.next_page_token
    )


def _line(one: FormLine) -> budget_form_pb2.BudgetFormLine:
    line = budget_form_pb2.BudgetFormLine(
        expense_type=one.expense_type, budget=from_money(one.budget), spent=from_money(one.spent)
    )
    if one.evaluated is not None:
        brought = one.evaluated.brought
        line.MergeFrom(
            budget_form_pb2.BudgetFormLine(
                evaluation_count=one.evaluated.count,
                evaluated_spent=from_money(brought.spent),
                sales_before=from_money(brought.sales_before),
                sales_after=from_money(brought.sales_after),
                uplift_percent=_decimal(brought.uplift_percent),
                return_ratio=format_decimal(brought.return_ratio),
            )
        )
    return line


def _opinion(one: Opinion) -> budget_form_pb2.ExpenseOpinion:
    return budget_form_pb2.ExpenseOpinion(
        expense_id=one.expense_id,
        unit_id=one.unit_id,
        fiscal_year=one.fiscal_year,
        expense_type=one.expense_type,
        purpose=one.purpose,
        spent=from_money(one.brought.spent),
        sales_before=from_money(one.brought.sales_before),
        sales_after=from_money(one.brought.sales_after),
        uplift_percent=_decimal(one.brought.uplift_percent),
        return_ratio=format_decimal(one.brought.return_ratio),
        opinion=one.opinion,
        evaluated_by=one.evaluated_by,
    )


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else format_decimal(value)
