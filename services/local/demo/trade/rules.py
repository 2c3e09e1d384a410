"""Rules and agreements as the trade part makes them: one person writes, another approves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mantle.channels.v1 import partner_pb2
from mantle.channels.v1 import partner_service_pb2 as partner_rpc
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policy_rpc
from mantle.type.v1 import money_pb2

from local.demo.company import NOT_YET
from local.demo.desk import Desk

Value = int | str | Mapping[str, "Value"] | Sequence["Value"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Describe a version of a policy; without an end it holds until a successor."""

    service: str
    kind: str
    summary: str
    parameters: Mapping[str, Value]
    start: str
    end: str = ""
    scope: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    author: str = "finance"
    approver: str = "marketing_vp"


@dataclass(frozen=True, slots=True)
class Terms:
    """Describe what a partner agrees to for a year; the rebate policy is a scope."""

    year: int
    limit: money_pb2.Money
    days: int = 30
    target: money_pb2.Money | None = None
    rebate_policy: str = ""


@dataclass(frozen=True, slots=True)
class NewPartner:
    """Describe a partner that is not known yet."""

    partner_id: str
    name: str
    kind: partner_pb2.PartnerKind.ValueType
    unit_id: str


def decide(desk: Desk, rule: Rule) -> policy_pb2.Policy:
    """Write a version as one person and approve it as another."""
    draft = policy_rpc.CreatePolicyRequest(
        kind=rule.kind,
        scope=rule.scope,
        start_date=rule.start,
        summary=rule.summary,
        parameters={name: _value(one) for name, one in rule.parameters.items()},
        conditions=[
            policy_pb2.PolicyCondition(name=name, text=text)
            for name, text in rule.conditions.items()
        ],
    )
    if rule.end:
        draft.end_date = rule.end
    made = desk.person(rule.author).ask(draft, service=rule.service).policy
    approval = policy_rpc.ApprovePolicyRequest(policy_id=made.policy_id)
    found: policy_pb2.Policy = desk.person(rule.approver).ask(approval, service=rule.service).policy
    return found


def take_in(desk: Desk, new: NewPartner, agreed: Sequence[Terms]) -> None:
    """Take a partner in without a selection, sign for some years, and let it order."""
    creation = partner_rpc.CreatePartnerRequest(
        partner_id=new.partner_id,
        name=new.name,
        kind=new.kind,
        unit_id=new.unit_id,
        credit_grade=partner_pb2.CREDIT_GRADE_B,
    )
    desk.person("sales_development").ask_when_told(creation, reasons=NOT_YET)
    for terms in agreed:
        sign(desk, new.partner_id, terms)
    activation = partner_rpc.ActivatePartnerRequest(partner_id=new.partner_id)
    desk.person("sales_director").ask(activation)


def sign(desk: Desk, partner_id: str, terms: Terms) -> None:
    """Sign the agreement of a year."""
    request = partner_rpc.SignAgreementRequest(
        partner_id=partner_id,
        year=terms.year,
        credit_limit=terms.limit,
        credit_days=terms.days,
        target=terms.target,
        rebate_policy=terms.rebate_policy,
    )
    desk.person("sales_director").ask(request)


def _value(value: Value) -> policy_pb2.PolicyValue:
    if isinstance(value, bool):
        return policy_pb2.PolicyValue(truth=value)
    if isinstance(value, int):
        return policy_pb2.PolicyValue(integer=value)
    if isinstance(value, str):
        return policy_pb2.PolicyValue(text=value)
    if isinstance(value, Mapping):
        fields = {name: _value(one) for name, one in value.items()}
        return policy_pb2.PolicyValue(record=policy_pb2.PolicyRecord(fields=fields))
    items = [_value(one) for one in value]
    return policy_pb2.PolicyValue(list=policy_pb2.PolicyList(values=items))
