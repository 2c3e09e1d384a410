"""A policy comes out of the contract as it went in."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from mantle.policy.v1 import events_pb2, policy_pb2
from mantle.policy.v1 import policy_service_pb2 as pb

from chassis.policy import wire
from chassis.policy.domain import (
    PolicyApproved,
    PolicyWithdrawn,
    State,
    VariableType,
)
from chassis.policy.parameters import Parameters
from tests.unit.chassis.policy.policies import WRITTEN, a_policy, days

values: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text(max_size=8), values, max_size=5),
    st.sampled_from([days("2026-01-01"), days("2026-01-01", "2026-02-01")]),
    st.sampled_from(State),
)
def test_a_policy_survives_the_wire(parameters: Any, valid: Any, state: State) -> None:
    policy = a_policy(
        "v1",
        valid,
        state=state,
        parameters=Parameters(parameters),
        conditions={"z": "true", "a": "false"},
        variables={kind.name: kind for kind in VariableType},
        approved_by="li",
        approve_time=WRITTEN,
        successor_id="v2",
    )

    back = wire.policy_from_proto(
        policy_pb2.Policy.FromString(wire.policy_to_proto(policy).SerializeToString())
    )

    assert back == policy
    assert list(back.conditions) == ["z", "a"]


def test_an_event_carries_both_policies_whole() -> None:
    first, second = a_policy("v1", days("2026-01-01")), a_policy("v2", days("2026-07-01"))

    approved = wire.FACTS[PolicyApproved](PolicyApproved(second, first.end_for(second)))
    withdrawn = wire.FACTS[PolicyWithdrawn](PolicyWithdrawn(second, None))

    assert isinstance(approved.payload, events_pb2.PolicyApproved)
    assert wire.told(approved.payload) == [second, first.end_for(second)]
    assert isinstance(withdrawn.payload, events_pb2.PolicyWithdrawn)
    assert wire.told(withdrawn.payload) == [second]
    assert approved.ordering_key == withdrawn.ordering_key
    assert approved.keep == "reference"


def test_a_message_declares_the_variables_of_conditions() -> None:
    declared = wire.variables_of(pb.PolicyLookup)
    values = wire.values_of(pb.PolicyLookup(kind="a", scopes=["x"]))

    assert declared == {
        "kind": VariableType.STRING,
        "scopes": VariableType.STRING_LIST,
        "date": VariableType.STRING,
    }
    assert values == {"kind": "a", "scopes": ["x"], "date": ""}


def test_a_timestamp_is_an_instant() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="tests/policy/visit.proto",
        package="tests.policy",
        dependency=["google/protobuf/timestamp.proto"],
    )
    field = file.message_type.add(name="Visit").field.add(name="visit_time", number=1)
    field.type_name = ".google.protobuf.Timestamp"
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    visit = message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.policy.Visit"))

    message: Any = visit()
    message.visit_time.FromDatetime(datetime(2026, 3, 1))

    assert wire.variables_of(visit) == {"visit_time": VariableType.TIMESTAMP}
    assert wire.values_of(message) == {"visit_time": datetime(2026, 3, 1, tzinfo=UTC)}


def test_a_message_with_an_inner_message_declares_nothing() -> None:
    with pytest.raises(TypeError, match="PolicyList.values"):
        wire.variables_of(policy_pb2.PolicyList)


def test_an_instant_as_a_parameter_reaches_the_check_of_the_shape() -> None:
    request = pb.CreatePolicyRequest(kind="a", start_date="2026-01-01")
    request.parameters["when"].instant.FromDatetime(datetime(2026, 3, 1))

    draft = wire.draft(request)

    assert dict(draft.parameters) == {"when": datetime(2026, 3, 1, tzinfo=UTC)}
