"""What is spent and reserved together never exceeds a line."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import CurrencyMismatch, Money
from chassis.period import DateRange
from planning.budget.domain import (
    BudgetBelowCommitted,
    BudgetInsufficient,
    BudgetLine,
    BudgetLineStateForbids,
    LineState,
    NotEffective,
    Owner,
)
from planning.budget.reservation import (
    MOVES,
    Reservation,
    ReservationExceeded,
    ReservationState,
    ReservationStateForbids,
)
from planning.organization.authority import (
    ApproverIsAuthor,
    Authority,
    AuthorityInsufficient,
)
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
S = ReservationState
amounts = st.integers(0, 10**12)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def line(amount: int, *, reserved: int = 0, spent: int = 0) -> BudgetLine:
    return BudgetLine(
        budget_line_id="L1",
        unit_id="hq",
        name="line",
        expense_type="campaign",
        period=DateRange(date(2026, 1, 1), date(2027, 1, 1)),
        amount=cny(amount),
        reserved=cny(reserved),
        spent=cny(spent),
        state=LineState.EFFECTIVE,
        version=1,
        created_by="li",
        approved_by="wang",
    )


def reservation(
    state: ReservationState = S.CONFIRMED, *, amount: int = 100, consumed: int = 0
) -> Reservation:
    return Reservation(
        reservation_id="V1",
        budget_line_id="L1",
        owner=Owner("planning", "campaign", "C1"),
        amount=cny(amount),
        consumed=cny(consumed),
        state=state,
        expire_time=AT + timedelta(hours=1),
    )


@req("R-110")
@given(amount=amounts, reserved=amounts, spent=amounts, wanted=amounts)
def test_a_reservation_is_refused_exactly_when_it_does_not_fit(
    amount: int, reserved: int, spent: int, wanted: int
) -> None:
    known = line(amount, reserved=reserved, spent=spent)

    try:
        known.require(cny(wanted))
        fits = True
    except BudgetInsufficient:
        fits = False

    assert fits is (spent + reserved + wanted <= amount)


@req("R-039")
def test_a_line_is_adjusted_down_to_what_is_spent_and_reserved() -> None:
    known = line(10_000_000, spent=6_000_000, reserved=2_500_000)

    with pytest.raises(BudgetBelowCommitted) as refused:
        known.adjust(cny(8_000_000))

    assert refused.value.metadata["minimumMinor"] == "8500000"
    assert known.adjust(cny(8_500_000)).available == cny(0)


def test_a_draft_has_no_money_and_is_approved_once() -> None:
    draft = replace(line(100), state=LineState.DRAFT, approved_by="")

    with pytest.raises(NotEffective):
        draft.require(cny(1))
    with pytest.raises(BudgetLineStateForbids):
        draft.approve(by="wang").approve(by="wang")


def test_other_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        line(100).require(Money("USD", 1))


@pytest.mark.parametrize(("state", "to"), list(product(S, S)))
def test_a_reservation_moves_only_along_the_table(
    state: ReservationState, to: ReservationState
) -> None:
    moves = {S.CONFIRMED: Reservation.confirm, S.RELEASED: Reservation.release}
    if to not in moves:
        return

    try:
        reached = moves[to](reservation(state)).state
    except ReservationStateForbids:
        reached = None

    assert (reached is to) is (to in MOVES[state])


@given(amount=st.integers(1, 10**12), part=st.integers(1, 10**12))
def test_what_is_consumed_and_what_is_left_sum_to_the_reservation(amount: int, part: int) -> None:
    known = reservation(amount=amount)

    if part > amount:
        with pytest.raises(ReservationExceeded):
            known.consume(cny(part))
    else:
        consumed = known.consume(cny(part))
        assert consumed.consumed + consumed.left == cny(amount)
        assert consumed.release().state is S.CONSUMED
        assert consumed.restore(cny(part)) == known


@pytest.mark.parametrize(
    ("state", "at", "held"),
    [
        (S.PENDING, AT, True),
        (S.PENDING, AT + timedelta(hours=1), False),
        (S.CONFIRMED, AT + timedelta(days=9), True),
        (S.CONSUMED, AT, False),
        (S.RELEASED, AT, False),
        (S.EXPIRED, AT, False),
    ],
)
def test_a_pending_reservation_counts_until_it_expires(
    state: ReservationState, at: datetime, held: bool
) -> None:
    assert reservation(state).is_held(at) is held


def test_the_highest_limit_of_a_callers_roles_counts() -> None:
    authority = Authority({"manager": 100, "director": 500}, ["president"], True)

    authority.require(cny(500), roles={"manager", "director"}, subject="li")
    authority.require(cny(10**12), roles={"president"}, subject="li")
    with pytest.raises(AuthorityInsufficient):
        authority.require(cny(101), roles={"manager"}, subject="li")
    with pytest.raises(AuthorityInsufficient):
        authority.require(cny(0), roles={"clerk"}, subject="li")


def test_the_author_may_approve_only_where_one_person_is_enough() -> None:
    with pytest.raises(ApproverIsAuthor):
        Authority({}, [], two_person=True).require_other("li", subject="li")
    Authority({}, [], two_person=False).require_other("li", subject="li")
