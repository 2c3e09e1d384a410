"""The 32 steps and what the handbook says beside them agree with each other."""

from datetime import UTC, datetime
from pathlib import Path

from chassis.process.definition import Definition
from chassis.process.domain import Instance, begin
from chassis.process.node import Completion, Node, StepState
from chassis.process.source import Definitions
from local.tokens import person_roles
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.domain import CLAIMANTS, Step
from planning.annual_plan.view import claim_count, is_settled
from tests.support.requirements import req

NOW = datetime(2025, 10, 8, tzinfo=UTC)
DIRECTORY = Path(__file__).parents[3] / "services" / "planning" / "processes"
KEYS = {"area": ("A1", "A2"), "office": ("B1",), "product": ("P1",)}
DISAGREE = "disagree"


def definition() -> Definition:
    return Definitions.load(DIRECTORY)["annual_plan"]


def begun() -> Instance:
    return begin(
        definition(), process_id="p", subject=("plan", "x"), unit_id="hq", keys=KEYS, at=NOW
    ).process


def done(process: Instance, step: int, answer: str | None = None) -> Instance:
    """Complete a step with all its repetitions, each by who may."""
    known = process.definition.by_number[step]
    for node in process.nodes(known):
        completion = Completion(
            node=node,
            subject="somebody",
            roles=frozenset({known.role or ""}),
            at=NOW,
            answer=answer,
            rpc=known.rpcs[0] if known.rpcs else None,
        )
        process = process.complete(completion).process
    return process


def played(*, until: int) -> Instance:
    process = begun()
    for step in range(1, until + 1):
        if process.status(process.nodes(process.definition.by_number[step])[0]).state == "OPEN":
            process = done(process, step, "agree" if step == Step.CHALLENGE else None)
    return process


def open_steps(process: Instance) -> list[int]:
    return sorted({node.step for node in process.open_nodes()})


@req("R-030")
def test_there_are_32_steps_with_an_actor_each() -> None:
    steps = definition().steps

    assert [step.number for step in steps] == list(range(1, 33))
    assert all(step.role for step in steps)
    assert {step.role for step in steps} <= set(person_roles())


@req("R-001")
def test_eight_lanes_take_part() -> None:
    """The handbook has one lane for finance and the planning department."""
    lanes = {"finance" if step.role == "planning" else step.role for step in definition().steps}

    assert len(lanes) == 8


@req("R-003")
def test_each_step_before_the_claims_belongs_to_one_phase() -> None:
    steps = [step for phase in AGENDA.phases for step in phase.steps]

    assert steps == list(range(1, 28))
    assert [phase.number for phase in AGENDA.phases] == [1, 2, 3, 4]


@req("R-003")
def test_the_items_are_37_in_order() -> None:
    phases = [one.phase for one in AGENDA.items]

    assert [one.number for one in AGENDA.items] == list(range(1, 38))
    assert [phases.count(phase) for phase in (1, 2, 3, 4)] == [4, 14, 8, 11]
    assert phases == sorted(phases)


@req("R-030")
def test_everybody_who_takes_part_has_a_role_of_the_contract() -> None:
    found = {
        role
        for one in AGENDA.participation.values()
        for role in (one.accountable, *one.consulted, *one.informed)
    } | {role for one in AGENDA.meetings for role in one.roles}

    assert found <= set(person_roles())
    assert set(AGENDA.participation) == set(range(1, 33))


def test_whoever_claims_has_the_step() -> None:
    steps = definition().by_number

    assert {step: steps[step].role for step in CLAIMANTS} == dict(CLAIMANTS)


def test_the_code_knows_each_step_by_its_rpc() -> None:
    """A step without an RPC is completed by hand, and no code names it."""
    by_rpc = {step.number for step in definition().steps if step.rpcs}

    assert by_rpc == {int(step) for step in Step}


@req("R-024")
def test_an_agreement_leaves_the_revisions_asleep() -> None:
    process = played(until=22)

    assert open_steps(process) == [27]
    assert process.status(Node(23, "P1")).state is StepState.DORMANT
    assert all(is_settled(process, step) for step in (23, 24, 25, 26))


@req("R-024")
def test_a_disagreement_reopens_the_revisions_and_demands_a_fresh_analysis() -> None:
    process = done(played(until=21), Step.CHALLENGE, DISAGREE)

    assert process.revision == 2 and process.state == "LAUNCHED"
    assert open_steps(process) == [23, 24, 26]
    assert [process.status(Node(step)).state for step in (18, 19, 20, 21, 22)] == [
        StepState.WAITING
    ] * 5
    assert [process.status(Node(step)).state for step in (13, 15, 17)] == [StepState.DONE] * 3


@req("R-024")
def test_the_loop_can_be_gone_through_again() -> None:
    process = played(until=21)
    for _ in range(2):
        process = done(process, Step.CHALLENGE, DISAGREE)
        for step in (23, 24, 25, 26, 18, 19, 20, 21):
            process = done(process, step)
    process = done(process, Step.CHALLENGE, "agree")

    assert process.revision == 3 and process.state == "APPROVED"


@req("R-026")
def test_the_claims_cascade() -> None:
    process = played(until=27)
    first = open_steps(process)
    process = done(process, Step.CLAIM_SALES)

    assert first == [28, 30]
    assert open_steps(process) == [28, 31]
    assert claim_count(process) == 1


@req("R-030")
def test_all_32_steps_are_done_or_not_needed_at_the_end() -> None:
    process = played(until=32)

    assert process.state == "ARCHIVED" and process.done
    assert all(is_settled(process, step.number) for step in process.definition.steps)
