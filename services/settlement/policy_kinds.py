"""The kinds of rule sets that settlement owns, and what each is made of."""

from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds, VariableType

_RATES: Final = {"*": {"amount_minor": "int", "currency_code": "text"}}

COMMISSION: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={
        "per_order?": _RATES,
        "per_line?": _RATES,
        "per_piece?": _RATES,
    },
    variables={
        "source": VariableType.STRING,
        "partner_id": VariableType.STRING,
        "unit_id": VariableType.STRING,
        "campaign_id": VariableType.STRING,
        "product_id": VariableType.STRING,
        "quantity": VariableType.INT,
        "amount_minor": VariableType.INT,
    },
)

PAYMENT_TERMS: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={"credit_days": "int", "reservation_minutes": "int"},
)

KINDS: Final[PolicyKinds] = {"commission": COMMISSION, "payment_terms": PAYMENT_TERMS}
