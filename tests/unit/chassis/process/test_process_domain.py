from datetime import timedelta
from itertools import permutations

import pytest

from chassis.process.definition import Definition
from chassis.process.domain import Instance, begin
from chassis.process.errors import (
    ProcessKeysInvalid,
    StepAnswerInvalid,
    StepAuthorityMissing,
    StepHasRpc,
    StepNeedsAnotherPerson,
    StepNotFound,
    StepNotOpen,
    StepRoleForbids,
)
from chassis.process.node import Node, StepState
from tests.support.requirements import req
from tests.unit.chassis.process.examples import (
    AT,
    begun,
    definition,
    done,
    loop,
    numbers,
    step,
    walk,
)

DRAFTED = (1, 2, 3, 4, 5)


def test_a_step_opens_when_all_it_waits_for_is_done() -> None:
    process = begun(definition(step(1), step(2), step(3, after="[1, 2]")))

    half = done(process, 1)
    whole = done(half.process, 2)

    assert numbers(process) == [1, 2]
    assert half.opened == ()
    assert whole.opened == (Node(3),)
    assert not whole.process.done
    assert done(whole.process, 3).process.done


def test_a_dormant_step_counts_as_done_until_it_is_reopened() -> None:
    process = walk(begun(loop()), 1)

    assert numbers(process, StepState.DORMANT) == [11, 12]
    assert numbers(process) == [2, 3]


def test_a_dormant_step_hides_no_work_before_it() -> None:
    chain = definition(
        step(1),
        step(2, after="[1]", dormant="true"),
        step(3, after="[2]", answers="{ yes = [], no = [2] }"),
    )

    process = begun(chain)

    assert numbers(process) == [1]


@req("R-024")
def test_a_rejection_undoes_everything_downstream_and_begins_a_revision() -> None:
    process = walk(begun(loop()), *DRAFTED)

    rejected = done(process, 6, "disagree")

    assert rejected.opened == (Node(11), Node(12))
    assert sorted(rejected.reopened) == [Node(n) for n in (3, 4, 5, 6, 11, 12)]
    assert rejected.process.revision == 2
    assert numbers(rejected.process, StepState.DONE) == [1, 2]


@pytest.mark.parametrize("order", list(permutations((11, 12, 3, 4))))
def test_branches_of_a_loop_may_end_in_any_order(order: tuple[int, ...]) -> None:
    process = walk(begun(loop()), *DRAFTED, (6, "disagree"))
    allowed = order.index(11) < order.index(3) and order.index(12) < order.index(4)

    if not allowed:
        with pytest.raises(StepNotOpen):
            walk(process, *order)
        return
    merged = walk(process, *order)

    assert numbers(merged) == [5]


def test_a_join_in_a_loop_waits_for_every_branch_again() -> None:
    process = walk(begun(loop()), *DRAFTED, (6, "disagree"), 11, 3)

    assert numbers(process) == [12]
    with pytest.raises(StepNotOpen) as refused:
        done(process, 5)
    assert refused.value.metadata["waitsFor"] == "4"


@req("R-024")
def test_three_rejections_and_an_agreement_give_revision_four() -> None:
    again = [(6, "disagree"), 11, 12, 3, 4, 5]

    process = walk(begun(loop()), *DRAFTED, *(again * 3), (6, "agree"), 7)

    assert process.revision == 4
    assert process.state == "EFFECTIVE"
    assert process.done


@req("R-023")
def test_after_a_rejection_the_decision_waits_for_a_fresh_report() -> None:
    process = walk(begun(loop()), *DRAFTED, (6, "disagree"), 11, 12, 3, 4)

    with pytest.raises(StepNotOpen):
        done(process, 6, "agree")


def test_the_state_falls_back_to_the_last_milestone_that_still_holds() -> None:
    process = walk(begun(loop()), *DRAFTED)

    rejected = done(process, 6, "disagree")

    assert process.state == "CONFIRMED"
    assert rejected.state == "DRAFT"
    assert rejected.milestone == "DRAFT"


def test_a_milestone_of_an_answer_is_reached_by_that_answer_alone() -> None:
    decision = definition(
        step(1, answers='{ yes = { milestone = "APPROVED" }, no = { milestone = "REJECTED" } }')
    )

    assert done(begun(decision), 1, "yes").state == "APPROVED"
    assert done(begun(decision), 1, "no").state == "REJECTED"


def test_the_later_milestone_in_the_graph_is_the_state_whatever_came_last() -> None:
    both = definition(step(1, milestone='"FIRST"'), step(2, milestone='"SECOND"'))

    assert walk(begun(both), 1, 2).state == "SECOND"
    assert walk(begun(both), 2, 1).state == "SECOND"


def test_a_process_ends_when_the_answer_that_goes_on_is_not_given() -> None:
    fork = definition(step(1, answers="{ yes = [], no = [] }"), step(2, after='["1=yes"]'))

    assert done(begun(fork), 1, "no").process.done
    assert numbers(done(begun(fork), 1, "yes").process) == [2]


