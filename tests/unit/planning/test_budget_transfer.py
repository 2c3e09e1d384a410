"""What one line gets another gives, and a line is never below what is spent and reserved."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import DateRange
from planning.budget.domain import (
    IN_FORCE,
    LINE_MOVES,
    BudgetBelowCommitted,
    BudgetLine,
    BudgetLineOfPlan,
    BudgetLineStateForbids,
    BudgetLineUnsigned,
    LineOwner,
    LineState,
    NotEffective,
    PlanPart,
)
from planning.budget.sums import plan_budget
from planning.budget.transfer import (
    BudgetCapExceeded,
    BudgetPeriodOpen,
    Cap,
    carried,
    carry_problems,
    moved,
    require_following,
)
from tests.support.requirements import req

S = LineState
PLAN = PlanPart("plan", 1, LineOwner("regional_manager", "A1"))
YEAR = DateRange(date(2026, 1, 1), date(2027, 1, 1))
AT = datetime(2026, 3, 2, tzinfo=UTC)
amounts = st.integers(0, 10**12)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def line(
    amount: int = 100,
    *,
    state: LineState = S.EFFECTIVE,
    reserved: int = 0,
    spent: int = 0,
    plan: PlanPart | None = None,
    period: DateRange = YEAR,
    unit_id: str = "A1",
) -> BudgetLine:
    return BudgetLine(
        budget_line_id="L1",
        unit_id=unit_id,
        name="line",
        expense_type="campaign",
        period=period,
        amount=cny(amount),
        reserved=cny(reserved),
        spent=cny(spent),
        state=state,
        version=1,
        created_by="li",
        plan=plan,
    )


@pytest.mark.parametrize(("state", "to"), list(product(S, S)))
def test_a_line_moves_only_along_the_table(state: LineState, to: LineState) -> None:
    moves = {
        S.EFFECTIVE: lambda one: one.take_effect(by="wang"),
        S.SIGNED: lambda one: one.sign(by="wang"),
        S.CLOSED: BudgetLine.close,
        S.WITHDRAWN: BudgetLine.withdraw,
    }
    if to not in moves:
        return

    try:
        reached = moves[to](line(state=state, plan=PLAN)).state
    except BudgetLineStateForbids:
        reached = None

    assert (reached is to) is (to in LINE_MOVES[state])


@req("R-025", "R-026")
@pytest.mark.parametrize(
    ("state", "plan", "refused"),
    [
        (S.DRAFT, None, NotEffective),
        (S.DRAFT, PLAN, NotEffective),
        (S.WITHDRAWN, PLAN, NotEffective),
        (S.EFFECTIVE, None, None),
        (S.EFFECTIVE, PLAN, BudgetLineUnsigned),
        (S.SIGNED, PLAN, None),
        (S.CLOSED, None, BudgetLineStateForbids),
        (S.CLOSED, PLAN, BudgetLineStateForbids),
    ],
)
def test_money_is_reserved_once_the_line_is_in_force_and_claimed(
    state: LineState, plan: PlanPart | None, refused: type[Exception] | None
) -> None:
    try:
        line(state=state, plan=plan).require(cny(1))
        raised = None
    except (NotEffective, BudgetLineUnsigned, BudgetLineStateForbids) as error:
        raised = type(error)

    assert raised is refused


@req("R-025")
def test_a_line_of_a_plan_is_not_approved_by_itself() -> None:
    with pytest.raises(BudgetLineOfPlan):
        line(state=S.DRAFT, plan=PLAN).approve(by="wang")


@req("R-025")
def test_only_lines_in_force_have_money_available() -> None:
    for state in S:
        assert line(state=state).available == cny(100 if state in IN_FORCE else 0)


@req("R-041")
@given(one=amounts, other=amounts, spent=amounts, amount=amounts)
def test_a_transfer_keeps_the_sum_and_what_is_committed(
    one: int, other: int, spent: int, amount: int
) -> None:
    giver, taker = line(one, spent=min(spent, one)), line(other)

    try:
        less, more = moved(giver, taker, cny(amount))
    except BudgetBelowCommitted:
        assert one - amount < giver.committed.amount_minor
        return

    assert less.amount + more.amount == giver.amount + taker.amount
    assert less.amount >= less.committed


@req("R-039")
@given(
    available=amounts,
    share=st.decimals(0, 1, places=4),
    cap_minor=st.none() | amounts,
)
def test_never_more_is_carried_forward_than_is_left_or_than_the_cap(
    available: int, share: Decimal, cap_minor: int | None
) -> None:
    found = carried(cny(available), share=share, cap_minor=cap_minor).amount_minor

    assert 0 <= found <= available
    assert cap_minor is None or found <= cap_minor
    if cap_minor is None and share == 1:
        assert found == available


@pytest.mark.parametrize(
    ("parameters", "problems"),
    [
        ({"share": "0"}, 0),
        ({"share": "1", "cap_minor": 0}, 0),
        ({"share": "1.01"}, 1),
        ({"share": "-0.1", "cap_minor": -1}, 2),
    ],
)
def test_a_rule_carries_forward_between_nothing_and_all(
    parameters: dict[str, str | int], problems: int
) -> None:
    assert len(carry_problems(parameters)) == problems


@pytest.mark.parametrize(
    ("today", "start", "refused"),
    [
        (date(2026, 12, 31), date(2027, 1, 1), True),
        (date(2027, 1, 1), date(2027, 1, 1), False),
        (date(2027, 1, 1), date(2026, 12, 31), True),
    ],
)
def test_money_goes_from_a_period_that_is_over_into_a_later_one(
    today: date, start: date, refused: bool
) -> None:
    later = line(period=DateRange(start, date(2028, 1, 1)))

    try:
        require_following(line(), later, today=today)
        raised = False
    except BudgetPeriodOpen:
        raised = True

    assert raised is refused


@req("R-041")
def test_lines_sum_to_their_cap_and_not_a_cent_more() -> None:
    cap = Cap(
        budget_cap_id="C1",
        unit_id="hq",
        name="provinces",
        period=YEAR,
        amount=cny(100_000_000),
        created_by="li",
        create_time=AT,
        allocated=cny(100_000_000),
    )

    cap.require()
    with pytest.raises(BudgetCapExceeded) as refused:
        replace(cap, allocated=cny(105_000_000)).require()

    assert refused.value.metadata["sumMinor"] == "105000000"
    assert cap.free == cny(0)


@given(st.lists(st.tuples(st.sampled_from("AB"), amounts, st.sampled_from(S)), min_size=1))
def test_the_units_of_a_plan_sum_to_its_whole(found: list[tuple[str, int, LineState]]) -> None:
    lines = [
        line(amount, state=state, plan=PLAN, unit_id=unit_id) for unit_id, amount, state in found
    ]

    summed = plan_budget("plan", lines)

    for name in ("amount", "in_force", "claimed", "reserved", "spent", "available"):
        parts = [getattr(one, name).amount_minor for one in summed.units]
        assert sum(parts) == getattr(summed.total, name).amount_minor
    assert summed.total.amount.amount_minor == sum(amount for _, amount, _ in found)
