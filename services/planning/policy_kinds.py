"""The kinds of rule set that planning owns: who may approve what, when, and what counts as major.

The values that the platform ships with stand in `policies/*.toml`.
"""

from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds
from planning.budget.transfer import carry_problems
from planning.fund_plan import domain as fund_plan
from planning.profit import catalogue

_TOP: Final = frozenset({"decision_layer", "president", "marketing_vp"})

KINDS: Final[PolicyKinds] = {
    "authority": KindSpec(
        approve_roles=frozenset({"decision_layer", "president"}),
        parameters={
            "limits": [{"role": "text", "limit_minor": "int"}],
            "unlimited_roles": ["text"],
            "two_person": "bool",
            "currency_code": "text",
        },
    ),
    "calendar": KindSpec(
        approve_roles=_TOP | {"planning"},
        parameters={
            "rolling_plan_days": ["int"],
            "holidays": ["date"],
            "annual_plan_windows": [
                {
                    "name_en": "text",
                    "name_zh": "text",
                    "step": "int",
                    "month": "int",
                    "first_day": "int",
                    "last_day": "int",
                }
            ],
        },
    ),
    "carry_forward": KindSpec(
        approve_roles=_TOP | {"finance"},
        parameters={"share": "decimal", "cap_minor?": "int"},
        problems=carry_problems,
    ),
    catalogue.KIND: KindSpec(
        approve_roles=_TOP | {"finance"},
        parameters=catalogue.SHAPE,
        problems=catalogue.problems,
    ),
    "forecast": KindSpec(
        approve_roles=_TOP | {"planning"},
        parameters={
            "cover_months": "decimal",
            "average_months": "int",
            "growth_share": "decimal",
        },
    ),
    fund_plan.KIND: KindSpec(
        approve_roles=_TOP | {"finance"},
        parameters={
            "currency_code": "text",
            "minimum_minor": "int",
            "first_half_day": "int",
            "second_half_day": "int",
        },
        problems=fund_plan.rule_problems,
    ),
    "span": KindSpec(
        approve_roles=_TOP,
        parameters={"direct_reports_max": "int"},
    ),
    "variance": KindSpec(
        approve_roles=_TOP,
        parameters={"major_share": "decimal", "completion_floor": "decimal"},
    ),
}