def test_a_plain_wait_on_a_decision_takes_any_answer() -> None:
    fork = definition(step(1, answers="{ yes = [], no = [] }"), step(2, after="[1]"))

    assert numbers(done(begun(fork), 1, "no").process) == [2]


def test_a_sleeping_step_behind_a_reopened_one_sleeps_on() -> None:
    chain = definition(
        step(1),
        step(2, after="[1]", dormant="true"),
        step(3, after="[2]", answers="{ yes = [], redo = [1], revise = [2] }"),
    )
    revised = walk(begun(chain), 1, (3, "revise"), 2)

    redone = done(revised, 3, "redo").process

    assert numbers(redone) == [1]
    assert numbers(redone, StepState.DORMANT) == [2]
    assert numbers(walk(redone, 1)) == [3]


def offices() -> Definition:
    return definition(
        step(1, each='"office"'),
        step(2, after="[1]", each='"office"', answers="{ passed = [], failed = [1] }"),
        step(3, after='["2=passed"]', milestone='"MERGED"'),
        step(4, after="[3]", each='"office"', milestone='"FILED"'),
        step(5, after="[4]", answers="{ yes = [], no = [1] }"),
        more='unit_keys = ["office"]',
    )


def checked(process: Instance, key: str, answer: str = "passed") -> Instance:
    return done(done(process, 1, key=key).process, 2, answer, key=key).process


def test_an_each_step_waits_for_its_own_key() -> None:
    process = begun(offices(), office=("east", "west"))

    moved = done(process, 1, key="east")

    assert moved.opened == (Node(2, "east"),)


def test_a_plain_step_waits_for_all_keys() -> None:
    process = checked(begun(offices(), office=("east", "west")), "east")

    assert numbers(process) == [1]
    assert numbers(checked(process, "west")) == [3]


def test_a_failed_check_reopens_its_own_key_alone() -> None:
    process = checked(begun(offices(), office=("east", "west")), "east")

    failed = checked(process, "west", "failed")

    assert failed.open_nodes() == [Node(1, "west")]
    assert failed.statuses[Node(2, "east")].state == StepState.DONE


def test_a_plain_decision_reopens_all_keys() -> None:
    process = checked(checked(begun(offices(), office=("east", "west")), "east"), "west")
    process = done(process, 3).process
    process = done(done(process, 4, key="west").process, 4, key="east").process

    reopened = done(process, 5, "no").process

    assert process.state == "FILED"
    assert reopened.open_nodes() == [Node(1, "east"), Node(1, "west")]


def test_a_milestone_of_an_each_step_needs_all_its_keys() -> None:
    process = checked(checked(begun(offices(), office=("east", "west")), "east"), "west")
    process = done(process, 3).process

    assert done(process, 4, key="east").state == "MERGED"


def test_keys_that_answer_differently_reach_no_milestone() -> None:
    answers = '{ yes = { milestone = "APPROVED" }, no = { milestone = "REJECTED" } }'
    process = begun(definition(step(1, each='"office"', answers=answers)), office=("east", "west"))

    mixed = done(done(process, 1, "yes", key="east").process, 1, "no", key="west")
    agreed = done(done(process, 1, "yes", key="east").process, 1, "yes", key="west")

    assert (mixed.state, agreed.state) == ("DRAFT", "APPROVED")


def test_a_key_that_is_a_unit_is_the_unit_of_its_step() -> None:
    process = begun(offices(), office=("east", "west"))

    assert process.statuses[Node(1, "east")].unit_id == "east"
    assert process.statuses[Node(3)].unit_id == "hq"


@pytest.mark.parametrize(
    "keys",
    [{}, {"office": ()}, {"office": ("a", "a")}, {"office": ("",)}, {"office": ("a",), "shop": ()}],
)
def test_keys_are_given_for_every_kind_and_are_distinct(keys: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ProcessKeysInvalid):
        begun(offices(), **keys)


@pytest.mark.parametrize("node", [Node(9), Node(1), Node(1, "north"), Node(3, "east")])
def test_a_step_that_the_process_does_not_have_is_not_found(node: Node) -> None:
    process = begun(offices(), office=("east", "west"))

    with pytest.raises(StepNotFound):
        done(process, node.step, key=node.key)


@req("R-030")
def test_only_the_role_of_a_step_completes_it_open_or_not() -> None:
    process = begun(definition(step(1), step(2, after="[1]")))

    with pytest.raises(StepRoleForbids):
        done(process, 1, roles=frozenset({"writer"}))
    with pytest.raises(StepRoleForbids):
        done(process, 2, roles=frozenset({"writer"}))


def test_a_step_is_not_completed_twice() -> None:
    process = walk(begun(definition(step(1))), 1)

    with pytest.raises(StepNotOpen) as refused:
        done(process, 1)

    assert refused.value.metadata["state"] == "DONE"


@pytest.mark.parametrize(("number", "answer"), [(1, None), (1, "perhaps"), (2, "yes")])
def test_a_decision_takes_its_answers_and_another_step_none(
    number: int, answer: str | None
) -> None:
    process = begun(definition(step(1, answers="{ yes = [], no = [] }"), step(2)))

    with pytest.raises(StepAnswerInvalid):
        done(process, number, answer)


