"""The process mechanism's values as messages."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from mantle.process.v1 import process_pb2 as pb
from mantle.process.v1 import process_service_pb2 as service_pb

from chassis.paging import Slice
from chassis.process.definition import Answer, Deadline, Definition, Step, Wait
from chassis.process.domain import Completed, Instance
from chassis.process.history import Act, Entry
from chassis.process.mermaid import to_mermaid
from chassis.process.node import Node, OpenStep, Status, StepState

STATES = {state: pb.ProcessStep.State.Value(f"STATE_{state}") for state in StepState}
ACTS = {act: pb.ProcessHistoryEntry.Act.Value(f"ACT_{act}") for act in Act}


def got_definition(definition: Definition) -> service_pb.GetDefinitionResponse:
    """Answer with a definition and its picture."""
    return service_pb.GetDefinitionResponse(
        definition=definition_message(definition), mermaid=to_mermaid(definition)
    )


def listed_definitions(found: Slice[Definition]) -> service_pb.ListDefinitionsResponse:
    """Answer with a page of definitions."""
    return service_pb.ListDefinitionsResponse(
        definitions=[definition_message(definition) for definition in found.items],
        next_page_token=found.next_page_token,
    )


def got_instance(process: Instance) -> service_pb.GetInstanceResponse:
    """Answer with a process."""
    return service_pb.GetInstanceResponse(process=instance_message(process))


def listed_open(found: Slice[OpenStep]) -> service_pb.ListOpenStepsResponse:
    """Answer with a page of open steps."""
    return service_pb.ListOpenStepsResponse(
        open_steps=[open_step_message(step) for step in found.items],
        next_page_token=found.next_page_token,
    )


def listed_overdue(found: Slice[OpenStep]) -> service_pb.ListOverdueStepsResponse:
    """Answer with a page of late steps."""
    return service_pb.ListOverdueStepsResponse(
        overdue_steps=[open_step_message(step) for step in found.items],
        next_page_token=found.next_page_token,
    )


def listed_history(found: Slice[Entry]) -> service_pb.ListHistoryResponse:
    """Answer with a page of history."""
    return service_pb.ListHistoryResponse(
        entries=[entry_message(entry) for entry in found.items],
        next_page_token=found.next_page_token,
    )


def completed_step(completed: Completed) -> service_pb.CompleteStepResponse:
    """Answer with the process after a completion, and what the completion changed."""
    return service_pb.CompleteStepResponse(
        process=instance_message(completed.process),
        opened_steps=_steps(completed.process, completed.opened),
        reopened_steps=_steps(completed.process, completed.reopened),
    )


def answer_given(request: service_pb.CompleteStepRequest) -> str | None:
    """Read the answer of a decision, None when the field is absent."""
    return request.answer if request.HasField("answer") else None


def definition_message(definition: Definition) -> pb.ProcessDefinition:
    """Write a definition."""
    return pb.ProcessDefinition(
        name=definition.name,
        version=definition.version,
        title_en=definition.title_en,
        title_zh=definition.title_zh,
        initial_state=definition.initial_state,
        steps=[_step_definition(step) for step in definition.steps],
        hash=definition.hash,
    )


def instance_message(process: Instance) -> pb.ProcessInstance:
    """Write a process with all its steps."""
    order = [node for step in process.definition.order for node in process.nodes(step)]
    return pb.ProcessInstance(
        process_id=process.process_id,
        definition=process.definition.name,
        version=process.definition.version,
        subject_kind=process.subject_kind,
        subject_id=process.subject_id,
        unit_id=process.unit_id,
        state=process.state,
        revision=process.revision,
        done=process.done,
        create_time=_time(process.create_time),
        steps=_steps(process, order),
    )


def open_step_message(found: OpenStep) -> pb.OpenStep:
    """Write an open step with its process."""
    step = found.definition.by_number[found.node.step]
    return pb.OpenStep(
        process_id=found.process_id,
        definition=found.definition.name,
        version=found.definition.version,
        subject_kind=found.subject_kind,
        subject_id=found.subject_id,
        process_state=found.state,
        revision=found.revision,
        step=_step(step, found.node, found.status),
        answers=[answer.name for answer in step.answers],
        rpcs=step.rpcs,
    )


def entry_message(entry: Entry) -> pb.ProcessHistoryEntry:
    """Write a line of history."""
    return pb.ProcessHistoryEntry(
        entry_id=entry.id,
        act=ACTS[entry.act],
        step=entry.node.step if entry.node else None,
        key=entry.node.key if entry.node else "",
        revision=entry.revision,
        answer=entry.answer,
        role=entry.role,
        subject=entry.subject,
        actor=entry.actor,
        occur_time=_time(entry.occur_time),
        note=entry.note,
    )


def _steps(process: Instance, nodes: Sequence[Node]) -> list[pb.ProcessStep]:
    by_number = process.definition.by_number
    return [_step(by_number[node.step], node, process.status(node)) for node in nodes]


def _step(step: Step, node: Node, status: Status) -> pb.ProcessStep:
    return pb.ProcessStep(
        number=node.step,
        key=node.key,
        name_en=step.name_en,
        name_zh=step.name_zh,
        state=STATES[status.state],
        unit_id=status.unit_id,
        role=status.role,
        answer=status.answer,
        done_by=status.done_by,
        done_time=_time(status.done_time),
        open_time=_time(status.open_time),
        due_time=_time(status.due_time),
    )


def _step_definition(step: Step) -> pb.StepDefinition:
    return pb.StepDefinition(
        number=step.number,
        name_en=step.name_en,
        name_zh=step.name_zh,
        role=step.role,
        role_from=step.role_from,
        inputs=step.inputs,
        outputs=step.outputs,
        after=[_wait(wait) for wait in step.after],
        deadline=_deadline(step.deadline) if step.deadline else None,
        rpcs=step.rpcs,
        milestone=step.milestone,
        dormant=step.dormant,
        each=step.each,
        answers=[_answer(answer) for answer in step.answers],
        not_by=step.not_by,
    )


def _wait(wait: Wait) -> pb.StepWait:
    return pb.StepWait(step=wait.step, answer=wait.answer)


def _answer(answer: Answer) -> pb.StepAnswer:
    return pb.StepAnswer(name=answer.name, reopens=answer.reopens, milestone=answer.milestone)


def _deadline(deadline: Deadline) -> pb.StepDeadline:
    return pb.StepDeadline(within_days=deadline.within_days, month=deadline.month, day=deadline.day)


def _time(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
