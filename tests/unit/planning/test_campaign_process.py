"""The process `campaign`: five signatures, and a disagreement that reopens the planning."""

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

import planning
from chassis.process.definition import Definition
from chassis.process.domain import Instance, begin
from chassis.process.errors import StepNotOpen
from chassis.process.node import Completion, Node
from chassis.process.source import Definitions
from planning.campaign.domain import State, Step
from planning.campaign.timeline import PARTS, timeline
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
SIGNATURES = [step for step in PARTS.values() if step is not Step.APPROVE]


@pytest.fixture(scope="module")
def definition() -> Definition:
    return Definitions.load(Path(planning.__file__).parent / "processes")["campaign"]


def begun(definition: Definition) -> Instance:
    return begin(
        definition,
        process_id="P1",
        subject=("campaign", "C1"),
        unit_id="hq",
        keys={},
        at=AT,
    ).process


def done(process: Instance, *steps: Step, answer: str | None = None) -> Instance:
    for step in steps:
        known = process.definition.by_number[step]
        process = process.complete(
            Completion(
                node=Node(step),
                subject="li",
                roles=frozenset({known.role or ""}),
                at=AT,
                rpc=known.rpcs[0],
                answer=answer,
            )
        ).process
    return process


def test_every_step_has_its_name_here_and_in_the_definition(definition: Definition) -> None:
    assert sorted(definition.by_number) == sorted(Step)


def test_every_milestone_is_a_state(definition: Definition) -> None:
    named = {step.milestone for step in definition.steps if step.milestone}
    named |= {answer.milestone for step in definition.steps for answer in step.answers}

    assert {State(name) for name in named if name} == set(State) - {State.PAUSED, State.STOPPED}


@req("R-268")
@pytest.mark.parametrize("order", list(permutations(SIGNATURES)))
def test_the_four_sign_in_any_order_and_then_the_meeting(
    definition: Definition, order: tuple[Step, ...]
) -> None:
    process = done(begun(definition), Step.PLAN, Step.ALLOCATE, Step.SUBMIT)

    for step in order:
        with pytest.raises(StepNotOpen):
            done(process, Step.APPROVE, answer="agree")
        process = done(process, step)
    approved = done(process, Step.APPROVE, answer="agree")

    assert approved.state == "APPROVED"
    assert all(one.signed_by == "li" for one in timeline(approved).sign_offs)


@req("R-267")
def test_nothing_starts_after_a_disagreement(definition: Definition) -> None:
    process = done(begun(definition), Step.PLAN, Step.ALLOCATE, Step.SUBMIT, *SIGNATURES)

    refused = done(process, Step.APPROVE, answer="disagree")

    assert refused.state == "PLANNING"
    assert refused.open_nodes() == [Node(Step.PLAN)]
    assert timeline(refused).revision == 2
    assert not any(one.signed_by for one in timeline(refused).sign_offs)
    with pytest.raises(StepNotOpen):
        done(refused, Step.START)
