"""What the process mechanism does for a service: start, complete, assign, and the lists.

Every function takes the transaction first and never commits. A typed RPC's use case calls
`complete` in its own transaction, so that the step, the subject's state and the facts are there
together or not at all.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Required, TypedDict

from chassis import scope, telemetry
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.paging import Page, Slice
from chassis.process import inbox, storage
from chassis.process.definition import Definition
from chassis.process.domain import Completed, Instance, begin
from chassis.process.history import Act, Entry
from chassis.process.node import Completion, Node, OpenStep
from chassis.process.source import Definitions
from chassis.scope import Caller


def publish(tx: Transaction, definitions: Definitions, *, at: datetime) -> None:
    """Record the definitions that a service was shipped with; a service does this when it starts.

    Errors: DefinitionChanged when one was changed and kept its version.
    """
    for definition in definitions:
        storage.record(tx, definition, at=at)


def start(
    tx: Transaction,
    definition: Definition,
    *,
    subject_kind: str,
    subject_id: str,
    unit_id: str,
    by: Caller,
    at: datetime,
    keys: Mapping[str, Sequence[str]] | None = None,
    traceparent: str | None = None,
    zone: tzinfo = UTC,
    anchor: date | None = None,
    due_days: Mapping[int, int] | None = None,
) -> Instance:
    """Start the process of a subject; it keeps this version of the definition for life.

    Shape: `keys` has the keys of each kind that steps repeat for. `traceparent` is what later steps
        link to, the current trace when it is None. `anchor` is the date whose month calendar
        deadlines belong to, today in `zone` when it is None; `due_days` replaces days of the
        definition's, by step.
    Errors: ProcessKeysInvalid, ProcessAlreadyStarted, DefinitionChanged.
    """
    storage.record(tx, definition, at=at)
    begun = begin(
        definition,
        process_id=new_id(),
        subject=(subject_kind, subject_id),
        unit_id=unit_id,
        keys={kind: tuple(values) for kind, values in (keys or {}).items()},
        at=at,
        traceparent=telemetry.traceparent() if traceparent is None else traceparent,
        zone=zone,
        anchor=anchor,
        due_days=due_days,
    )
    storage.add(tx, begun.process)
    storage.append(tx, begun.process.process_id, [_entry(Act.STARTED, begun.process, by=by, at=at)])
    return begun.process


class Doing(TypedDict, total=False):
    """Say who does a step, when and how: what `complete` takes by these names, for those who hand
    it on."""

    by: Required[Caller]
    at: Required[datetime]
    key: str
    answer: str | None
    note: str


def complete(
    tx: Transaction,
    process_id: str,
    *,
    step: int,
    by: Caller,
    at: datetime,
    answer: str | None = None,
    key: str | None = None,
    rpc: str | None = None,
    authority_role: str | None = None,
    other_than: Collection[str] = (),
    note: str = "",
) -> Completed:
    """Complete one step: only a caller with its role may, and only while it is open.

    Shape: `rpc` is the full name of the method that does it, as the definition names it;
        `authority_role` the role that an authority rule picked; `other_than` are subjects who may
        not do it. The scope is the caller's to check, since it knows the subject's unit.
    Errors: ProcessNotFound, StepNotFound, StepHasRpc, StepRoleForbids, StepNotOpen,
        StepAuthorityMissing, StepAnswerInvalid, StepNeedsAnotherPerson.
    Source: R-024, R-030.
    """
    before = storage.get(tx, process_id, lock=True)
    completion = Completion(
        node=Node(step, key or ""),
        subject=by.subject,
        roles=by.roles,
        at=at,
        answer=answer,
        rpc=rpc,
        authority_role=authority_role,
        other_than=frozenset(other_than),
    )
    return _completed(tx, before, completion, by=by, note=note)


def complete_by_hand(
    tx: Transaction,
    process_id: str,
    *,
    step: int,
    by: Caller,
    at: datetime,
    answer: str | None = None,
    key: str | None = None,
    note: str = "",
) -> Completed:
    """Complete a step that no typed RPC completes, inside the caller's part of the organisation.

    Errors: OutOfScope, and those of `complete`.
    """
    before = storage.get(tx, process_id, lock=True)
    node = Node(step, key or "")
    status = before.status(node)
    scope.require(tx, by, status.unit_id)
    completion = Completion(node=node, subject=by.subject, roles=by.roles, at=at, answer=answer)
    return _completed(tx, before, completion, by=by, note=note)


def assign(
    tx: Transaction,
    process_id: str,
    *,
    step: int,
    role: str,
    by: Caller,
    at: datetime,
    key: str | None = None,
) -> Instance:
    """Say which role has the authority over a step, so that the step is in that role's inbox.

    Errors: ProcessNotFound, StepNotFound; StepNotOpen when it is done already.
    """
    before = storage.get(tx, process_id, lock=True)
    node = Node(step, key or "")
    after = before.assign(node, role)
    storage.save(tx, before, after)
    storage.append(
        tx, process_id, [_entry(Act.ASSIGNED, after, by=by, at=at, node=node, role=role)]
    )
    return after


def get(tx: Transaction, process_id: str, *, by: Caller | None = None) -> Instance:
    """Read a process with all its steps; with `by`, only inside the caller's scope or a unit of one
    of its steps.

    Errors: ProcessNotFound, OutOfScope.
    """
    process = storage.get(tx, process_id)
    if by is not None:
        _require_any(tx, process, by)
    return process


def open_steps(tx: Transaction, page: Page, *, by: Caller) -> Slice[OpenStep]:
    """List the steps that the caller's roles and scope let it complete now, oldest first."""
    return inbox.open_steps(tx, page, by=by)


