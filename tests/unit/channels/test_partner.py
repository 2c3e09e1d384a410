"""Partners: agreements give credit, and only an agreement opens the door."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from channels.partner.domain import (
    MOVES,
    ORDERING,
    SIGNING,
    Agreement,
    AgreementState,
    Credit,
    Ending,
    Grade,
    Kind,
    Partner,
    PartnerStateForbids,
    State,
)
from channels.partner.wire import AGREEMENT_STATES, GRADES, KINDS, STATES
from chassis.money import Money

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
CREDIT = Credit(Money("CNY", 20_000_000), 30)
RAISED = Credit(Money("CNY", 50_000_000), 60)


def a_partner(state: State = State.PROSPECT) -> Partner:
    return Partner(
        partner_id="D1",
        name="Distributor",
        kind=Kind.DISTRIBUTOR,
        unit_id="hq",
        state=state,
        credit_grade=Grade.B,
        credit=None if state is State.PROSPECT else CREDIT,
        version=1,
        create_time=AT,
    )


def an_agreement(year: int, credit: Credit) -> Agreement:
    return Agreement("a", "D1", year, credit, "", AT)


@pytest.mark.parametrize("state", list(State))
def test_only_a_partner_with_an_agreement_becomes_active(state: State) -> None:
    if state is State.APPROVED:
        assert a_partner(state).activate().state is State.ACTIVE
    else:
        with pytest.raises(PartnerStateForbids):
            a_partner(state).activate()


@pytest.mark.parametrize("state", list(State))
def test_only_an_active_partner_may_order_also_under_review(state: State) -> None:
    if state in ORDERING:
        a_partner(state).require_active()
    else:
        with pytest.raises(PartnerStateForbids):
            a_partner(state).require_active()


@pytest.mark.parametrize(("year", "credit"), [(2026, RAISED), (2027, CREDIT), (2025, CREDIT)])
def test_an_active_partner_gets_the_terms_of_the_current_year(year: int, credit: Credit) -> None:
    partner = a_partner(State.ACTIVE).sign(an_agreement(year, RAISED), current_year=2026)

    assert partner.state is State.ACTIVE
    assert partner.credit == credit


def test_the_first_agreement_gives_credit_whatever_its_year() -> None:
    partner = a_partner().sign(an_agreement(2027, RAISED), current_year=2026)

    assert partner.state is State.APPROVED
    assert partner.credit == RAISED


def test_a_grade_changes_only_where_credit_was_agreed() -> None:
    changed = a_partner(State.ACTIVE).change_grade(Grade.A, RAISED)

    assert changed.credit_grade is Grade.A
    assert changed.credit == RAISED
    with pytest.raises(PartnerStateForbids):
        a_partner().change_grade(Grade.A, RAISED)


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_partner_moves_only_along_the_table(state: State, to: State) -> None:
    if to in MOVES[state]:
        assert a_partner(state).move(to).state is to
    else:
        with pytest.raises(PartnerStateForbids):
            a_partner(state).move(to)


@pytest.mark.parametrize("state", list(State))
def test_nobody_signs_in_the_middle_of_a_selection_or_after_the_end(state: State) -> None:
    signed = an_agreement(2026, CREDIT)

    if state in SIGNING:
        assert a_partner(state).sign(signed, current_year=2026).credit == CREDIT
    else:
        with pytest.raises(PartnerStateForbids):
            a_partner(state).sign(signed, current_year=2026)


@pytest.mark.parametrize(
    ("on", "state"),
    [
        (date(2025, 12, 31), AgreementState.SIGNED),
        (date(2026, 1, 1), AgreementState.ACTIVE),
        (date(2026, 12, 31), AgreementState.ACTIVE),
        (date(2027, 1, 1), AgreementState.EXPIRED),
    ],
)
def test_an_agreement_holds_for_its_year(on: date, state: AgreementState) -> None:
    assert an_agreement(2026, CREDIT).state(on) is state


def test_a_terminated_agreement_ends_on_its_day_and_a_followed_one_with_its_year() -> None:
    day = date(2026, 6, 1)
    signed = an_agreement(2026, CREDIT)
    ended = replace(signed, ending=Ending(AgreementState.TERMINATED, day, "paid late"))
    followed = replace(signed, ending=Ending(AgreementState.RENEWED, day, "followed"))

    assert (ended.state(day), ended.end_date) == (AgreementState.TERMINATED, day)
    assert (followed.state(day), followed.end_date) == (AgreementState.RENEWED, date(2027, 1, 1))


def test_every_word_has_its_number_in_the_contract() -> None:
    assert len(KINDS) == 9
    assert set(GRADES) == set(Grade)
    assert set(STATES) == set(State)
    assert set(AGREEMENT_STATES) == set(AgreementState)
