"""The kinds of rule set that planning owns: who may approve what, when, and what counts as major.

The values that the platform ships with stand in `policies/*.toml`.
"""

from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds

_TOP: Final = frozenset({"decision_layer", "president", "marketing_vp"})

KINDS: Final[PolicyKinds] = {
    "authority": KindSpec(
        approve_roles=frozenset({"decision_layer", "president"}),
        parameters={
            "limits": [{"role": "text", "limit_minor": "int"}],
            "unlimited_roles": ["text"],
            "two_person": "bool",
        },
    ),
    "calendar": KindSpec(
        approve_roles=_TOP | {"planning"},
        parameters={"rolling_plan_days": ["int"], "holidays": ["date"]},
    ),
    "variance": KindSpec(
        approve_roles=_TOP,
        parameters={"major_share": "decimal"},
    ),
}
