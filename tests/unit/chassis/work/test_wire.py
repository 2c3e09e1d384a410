"""A run on the wire says what the run says."""

import json
from datetime import timedelta

import pytest
from mantle.work.v1 import work_pb2 as pb

from chassis.paging import Slice
from chassis.work import wire
from chassis.work.domain import PreviewRow, State
from tests.unit.chassis.work.test_domain import AT, a_run


@pytest.mark.parametrize("state", State)
def test_a_state_survives_the_wire(state: State) -> None:
    message = wire.run(a_run(state))

    assert wire.states([message.state]) == [state]


def test_every_state_of_the_contract_is_one_of_the_domain() -> None:
    names = {name.removeprefix("STATE_") for name in pb.Run.State.DESCRIPTOR.values_by_name}

    assert names == {state.value for state in State} | {"UNSPECIFIED"}


def test_what_a_run_does_not_have_is_absent() -> None:
    message = wire.run(a_run(State.PENDING))

    present = [message.HasField(name) for name in ("total", "started_time", "ended_time")]
    assert (present, message.create_time.ToDatetime(AT.tzinfo) - AT) == ([False] * 3, timedelta(0))


def test_a_preview_row_is_json() -> None:
    row = PreviewRow(1, "Priced", {"amount": {"amount_minor": 2**60}})

    message = wire.previewed(Slice((row,), "next")).preview_rows[0]

    assert json.loads(message.content_json) == row.content
