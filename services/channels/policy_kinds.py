"""The kinds of policy that channels owns: what each says, and who approves it.

The values that come with the platform are in `policies/`.
"""

from types import MappingProxyType
from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds, VariableType

LIST_PRICE: Final = "list_price"
CHANNEL_TERMS: Final = "channel_terms"
DISCOUNT: Final = "discount"
COOLING_OFF: Final = "cooling_off"

QUALIFIES: Final = "qualifies"

# Scope of a list price is `product:<id>`; the others know partner, product, channel and company.
KINDS: Final[PolicyKinds] = MappingProxyType(
    {
        LIST_PRICE: KindSpec(
            approve_roles=frozenset({"market_director", "marketing_vp", "president"}),
            parameters={"currency_code": "text", "amount": "decimal"},
        ),
        CHANNEL_TERMS: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"channel_factor": "decimal", "allowance": "decimal"},
        ),
        # `rate` reads as `convention` says: DISCOUNT_SHARE is the share taken off, PRICE_SHARE the
        # share paid. Source: R-083, A13.
        DISCOUNT: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"rate": "decimal", "convention": "text"},
            variables={
                "grade": VariableType.STRING,
                "kind": VariableType.STRING,
                "prior_year_purchases_minor": VariableType.INT,
                "product_id": VariableType.STRING,
                "quantity": VariableType.INT,
            },
            conditions=frozenset({QUALIFIES}),
        ),
        COOLING_OFF: KindSpec(
            approve_roles=frozenset({"market_director", "marketing_vp", "president"}),
            parameters={"days": "int"},
        ),
    }
)
