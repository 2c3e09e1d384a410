"""Contracts, seals and filings: their tables of moves and their numbers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest

from channels.contract.domain import (
    MOVES,
    SEAL_MOVES,
    Contract,
    Kind,
    Line,
    Progress,
    SealState,
    SealUse,
    State,
    Terms,
)
from channels.contract.errors import (
    ContractNeedsAnotherPerson,
    ContractOrderUnfit,
    ContractStateForbids,
    SealUseNeedsAnotherPerson,
    SealUseStateForbids,
)
from channels.contract.rows import terms_from_json, terms_to_json
from channels.group_filing.domain import MOVES as FILING_MOVES
from channels.group_filing.domain import (
    Filing,
    GroupFilingStateForbids,
    Measuring,
    MeasuringExceedsPlan,
    MeasuringIncomplete,
    SizeCount,
    Waiver,
)
from channels.group_filing.domain import State as FilingState
from chassis.money import Money, UnitPrice
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)


def cny(minor: int) -> Money:
    return Money("CNY", minor)


def price(text: str) -> UnitPrice:
    return UnitPrice.parse("CNY", text)


def terms(quantity: int = 500, amount: str = "680", version: int = 1) -> Terms:
    line = Line("P1", quantity, price(amount), price("8.55"), "", 2)
    return Terms(version, (line,), DAY, date(2026, 12, 31), "cash", "", "ada", AT)


def contract(state: State = State.DRAFT) -> Contract:
    return Contract("c1", Kind.SALES, "D1", "X", "hq", "t", "", terms(), "ada", AT, state)


def filing(state: FilingState = FilingState.CONFIRMED) -> Filing:
    return Filing("f1", "b1", "X", "p", "ada", DAY, DAY, AT, state)


@req("R-142")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_contract_moves_only_along_the_table(state: State, to: State) -> None:
    if to in MOVES[state]:
        assert contract(state).move(to).state is to
    else:
        with pytest.raises(ContractStateForbids):
            contract(state).move(to)


@pytest.mark.parametrize(("state", "to"), list(product(FilingState, FilingState)))
def test_a_filing_moves_only_along_the_table(state: FilingState, to: FilingState) -> None:
    if to in FILING_MOVES[state]:
        assert filing(state).move(to).state is to
    else:
        with pytest.raises(GroupFilingStateForbids):
            filing(state).move(to)


@req("R-147")
def test_a_seal_is_allowed_by_another_person_and_used_once() -> None:
    asked = SealUse("s1", "c1", 1, "hq", "seal", "signature", "ada", AT)

    used = asked.approve(by="bob", at=AT).use(by="eve", at=AT)

    assert (used.state, used.approved_by, used.used_by) == (SealState.USED, "bob", "eve")
    assert SEAL_MOVES[SealState.USED] == frozenset()
    with pytest.raises(SealUseNeedsAnotherPerson):
        asked.approve(by="ada", at=AT)
    with pytest.raises(SealUseStateForbids):
        asked.use(by="eve", at=AT)


@req("R-142")
def test_a_change_is_the_next_version_and_is_reviewed_by_another_person() -> None:
    changed = contract(State.PERFORMING).change(terms(version=2))

    assert (changed.state, changed.terms.terms_version) == (State.CHANGED, 2)
    assert changed.review(passed=False, by="bob").state is State.CHANGED
    assert changed.review(passed=True, by="bob").state is State.REVIEWED
    with pytest.raises(ContractNeedsAnotherPerson):
        changed.review(passed=True, by="ada")


@req("R-145")
def test_an_order_fits_what_is_left_of_a_contract() -> None:
    signed = contract(State.SIGNED)

    begun = signed.perform("o1", {"P1": 300}, ordered={"P1": 200})

    assert (signed.terms.value, begun.state) == (cny(34_000_000), State.PERFORMING)
    assert begun.perform("o2", {"P1": 1}, ordered={}) is begun
    for wanted in ({"P1": 301}, {"P2": 1}):
        with pytest.raises(ContractOrderUnfit):
            signed.perform("o1", wanted, ordered={"P1": 200})
    with pytest.raises(ContractStateForbids):
        contract(State.CHANGED).perform("o1", {"P1": 1}, ordered={})


@req("R-143")
def test_progress_is_what_was_sent_invoiced_and_paid_of_the_value() -> None:
    found = Progress(cny(100_000_000), cny(40_000_000), cny(35_000_000), cny(30_000_000))

    shares = [found.share(one) for one in (found.shipped, found.invoiced, found.received)]
    assert shares == [Decimal("40.0"), Decimal("35.0"), Decimal("30.0")]
    assert (found.receivable, found.unbilled) == (cny(5_000_000), cny(5_000_000))


def test_terms_come_back_from_the_database_as_they_were() -> None:
    assert terms_from_json(terms_to_json(terms(7, "8.300001"))) == terms(7, "8.300001")


@req("R-145")
def test_production_waits_for_everybody_or_for_a_waiver() -> None:
    measured = filing().measure(500, [SizeCount("M", 280), SizeCount("L", 200)])

    waived = measured.waive(Waiver("on leave", "letter 3", "bob"))

    assert measured.measuring is not None
    assert measured.measuring.measured_percent == Decimal("96.0")
    with pytest.raises(MeasuringIncomplete):
        measured.require_measured()
    with pytest.raises(MeasuringIncomplete):
        filing().require_measured()
    waived.require_measured()
    filing().measure(500, [SizeCount("M", 500)]).require_measured()
    assert waived.measure(501, []).measuring == Measuring(
        501, (), Waiver("on leave", "letter 3", "bob")
    )


def test_nobody_measures_more_people_than_there_are_or_for_a_client_of_others() -> None:
    with pytest.raises(MeasuringExceedsPlan):
        filing().measure(500, [SizeCount("M", 501)])
    with pytest.raises(MeasuringIncomplete):
        filing().waive(Waiver("why", "where", "bob"))
    with pytest.raises(GroupFilingStateForbids):
        filing(FilingState.CONFLICT).measure(500, [])
