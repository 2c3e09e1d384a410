"""Partners: agreements give credit, and only an agreement opens the door."""

from datetime import UTC, datetime

import pytest

from channels.partner.domain import (
    MOVES,
    Agreement,
    Credit,
    Grade,
    Kind,
    Partner,
    PartnerStateForbids,
    State,
)
from channels.partner.wire import GRADES, KINDS, STATES
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
    if State.ACTIVE in MOVES[state]:
        assert a_partner(state).activate().state is State.ACTIVE
    else:
        with pytest.raises(PartnerStateForbids):
            a_partner(state).activate()


@pytest.mark.parametrize("state", list(State))
def test_only_an_active_partner_may_order(state: State) -> None:
    if state is State.ACTIVE:
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


def test_every_word_has_its_number_in_the_contract() -> None:
    assert len(KINDS) == 9
    assert set(GRADES) == set(Grade)
    assert set(STATES) == set(State)
