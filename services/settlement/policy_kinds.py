"""The kinds of rule sets that settlement owns, and what each is made of."""

from typing import Final

from chassis.policy.domain import KindSpec, PolicyKinds, VariableType
from settlement.award.domain import incentive_problems
from settlement.collection.domain import problems as dunning_problems
from settlement.commission.rules import rate_problems
from settlement.credit.domain import terms_problems
from settlement.expense.domain import rule_problems as expense_problems
from settlement.penalty.usecases import diversion_problems
from settlement.rebate.domain import problems_of as rebate_problems
from settlement.revenue_share.domain import share_problems

_RATES: Final = {"*": {"amount_minor": "int", "currency_code": "text"}}

COMMISSION: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={
        "per_order?": _RATES,
        "per_line?": _RATES,
        "per_piece?": _RATES,
        "per_amount?": {"*": {"rate": "decimal", "basis": "text"}},
    },
    problems=rate_problems,
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
    # Without a grace nothing overdue blocks by itself, as before there was one.
    parameters={"credit_days": "int", "reservation_minutes": "int", "grace_days?": "int"},
    problems=terms_problems,
)

DUNNING: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={
        "bucket_ends": ["int"],
        "levels": [{"after_days": "int", "name": "text"}],
    },
    problems=dunning_problems,
)

REBATE: Final = KindSpec(
    approve_roles=frozenset({"marketing_vp", "decision_layer"}),
    parameters={
        "currency_code": "text",
        "mode": "text",
        "tiers": [{"from_minor": "int", "rate": "decimal"}],
        "grade_caps?": {"*": "decimal"},
        "forfeits?": {"*": "decimal"},
        "planned_rate?": "decimal",
        "budget_minor?": "int",
    },
    # The rules of a year are often agreed when it has begun.
    backdated=True,
    problems=rebate_problems,
)

PERIOD_CLOSE: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={"days_before_close": "int", "reopening": "bool"},
)

INCENTIVE: Final = KindSpec(
    approve_roles=frozenset({"marketing_vp", "decision_layer"}),
    parameters={"model_units": ["text"], "model_factor": "decimal", "review_percent": "decimal"},
    problems=incentive_problems,
)

REVENUE_SHARE: Final = KindSpec(
    approve_roles=frozenset({"marketing_vp", "decision_layer"}),
    parameters={
        "unit_weight": "decimal",
        "company_weight": "decimal",
        "flexible_weight": "decimal",
        "admission_score": "decimal",
    },
    problems=share_problems,
)

EXPENSE: Final = KindSpec(
    approve_roles=frozenset({"finance", "marketing_vp", "decision_layer"}),
    parameters={
        "sensitive_types": ["text"],
        "service_types": ["text"],
        "disabled_types": ["text"],
        "approvals_sensitive": "int",
        "own_authority": "bool",
        "reservation_minutes": "int",
        "success_cost_goal_percent": "decimal",
    },
    problems=expense_problems,
)

DIVERSION: Final = KindSpec(
    approve_roles=frozenset({"marketing_vp", "decision_layer"}),
    parameters={"fine_factor": "decimal"},
    problems=diversion_problems,
)

KINDS: Final[PolicyKinds] = {
    "diversion": DIVERSION,
    "expense": EXPENSE,
    "incentive": INCENTIVE,
    "revenue_share": REVENUE_SHARE,
    "period_close": PERIOD_CLOSE,
    "commission": COMMISSION,
    "payment_terms": PAYMENT_TERMS,
    "dunning": DUNNING,
    "rebate": REBATE,
}
