"""The kinds of policy that crm owns: what each says, and who approves it.

The values that come with the platform are in `policies/`. Scopes are `unit:<id>` and the company.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds, VariableType

CONTACT: Final = "contact"
MARKETING_RULE: Final = "marketing_rule"
SERVICE_LEVEL: Final = "service_level"

MAY_OFFER: Final = "may_offer"

KINDS: Final[PolicyKinds] = MappingProxyType(
    {
        CONTACT: KindSpec(
            approve_roles=frozenset({"market_director", "marketing_vp", "president"}),
            parameters={
                "outbound_max": "int",
                "window_days": "int",
                "quiet_from": "time",
                "quiet_to": "time",
                "cool_down_days": "int",
                "consent_kinds": ["text"],
            },
        ),
        MARKETING_RULE: KindSpec(
            approve_roles=frozenset({"market_director", "marketing_vp", "president"}),
            parameters={"offers_max": "int"},
            variables={
                "kind": VariableType.STRING,
                "status": VariableType.STRING,
                "tags": VariableType.STRING_LIST,
                "event_type": VariableType.STRING,
                "touchpoint_kind": VariableType.STRING,
                "contact_kind": VariableType.STRING,
            },
            conditions=frozenset({MAY_OFFER}),
        ),
        # Within how many hours a case of a kind is to be closed.
        SERVICE_LEVEL: KindSpec(
            approve_roles=frozenset({"market_director", "marketing_vp", "president"}),
            parameters={"levels": [{"kind": "text", "hours": "int"}]},
        ),
    }
)


def scopes_of(unit_ids: Sequence[str]) -> list[str]:
    """Return the scopes whose policies hold for a unit.

    Shape: `unit_ids` from the root down to the unit; the scopes go from the nearest to the company.
    """
    return [*(f"unit:{unit_id}" for unit_id in reversed(unit_ids)), ""]
