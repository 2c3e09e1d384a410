"""How net income is shared to the cent, and how losses are carried."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import Month
from settlement.revenue_share.domain import (
    MOVES,
    CapitalEntry,
    CapitalTable,
    Distribution,
    Line,
    Pool,
    Result,
    Scheme,
    Terms,
    share,
    share_problems,
)
from settlement.revenue_share.errors import (
    AdmissionTargetMissed,
    CapitalDatePassed,
    DistributionExists,
    DistributionMonthNotOver,
    DistributionNeedsAnotherPerson,
    DistributionOutOfOrder,
    DistributionStateForbids,
    ShareParticipantExists,
    ShareSchemeStateForbids,
)
from settlement.revenue_share.states import SchemeState, State
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 1)
TODAY = date(2026, 6, 1)
WEIGHTS = {Pool.UNIT: Decimal(50), Pool.COMPANY: Decimal(30), Pool.FLEXIBLE: Decimal(20)}
TERMS = Terms("p", WEIGHTS, Decimal(100))
SCHEME = Scheme("s", "hq", "Cards", ("ada",), SchemeState.TRIAL, "x", "CNY", TERMS, "ada", NOW)


def cny(minor: int) -> Money:
    return Money("CNY", minor)


def capital(**minors: int) -> list[CapitalEntry]:
    return [CapitalEntry(name, cny(minor)) for name, minor in minors.items()]


def shared(minor: int, entries: list[CapitalEntry], **scores: int) -> tuple[Line, ...]:
    named = {name: Decimal(score) for name, score in scores.items()}
    return share(cny(minor), TERMS, unit_id="hq", capital=entries, scores=named)


def side(lines: tuple[Line, ...], pool: Pool) -> list[int]:
    return [one.amount.amount_minor for one in lines if one.pool is pool]


@req("R-126")
def test_net_income_is_shared_between_the_sides() -> None:
    found = Result(160_000_000, 60_000_000, 0)

    lines = shared(found.distributable_minor, capital(c1=1), s1=1)

    assert [one.amount for one in lines] == [cny(50_000_000), cny(30_000_000), cny(20_000_000)]


@req("R-128")
def test_the_companys_side_follows_the_invested_capital() -> None:
    founders = capital(c1=60_000_000, c2=30_000_000, c3=10_000_000)
    newcomer = capital(c4=20_000_000)

    before = shared(100_000_000, founders, s1=1)
    after = shared(100_000_000, founders + newcomer, s1=1)

    assert side(before, Pool.COMPANY) == [18_000_000, 9_000_000, 3_000_000]
    assert side(after, Pool.COMPANY) == [15_000_000, 7_500_000, 2_500_000, 5_000_000]


@req("R-129")
def test_the_flexible_side_follows_the_scores() -> None:
    lines = shared(100_000_000, capital(c1=1), s1=90, s2=80, s3=70)

    assert side(lines, Pool.FLEXIBLE) == [7_500_000, 6_666_667, 5_833_333]


@req("R-130")
def test_an_odd_cent_goes_to_the_first_side() -> None:
    lines = shared(10_001, capital(c1=1), s1=1)

    assert [one.amount.amount_minor for one in lines] == [5_001, 3_000, 2_000]


@req("R-130")
@given(
    minor=st.integers(1, 10**12),
    invested=st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
    scores=st.lists(st.integers(0, 100), min_size=1, max_size=5),
)
def test_no_cent_is_lost(minor: int, invested: list[int], scores: list[int]) -> None:
    entries = capital(**{f"c{number}": one for number, one in enumerate(invested)})

    lines = shared(minor, entries, **{f"s{number}": one for number, one in enumerate(scores)})

    assert sum(one.amount.amount_minor for one in lines) == minor
    assert all(one.amount.amount_minor >= 0 for one in lines)


@req("R-131")
def test_a_loss_is_covered_before_anything_is_shared() -> None:
    lost = Result(10_000_000, 15_000_000, 0)
    gained = Result(20_000_000, 5_000_000, lost.loss_after_minor)

    assert (lost.net_minor, lost.distributable_minor, lost.loss_after_minor) == (
        -5_000_000,
        0,
        5_000_000,
    )
    assert shared(lost.distributable_minor, capital(c1=1), s1=1) == ()
    assert (gained.distributable_minor, gained.loss_after_minor) == (10_000_000, 0)
    lines = shared(gained.distributable_minor, capital(c1=1), s1=1)
    assert [one.amount.amount_minor for one in lines] == [5_000_000, 3_000_000, 2_000_000]


@given(nets=st.lists(st.integers(-(10**9), 10**9), max_size=12))
def test_months_share_in_all_what_was_gained_less_the_loss_left(nets: list[int]) -> None:
    loss, distributed = 0, 0

    for net in nets:
        found = Result(max(net, 0), max(-net, 0), loss)
        loss, distributed = found.loss_after_minor, distributed + found.distributable_minor

    assert distributed - loss == sum(nets)


@req("R-132")
@pytest.mark.parametrize("state", [SchemeState.DRAFT, SchemeState.DISCUSSED])
def test_a_scheme_distributes_from_its_trial_on(state: SchemeState) -> None:
    SCHEME.require_month(Month(2026, 3), today=TODAY)

    with pytest.raises(ShareSchemeStateForbids):
        replace(SCHEME, state=state).require_month(Month(2026, 3), today=TODAY)


def test_a_month_is_distributed_once_and_in_its_turn() -> None:
    scheme = replace(SCHEME, last_month=Month(2026, 3))
    scheme.require_month(Month(2026, 5), today=TODAY)

    with pytest.raises(DistributionExists):
        scheme.require_month(Month(2026, 3), today=TODAY)
    with pytest.raises(DistributionOutOfOrder):
        scheme.require_month(Month(2026, 2), today=TODAY)
    with pytest.raises(DistributionMonthNotOver):
        scheme.require_month(Month(2026, 5), today=date(2026, 5, 31))


@req("R-127")
def test_who_misses_the_standard_is_not_admitted() -> None:
    SCHEME.admit("c1", Decimal(100))

    with pytest.raises(AdmissionTargetMissed):
        SCHEME.admit("c1", Decimal(80))


@req("R-127")
def test_an_admission_makes_the_next_version_of_the_capital_table() -> None:
    first = CapitalTable("s", 1, DAY, tuple(capital(c1=1)), "ada", NOW)
    [new] = capital(c2=2)

    second = first.following(new, effective_date=date(2026, 4, 1), by="bo", at=NOW)

    assert (second.version, [one.participant_id for one in second.entries]) == (2, ["c1", "c2"])
    assert first.entries == tuple(capital(c1=1))
    with pytest.raises(ShareParticipantExists):
        second.following(new, effective_date=date(2026, 5, 1), by="bo", at=NOW)
    with pytest.raises(CapitalDatePassed):
        second.following(capital(c3=1)[0], effective_date=DAY, by="bo", at=NOW)


def a_distribution(state: State = State.CALCULATED) -> Distribution:
    made = Distribution("d", "s", "hq", Month(2026, 3), "CNY", Result(1, 0, 0), 1, (), "ada", NOW)
    match state:
        case State.CALCULATED:
            return made
        case State.APPROVED:
            return made.approve(by="bo", on=DAY)
        case State.PAID:
            return made.approve(by="bo", on=DAY).pay(on=DAY)
        case State.REJECTED:
            return made.reject(why="a wrong income", by="bo", on=DAY)


MOVED = [State.APPROVED, State.PAID, State.REJECTED]


@pytest.mark.parametrize(("state", "to"), list(product(State, MOVED)))
def test_a_distribution_moves_only_along_the_table(state: State, to: State) -> None:
    made = a_distribution(state)
    moves: dict[State, Callable[[], Distribution]] = {
        State.APPROVED: lambda: made.approve(by="bo", on=DAY),
        State.PAID: lambda: made.pay(on=DAY),
        State.REJECTED: lambda: made.reject(why="a wrong income", by="bo", on=DAY),
    }

    if to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(DistributionStateForbids):
            moves[to]()


def test_who_calculated_a_distribution_does_not_approve_it() -> None:
    with pytest.raises(DistributionNeedsAnotherPerson):
        a_distribution().approve(by="ada", on=DAY)


@pytest.mark.parametrize(
    ("unit", "admission", "count"), [("50", "100", 0), ("-1", "100", 1), ("50", "-1", 1)]
)
def test_rules_without_sense_are_told(unit: str, admission: str, count: int) -> None:
    values = {
        "unit_weight": unit,
        "company_weight": "30",
        "flexible_weight": "20",
        "admission_score": admission,
    }

    assert len(share_problems(values)) == count
