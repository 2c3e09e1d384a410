"""Visits, findings and diversion cases: their tables of moves and their numbers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest

from channels.diversion.domain import MOVES as CASE_MOVES
from channels.diversion.domain import (
    BatchAmbiguous,
    BatchNotShipped,
    DiversionCase,
    DiversionNeedsAnotherPerson,
    DiversionStateForbids,
    Scan,
    Source,
    State,
    source_of,
)
from channels.inspection.domain import (
    Checklist,
    ChecklistMismatch,
    Coverage,
    Finding,
    FindingNeedsAnotherPerson,
    FindingState,
    FindingStateForbids,
    Kind,
    Score,
    VisitPlan,
    inspection_problems,
)
from chassis.money import Money, UnitPrice
from chassis.policy.parameters import Value
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
DAY, LATER = date(2026, 3, 9), date(2026, 3, 20)
PLAN = VisitPlan("p1", "hq", Kind.INSPECTION, "t", DAY, LATER, "ada", AT)
SCAN = Scan("B7", "P1", 200, "a2", "photo")
SOURCES = [
    Source(partner_id, "a1", "o1", 300, UnitPrice.parse("CNY", "8.55"))
    for partner_id in ("D1", "D2")
]


def case(state: State = State.OPEN) -> DiversionCase:
    return DiversionCase("c1", SCAN, SOURCES[0], "ada", AT, state)


@pytest.mark.parametrize(
    ("planned", "done", "share"),
    [
        pytest.param(20, 18, "90.0", marks=req("R-079")),
        pytest.param(24, 21, "87.5", marks=req("R-208")),
    ],
)
def test_a_plan_is_done_as_far_as_its_visits(planned: int, done: int, share: str) -> None:
    assert Coverage(PLAN, planned, done, 0).done_percent == Decimal(share)


@req("R-208")
def test_a_checklist_is_scored_item_by_item() -> None:
    checklist = Checklist({"price": 30, "display": 25, "stock": 25, "service": 20})
    given = [
        Score(*one) for one in (("stock", 22), ("price", 26), ("display", 21), ("service", 17))
    ]

    scored = checklist.scored("v1", given)

    assert [one.name for one in scored] == ["price", "display", "stock", "service"]
    assert (sum(one.points for one in scored), checklist.points_max) == (86, 100)
    for wrong in (given[1:], [*given, Score("smell", 1)], [Score("stock", 26), *given[1:]]):
        with pytest.raises(ChecklistMismatch):
            checklist.scored("v1", wrong)


def test_a_checklist_that_contradicts_itself_is_refused() -> None:
    item: Mapping[str, Value] = {"name": "price", "points_max": 0}

    assert len(inspection_problems({"finding_days": -1, "checklist": [item, item]})) == 3


@req("R-213")
def test_a_finding_is_closed_by_another_person_or_opened_again() -> None:
    found = Finding("f1", "v1", "hq", "D1", "wrong", "", DAY, "ada", AT)

    again = found.correct("done", by="bob").recheck(
        passed=False, note="not yet", due_date=LATER, by="eve"
    )
    closed = again.correct("done", by="bob").recheck(
        passed=True, note="good", due_date=DAY, by="eve"
    )

    assert (again.state, again.reopened_count, again.due_date) == (FindingState.REOPENED, 1, LATER)
    assert (closed.state, closed.reopened_count, closed.due_date) == (FindingState.CLOSED, 1, LATER)
    with pytest.raises(FindingNeedsAnotherPerson):
        again.correct("done", by="bob").recheck(passed=True, note="", due_date=DAY, by="bob")
    with pytest.raises(FindingStateForbids):
        found.recheck(passed=True, note="", due_date=DAY, by="eve")


@req("R-209")
def test_a_batch_is_coded_to_the_partner_it_was_sent_to() -> None:
    assert source_of(SCAN, SOURCES[:1]) is SOURCES[0]
    assert case().amount == Money("CNY", 171_000)
    with pytest.raises(BatchAmbiguous):
        source_of(SCAN, SOURCES)
    with pytest.raises(BatchNotShipped):
        source_of(SCAN, [])


@req("R-209")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_case_moves_only_along_the_table(state: State, to: State) -> None:
    def move() -> DiversionCase:
        if to is State.PENALISED:
            return case(state).penalise(Money("CNY", 342_000))
        return case(state).decide(to, decision="so", by="bob", at=AT)

    if to in CASE_MOVES[state]:
        assert move().state is to
    else:
        with pytest.raises(DiversionStateForbids):
            move()


def test_who_scanned_does_not_decide() -> None:
    with pytest.raises(DiversionNeedsAnotherPerson):
        case().decide(State.CONFIRMED, decision="so", by="ada", at=AT)
