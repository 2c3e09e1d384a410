"""Awards and penalties along their table, bonuses in model regions, and rankings."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import Month
from settlement.award.domain import (
    MOVES,
    Award,
    AwardNeedsAnotherPerson,
    AwardStateForbids,
    AwardStatement,
    Beneficiary,
    BeneficiaryKind,
    Incentive,
    Kind,
    State,
    incentive_problems,
    places,
)
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
ADA = Beneficiary(BeneficiaryKind.PERSON, "ada")
RULES = Incentive("p", frozenset({"r1"}), Decimal("1.2"), Decimal(10))


def an_award(
    minor: int = 50_000,
    *,
    kind: Kind = Kind.AWARD,
    state: State = State.PROPOSED,
    factor: Decimal = Decimal(1),
) -> Award:
    made = Award(
        "w", kind, ADA, "hq", Money("CNY", minor), factor, "why", date(2026, 3, 2), "bo", NOW
    )
    match state:
        case State.PROPOSED:
            return made
        case State.APPROVED:
            return made.approve(by="cy", at=NOW)
        case State.BOOKED:
            return made.approve(by="cy", at=NOW).book(by="di", at=NOW)


@pytest.mark.parametrize(("state", "to"), list(product(State, [State.APPROVED, State.BOOKED])))
def test_an_award_moves_only_along_the_table(state: State, to: State) -> None:
    award = an_award(state=state)
    moves: dict[State, Callable[[], Award]] = {
        State.APPROVED: lambda: award.approve(by="cy", at=NOW),
        State.BOOKED: lambda: award.book(by="di", at=NOW),
    }

    if to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(AwardStateForbids):
            moves[to]()


def test_who_proposed_an_award_does_not_approve_it() -> None:
    with pytest.raises(AwardNeedsAnotherPerson):
        an_award().approve(by="bo", at=NOW)


@req("R-123")
def test_an_award_and_a_violation_of_a_month_net() -> None:
    both = (an_award(50_000), an_award(20_000, kind=Kind.PENALTY))

    [own] = AwardStatement(ADA, Month(2026, 3), both).sums
    assert own.net == Money("CNY", 30_000)


@req("R-121")
@pytest.mark.parametrize(
    ("path", "minor"), [(["hq", "r1"], 1_200_000), (["hq", "r1", "p7"], 1_200_000), (["hq"], 10**6)]
)
def test_a_bonus_is_worth_more_in_a_model_region_alone(path: list[str], minor: int) -> None:
    assert an_award(10**6, factor=RULES.factor(path)).amount == Money("CNY", minor)


@req("R-122")
def test_of_ten_people_the_last_is_reviewed() -> None:
    scores = {f"p{number}": Decimal(50 + number * 3 % 10) for number in range(10)}

    found = places(scores, review_percent=Decimal(10))

    assert [one.score for one in found] == sorted(scores.values(), reverse=True)
    assert [one.person_id for one in found if one.under_review] == ["p0"]


@given(
    scores=st.dictionaries(
        st.text("abcdef", min_size=1), st.decimals(0, 100, places=1), min_size=1
    ),
    percent=st.decimals(0, 100, places=1),
)
def test_the_review_list_is_the_end_of_the_ranking(
    scores: dict[str, Decimal], percent: Decimal
) -> None:
    found = places(scores, review_percent=percent)
    listed = [one.under_review for one in found]

    assert listed == sorted(listed)
    assert sum(listed) <= len(scores) * percent / 100 < sum(listed) + 1


@pytest.mark.parametrize(
    ("factor", "percent", "count"), [("1.2", "10", 0), ("0.9", "10", 1), ("0", "101", 2)]
)
def test_rules_without_sense_are_told(factor: str, percent: str, count: int) -> None:
    values = {"model_units": [], "model_factor": factor, "review_percent": percent}

    assert len(incentive_problems(values)) == count