@req("R-030")
def test_a_step_with_an_rpc_is_completed_by_that_rpc_alone() -> None:
    process = begun(definition(step(1, rpc='["a.b.v1.C/Approve", "a.b.v1.C/Refuse"]'), step(2)))

    with pytest.raises(StepHasRpc):
        done(process, 1)
    with pytest.raises(StepHasRpc):
        done(process, 1, rpc="a.b.v1.C/Create")
    with pytest.raises(StepHasRpc):
        done(process, 2, rpc="a.b.v1.C/Refuse")
    assert done(process, 1, rpc="a.b.v1.C/Refuse").process.statuses[Node(1)].state == "DONE"


def test_a_step_may_ask_for_another_person_than_an_earlier_one() -> None:
    process = walk(begun(definition(step(1), step(2, after="[1]", not_by="[1]"))), 1)

    with pytest.raises(StepNeedsAnotherPerson):
        done(process, 2, subject="person-1")
    assert done(process, 2, subject="person-2").process.done


def test_a_policy_may_ask_for_another_person_too() -> None:
    process = begun(definition(step(1)))

    with pytest.raises(StepNeedsAnotherPerson):
        done(process, 1, subject="li.wei", other_than=frozenset({"li.wei"}))


def test_the_authority_that_is_assigned_or_given_now_completes_a_step() -> None:
    process = begun(definition(step(1, role_from='"authority"')))
    assigned = process.assign(Node(1), "president")
    president = frozenset({"president"})

    with pytest.raises(StepAuthorityMissing):
        done(process, 1)
    with pytest.raises(StepRoleForbids):
        done(assigned, 1)
    with pytest.raises(StepRoleForbids):
        done(process, 1, authority_role="president")
    assert done(assigned, 1, roles=president).process.done
    assert done(process, 1, roles=president, authority_role="president").process.done


def test_a_reopened_step_forgets_its_authority_its_answer_and_its_person() -> None:
    process = begun(
        definition(step(1, role_from='"authority"'), step(2, after="[1]", answers="{y=[],n=[1]}"))
    )
    process = done(process.assign(Node(1), "planner"), 1).process

    reopened = done(process, 2, "n").process

    assert reopened.statuses[Node(1)].role is None
    assert reopened.statuses[Node(1)].done_by is None
    assert reopened.statuses[Node(2)].answer is None


def test_a_done_step_gets_no_other_authority() -> None:
    process = begun(definition(step(1, role_from='"authority"')))
    process = done(process, 1, authority_role="planner").process

    with pytest.raises(StepNotOpen):
        process.assign(Node(1), "president")


def test_days_of_a_deadline_count_from_each_opening() -> None:
    process = begun(
        definition(
            step(1, deadline="{ within_days = 5 }"),
            step(2, after="[1]", deadline="{ day = 20 }"),
        )
    )

    assert process.statuses[Node(1)].due_time == AT + timedelta(days=5)
    assert str(process.statuses[Node(2)].due_time) == "2026-10-21 00:00:00+00:00"


def test_a_reopened_step_keeps_its_day_and_counts_its_days_anew() -> None:
    process = begun(
        definition(
            step(1, deadline="{ day = 20 }"),
            step(2, after="[1]", deadline="{ within_days = 5 }"),
            step(3, after="[2]", answers="{ yes = [], no = [1] }"),
        )
    )
    day = process.statuses[Node(1)].due_time

    reopened = walk(process, 1, 2, (3, "no"))

    assert day is not None
    assert reopened.statuses[Node(1)].due_time == day
    assert reopened.statuses[Node(2)].due_time is None


@req("R-268")
@pytest.mark.parametrize("order", list(permutations((2, 3, 4, 5))))
def test_four_contributions_in_any_order_and_one_final_sign_off(order: tuple[int, ...]) -> None:
    signs = definition(
        step(1),
        *(step(number, after="[1]") for number in (2, 3, 4, 5)),
        step(6, after="[2, 3, 4, 5]", milestone='"APPROVED"'),
        step(7, after="[6]", milestone='"EXECUTING"'),
    )
    process = walk(begun(signs), 1, *order[:3])

    with pytest.raises(StepNotOpen):
        done(process, 6)
    with pytest.raises(StepNotOpen):
        done(process, 7)
    assert walk(process, order[3], 6).state == "APPROVED"


def test_whoever_starts_a_process_may_give_other_days_to_steps_that_have_one() -> None:
    found = definition(
        step(1, deadline="{ day = 10 }"),
        step(2, deadline="{ day = 20 }"),
        step(3, deadline="{ within_days = 5 }"),
        step(4),
    )

    other_days = begin(
        found,
        process_id="p1",
        subject=("thing", "t1"),
        unit_id="hq",
        keys={},
        at=AT,
        due_days={1: 12, 3: 1, 4: 1},
    ).process

    due = [other_days.statuses[Node(number)].due_time for number in (1, 2, 3, 4)]
    assert [str(one)[:10] for one in due] == ["2026-10-13", "2026-10-21", "2026-10-13", "None"]
