"""The kinds of policy that channels owns: what each says, and who approves it.

The values that come with the platform are in `policies/`.
"""

from types import MappingProxyType
from typing import Final

from channels.grading.problems import award_problems, grade_problems, scoring_problems
from channels.inspection.domain import inspection_problems
from chassis.policy.domain import KindSpec, PolicyKinds, VariableType

LIST_PRICE: Final = "list_price"
CHANNEL_TERMS: Final = "channel_terms"
DISCOUNT: Final = "discount"
COOLING_OFF: Final = "cooling_off"
PRICE_FLOOR: Final = "price_floor"
COORDINATION: Final = "coordination"
DELIVERY: Final = "delivery"
SCORING: Final = "scoring"
CREDIT_GRADE: Final = "credit_grade"
CUSTOMER_FORM: Final = "customer_form"
PARTNER_REVIEW: Final = "partner_review"
PARTNER_AWARD: Final = "partner_award"
KEY_ACCOUNT: Final = "key_account"
GROUP_FILING: Final = "group_filing"
INSPECTION: Final = "inspection"
RETURN_REASONS: Final = "return_reasons"
QUALITY_RISK: Final = "quality_risk"

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
        # `share` is the lowest share of the policies' price that an override may have.
        PRICE_FLOOR: KindSpec(
            approve_roles=frozenset({"marketing_vp", "president"}),
            parameters={"share": "decimal"},
        ),
        # Whose duty it is to answer for goods that are not there, and for when they are promised.
        COORDINATION: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"back_order_days": "int", "back_order_duty": "text", "excess_duty": "text"},
        ),
        # Days after the approval within which a delivery is on time.
        DELIVERY: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"days": "int"},
        ),
        # The criteria of an evaluation; weights are relative.
        SCORING: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"criteria": [{"name": "text", "title_zh": "text", "weight": "int"}]},
            problems=scoring_problems,
        ),
        # From how many points on a partner has a grade, what goes with it, and who approves it.
        CREDIT_GRADE: KindSpec(
            approve_roles=frozenset({"marketing_vp", "president"}),
            parameters={
                "currency_code": "text",
                "grades": [
                    {
                        "grade": "text",
                        "points_min": "decimal",
                        "limit_minor": "int",
                        "credit_days": "int",
                        "approver_role": "text",
                    }
                ],
            },
            problems=grade_problems,
        ),
        # What a customer information form must answer; without the documents it is not taken.
        CUSTOMER_FORM: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"mandatory": ["text"], "documents": ["text"]},
        ),
        # How the yearly maintenance judges a partner, and from how many points it proposes what.
        PARTNER_REVIEW: KindSpec(
            approve_roles=frozenset({"marketing_vp", "president"}),
            parameters={
                "target_weight": "int",
                "punctual_weight": "int",
                "renew_min": "decimal",
                "adjust_min": "decimal",
            },
        ),
        # Share of a ranking that gets an award, and what each rank gets; the last for all further.
        PARTNER_AWARD: KindSpec(
            approve_roles=frozenset({"marketing_vp", "president"}),
            parameters={"currency_code": "text", "share": "decimal", "amounts_minor": ["int"]},
            problems=award_problems,
        ),
        # From which yearly revenue on a customer is a large one.
        KEY_ACCOUNT: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"currency_code": "text", "threshold_minor": "int"},
        ),
        # Why goods may come back.
        RETURN_REASONS: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"reasons": [{"reason_code": "text", "title": "text", "title_zh": "text"}]},
        ),
        # From which share of a year's deliveries on that came back a product is a quality risk.
        QUALITY_RISK: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"share_max": "decimal"},
        ),
        # For how many days who files a client of group uniforms first is protected.
        GROUP_FILING: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={"protection_days": "int"},
        ),
        # What an inspection looks at with the most points of each, and how soon to put it right.
        INSPECTION: KindSpec(
            approve_roles=frozenset({"sales_director", "marketing_vp", "president"}),
            parameters={
                "finding_days": "int",
                "checklist": [{"name": "text", "points_max": "int"}],
            },
            problems=inspection_problems,
        ),
    }
)
