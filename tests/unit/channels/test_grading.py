"""Points and what they are worth; the numbers are those of the catalogue's fixtures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.grading.domain import (
    GradeTerms,
    Score,
    ScoresIncomplete,
    grade_below,
    grade_of,
    weigh,
)
from channels.grading.problems import award_problems, grade_problems, scoring_problems
from channels.key_account.domain import share_out
from channels.maintenance.domain import Decision, Ranked, Rules, best_of
from channels.partner.domain import Credit, Grade
from channels.policy_kinds import CREDIT_GRADE, KINDS, PARTNER_AWARD, SCORING
from channels.selection.domain import Benefit
from channels.turnover.domain import PartnerYear, percent
from chassis.money import Money
from tests.support.requirements import req

NAMES = ("outlet_network", "finances", "channel_capability", "people")
WEIGHTS = dict(zip(NAMES, map(Decimal, (30, 40, 20, 10)), strict=True))
TABLE = [
    GradeTerms(grade, Decimal(cut), Credit(Money("CNY", limit), days), "sales_director")
    for grade, cut, limit, days in (
        (Grade.C, 60, 5_000_000, 15),
        (Grade.A, 85, 50_000_000, 60),
        (Grade.B, 70, 20_000_000, 30),
    )
]
RULES = Rules(60, 40, Decimal(75), Decimal(65))


def scored(*points: object) -> list[Score]:
    return [
        Score(name, Decimal(str(value)), "form:field")
        for name, value in zip(NAMES, points, strict=False)
    ]


def a_year(bought: int, target: int | None, *, invoices: int = 0, late: int = 0) -> PartnerYear:
    return PartnerYear(
        "D1",
        2026,
        Money("CNY", bought) if bought else None,
        Money("CNY", target) if target else None,
        invoices,
        late,
    )


@req("R-063")
def test_points_are_weighed_30_40_20_10() -> None:
    assert weigh(scored(80, 70, 60, 90), WEIGHTS) == Decimal("73.0")


@pytest.mark.parametrize(
    ("grade", "lower"), [(Grade.A, Grade.B), (Grade.B, Grade.C), (Grade.C, None)]
)
def test_below_each_grade_is_the_next_and_below_the_lowest_is_none(
    grade: Grade, lower: Grade | None
) -> None:
    found = grade_below(grade, TABLE)

    assert (found and found.grade) == lower


@req("R-064")
@pytest.mark.parametrize(
    ("points", "grade"),
    [
        ("100", Grade.A),
        ("85.0", Grade.A),
        ("84.9", Grade.B),
        ("73.0", Grade.B),
        ("70.0", Grade.B),
        ("69.9", Grade.C),
        ("60.0", Grade.C),
        ("59.9", None),
        ("0", None),
    ],
)
def test_a_grade_begins_at_its_cut(points: str, grade: Grade | None) -> None:
    found = grade_of(Decimal(points), TABLE)

    assert (found.grade if found else None) is grade


@pytest.mark.parametrize("count", [0, 3])
def test_each_criterion_needs_one_score(count: int) -> None:
    with pytest.raises(ScoresIncomplete):
        weigh(scored(*[50] * count), WEIGHTS)


def test_no_criterion_is_scored_twice_or_made_up() -> None:
    whole = scored(1, 2, 3, 4)
    with pytest.raises(ScoresIncomplete):
        weigh([*whole, whole[0]], WEIGHTS)
    with pytest.raises(ScoresIncomplete):
        weigh([*whole[:3], Score("looks", Decimal(99), "eye")], WEIGHTS)


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4))
def test_weighed_points_lie_between_the_lowest_and_the_highest(points: list[int]) -> None:
    assert min(points) <= weigh(scored(*points), WEIGHTS) <= max(points)


@req("R-073", "R-151")
def test_shares_have_one_digit_rounded_half_up() -> None:
    assert percent(30_000_000, 50_000_000) == Decimal("60.0")
    assert percent(4, 12) == Decimal("33.3")
    assert percent(1, 2000) == Decimal("0.1")


@req("R-072")
def test_the_benefit_is_contribution_over_cost() -> None:
    assert Benefit(Money("CNY", 4_500_000), Money("CNY", 2_220_000)).ratio == Decimal("0.49")
    assert Benefit(Money("CNY", 100), Money("CNY", -50)).ratio == Decimal("-0.50")
    assert Benefit(Money("CNY", 0), Money("CNY", 1)).ratio is None


@req("R-074")
@pytest.mark.parametrize(
    ("year", "points"),
    [
        (a_year(50, 50, invoices=10, late=3), "88.0"),
        (a_year(90, 50, invoices=10, late=0), "100.0"),
        (a_year(300, 500, invoices=12, late=4), "62.7"),
        (a_year(0, 50), "0.0"),
        (a_year(10, None, invoices=4, late=1), "75.0"),
        (a_year(0, None), None),
    ],
)
def test_a_year_is_judged_by_what_there_is(year: PartnerYear, points: str | None) -> None:
    assert RULES.points(year) == (None if points is None else Decimal(points))


@pytest.mark.parametrize(
    ("points", "proposal"),
    [
        ("75.0", Decision.RENEW),
        ("74.9", Decision.ADJUST),
        ("65.0", Decision.ADJUST),
        ("64.9", Decision.TERMINATE),
    ],
)
def test_points_propose_what_becomes_of_a_partner(points: str, proposal: Decision) -> None:
    assert RULES.proposal(Decimal(points)) is proposal
    assert RULES.proposal(None) is Decision.ADJUST


@req("R-078")
def test_the_best_tenth_is_rounded_down_and_never_nobody() -> None:
    ranked = [Ranked(f"F{one:02}", "hq", Money("CNY", one)) for one in range(20)]

    assert [one.partner_id for one in best_of(ranked, share=Decimal("0.10"), of=20)] == [
        "F19",
        "F18",
    ]
    assert len(best_of(ranked, share=Decimal("0.10"), of=29)) == 2
    assert len(best_of(ranked[:3], share=Decimal("0.10"), of=3)) == 1
    assert best_of(ranked[:1], share=Decimal("0.10"), of=1) == []


@req("R-150")
@given(st.integers(0, 60), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_customers_are_shared_out_evenly(count: int, held: list[int]) -> None:
    managers = [f"m{number}" for number in range(len(held))]
    loads = dict(zip(managers, held, strict=True))

    chosen = share_out(count, managers, loads)
    after = [loads[one] + chosen.count(one) for one in managers]

    assert len(chosen) == count
    # Whoever got one had no more than anybody else has at the end.
    assert all(loads[one] + chosen.count(one) <= min(after) + 1 for one in set(chosen))


@pytest.mark.parametrize(
    ("kind", "values", "place"),
    [
        (SCORING, {"criteria": [{"name": "a", "title_zh": "", "weight": 0}]}, "[0].weight"),
        (SCORING, {"criteria": []}, "is empty"),
        (SCORING, {"criteria": [{"name": "a", "title_zh": "", "weight": 1}] * 2}, "twice"),
        (
            CREDIT_GRADE,
            {
                "currency_code": "CNY",
                "grades": [
                    {
                        "grade": "E",
                        "points_min": "1",
                        "limit_minor": -1,
                        "credit_days": 0,
                        "approver_role": "finance",
                    }
                ],
            },
            "grade is none of",
        ),
        (PARTNER_AWARD, {"currency_code": "CNY", "share": "1.1", "amounts_minor": [1]}, "share"),
        (PARTNER_AWARD, {"currency_code": "CNY", "share": "1", "amounts_minor": []}, "amounts"),
    ],
)
def test_values_that_mean_nothing_are_told(
    kind: str, values: dict[str, object], place: str
) -> None:
    problems = KINDS[kind].problems

    assert problems is not None
    assert any(place in problem for problem in problems(values))  # type: ignore[arg-type]
    assert problems in {scoring_problems, grade_problems, award_problems}
