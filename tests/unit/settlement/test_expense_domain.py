"""Expenses: who approves, what sensitive types need, which book, and what an expense brought."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from chassis.money import Money
from chassis.period import DateRange
from settlement.expense.domain import Approval, Authority, Evaluation, Expense, Rules
from settlement.expense.errors import (
    AuthorityInsufficient,
    ExpenseBudgetNotHeld,
    ExpenseEvidenceMissing,
    ExpenseExceeded,
    ExpenseNeedsAnotherPerson,
    ExpenseTypeDisabled,
)
from settlement.expense.figures import ExpenseUse, SuccessCost, Successes
from settlement.expense.states import Book, BudgetState, State
from settlement.expense.usecases import spending
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)
JANUARY = DateRange(date(2026, 1, 1), date(2026, 2, 1))
FEBRUARY = DateRange(date(2026, 2, 1), date(2026, 3, 1))
AUTHORITY = Authority(
    {"sales_director": 5_000_000, "market_director": 5_000_000, "regional_manager": 1_000_000},
    ("marketing_vp", "president"),
    two_person=True,
    currency_code="CNY",
)
RULES = Rules(
    sensitive_types=frozenset({"hospital"}),
    service_types=frozenset({"after_sales"}),
    disabled_types=frozenset({"expert"}),
    approvals_sensitive=2,
    own_authority=True,
    reservation_minutes=2,
    success_cost_goal_percent=Decimal(-20),
)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def expense_of(amount_minor: int = 1_200_000, *, expense_type: str = "press") -> Expense:
    return Expense(
        expense_id="0199a1b2-0000-7000-8000-000000000001",
        unit_id="r1",
        expense_type=expense_type,
        book=RULES.book_of(expense_type),
        purpose="fair",
        payee="",
        attachments=(),
        budget_line_id="line",
        reservation_id="reservation",
        amount=cny(amount_minor),
        spent=cny(0),
        state=State.BUDGET_CHECKED,
        process_id="process",
        approvals_needed=RULES.approvals_of(expense_type),
        requested_by="li.wei",
        request_time=AT,
        budget_state=BudgetState.HELD,
    )


@req("R-108")
@pytest.mark.parametrize(
    ("amount_minor", "role"),
    [
        (950_000, "regional_manager"),
        (1_000_000, "regional_manager"),
        (1_000_001, "sales_director"),
        (1_200_000, "sales_director"),
        (5_000_001, "marketing_vp"),
        (6_000_000, "marketing_vp"),
    ],
)
def test_the_lowest_role_whose_limit_covers_the_amount_approves(
    amount_minor: int, role: str
) -> None:
    assert AUTHORITY.role_for(cny(amount_minor)) == role


def test_limits_of_one_currency_say_nothing_of_another() -> None:
    assert AUTHORITY.role_for(Money("USD", 1)) == "marketing_vp"
    with pytest.raises(AuthorityInsufficient):
        AUTHORITY.role_of(Money("USD", 1), roles={"sales_director"}, subject="li.wei")


@req("R-115")
@pytest.mark.parametrize(
    ("payee", "attachments", "missing"),
    [
        ("", [], {"attachments", "payee"}),
        ("Dr. Chen", [], {"attachments"}),
        ("", ["contract-7"], {"payee"}),
    ],
)
def test_a_sensitive_type_needs_evidence_and_a_named_payee(
    payee: str, attachments: list[str], missing: set[str]
) -> None:
    RULES.check("press", payee=payee, attachments=attachments)
    RULES.check("hospital", payee="Dr. Chen", attachments=["contract-7"])

    with pytest.raises(ExpenseEvidenceMissing) as refused:
        RULES.check("hospital", payee=payee, attachments=attachments)

    assert {one.field for one in refused.value.violations} == missing


def test_a_type_that_is_switched_off_is_refused_whatever_comes_with_it() -> None:
    with pytest.raises(ExpenseTypeDisabled):
        RULES.check("expert", payee="Dr. Chen", attachments=["contract-7"])


@req("R-115")
def test_two_approvals_are_of_two_persons_and_not_of_the_requester() -> None:
    expense = expense_of(expense_type="hospital")
    with pytest.raises(ExpenseNeedsAnotherPerson):
        expense.require_decider("li.wei", two_person=False)

    once = expense.approve(Approval("zhang.min", "sales_director", "", AT))
    twice = once.approve(Approval("wang.fang", "marketing_vp", "", AT))

    assert (once.approved_enough, twice.approved_enough) == (False, True)
    with pytest.raises(ExpenseNeedsAnotherPerson):
        once.require_decider("zhang.min", two_person=True)


@req("R-107")
def test_no_more_is_spent_than_was_approved_and_held() -> None:
    expense = expense_of(1_200_000)

    spent = expense.spend(cny(1_150_000), on=DAY)

    assert (spent.spent, spent.budget_wanted) == (cny(1_150_000), BudgetState.CONSUMED)
    with pytest.raises(ExpenseExceeded):
        expense.spend(cny(1_200_001), on=DAY)
    for state in (BudgetState.PENDING, BudgetState.LOST):
        with pytest.raises(ExpenseBudgetNotHeld):
            replace(expense, budget_state=state).spend(cny(1), on=DAY)


@req("R-113")
def test_100_sales_claims_and_40_service_claims_stand_in_two_ledgers() -> None:
    claims = [
        *(expense_of(100 + number) for number in range(100)),
        *(expense_of(5_000 + number, expense_type="after_sales") for number in range(40)),
    ]

    totals: dict[str, int] = {}
    for claim in claims:
        move = spending(claim.spend(claim.amount, on=DAY), at=AT)
        totals[move.debit.code] = totals.get(move.debit.code, 0) + move.amount.amount_minor

    assert totals == {
        "selling_expense": sum(range(100, 200)),
        "service_expense": sum(range(5_000, 5_040)),
    }
    assert [RULES.book_of(one) for one in ("press", "after_sales")] == [Book.SALES, Book.SERVICE]


@req("R-109")
@pytest.mark.parametrize(
    ("before", "after", "spent", "uplift", "returned"),
    [
        (10_000_000, 13_000_000, 2_000_000, Decimal("30.0"), Decimal("1.50")),
        (10_000_000, 9_000_000, 2_000_000, Decimal("-10.0"), Decimal("-0.50")),
        (0, 100, 100, None, Decimal("1.00")),
    ],
)
def test_an_expense_is_judged_by_the_sales_before_and_after_it(
    before: int, after: int, spent: int, uplift: Decimal | None, returned: Decimal
) -> None:
    found = Evaluation(
        before=JANUARY,
        after=FEBRUARY,
        sales_before=cny(before),
        sales_after=cny(after),
        spent=cny(spent),
        opinion="",
        evaluated_by="",
        at=AT,
    )

    assert (found.uplift_percent, found.return_ratio) == (uplift, returned)


@req("R-112")
def test_budget_886_515_and_820_000_spent_is_a_use_of_92_50_percent() -> None:
    use = ExpenseUse(
        unit_id="hq",
        fiscal_year=2026,
        as_of=DAY,
        budget=cny(88_651_500),
        sales_spent=cny(74_000_000),
        service_spent=cny(48_500),
        commission_spent=cny(7_951_500),
        sales=cny(265_050_000),
    )

    assert use.spent == cny(82_000_000)
    assert use.use_percent == Decimal("92.50")
    assert use.budget_to_sales_percent == Decimal("33.45")


@req("R-116")
@pytest.mark.parametrize(
    ("now_minor", "count", "change", "reached"),
    [
        (395_000, 100, Decimal("-21.0"), True),
        (400_000, 100, Decimal("-20.0"), True),
        (400_500, 100, Decimal("-19.9"), False),
        (0, 0, None, False),
    ],
)
def test_the_cost_of_a_success_is_to_fall_by_20_percent(
    now_minor: int, count: int, change: Decimal | None, reached: bool
) -> None:
    baseline = Successes(JANUARY, cny(250_000), 50)

    found = SuccessCost("hq", baseline, Successes(FEBRUARY, cny(now_minor), count), Decimal(-20))

    assert baseline.cost == cny(5_000)
    assert (found.change_percent, found.goal_reached) == (change, reached)
