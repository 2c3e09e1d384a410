"""Whatever graph and order: no step comes early, none is forgotten, the end is the same."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.process.definition import Definition
from chassis.process.domain import Instance
from chassis.process.node import Completion, Node, StepState
from tests.unit.chassis.process.examples import AT, begun, definition, step

KEYS = ("a", "b", "c")
SETTLED = (StepState.DONE, StepState.DORMANT)


@st.composite
def graphs(draw: st.DrawFn) -> Definition:
    """Draw a graph in which later steps wait for earlier ones, some repeat, and some decide."""
    steps: list[str] = []
    for number in range(1, draw(st.integers(2, 9)) + 1):
        earlier = draw(st.sets(st.integers(1, number - 1), max_size=3)) if number > 1 else set()
        fields = {"after": str(sorted(earlier)), "milestone": f'"STEP_{number}"'}
        if draw(st.booleans()):
            fields["each"] = '"office"'
        if earlier and draw(st.booleans()):
            del fields["milestone"]
            fields["answers"] = f"{{ go = [], back = {sorted(earlier)} }}"
        steps.append(step(number, **fields))
    steps.append(step(99, each='"office"'))
    return definition(*steps)


def moved(process: Instance, node: Node, answer: str | None) -> Instance:
    planner = frozenset({"planner"})
    return process.complete(
        Completion(node=node, subject="li.wei", roles=planner, at=AT, answer=answer)
    ).process


def answer_of(process: Instance, node: Node) -> str | None:
    return "go" if process.definition.by_number[node.step].answers else None


def run(process: Instance, draw: st.DataObject, backs: int) -> Instance:
    """Complete open nodes in a drawn order until none is left; go back a few times at most."""
    while process.open_nodes():
        assert_nothing_is_early(process)
        node = draw.draw(st.sampled_from(process.open_nodes()))
        answer = answer_of(process, node)
        if answer and backs and draw.draw(st.booleans()):
            answer, backs = "back", backs - 1
        process = moved(process, node, answer)
    return process


def assert_nothing_is_early(process: Instance) -> None:
    for node, status in process.statuses.items():
        if status.state in (StepState.OPEN, StepState.DONE):
            step = process.definition.by_number[node.step]
            before = [other for wait in step.after for other in looked_at(process, node, wait.step)]
            assert all(process.statuses[other].state in SETTLED for other in before)


def looked_at(process: Instance, node: Node, other: int) -> list[Node]:
    """List what a node waits for, written a second time and plainly."""
    mine = process.definition.by_number[node.step].each
    theirs = process.definition.by_number[other].each
    if theirs is None:
        return [Node(other)]
    return [Node(other, node.key)] if mine == theirs else [Node(other, key) for key in KEYS]


@given(graphs(), st.data())
def test_every_order_of_completions_ends_with_all_steps_done(
    graph: Definition, draw: st.DataObject
) -> None:
    ended = run(begun(graph, office=KEYS), draw, backs=3)

    assert {status.state for status in ended.statuses.values()} == {StepState.DONE}


@given(graphs(), st.data())
def test_the_final_state_does_not_depend_on_the_order(
    graph: Definition, draw: st.DataObject
) -> None:
    start = begun(graph, office=KEYS)

    one = run(start, draw, backs=0)
    other = run(start, draw, backs=0)

    assert one == other


@given(graphs(), st.data())
def test_going_back_changes_nothing_but_the_revision(
    graph: Definition, draw: st.DataObject
) -> None:
    start = begun(graph, office=KEYS)

    straight = run(start, draw, backs=0)
    winding = run(start, draw, backs=3)

    assert winding.statuses == straight.statuses
    assert winding.state == straight.state


@given(graphs(), st.data())
def test_a_reopening_begins_a_revision_and_leaves_something_open(
    graph: Definition, draw: st.DataObject
) -> None:
    process = begun(graph, office=KEYS)
    gone_back = False
    while process.open_nodes() and not gone_back:
        node = draw.draw(st.sampled_from(process.open_nodes()))
        gone_back = answer_of(process, node) is not None
        process = moved(process, node, "back" if gone_back else None)

    assert process.revision == (2 if gone_back else 1)
    assert bool(process.open_nodes()) == gone_back
