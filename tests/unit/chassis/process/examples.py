"""Small processes for the tests, and the moves that tests make in them."""

from datetime import UTC, datetime
from typing import Any

from chassis.process.definition import Definition
from chassis.process.domain import Completed, Instance, begin
from chassis.process.node import Completion, Node, StepState
from chassis.process.source import parse

AT = datetime(2026, 10, 8, 9, tzinfo=UTC)
HEAD = """
name = "{name}"
version = 1
title_en = "Example"
title_zh = "示例"
initial_state = "DRAFT"
{more}
"""


def step(number: int, **fields: Any) -> str:
    """Write one step as TOML; a value that is not given is the plainest one."""
    role = {} if "role_from" in fields else {"role": '"planner"'}
    written = {
        "number": str(number),
        "name_en": f'"step {number}"',
        "name_zh": f'"步骤 {number}"',
        **role,
        **fields,
    }
    return "[[step]]\n" + "".join(f"{name} = {value}\n" for name, value in written.items())


def text(*steps: str, name: str = "example", more: str = "") -> str:
    """Write a whole definition as TOML."""
    return HEAD.format(name=name, more=more) + "\n".join(steps)


def definition(*steps: str, more: str = "") -> Definition:
    """Read a definition from its steps."""
    return parse(text(*steps, more=more))


def begun(found: Definition, **keys: tuple[str, ...]) -> Instance:
    """Begin a process."""
    return begin(
        found, process_id="p1", subject=("thing", "t1"), unit_id="hq", keys=keys, at=AT
    ).process


def done(process: Instance, number: int, answer: str | None = None, **more: Any) -> Completed:
    """Complete a step as somebody who may do everything."""
    values: dict[str, Any] = {"subject": f"person-{number}", "roles": frozenset({"planner"})}
    key = more.pop("key", "")
    values |= more
    completion = Completion(node=Node(number, key), at=AT, answer=answer, **values)
    return process.complete(completion)


def walk(process: Instance, *moves: int | tuple[int, str]) -> Instance:
    """Complete steps one after the other; a pair is a step with its answer."""
    for move in moves:
        number, answer = move if isinstance(move, tuple) else (move, None)
        process = done(process, number, answer).process
    return process


def numbers(process: Instance, state: StepState = StepState.OPEN) -> list[int]:
    """List the numbers of the steps in a state, ascending."""
    found = process.statuses.items()
    return sorted({node.step for node, status in found if status.state == state})


def loop() -> Definition:
    """Write the shape of a plan that is challenged and revised.

    1 draft a, 2 draft b, 11 and 12 their revisions, 3 merges a, 4 merges b, 5 the report,
    6 the decision, 7 the approval.
    """
    return definition(
        step(1),
        step(2),
        step(11, after="[1]", dormant="true"),
        step(12, after="[2]", dormant="true"),
        step(3, after="[1, 11]"),
        step(4, after="[2, 12]"),
        step(5, after="[3, 4]", milestone='"CONFIRMED"'),
        step(6, after="[5]", answers="{ agree = [], disagree = [11, 12] }"),
        step(7, after='["6=agree"]', milestone='"EFFECTIVE"'),
    )
