"""A run moves along its table, and a preview shows a fact without floats."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest

from chassis.money import Money
from chassis.work.domain import MOVES, PreviewRow, Run, RunStateForbids, State, preview_of

AT = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
ALLOWED = {
    ("PENDING", "RUNNING"),
    ("PENDING", "CANCELLED"),
    ("RUNNING", "RUNNING"),
    ("RUNNING", "DONE"),
    ("RUNNING", "FAILED"),
    ("RUNNING", "CANCELLED"),
    ("FAILED", "PENDING"),
}


def a_run(state: State) -> Run:
    """Make a run in a state."""
    return Run(
        id="0198f0a0-0000-7000-8000-000000000001",
        kind="count",
        key="2026-03",
        dry_run=False,
        state=state,
        cursor={},
        epoch=0,
        total=None,
        done_count=0,
        message="",
        unit_id="hq",
        requested_by="li.wei",
        traceparent="",
        create_time=AT,
        started_time=None,
        ended_time=None,
    )


def allows(state: State, to: State) -> bool:
    """Tell whether a run in a state may move to another."""
    try:
        a_run(state).require_move(to)
    except RunStateForbids:
        return False
    return True


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_run_moves_only_along_the_table(state: State, to: State) -> None:
    allowed = allows(state, to)

    assert allowed == ((state.value, to.value) in ALLOWED)


def test_every_state_has_its_moves() -> None:
    states = set(MOVES)

    assert states == set(State)


def test_a_refused_move_names_the_run_and_both_states() -> None:
    with pytest.raises(RunStateForbids) as caught:
        a_run(State.DONE).require_move(State.CANCELLED)

    assert (caught.value.metadata["state"], caught.value.metadata["to"]) == ("DONE", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Priced:
    """Something got a price."""

    amount: Money
    rate: Decimal
    day: date
    tags: frozenset[str]


def test_a_preview_shows_a_fact_with_text_for_what_is_not_a_whole_number() -> None:
    fact = Priced(Money("CNY", 1), Decimal("0.10"), date(2026, 3, 1), frozenset({"b", "a"}))

    row = preview_of(fact, 7)

    assert row == PreviewRow(
        7,
        "Priced",
        {
            "amount": {"currency_code": "CNY", "amount_minor": 1},
            "rate": "0.10",
            "day": "2026-03-01",
            "tags": ["a", "b"],
        },
    )
