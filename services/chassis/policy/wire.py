"""Policies between the domain and the contract, and which fact becomes which event."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from mantle.policy.v1 import events_pb2, policy_pb2
from mantle.policy.v1 import policy_service_pb2 as pb

from chassis.events.domain import EventDraft
from chassis.period import DateRange, parse_date
from chassis.policy.domain import (
    Bindable,
    Draft,
    Explanation,
    Policy,
    PolicyApproved,
    PolicyWithdrawn,
    State,
    Variables,
    VariableType,
    Wanted,
)
from chassis.policy.parameters import Parameters, Value
from chassis.wire import to_time

_STATES: Final = {
    State.DRAFT: policy_pb2.Policy.STATE_DRAFT,
    State.APPROVED: policy_pb2.Policy.STATE_APPROVED,
    State.WITHDRAWN: policy_pb2.Policy.STATE_WITHDRAWN,
}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}
_TYPES: Final = {
    VariableType.INT: policy_pb2.VARIABLE_TYPE_INT,
    VariableType.STRING: policy_pb2.VARIABLE_TYPE_STRING,
    VariableType.BOOL: policy_pb2.VARIABLE_TYPE_BOOL,
    VariableType.TIMESTAMP: policy_pb2.VARIABLE_TYPE_TIMESTAMP,
    VariableType.INT_LIST: policy_pb2.VARIABLE_TYPE_INT_LIST,
    VariableType.STRING_LIST: policy_pb2.VARIABLE_TYPE_STRING_LIST,
}
_TYPES_READ: Final = {number: kind for kind, number in _TYPES.items()}
_SINGLE: Final = {
    FieldDescriptor.TYPE_INT32: VariableType.INT,
    FieldDescriptor.TYPE_INT64: VariableType.INT,
    FieldDescriptor.TYPE_UINT32: VariableType.INT,
    FieldDescriptor.TYPE_STRING: VariableType.STRING,
    FieldDescriptor.TYPE_BOOL: VariableType.BOOL,
}
_LISTS: Final = {
    VariableType.INT: VariableType.INT_LIST,
    VariableType.STRING: VariableType.STRING_LIST,
}


def variables_of(message: type[Message]) -> Variables:
    """Declare the fields of a message as the variables of conditions.

    Errors: TypeError for a field that a condition cannot speak about, such as a fraction or an
        inner message.
    """
    return {field.name: _variable_type(field) for field in message.DESCRIPTOR.fields}


def values_of(message: Message) -> dict[str, Bindable]:
    """Give the fields of a message as values of the variables, absent ones as their default."""
    return {
        field.name: _bindable(getattr(message, field.name)) for field in message.DESCRIPTOR.fields
    }


def policy_to_proto(source: Policy) -> policy_pb2.Policy:
    """Write a version as the contract has it."""
    message = policy_pb2.Policy(
        policy_id=source.policy_id,
        kind=source.kind,
        scope=source.scope,
        version=source.version,
        start_date=source.valid.start.isoformat(),
        end_date=_text(source.valid.end),
        planned_end_date=_text(source.planned_end),
        state=_STATES[source.state],
        assumed=source.assumed,
        summary=source.summary,
        conditions=[
            policy_pb2.PolicyCondition(name=name, text=text)
            for name, text in source.conditions.items()
        ],
        variables={name: _TYPES[kind] for name, kind in source.variables.items()},
        created_by=source.created_by,
        create_time=_stamp(source.create_time),
        approved_by=source.approved_by,
        approve_time=_stamp(source.approve_time),
        withdrawn_by=source.withdrawn_by,
        withdraw_time=_stamp(source.withdraw_time),
        successor_id=source.successor_id,
        revision=source.revision,
    )
    for name, value in source.parameters.values.items():
        message.parameters[name].CopyFrom(_value_to_proto(value))
    return message


def policy_from_proto(message: policy_pb2.Policy) -> Policy:
    """Read a version that a service wrote."""
    return Policy(
        policy_id=message.policy_id,
        kind=message.kind,
        scope=message.scope,
        version=message.version,
        valid=DateRange(
            parse_date(message.start_date), _date(message.end_date, message.HasField("end_date"))
        ),
        planned_end=_date(message.planned_end_date, message.HasField("planned_end_date")),
        state=_STATES_READ[message.state],
        assumed=message.assumed,
        summary=message.summary,
        parameters=Parameters(_values(message.parameters)),
        conditions={condition.name: condition.text for condition in message.conditions},
        variables={name: _TYPES_READ[kind] for name, kind in message.variables.items()},
        created_by=message.created_by,
        create_time=_instant(message.create_time),
        approved_by=message.approved_by,
        approve_time=_time(message, "approve_time"),
        withdrawn_by=message.withdrawn_by,
        withdraw_time=_time(message, "withdraw_time"),
        successor_id=message.successor_id if message.HasField("successor_id") else None,
        revision=message.revision,
    )


def draft(request: pb.CreatePolicyRequest) -> Draft:
    """Read what an author wrote.

    Errors: PeriodInvalid.
    """
    return Draft(
        kind=request.kind,
        scope=request.scope,
        valid=DateRange(
            parse_date(request.start_date), _date(request.end_date, request.HasField("end_date"))
        ),
        parameters=_values(request.parameters),
        conditions={condition.name: condition.text for condition in request.conditions},
        summary=request.summary,
    )


def wanted(request: pb.ListPoliciesRequest) -> Wanted:
    """Read the filter of a list.

    Errors: PeriodInvalid.
    """
    return Wanted(
        kind=request.kind or None,
        scope=request.scope if request.HasField("scope") else None,
        state=_STATES_READ.get(request.state),
        on=_date(request.date, request.HasField("date")),
    )


def samples(request: pb.EvaluatePolicyRequest) -> dict[str, Bindable]:
    """Read the sample values; one that no variable can hold is found when it is bound."""
    return {name: cast("Bindable", _value(value)) for name, value in request.variables.items()}


def created(policy: Policy) -> pb.CreatePolicyResponse:
    """Answer with the new draft."""
    return pb.CreatePolicyResponse(policy=policy_to_proto(policy))


def approved(fact: PolicyApproved) -> pb.ApprovePolicyResponse:
    """Answer with the policy in force, and with the one that it ended."""
    return pb.ApprovePolicyResponse(
        policy=policy_to_proto(fact.policy), ended_policy=_optional(fact.ended)
    )


def withdrawn(fact: PolicyWithdrawn) -> pb.WithdrawPolicyResponse:
    """Answer with the policy that was taken back, and with the one that goes on."""
    return pb.WithdrawPolicyResponse(
        policy=policy_to_proto(fact.policy), reopened_policy=_optional(fact.reopened)
    )


def got(policy: Policy) -> pb.GetPolicyResponse:
    """Answer with one version."""
    return pb.GetPolicyResponse(policy=policy_to_proto(policy))


def listed(policies: Sequence[Policy], next_page_token: str) -> pb.ListPoliciesResponse:
    """Answer with a page of versions."""
    return pb.ListPoliciesResponse(
        policies=map(policy_to_proto, policies), next_page_token=next_page_token
    )


def explained(explanation: Explanation) -> pb.EvaluatePolicyResponse:
    """Answer with what each condition says."""
    return pb.EvaluatePolicyResponse(
        policy=policy_to_proto(explanation.policy),
        results=[
            pb.ConditionResult(
                name=result.name, text=result.text, holds=result.holds, problem=result.problem
            )
            for result in explanation.results
        ],
        candidates=map(policy_to_proto, explanation.candidates),
    )


def told(message: events_pb2.PolicyApproved | events_pb2.PolicyWithdrawn) -> list[Policy]:
    """Read the versions that an event carries."""
    other = (
        ("ended_policy" if message.HasField("ended_policy") else "")
        if isinstance(message, events_pb2.PolicyApproved)
        else ("reopened_policy" if message.HasField("reopened_policy") else "")
    )
    return [policy_from_proto(getattr(message, name)) for name in ("policy", other) if name]


def _approved_event(fact: PolicyApproved) -> EventDraft:
    payload = events_pb2.PolicyApproved(
        policy=policy_to_proto(fact.policy), ended_policy=_optional(fact.ended)
    )
    return EventDraft(payload, _line(fact.policy))


def _withdrawn_event(fact: PolicyWithdrawn) -> EventDraft:
    payload = events_pb2.PolicyWithdrawn(
        policy=policy_to_proto(fact.policy), reopened_policy=_optional(fact.reopened)
    )
    return EventDraft(payload, _line(fact.policy))


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {PolicyApproved: _approved_event, PolicyWithdrawn: _withdrawn_event}
)


def _line(policy: Policy) -> str:
    return f"policy/{policy.kind}/{policy.scope}"


def _optional(policy: Policy | None) -> policy_pb2.Policy | None:
    return None if policy is None else policy_to_proto(policy)


def _values(fields: Mapping[str, policy_pb2.PolicyValue]) -> dict[str, Value]:
    # An instant is no parameter; it is let through here so that the shape of the kind refuses it
    # with its name.
    return {name: cast("Value", _value(value)) for name, value in fields.items()}


def _value(message: policy_pb2.PolicyValue) -> "Value | datetime":
    match message.WhichOneof("kind"):
        case "integer":
            return message.integer
        case "truth":
            return message.truth
        case "list":
            return cast("Value", [_value(value) for value in message.list.values])
        case "record":
            return _values(message.record.fields)
        case "instant":
            return _instant(message.instant)
        case _:
            return message.text


def _value_to_proto(value: Value) -> policy_pb2.PolicyValue:
    if isinstance(value, bool):
        return policy_pb2.PolicyValue(truth=value)
    if isinstance(value, int):
        return policy_pb2.PolicyValue(integer=value)
    if isinstance(value, str):
        return policy_pb2.PolicyValue(text=value)
    if isinstance(value, Mapping):
        fields = {name: _value_to_proto(inner) for name, inner in value.items()}
        return policy_pb2.PolicyValue(record=policy_pb2.PolicyRecord(fields=fields))
    return policy_pb2.PolicyValue(list=_list_to_proto(value))


def _list_to_proto(values: Sequence[Value]) -> policy_pb2.PolicyList:
    return policy_pb2.PolicyList(values=map(_value_to_proto, values))


def _variable_type(field: Any) -> VariableType:
    if field.message_type is Timestamp.DESCRIPTOR and not field.is_repeated:
        return VariableType.TIMESTAMP
    single = _SINGLE.get(field.type)
    kind = _LISTS.get(single) if single and field.is_repeated else single
    if kind is None:
        raise TypeError(f"a condition cannot speak about {field.full_name}")
    return kind


def _bindable(value: Any) -> Bindable:
    if isinstance(value, Timestamp):
        return _instant(value)
    if isinstance(value, bool | int | str):
        return value
    return list(value)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str, is_there: bool) -> date | None:
    return parse_date(text) if is_there else None


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    message = Timestamp()
    message.FromDatetime(at)
    return message


def _instant(message: Timestamp) -> datetime:
    return to_time(message, "instant")


def _time(message: policy_pb2.Policy, name: str) -> datetime | None:
    return _instant(getattr(message, name)) if message.HasField(cast("Any", name)) else None
