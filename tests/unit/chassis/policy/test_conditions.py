"""A condition grants only when its answer is true itself."""

import threading
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.policy import conditions
from chassis.policy.conditions import ConditionFailed, ConditionInvalid, environment
from chassis.policy.domain import VariableType
from tests.support.requirements import req
from tests.unit.chassis.policy.policies import a_policy, days

VARIABLES = {
    "count": VariableType.INT,
    "grade": VariableType.STRING,
    "agreed": VariableType.BOOL,
    "at": VariableType.TIMESTAMP,
    "numbers": VariableType.INT_LIST,
    "tags": VariableType.STRING_LIST,
}
VALUES: dict[str, Any] = {
    "count": 2,
    "grade": "A",
    "agreed": True,
    "at": datetime(2026, 3, 1, tzinfo=UTC),
    "numbers": [1, 2, 3],
    "tags": ["gold", "new"],
}


def answer(text: str, **values: Any) -> bool:
    within = environment(VARIABLES)
    return within.condition(text).holds(within.bind(VALUES | values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count > 1 && grade == 'A'", True),
        ("count > 2", False),
        ("'gold' in tags && numbers.exists(n, n == 3)", True),
        ("at < timestamp('2026-03-01T08:00:01+08:00')", True),
        ("at.getHours('Asia/Shanghai') == 8", True),
        ("agreed ? count == 2 : count / 0 == 1", True),
        ("agreed || count / 0 == 1", True),
    ],
)
def test_a_condition_answers_with_true_or_false(text: str, expected: bool) -> None:
    assert answer(text) is expected


@req("R-083")
@pytest.mark.parametrize(
    ("grade", "purchases_minor", "expected"),
    [("A", 100_000_000, True), ("A", 99_999_999, False), ("B", 500_000_000, False)],
)
def test_the_discount_needs_grade_a_and_a_million_of_purchases(
    grade: str, purchases_minor: int, expected: bool
) -> None:
    policy = a_policy("p1", days("2026-01-01"))

    holds = conditions.holds(
        policy, "qualifies", {"grade": grade, "purchases_minor": purchases_minor}
    )

    assert holds is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 2000 characters"),
        ("   ", "1 to 2000 characters"),
        ("true " + " " * 2000, "1 to 2000 characters"),
        ("grade == '\ud800'", "1 to 2000 characters"),
        ("cuont > 1", "undeclared reference to 'cuont'"),
        ("count > ", "Syntax error"),
        ("grade > 1", "no matching overload"),
        ("count * 0.05 > 1.0", "no matching overload"),
        ("count + 1", "answers with INT"),
        ("[agreed, 1][0]", "answers with DYN"),
        ("null", "answers with NULL"),
        ("dyn(agreed)", "undeclared reference to 'dyn'"),
        ("double(count) > 1.5", "undeclared reference to 'double'"),
        ("grade + grade == 'AA'", "no matching overload"),
        ("numbers.map(n, n).size() > 0", "undeclared reference"),
        ("grade.matches('(a+)+$')", "undeclared reference to 'matches'"),
        ("(" * 300 + "agreed" + ")" * 300, "recursion limit"),
        ("count" + " + 1" * 300 + " > 0", "recursion depth"),
    ],
)
def test_a_wrong_condition_is_refused_when_it_is_saved(text: str, problem: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        environment(VARIABLES).condition(text)

    assert problem in caught.value.metadata["problem"]


def test_the_error_points_at_the_place() -> None:
    with pytest.raises(ConditionInvalid) as caught:
        environment(VARIABLES).condition("count > 1 && cuont > 2")

    assert caught.value.metadata["problem"].splitlines()[1:] == [
        " | count > 1 && cuont > 2",
        " | .............^ [INVALID_ARGUMENT]",
    ]


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        ("count / 0 == 1", {}, "divide by zero"),
        ("count % 0 == 1", {}, "modulus by zero"),
        ("count + 1 > 0", {"count": 2**63 - 1}, "integer overflow"),
        ("-count > 0", {"count": -(2**63)}, "integer overflow"),
        ("numbers[9] == 1", {}, "Index error"),
        ("{'a': true}['b']", {}, "Key not found"),
        ("timestamp(grade) < at", {}, "Timestamp conversion failed"),
    ],
)
def test_a_condition_without_an_answer_never_grants(
    text: str, values: dict[str, Any], problem: str
) -> None:
    """The engine answers with a text here, and a text counts as true to Python."""
    with pytest.raises(ConditionFailed) as caught:
        answer(text, **values)

    assert problem in caught.value.metadata["problem"]


