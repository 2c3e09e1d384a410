"""What is wrong with values of the policies on partners whose shape is right."""

from collections.abc import Mapping
from decimal import Decimal

from channels.grading.domain import RANKS
from channels.partner.domain import Grade
from chassis.policy.parameters import Parameters, Value

_GRADES = frozenset(Grade)


def scoring_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell which criteria cannot be weighed."""
    criteria = Parameters(values).records("criteria")
    names = [one.text("name") for one in criteria]
    problems = [] if names else ["parameters.criteria is empty"]
    if len(set(names)) < len(names):
        problems.append("parameters.criteria has a name twice")
    for number, one in enumerate(criteria):
        if one.integer("weight") < 1:
            problems.append(f"parameters.criteria[{number}].weight is below 1")
    return problems


def grade_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell which grades cannot be given."""
    grades = Parameters(values).records("grades")
    problems = [] if grades else ["parameters.grades is empty"]
    for name in ("grade", "points_min"):
        if len({one.text(name) for one in grades}) < len(grades):
            problems.append(f"parameters.grades has a {name} twice")
    for number, one in enumerate(grades):
        where = f"parameters.grades[{number}]"
        if one.text("grade") not in _GRADES:
            problems.append(f"{where}.grade is none of {', '.join(sorted(_GRADES))}")
        if one.text("approver_role") not in RANKS:
            problems.append(f"{where}.approver_role is none of {', '.join(sorted(RANKS))}")
        if one.integer("limit_minor") < 0 or one.integer("credit_days") < 0:
            problems.append(f"{where} has a limit or days below 0")
    return problems


def award_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell which awards cannot be granted."""
    parameters = Parameters(values)
    problems = []
    if not 0 < parameters.decimal("share") <= Decimal(1):
        problems.append("parameters.share is not above 0 and at most 1")
    amounts = parameters.integers("amounts_minor")
    if not amounts or min(amounts) < 1:
        problems.append("parameters.amounts_minor is empty or has an amount below 1")
    return problems
