"""A running process: where each step stands, and what completing one changes.

It works like make. A step is open when all it waits for is settled; an answer that reopens a step
undoes everything that was built on it. There are no tokens, so a join inside a loop cannot fire
early.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from chassis.process.definition import Answer, Definition, Step, Wait
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
from chassis.process.node import Completion, Node, Status, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Hold a running process: its definition, which it keeps for life, and the status of every
    node.

    Shape: `state` is the last milestone that is reached now, or the definition's initial state;
        `revision` counts from 1 and rises whenever steps are reopened.
    """

    process_id: str
    definition: Definition
    subject_kind: str
    subject_id: str
    unit_id: str
    keys: Mapping[str, tuple[str, ...]]
    traceparent: str
    create_time: datetime
    revision: int
    state: str
    statuses: Mapping[Node, Status]

    @property
    def done(self) -> bool:
        """Tell whether nothing is open any more; what still waits then waits for an answer that was
        not given."""
        return all(status.state != StepState.OPEN for status in self.statuses.values())

    def nodes(self, step: Step) -> list[Node]:
        """List the nodes of a step, in the order of its keys."""
        keys = self.keys[step.each] if step.each else ("",)
        return [Node(step.number, key) for key in keys]

    def open_nodes(self) -> list[Node]:
        """List the nodes that can be completed now, in the definition's order."""
        return [
            node
            for step in self.definition.order
            for node in self.nodes(step)
            if self.statuses[node].state == StepState.OPEN
        ]

    def complete(self, completion: Completion) -> "Completed":
        """Complete one node, open what waited for it, and undo what its answer reopens.

        Errors: StepNotFound, StepHasRpc, StepRoleForbids, StepNotOpen, StepAuthorityMissing,
            StepAnswerInvalid, StepNeedsAnotherPerson, in this order.
        """
        step = self._require(completion)
        answer = _chosen(step, completion.answer)
        self._require_other_person(step, completion)
        node = completion.node
        statuses = dict(self.statuses)
        statuses[node] = replace(
            statuses[node],
            state=StepState.DONE,
            answer=completion.answer,
            done_by=completion.subject,
            done_time=completion.at,
        )
        reopened = self._reopen(statuses, node=node, answer=answer)
        return self._moved(statuses, node=node, reopened=reopened, at=completion.at)

    def assign(self, node: Node, role: str) -> "Instance":
        """Say which role has the authority over a node.

        Errors: StepNotFound; StepNotOpen when it is done already.
        """
        status = self.status(node)
        if status.state == StepState.DONE:
            raise StepNotOpen(self.process_id, node.step, key=node.key, state=status.state)
        assert self.definition.by_number[node.step].role_from is not None
        return replace(self, statuses={**self.statuses, node: replace(status, role=role)})

    def status(self, node: Node) -> Status:
        """Tell what is known of a node.

        Errors: StepNotFound.
        """
        found = self.statuses.get(node)
        if found is None:
            raise StepNotFound(self.process_id, node.step, node.key)
        return found

    def _require(self, completion: Completion) -> Step:
        """Refuse what is not this caller's to do, or not now."""
        node = completion.node
        status = self.status(node)
        step = self.definition.by_number[node.step]
        if completion.rpc not in (step.rpcs or (None,)):
            raise StepHasRpc(node.step, step.rpcs)
        role = step.role or completion.authority_role or status.role
        if role is not None and role not in completion.roles:
            raise StepRoleForbids(self.process_id, node.step, role=role, subject=completion.subject)
        if status.state != StepState.OPEN:
            waits = _Settled(self).missing(step, node.key) if status.state != StepState.DONE else []
            raise StepNotOpen(
                self.process_id, node.step, key=node.key, state=status.state, waits_for=waits
            )
        if role is None:
            raise StepAuthorityMissing(self.process_id, node.step)
        return step

    def _require_other_person(self, step: Step, completion: Completion) -> None:
        earlier = {
            self.statuses[node].done_by
            for number in step.not_by
            for node in self._matching(step, completion.node.key, number)
        }
        if completion.subject in earlier | completion.other_than:
            raise StepNeedsAnotherPerson(step.number, subject=completion.subject)

    def _matching(self, step: Step, key: str, other: int) -> list[Node]:
        """List the nodes of another step that a node looks at: its own key's, or else all."""
        target = self.definition.by_number[other]
        if target.each is not None and target.each == step.each:
            return [Node(other, key)]
        return self.nodes(target)

    def _reopen(
        self, statuses: dict[Node, Status], *, node: Node, answer: Answer | None
    ) -> list[Node]:
        """Undo what the answer names and all that was built on it; list the nodes undone."""
        step = self.definition.by_number[node.step]
        targets = {
            target
            for number in (answer.reopens if answer else ())
            for target in self._matching(step, node.key, number)
        }
        if not targets:
            return []
        undone: list[Node] = []
        for reached in self._downstream(targets):
            fresh = self._undone(reached, statuses[reached], wake=reached in targets)
            if fresh.state != statuses[reached].state:
                undone.append(reached)
            statuses[reached] = fresh
        return undone

    def _downstream(self, targets: set[Node]) -> Iterator[Node]:
        """Yield the targets and all nodes behind them, in the definition's order."""
        dirty: set[Node] = set()
        for step in self.definition.order:
            for node in self.nodes(step):
                if node in targets or self._touched(step, node, dirty):
                    dirty.add(node)
                    yield node

    def _touched(self, step: Step, node: Node, dirty: set[Node]) -> bool:
        return any(
            other in dirty
            for wait in step.after
            for other in self._matching(step, node.key, wait.step)
        )

    def _undone(self, node: Node, status: Status, *, wake: bool) -> Status:
        """Take a node back to where it began; only an answer that names it wakes a dormant one."""
        step = self.definition.by_number[node.step]
        asleep = step.dormant and status.state in (StepState.DONE, StepState.DORMANT) and not wake
        calendar = step.deadline is not None and step.deadline.day is not None
        return Status(
            state=StepState.DORMANT if asleep else StepState.WAITING,
            unit_id=status.unit_id,
            role=step.role,
            due_time=status.due_time if calendar else None,
        )

    def _moved(
        self, statuses: dict[Node, Status], *, node: Node | None, reopened: list[Node], at: datetime
    ) -> "Completed":
        """Open what can be open now, and take the state from what is done now."""
        moved = replace(self, statuses=statuses, revision=self.revision + bool(reopened))
        opened = moved._open_ready(statuses, at)
        state = moved._last_milestone()
        return Completed(
            process=replace(moved, state=state),
            node=node,
            opened=tuple(opened),
            reopened=tuple(reopened),
            milestone=state if state != self.state else None,
        )

    def _open_ready(self, statuses: dict[Node, Status], at: datetime) -> list[Node]:
        opened: list[Node] = []
        settled = _Settled(self)
        for step in self.definition.order:
            for node in self.nodes(step):
                if statuses[node].state == StepState.WAITING and settled.all_before(step, node.key):
                    statuses[node] = _opened(step, statuses[node], at)
                    opened.append(node)
        return opened

    def _last_milestone(self) -> str:
        reached = (self._milestone(step) for step in reversed(self.definition.order))
        return next((name for name in reached if name), self.definition.initial_state)

    def _milestone(self, step: Step) -> str | None:
        """Tell the milestone that a step has reached: with all its keys done, and all of one
        mind."""
        statuses = [self.statuses[node] for node in self.nodes(step)]
        if any(status.state != StepState.DONE for status in statuses):
            return None
        names = {step.milestone_of(status.answer) for status in statuses}
        return names.pop() if len(names) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Say what one completion changed.

    Shape: `node` is what was completed, None at the start; `opened` and `reopened` in the
        definition's order; `milestone` is the new state, None when it stayed.
    """

    process: Instance
    node: Node | None
    opened: tuple[Node, ...]
    reopened: tuple[Node, ...]
    milestone: str | None

    @property
    def state(self) -> str:
        """Tell the state of the process now."""
        return self.process.state


class _Settled:
    """Answer whether waits are settled, each question once for one set of statuses."""

    def __init__(self, process: Instance) -> None:
        self._process = process
        self._nodes: dict[Node, bool] = {}
        self._waits: dict[Wait, bool] = {}

    def all_before(self, step: Step, key: str) -> bool:
        """Tell whether all that a node waits for is settled."""
        return all(self._wait(step, key, wait) for wait in step.after)

    def missing(self, step: Step, key: str) -> list[int]:
        """List the steps that a node still waits for, in the order of its file."""
        return [wait.step for wait in step.after if not self._wait(step, key, wait)]

    def _wait(self, step: Step, key: str, wait: Wait) -> bool:
        target = self._process.definition.by_number[wait.step]
        if target.each is not None and target.each == step.each:
            return self._node(target, Node(wait.step, key), wait.answer)
        if wait not in self._waits:
            nodes = self._process.nodes(target)
            self._waits[wait] = all(self._node(target, node, wait.answer) for node in nodes)
        return self._waits[wait]

    def _node(self, step: Step, node: Node, answer: str | None) -> bool:
        status = self._process.statuses[node]
        if answer is not None:
            return status.state == StepState.DONE and status.answer == answer
        if status.state == StepState.DORMANT:
            return self._asleep(step, node)
        return status.state == StepState.DONE

    def _asleep(self, step: Step, node: Node) -> bool:
        """Look through a dormant step at what it waits for itself, so that sleeping hides no
        work."""
        if node not in self._nodes:
            self._nodes[node] = self.all_before(step, node.key)
        return self._nodes[node]


def begin(
    definition: Definition,
    *,
    process_id: str,
    subject: tuple[str, str],
    unit_id: str,
    keys: Mapping[str, tuple[str, ...]],
    at: datetime,
    traceparent: str = "",
    zone: tzinfo = UTC,
    anchor: date | None = None,
    due_days: Mapping[int, int] | None = None,
) -> Completed:
    """Begin a process: every step waits or sleeps, and those that wait for nothing are open.

    Shape: `subject` is kind and id. `keys` has the keys of every kind that the definition's steps
        repeat for. Calendar deadlines are those of the month of `anchor`, which is the date of `at`
        in `zone` when it is None. `due_days` has other days of the month than the definition's, by
        step; only steps that have a day there can have another.
    Errors: ProcessKeysInvalid.
    """
    _require_keys(definition, keys)
    blank = Instance(
        process_id=process_id,
        definition=definition,
        subject_kind=subject[0],
        subject_id=subject[1],
        unit_id=unit_id,
        keys=keys,
        traceparent=traceparent,
        create_time=at,
        revision=1,
        state=definition.initial_state,
        statuses={},
    )
    day = anchor or at.astimezone(zone).date()
    statuses = {
        node: Status(
            state=StepState.DORMANT if step.dormant else StepState.WAITING,
            unit_id=node.key if step.each in definition.unit_keys else unit_id,
            role=step.role,
            due_time=_due_time(step, day, zone=zone, due_days=due_days or {}),
        )
        for step in definition.order
        for node in blank.nodes(step)
    }
    return blank._moved(statuses, node=None, reopened=[], at=at)


def _due_time(
    step: Step, anchor: date, *, zone: tzinfo, due_days: Mapping[int, int]
) -> datetime | None:
    if step.deadline is None or step.deadline.day is None:
        return None
    day = due_days.get(step.number, step.deadline.day)
    return replace(step.deadline, day=day).calendar_time(anchor, zone)


def _require_keys(definition: Definition, keys: Mapping[str, tuple[str, ...]]) -> None:
    if tuple(sorted(keys)) != definition.each_kinds:
        wanted = ", ".join(definition.each_kinds) or "no kinds"
        given = ", ".join(sorted(keys)) or "none"
        raise ProcessKeysInvalid(definition.name, f"{wanted} wanted, {given} given")
    for kind, values in keys.items():
        if not values or "" in values or len(set(values)) != len(values):
            problem = f"{kind} needs distinct keys, none of them empty"
            raise ProcessKeysInvalid(definition.name, problem)


def _chosen(step: Step, name: str | None) -> Answer | None:
    answer = step.answer(name)
    if (answer is None) if step.answers else (name is not None):
        known = tuple(each.name for each in step.answers)
        raise StepAnswerInvalid(step.number, answer=name or "", answers=known)
    return answer


def _opened(step: Step, status: Status, at: datetime) -> Status:
    days = step.deadline.within_days if step.deadline else None
    due_time = at + timedelta(days=days) if days else status.due_time
    return replace(status, state=StepState.OPEN, open_time=at, due_time=due_time)