def test_a_missing_variable_never_grants() -> None:
    within = environment(VARIABLES)
    bound = within.bind({"grade": "A"})

    with pytest.raises(ConditionFailed, match="count"):
        within.condition("count > 1 || grade == 'A' && count < 1").holds(bound)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "2"),
        ("count", True),
        ("count", 2.0),
        ("count", 2**63),
        ("count", None),
        ("grade", 1),
        ("grade", "x" * 1001),
        ("grade", "\ud800"),
        ("agreed", 1),
        ("agreed", "yes"),
        ("at", "2026-03-01"),
        ("at", datetime(2026, 3, 1)),  # no zone, so no instant
        ("numbers", [1, "2"]),
        ("numbers", [True]),
        ("numbers", list(range(1001))),
        ("tags", "gold"),
        ("tags", ["x" * 1001]),
    ],
)
def test_a_value_of_another_type_is_refused_before_it_is_asked(name: str, value: Any) -> None:
    with pytest.raises(ConditionFailed) as caught:
        environment(VARIABLES).bind(VALUES | {name: value})

    assert caught.value.metadata["condition"] == name


@pytest.mark.parametrize("macro", ["all", "exists"])
def test_nested_loops_are_stopped(macro: str) -> None:
    outcome = "< 0" if macro == "exists" else ">= 0"
    text = f"numbers.{macro}(a, numbers.{macro}(b, numbers.{macro}(c, a + b + c {outcome})))"

    with pytest.raises(ConditionFailed, match="budget"):
        answer(text, numbers=list(range(1000)))


def test_an_instant_of_any_zone_is_the_same_instant() -> None:
    local = datetime(2026, 3, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))

    assert answer("at == timestamp('2026-03-01T00:00:00Z')", at=local)


def test_a_text_is_compiled_once_for_its_environment() -> None:
    within = environment(VARIABLES)

    again = environment(dict(reversed(VARIABLES.items())))

    assert within is again
    assert within.condition("count > 7") is again.condition("count > 7")
    assert within.condition("count > 7") is not environment({"count": VariableType.INT}).condition(
        "count > 7"
    )


def test_matching_conditions_come_in_the_order_of_the_policy() -> None:
    texts = {"second": "count > 1", "never": "count > 9", "first": "count > 0"}
    policy = a_policy("p1", days("2026-01-01"), conditions=texts, variables=VARIABLES)

    assert conditions.matching(policy, VALUES) == ["second", "first"]


def test_threads_share_a_condition() -> None:
    within = environment(VARIABLES)
    condition = within.condition("count > 10")
    wrong: list[int] = []
    start = threading.Barrier(4)

    def ask(count: int) -> None:
        start.wait(timeout=10)
        for _ in range(2000):
            if condition.holds(within.bind({"count": count})) is not (count > 10):
                wrong.append(count)

    threads = [threading.Thread(target=ask, args=[count]) for count in (1, 10, 11, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert wrong == []


@given(st.text(max_size=60))
def test_any_text_compiles_to_a_question_or_is_refused(text: str) -> None:
    try:
        environment(VARIABLES).condition(text)
    except ConditionInvalid as error:
        assert error.metadata["problem"]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_compare_exactly(left: int, right: int) -> None:
    within = environment({"left": VariableType.INT, "right": VariableType.INT})

    holds = within.condition("left < right").holds(within.bind({"left": left, "right": right}))

    assert holds is (left < right)


def test_an_answer_is_remembered_for_its_own_text_and_values_alone() -> None:
    within = environment(VARIABLES)
    asks_grade = within.condition("grade == 'A'")
    asks_other = within.condition("grade != 'A'")

    answers = [
        asked.holds_for({"grade": grade})
        for grade in ("A", "B", "A")
        for asked in (asks_grade, asks_other)
    ]

    assert answers == [True, False, False, True, True, False]


def test_one_and_true_are_never_taken_for_each_other() -> None:
    condition = environment(VARIABLES).condition("count == 1")

    assert condition.holds_for({"count": 1})
    with pytest.raises(ConditionFailed, match="not of type int"):
        condition.holds_for({"count": True})


def test_a_value_that_is_not_asked_for_is_not_looked_at() -> None:
    condition = environment(VARIABLES).condition("grade == 'A'")

    assert condition.holds_for({"grade": "A", "tags": ["x" * 1001], "count": "no number"})


def test_an_answer_that_failed_fails_again() -> None:
    condition = environment(VARIABLES).condition("grade == 'A'")

    for _ in range(2):
        with pytest.raises(ConditionFailed):
            condition.holds_for({})
