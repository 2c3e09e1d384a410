"""The life of a case."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from crm.service_case import wire
from crm.service_case.domain import (
    MOVES,
    Kind,
    Report,
    ServiceCase,
    ServiceCaseStateForbids,
    State,
)
from tests.support.requirements import req

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
CASE = ServiceCase(
    case_id="0199a1b2-0000-7000-8000-000000000000",
    customer_id="K1",
    unit_id="hq",
    kind=Kind.COMPLAINT,
    subject="crushed",
    opened_by="li",
    open_time=AT,
    open_date=date(2026, 3, 2),
    due_time=AT + timedelta(hours=24),
)
ACTS: dict[State, Callable[[ServiceCase], ServiceCase]] = {
    State.ASSIGNED: lambda case: case.assign(category="DAMAGED", department="logistics"),
    State.SOLVED: lambda case: case.solve("replaced"),
    State.CALLED_BACK: lambda case: case.call_back(satisfied=True, note=""),
    State.REOPENED: lambda case: case.call_back(satisfied=False, note="still crushed"),
    State.CLOSED: lambda case: case.close(at=AT),
}


def moved(case: ServiceCase, to: State) -> State | None:
    """Return the state after an act; None when it was refused."""
    try:
        return ACTS[to](case).state
    except ServiceCaseStateForbids:
        return None


@pytest.mark.parametrize(("state", "to"), list(product(State, ACTS)))
def test_a_case_moves_only_along_the_table(state: State, to: State) -> None:
    after = moved(replace(CASE, state=state), to)

    assert after == (to if to in MOVES[state] else None)


@req("R-224")
@pytest.mark.parametrize(("hours", "in_time"), [(20, True), (24, True), (25, False)])
def test_a_complaint_is_in_time_when_it_is_closed_within_its_hours(
    hours: int, in_time: bool
) -> None:
    solved = CASE.assign(category="DAMAGED", department="logistics").solve("replaced")

    closed = solved.call_back(satisfied=True, note="").close(at=AT + timedelta(hours=hours))

    assert closed.is_in_time is in_time


@req("R-225")
def test_who_is_not_content_has_the_case_reopened_and_is_asked_again() -> None:
    solved = CASE.solve("replaced")

    reopened = solved.call_back(satisfied=False, note="crushed again")
    again = reopened.solve("credited").call_back(satisfied=True, note="fine")

    assert (reopened.state, reopened.reopened_count) == (State.REOPENED, 1)
    assert (again.satisfied, again.callback_note, again.reopened_count) == (True, "fine", 1)


@req("R-225")
def test_the_shares_are_of_the_closed_and_of_those_who_were_called_back() -> None:
    report = wire.reported(
        Report(opened=120, closed=100, closed_in_time=97, called_back=95, satisfied=90)
    ).report

    assert (report.in_time_percent, report.callback_percent) == ("97.00", "95.00")
    assert report.satisfied_percent == "94.74"
