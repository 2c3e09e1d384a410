"""The organisation is one tree on every day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.organization.domain import (
    Kind,
    Unit,
    UnitMoveBackdated,
    UnitMoveMakesCycle,
    UnitPlaced,
    path_below,
    placed,
    require_day,
    require_tree,
)

TODAY = date(2026, 3, 2)


def unit(unit_id: str, path: str, version: int = 1) -> Unit:
    return Unit(
        unit_id=unit_id,
        name=unit_id,
        kind=Kind.REGION,
        parent_unit_id="hq",
        valid_from=TODAY,
        path=path,
        version=version,
    )


@given(parents=st.lists(st.integers(0, 100), min_size=1, max_size=12), moves=st.data())
def test_no_sequence_of_moves_makes_a_cycle(parents: list[int], moves: st.DataObject) -> None:
    """A unit's parent is drawn among the units before it, so what we begin with is a tree."""
    tree = {f"u{n}": "hq" if n == 0 else f"u{parent % n}" for n, parent in enumerate(parents)}
    for _ in range(10):
        who, to = (
            moves.draw(st.sampled_from(sorted(tree))),
            moves.draw(st.sampled_from(sorted(tree))),
        )
        try:
            require_tree(tree, who, to)
        except UnitMoveMakesCycle:
            continue
        tree[who] = to

    for start in tree:
        steps, above = 0, start
        while above != "hq":
            above = tree[above]
            steps += 1
            assert steps <= len(tree)


def test_a_unit_cannot_be_below_itself() -> None:
    with pytest.raises(UnitMoveMakesCycle):
        require_tree({"b": "a", "a": "hq"}, "a", "b")
    with pytest.raises(UnitMoveMakesCycle):
        require_tree({"a": "hq"}, "a", "a")
    require_tree({"b": "a", "a": "hq", "c": "hq"}, "b", "c")


@pytest.mark.parametrize(
    ("day", "places", "allowed"),
    [
        (TODAY, [], True),
        (TODAY - timedelta(days=1), [], False),
        (TODAY, [TODAY], False),
        (TODAY + timedelta(days=1), [TODAY], True),
        (TODAY + timedelta(days=5), [date(2020, 1, 1), TODAY + timedelta(days=5)], False),
    ],
)
def test_a_move_begins_today_at_the_earliest_and_after_every_move_before(
    day: date, places: list[date], allowed: bool
) -> None:
    try:
        require_day("o1", day, today=TODAY, places=places)
        answer = True
    except UnitMoveBackdated:
        answer = False

    assert answer is allowed


def test_only_units_whose_path_changed_are_told_of_each_with_its_next_version() -> None:
    known = {"a": unit("a", "hq/a/", 3), "b": unit("b", "hq/b/", 7)}

    facts = placed(known, [unit("a", "hq/a/"), unit("b", path_below("hq/a/", "b"))])

    assert facts == [UnitPlaced("b", "hq/a/b/", 8)]
