"""Who decides on an amount, and on which days a post is whose."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import DateRange
from planning.organization.authority import Authority, AuthorityInsufficient
from planning.organization.domain import common_unit
from planning.post.domain import (
    Assignment,
    Person,
    Post,
    PostFilled,
    PostVacant,
    escalate,
    require_vacant,
    vacated,
    warn,
)
from tests.support.requirements import req

LIMITS = {"regional_manager": 1_000_000, "sales_director": 5_000_000, "market_director": 5_000_000}
AUTHORITY = Authority(LIMITS, ["marketing_vp", "president"], two_person=True, currency_code="CNY")
START = date(2026, 1, 1)
ROLES = [*LIMITS, "marketing_vp", "finance"]
days = st.integers(0, 40)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def post(
    role: str, *, unit_id: str = "hq", held: bool = True, post_id: str = "p", reports: int = 0
) -> Post:
    return Post(
        post_id=post_id,
        unit_id=unit_id,
        name=role,
        role=role,
        duties=(),
        kpis=(),
        manager_post_id="",
        valid=DateRange(START, None),
        version=1,
        created_by="li",
        holder=Person("wang", "Wang", unit_id) if held else None,
        direct_reports=reports,
    )


def span(start: int, length: int | None) -> DateRange:
    first = date.fromordinal(START.toordinal() + start)
    return DateRange(first, date.fromordinal(first.toordinal() + length) if length else None)


def assignment(valid: DateRange) -> Assignment:
    return Assignment("a", "p", Person("li", "Li", "hq"), valid)


@req("R-167")
@pytest.mark.parametrize(
    ("amount_minor", "role"),
    [
        (1, "regional_manager"),
        (1_000_000, "regional_manager"),
        (1_000_001, "sales_director"),
        (5_000_000, "sales_director"),
        (5_000_001, "marketing_vp"),
        (10**14, "marketing_vp"),
    ],
)
def test_an_amount_goes_to_the_lowest_role_whose_limit_covers_it(
    amount_minor: int, role: str
) -> None:
    assert AUTHORITY.role_for(cny(amount_minor)) == role


def test_without_a_role_above_all_limits_nobody_decides() -> None:
    with pytest.raises(AuthorityInsufficient):
        Authority(LIMITS, [], two_person=True).role_for(cny(5_000_001))


@req("R-167")
@given(
    amount_minor=st.integers(1, 10_000_000),
    posts=st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from(["hq", "A1"]), st.booleans())),
)
def test_who_decides_holds_a_post_whose_limit_covers_the_amount(
    amount_minor: int, posts: list[tuple[str, str, bool]]
) -> None:
    known = [
        post(role, unit_id=unit_id, held=held, post_id=str(number))
        for number, (role, unit_id, held) in enumerate(posts)
    ]

    found = escalate(known, AUTHORITY, amount=cny(amount_minor), units=["A1", "hq"])

    able = [one for one in known if AUTHORITY.covers(one.role, amount_minor) and one.holder]
    assert (found.post is None) == (able == [])
    assert AUTHORITY.covers(found.role, amount_minor)
    if found.post is not None:
        assert found.post.post in able
        ladder = AUTHORITY.ladder()
        assert all(ladder.index(found.post.post.role) <= ladder.index(one.role) for one in able)
    for one in found.passed:
        assert not AUTHORITY.covers(one.post.role, amount_minor) or one.post.holder is None


def test_of_two_with_the_same_limit_the_nearest_decides() -> None:
    far, near = (post("regional_manager", unit_id=unit, post_id=unit) for unit in ("hq", "A1"))

    found = escalate([far, near], AUTHORITY, amount=cny(1), units=["A1", "hq"])

    assert found.post is not None and found.post.post is near


@req("R-168")
@pytest.mark.parametrize(("reports", "warned"), [(0, False), (12, False), (13, True)])
def test_more_than_twelve_reports_are_a_warning(reports: int, warned: bool) -> None:
    assert (warn(post("sales_director", reports=reports), 12) is not None) is warned


@req("R-165")
@given(
    held=st.tuples(days, st.none() | st.integers(1, 20)),
    wanted=st.tuples(days, st.none() | st.integers(1, 20)),
)
def test_a_post_is_given_exactly_on_days_on_which_nobody_holds_it(
    held: tuple[int, int | None], wanted: tuple[int, int | None]
) -> None:
    taken, asked = span(*held), span(*wanted)

    try:
        require_vacant(post("finance"), asked, [assignment(taken)])
        free = True
    except PostFilled:
        free = False

    shared = taken.intersection(asked)
    assert free is (shared is None)


@req("R-165")
@given(held=st.tuples(days, st.none() | st.integers(1, 20)), end=days)
def test_a_post_is_vacated_by_ending_the_assignment_that_runs(
    held: tuple[int, int | None], end: int
) -> None:
    taken = span(*held)
    day = date.fromordinal(START.toordinal() + end)

    try:
        shorter: DateRange | None = vacated("p", [assignment(taken)], end=day).valid
    except PostVacant:
        shorter = None

    runs = taken.start < day and (taken.end is None or day < taken.end)
    assert shorter == (DateRange(taken.start, day) if runs else None)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=4))
def test_the_common_unit_is_on_every_path_and_the_lowest_such(paths: list[list[str]]) -> None:
    """Ids are made unique by their whole path, as they are in a tree."""
    written = ["hq/" + "".join(f"{''.join(p[:n])}/" for n in range(1, len(p) + 1)) for p in paths]
    parts = [path.rstrip("/").split("/") for path in written]

    found = common_unit(written)

    shared = set(parts[0]).intersection(*parts[1:])
    assert found in shared
    assert all(len(one) <= len(found) for one in shared - {"hq"})