def overdue(
    tx: Transaction, page: Page, *, at: datetime, by: Caller | None = None
) -> Slice[OpenStep]:
    """List the open steps whose deadline is over, latest deadline last; with `by`, in its scope."""
    units = scope.units_of(by) if by is not None else None
    return inbox.overdue_steps(tx, page, at=at, units=units)


def history(
    tx: Transaction, page: Page, *, process_id: str, by: Caller | None = None
) -> Slice[Entry]:
    """List who did what in a process, oldest first.

    Errors: ProcessNotFound, OutOfScope.
    """
    get(tx, process_id, by=by)
    return storage.history(tx, process_id, page)


def _completed(
    tx: Transaction, before: Instance, completion: Completion, *, by: Caller, note: str
) -> Completed:
    """Store what a completion changed, and say on the span what it was."""
    completed = before.complete(completion)
    storage.save(tx, before, completed.process)
    done = _entry(
        Act.COMPLETED,
        before,
        by=by,
        at=completion.at,
        node=completion.node,
        answer=completion.answer,
        note=note,
    )
    undone = [
        _entry(Act.REOPENED, completed.process, by=by, at=completion.at, node=node)
        for node in completed.reopened
    ]
    storage.append(tx, before.process_id, [done, *undone])
    _trace(completed, completion)
    return completed


def _trace(completed: Completed, completion: Completion) -> None:
    telemetry.link(completed.process.traceparent)
    telemetry.annotate("mantle.process.definition", completed.process.definition.name)
    telemetry.annotate("mantle.process.step", completion.node.step)
    telemetry.annotate("mantle.process.state", completed.state)
    if completion.answer is not None:
        telemetry.annotate("mantle.process.answer", completion.answer)


def _require_any(tx: Transaction, process: Instance, by: Caller) -> None:
    """Let in whoever has a say over the process, or over the unit of one of its steps."""
    units = {process.unit_id, *(status.unit_id for status in process.statuses.values())}
    if not scope.within(tx, by, units):
        raise scope.OutOfScope(by.subject, process.unit_id)


def _entry(
    act: Act,
    process: Instance,
    *,
    by: Caller,
    at: datetime,
    node: Node | None = None,
    answer: str | None = None,
    role: str | None = None,
    note: str = "",
) -> Entry:
    return Entry(
        act=act,
        node=node,
        revision=process.revision,
        subject=by.subject,
        actor=by.actor,
        occur_time=at,
        answer=answer,
        role=role,
        note=note,
    )
