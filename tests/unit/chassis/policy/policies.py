"""Policies for tests, made of the values of the catalogue."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from chassis.period import DateRange
from chassis.policy.domain import Draft, KindSpec, Policy, State, VariableType
from chassis.policy.parameters import Parameters

WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DISCOUNT = KindSpec(
    approve_roles=frozenset({"sales_director"}),
    parameters={"discount_share": "decimal", "outbound_max?": "int"},
    variables={"grade": VariableType.STRING, "purchases_minor": VariableType.INT},
    conditions=frozenset({"qualifies"}),
)
QUALIFIES = "grade == 'A' && purchases_minor >= 100000000"


def day(text: str) -> date:
    return date.fromisoformat(text)


def days(start: str, end: str | None = None) -> DateRange:
    return DateRange(day(start), day(end) if end else None)


def discount_draft(valid: DateRange, **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "kind": "discount",
        "scope": "",
        "valid": valid,
        "parameters": {"discount_share": "0.30"},
        "conditions": {"qualifies": QUALIFIES},
        "summary": "Discount of grade A",
    }
    return Draft(**(values | changes))


def a_policy(policy_id: str, valid: DateRange, **changes: Any) -> Policy:
    values: Mapping[str, Any] = {
        "policy_id": policy_id,
        "kind": "discount",
        "scope": "",
        "version": 1,
        "valid": valid,
        "planned_end": valid.end,
        "state": State.DRAFT,
        "assumed": False,
        "summary": "",
        "parameters": Parameters({"discount_share": "0.30"}),
        "conditions": {"qualifies": QUALIFIES},
        "variables": DISCOUNT.variables,
        "created_by": "wang",
        "create_time": WRITTEN,
    }
    return Policy(**(dict(values) | changes))
