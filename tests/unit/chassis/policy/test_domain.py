"""Versions of a rule set share no day, and a look-up finds the nearest one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.period import DateRange
from chassis.policy import usecases
from chassis.policy.domain import (
    MOVES,
    Policy,
    PolicyInvalid,
    PolicyOverlaps,
    PolicyStateForbids,
    State,
    nearest,
    predecessor_of,
)
from chassis.policy.parameters import Parameters, Value
from tests.support.requirements import req
from tests.unit.chassis.policy.policies import (
    DISCOUNT,
    WRITTEN,
    a_policy,
    day,
    days,
    discount_draft,
)

FIRST = date(2026, 1, 1)


def approved(policy_id: str, valid: DateRange, **changes: object) -> Policy:
    return a_policy(policy_id, valid, **changes).approve(by="li", at=WRITTEN)


@req("R-092")
def test_a_successor_ends_its_predecessor_at_its_own_start() -> None:
    first = approved("v1", days("2026-01-01"))
    second = a_policy("v2", days("2026-07-01"))

    ended = first.end_for(second)

    assert predecessor_of(second, [first]) == first
    assert ended.valid == days("2026-01-01", "2026-07-01")
    assert ended.state is State.APPROVED
    assert ended.holds_on(day("2026-06-30"))
    assert not ended.holds_on(day("2026-07-01"))


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-03-31", "2026-04-01"), ("2026-07-01", None), ("2026-01-01", "2026-04-01")],
)
def test_versions_that_touch_do_not_overlap(start: str, end: str | None) -> None:
    there = approved("v1", days("2026-04-01", "2026-07-01"))

    assert predecessor_of(a_policy("v2", days(start, end)), [there]) is None


@req("R-304")
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-04-01", "2026-07-01"),  # the same days
        ("2026-04-01", None),  # the same start
        ("2026-03-31", None),  # around it
        ("2026-03-31", "2026-04-02"),  # into its beginning
        ("2026-05-01", "2026-06-30"),  # inside, so that its last day would be lost
    ],
)
def test_two_live_versions_for_one_date_are_refused(start: str, end: str | None) -> None:
    there = approved("v1", days("2026-04-01", "2026-07-01"))

    with pytest.raises(PolicyOverlaps):
        predecessor_of(a_policy("v2", days(start, end)), [there])


def test_a_version_before_a_coming_one_must_end_with_it() -> None:
    first = approved("v1", days("2026-01-01", "2026-07-01"))
    coming = approved("v2", days("2026-07-01"))

    assert (
        predecessor_of(a_policy("v3", days("2026-05-01", "2026-07-01")), [first, coming]) == first
    )
    with pytest.raises(PolicyOverlaps):
        predecessor_of(a_policy("v4", days("2026-05-01")), [first, coming])


def test_a_version_that_has_begun_keeps_its_days_when_it_is_withdrawn() -> None:
    policy = approved("v1", days("2026-01-01"))

    ended = policy.withdraw(by="li", at=WRITTEN, today=day("2026-03-10"))

    assert ended.state is State.APPROVED
    assert ended.holds_on(day("2026-03-09"))
    assert not ended.holds_on(day("2026-03-10"))
    with pytest.raises(PolicyStateForbids):
        ended.withdraw(by="li", at=WRITTEN, today=day("2026-03-10"))


def test_a_version_that_has_not_begun_is_withdrawn_whole() -> None:
    policy = approved("v1", days("2026-04-01"))

    withdrawn = policy.withdraw(by="li", at=WRITTEN, today=day("2026-03-31"))

    assert withdrawn.state is State.WITHDRAWN
    assert not withdrawn.holds_on(day("2026-04-01"))


def test_the_predecessor_goes_on_when_its_successor_never_began() -> None:
    first = approved("v1", days("2026-01-01", "2027-01-01"))
    second = approved("v2", days("2026-07-01"))
    third = approved("v3", days("2026-10-01"))
    ended = first.end_for(second)

    reopened = ended.reopen_after(second)
    reopened_before_third = ended.reopen_after(second.end_for(third))

    assert reopened.valid == first.valid
    assert reopened.successor_id is None
    assert reopened_before_third.valid == days("2026-01-01", "2026-10-01")
    assert reopened_before_third.successor_id == "v3"


@pytest.mark.parametrize(("state", "to"), list(product(State, [State.APPROVED, State.WITHDRAWN])))
def test_a_policy_moves_only_along_the_table(state: State, to: State) -> None:
    policy = a_policy("v1", days("2026-07-01"), state=state)

    def move() -> Policy:
        if to is State.APPROVED:
            return policy.approve(by="li", at=WRITTEN)
        return policy.withdraw(by="li", at=WRITTEN, today=day("2026-03-01"))

    if to in MOVES[state]:
        assert move().state is to
        assert move().revision == policy.revision + 1
    else:
        with pytest.raises(PolicyStateForbids):
            move()


@req("R-092")
def test_the_nearest_scope_wins() -> None:
    company, unit, product_ = (
        approved(scope, days("2026-01-01"), scope=scope) for scope in ("", "unit:s", "product:p1")
    )

    found = nearest([company, unit, product_], ["product:p1", "unit:s", ""])

    assert found == [product_, unit, company]
    assert nearest([company, unit], ["product:p1", ""]) == [company]
    assert nearest([unit], ["", "product:p1"]) == []


ranges = st.builds(
    lambda start, length: DateRange(
        FIRST + timedelta(days=start),
        None if length is None else FIRST + timedelta(days=start + length),
    ),
    st.integers(0, 400),
    st.none() | st.integers(1, 400),
)


@given(st.lists(ranges, max_size=12))
def test_whatever_is_approved_no_day_has_two_answers(wanted: list[DateRange]) -> None:
    live: dict[str, Policy] = {}

    for number, valid in enumerate(wanted):
        draft = a_policy(f"v{number}", valid)
        try:
            predecessor = predecessor_of(draft, list(live.values()))
        except PolicyOverlaps:
            continue
        if predecessor:
            live[predecessor.policy_id] = predecessor.end_for(draft)
        live[draft.policy_id] = draft.approve(by="li", at=WRITTEN)

    in_order = sorted(live.values(), key=lambda policy: policy.valid.start)
    assert all(not left.valid.overlaps(right.valid) for left, right in pairwise(in_order))


@given(ranges, st.integers(-5, 900))
def test_a_version_is_used_on_its_days_and_on_no_other(valid: DateRange, number: int) -> None:
    on = FIRST + timedelta(days=number)
    policy = approved("v1", valid)

    assert policy.holds_on(on) is (on >= valid.start and (valid.end is None or on < valid.end))
    assert not replace(policy, state=State.DRAFT).holds_on(on)


@given(ranges, ranges)
def test_approving_and_withdrawing_before_the_start_changes_no_day(
    old: DateRange, new: DateRange
) -> None:
    first, second = approved("v1", old), approved("v2", new)
    try:
        predecessor = predecessor_of(second, [first])
    except PolicyOverlaps:
        return

    ended = predecessor.end_for(second) if predecessor else first
    reopened = ended.reopen_after(second) if predecessor else first

    assert reopened.valid == first.valid


def test_a_kind_refuses_what_a_shape_cannot_tell_but_only_once_the_shape_fits() -> None:
    def halves_at_most(parameters: Mapping[str, Value]) -> list[str]:
        share = Parameters(parameters).decimal("discount_share")
        return [] if share <= Decimal("0.5") else ["parameters.discount_share is above a half"]

    spec = replace(DISCOUNT, problems=halves_at_most)
    within, beyond, misfit = (
        discount_draft(days("2026-01-01"), parameters={"discount_share": share})
        for share in ("0.50", "0.51", 1)
    )

    usecases.check(within, spec)
    with pytest.raises(PolicyInvalid) as refused:
        usecases.check(beyond, spec)
    with pytest.raises(PolicyInvalid, match="is not a text"):
        usecases.check(misfit, spec)
    assert [one.field for one in refused.value.violations] == ["parameters.discount_share"]
