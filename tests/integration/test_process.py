"""Processes in the database: two who sign at once, histories that stay, inboxes that see enough."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import sentinel

import psycopg
import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from mantle.process.v1 import process_pb2 as pb
from mantle.process.v1 import process_service_pb2 as service_pb
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import scope, telemetry
from chassis.clock import FixedClock
from chassis.database import Database, Transaction
from chassis.paging import Page, open_page
from chassis.process import inbox, storage, usecases
from chassis.process.definition import Definition, DefinitionChanged
from chassis.process.domain import Completed, Instance
from chassis.process.errors import (
    DefinitionNotFound,
    ProcessAlreadyStarted,
    ProcessNotFound,
    StepHasRpc,
    StepNotOpen,
    StepRoleForbids,
)
from chassis.process.history import Act
from chassis.process.node import Node, StepState
from chassis.process.servicer import ProcessServicer
from chassis.process.source import Definitions, parse
from chassis.rpc.call import Call, current_call
from chassis.rpc.door import Door
from chassis.rpc.methods import method_of
from chassis.scope import Caller, OutOfScope
from tests.support.postgres import DatabaseFor
from tests.support.requirements import req

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
WAIT_S = 10.0
RPC = "mantle.planning.v1.AnnualPlanService/ApprovePlan"
TEXT = f"""
name = "example"
version = 1
title_en = "Example"
title_zh = "示例"
initial_state = "DRAFT"
unit_keys = ["office"]

[[step]]
number = 1
name_en = "collect"
name_zh = "收集"
role = "channel_manager"
each = "office"
deadline = {{ day = 10 }}

[[step]]
number = 2
name_en = "merge"
name_zh = "汇总"
role = "planning"
after = [1]
milestone = "MERGED"

[[step]]
number = 3
name_en = "decide"
name_zh = "质询"
role = "decision_layer"
after = [2]
answers = {{ agree = [], disagree = [1] }}

[[step]]
number = 4
name_en = "approve"
name_zh = "批准"
role_from = "authority"
after = ["3=agree"]
rpc = "{RPC}"
milestone = "EFFECTIVE"
"""
EAST = Caller("li.wei", frozenset({"channel_manager"}), "east", "li.wei")
WEST = Caller("wang.fang", frozenset({"channel_manager"}), "west", "wang.fang")
PLANNER = Caller("zhao.min", frozenset({"planning"}), "hq", "zhao.min")
LAYER = Caller("chen.gang", frozenset({"decision_layer"}), "hq", "chen.gang")
STRANGER = Caller("nobody", frozenset({"planning"}), "elsewhere", "nobody")
EVERYBODY_OF_THE_CHANNEL = Caller(
    "channels", frozenset({"service", "channel_manager"}), "", "channels"
)
EVERYBODY = Caller("settlement", frozenset({"service"}), "", "settlement")


@pytest.fixture
def database(database_for: DatabaseFor) -> Iterator[Database]:
    opened = Database(database_for("planning").app_url, size=4)
    with opened.transaction() as tx:
        for unit_id, path in (("hq", "hq/"), ("east", "hq/east/"), ("west", "hq/west/")):
            scope.copy_unit(tx, unit_id=unit_id, path=path, version=1, at=AT)
    yield opened
    opened.close()


@pytest.fixture
def definition() -> Definition:
    return parse(TEXT)


@pytest.fixture
def process(database: Database, definition: Definition) -> Instance:
    return started(database, definition, "plan-1")


def started(
    database: Database, definition: Definition, subject_id: str, traceparent: str = ""
) -> Instance:
    with database.transaction() as tx:
        return usecases.start(
            tx,
            definition,
            subject_kind="plan",
            subject_id=subject_id,
            unit_id="hq",
            keys={"office": ["east", "west"]},
            traceparent=traceparent,
            by=PLANNER,
            at=AT,
        )


def completed(
    database: Database, process: Instance, step: int, *, by: Caller, **more: Any
) -> Completed:
    with database.transaction() as tx:
        return usecases.complete(tx, process.process_id, step=step, by=by, at=AT, **more)


def merged(database: Database, process: Instance) -> None:
    completed(database, process, 1, key="east", by=EAST)
    completed(database, process, 1, key="west", by=WEST)
    completed(database, process, 2, by=PLANNER)


def page(size: int = 50, token: str = "") -> Page:
    return open_page(size, token, conditions=["test"])


def test_a_process_is_read_as_it_was_started(database: Database, process: Instance) -> None:
    found = database.read(lambda tx: usecases.get(tx, process.process_id))

    assert found == process
    assert found.open_nodes() == [Node(1, "east"), Node(1, "west")]
    assert found.statuses[Node(1, "east")].due_time == datetime(2026, 3, 11, tzinfo=UTC)


def test_what_a_completion_changed_is_stored(database: Database, process: Instance) -> None:
    after = completed(database, process, 1, key="east", by=EAST).process

    assert database.read(lambda tx: usecases.get(tx, process.process_id)) == after


@req("R-024")
def test_the_history_keeps_every_rejection_with_its_note(
    database: Database, process: Instance
) -> None:
    for note in ("too high", "still too high"):
        merged(database, process)
        completed(database, process, 3, answer="disagree", note=note, by=LAYER)
    merged(database, process)
    last = completed(database, process, 3, answer="agree", by=LAYER)

    lines = database.read(
        lambda tx: usecases.history(tx, page(500), process_id=process.process_id).items
    )

    decisions = [line for line in lines if line.node == Node(3) and line.act == Act.COMPLETED]
    assert [(line.revision, line.answer, line.note) for line in decisions] == [
        (1, "disagree", "too high"),
        (2, "disagree", "still too high"),
        (3, "agree", ""),
    ]
    assert last.process.revision == 3
    assert lines[0].act == Act.STARTED
    assert Act.REOPENED in {line.act for line in lines}


def test_two_who_sign_at_once_both_count(database: Database, process: Instance) -> None:
    barrier = threading.Barrier(2)

    def sign(by: Caller) -> None:
        with database.transaction() as tx:
            barrier.wait(WAIT_S)
            usecases.complete(tx, process.process_id, step=1, key=by.unit_id, by=by, at=AT)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sign, [EAST, WEST]))

    found = database.read(lambda tx: usecases.get(tx, process.process_id))
    assert found.open_nodes() == [Node(2)]


@req("R-316")
def test_a_decision_is_found_by_the_attributes_of_its_span(
    database: Database, definition: Definition
) -> None:
    exporter = InMemorySpanExporter()
    measured = telemetry.set_up("planning", instance="test", exporter=exporter)
    with measured.tracer.start_as_current_span("begin"):
        process = started(database, definition, "plan-1", traceparent=telemetry.traceparent())
    merged(database, process)

    with measured.tracer.start_as_current_span("decide"):
        completed(database, process, 3, answer="disagree", by=LAYER)
    measured.stop()

    begin, decide = exporter.get_finished_spans()
    assert dict(decide.attributes or {}) == {
        "mantle.process.definition": "example",
        "mantle.process.step": 3,
        "mantle.process.answer": "disagree",
        "mantle.process.state": "DRAFT",
    }
    assert [link.context.trace_id for link in decide.links] == [begin.context.trace_id]


def test_of_two_who_complete_the_same_step_one_is_refused(
    database: Database, process: Instance
) -> None:
    barrier = threading.Barrier(2)

    def sign(_: int) -> str:
        barrier.wait(WAIT_S)
        try:
            completed(database, process, 1, key="east", by=EAST)
        except StepNotOpen as error:
            return error.reason
        return "DONE"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(sign, range(2)))

    assert ends == ["DONE", "STEP_NOT_OPEN"]


def test_a_refused_completion_leaves_nothing(database: Database, process: Instance) -> None:
    with pytest.raises(StepRoleForbids):
        completed(database, process, 1, key="east", by=PLANNER)

    lines = database.read(lambda tx: usecases.history(tx, page(), process_id=process.process_id))
    assert [line.act for line in lines.items] == [Act.STARTED]
    assert database.read(lambda tx: usecases.get(tx, process.process_id)) == process


def test_a_subject_has_one_process(database: Database, definition: Definition) -> None:
    started(database, definition, "plan-1")

    with pytest.raises(ProcessAlreadyStarted):
        started(database, definition, "plan-1")


def test_a_changed_definition_with_the_same_version_is_refused(
    database: Database, definition: Definition
) -> None:
    other = parse(TEXT.replace("collect", "gather"))

    with database.transaction() as tx:
        usecases.publish(tx, Definitions.of([definition]), at=AT)
        usecases.publish(tx, Definitions.of([definition]), at=AT)

    with database.transaction() as tx, pytest.raises(DefinitionChanged):
        usecases.publish(tx, Definitions.of([other]), at=AT)


def test_a_process_keeps_its_version(database: Database, process: Instance) -> None:
    newer = parse(TEXT.replace("version = 1", "version = 2").replace('"MERGED"', '"SUMMED"'))

    with database.transaction() as tx:
        usecases.publish(tx, Definitions.of([newer]), at=AT)
    merged(database, process)

    found = database.read(lambda tx: usecases.get(tx, process.process_id))
    assert (found.definition.version, found.state) == (1, "MERGED")


def test_history_and_definitions_cannot_be_changed_by_the_service(
    database: Database, process: Instance
) -> None:
    for statement in (
        f"UPDATE process_history SET note = 'x' WHERE process_id = '{process.process_id}'",
        "DELETE FROM process_history",
        "UPDATE process_definition SET content = '{}'",
    ):
        with pytest.raises(sa.exc.ProgrammingError) as refused, database.transaction() as tx:
            tx.exec_driver_sql(statement)

        assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_the_migrated_tables_have_the_columns_of_the_storage(database: Database) -> None:
    with database.transaction() as tx:
        inspector = sa.inspect(tx)
        migrated = {
            name: [(column["name"], column["nullable"]) for column in inspector.get_columns(name)]
            for name in storage.TABLES.tables
        }

    assert migrated == {
        name: [(column.name, column.nullable) for column in table.columns]
        for name, table in storage.TABLES.tables.items()
    }


def test_an_inbox_has_the_open_steps_of_the_callers_roles_and_units(
    database: Database, process: Instance
) -> None:
    def inbox(by: Caller) -> list[tuple[str, Node]]:
        found = database.read(lambda tx: usecases.open_steps(tx, page(), by=by))
        return [(step.process_id, step.node) for step in found.items]

    above = Caller("sun.lei", frozenset({"channel_manager"}), "hq", "sun.lei")

    assert inbox(EAST) == [(process.process_id, Node(1, "east"))]
    assert inbox(above) == [
        (process.process_id, Node(1, "east")),
        (process.process_id, Node(1, "west")),
    ]
    assert inbox(PLANNER) == []
    assert inbox(STRANGER) == []


def test_an_assigned_authority_has_the_step_in_its_inbox(
    database: Database, process: Instance
) -> None:
    president = Caller("he.ping", frozenset({"president"}), "hq", "he.ping")
    merged(database, process)
    with database.transaction() as tx:
        usecases.complete(tx, process.process_id, step=3, answer="agree", by=LAYER, at=AT)
        usecases.assign(tx, process.process_id, step=4, role="president", by=LAYER, at=AT)

    found = database.read(lambda tx: usecases.open_steps(tx, page(), by=president))

    assert [step.node for step in found.items] == [Node(4)]
    with pytest.raises(StepHasRpc):
        completed(database, process, 4, by=president)
    last = completed(database, process, 4, by=president, rpc=RPC)
    assert (last.state, last.process.done) == ("EFFECTIVE", True)


def test_pages_of_an_inbox_join_without_gap_or_repeat(
    database: Database, definition: Definition
) -> None:
    for number in range(5):
        started(database, definition, f"plan-{number}")
    seen: list[tuple[str, Node]] = []
    token = ""

    while True:
        found = read_page(database, token)
        seen += [(step.process_id, step.node) for step in found.items]
        token = found.next_page_token
        if not token:
            break

    assert len(seen) == len(set(seen)) == 10
    assert seen == sorted(seen)


def read_page(database: Database, token: str) -> Any:
    above = Caller("sun.lei", frozenset({"channel_manager"}), "hq", "sun.lei")
    return database.read(lambda tx: usecases.open_steps(tx, page(3, token), by=above))


def test_an_inbox_of_many_steps_has_the_pages_of_one_of_few(
    database: Database, definition: Definition
) -> None:
    """Beyond some number the statement is another one, and says the same."""
    above = Caller("sun.lei", frozenset({"channel_manager", "planning"}), "hq", "sun.lei")
    offices = {"office": ["east", "west"]}
    with database.transaction() as tx:
        for number in range(inbox.FEW // 2 + 1):
            usecases.start(
                tx,
                definition,
                subject_kind="many",
                subject_id=str(number),
                unit_id="hq",
                keys=offices,
                by=PLANNER,
                at=AT + timedelta(minutes=number % 7),
            )

    found = {
        caller.unit_id: whole_inbox(database, caller)
        for caller in (above, EAST, EVERYBODY_OF_THE_CHANNEL)
    }

    assert len(found["hq"]) == len(set(found["hq"])) == 2 * (inbox.FEW // 2 + 1)
    assert found[""] == found["hq"]
    assert [one for one in found["hq"] if one[1].key == "east"] == found["east"]


def whole_inbox(database: Database, by: Caller) -> list[tuple[str, Node]]:
    token, seen = "", []
    while True:
        part = page(60, token)
        found = database.read(lambda tx: usecases.open_steps(tx, part, by=by))  # noqa: B023
        seen += [(one.process_id, one.node) for one in found.items]
        token = found.next_page_token
        if not token:
            return seen


def test_an_open_step_is_overdue_from_the_end_of_its_day_on(
    database: Database, process: Instance
) -> None:
    completed(database, process, 1, key="east", by=EAST)
    ends = datetime(2026, 3, 11, tzinfo=UTC)

    def late(at: datetime) -> list[Node]:
        found = database.read(lambda tx: usecases.overdue(tx, page(), at=at, by=PLANNER))
        return [step.node for step in found.items]

    assert late(ends - timedelta(microseconds=1)) == []
    assert late(ends) == [Node(1, "west")]


def test_late_steps_are_counted_by_definition_for_the_alarm(
    database: Database, process: Instance
) -> None:
    completed(database, process, 1, key="east", by=EAST)
    ends = datetime(2026, 3, 11, tzinfo=UTC)

    def counted(at: datetime) -> dict[str, int]:
        return database.read(lambda tx: inbox.overdue_counts(tx, at))

    assert counted(ends - timedelta(microseconds=1)) == {"example": 0}
    assert counted(ends) == {"example": 1}


def test_an_inbox_reads_the_index_of_open_steps(database: Database, process: Instance) -> None:
    query = (
        "EXPLAIN SELECT step FROM process_step WHERE role = 'planning' AND state = 'OPEN'"
        " ORDER BY open_time, process_id, step, key LIMIT 51"
    )

    with database.transaction() as tx:
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = "\n".join(tx.exec_driver_sql(query).scalars())

    assert "process_step_open_role" in plan
    assert "Sort" not in plan


def test_a_process_is_seen_from_its_unit_and_from_the_units_of_its_steps(
    database: Database, process: Instance
) -> None:
    def seen(by: Caller) -> str:
        return database.read(lambda tx: usecases.get(tx, process.process_id, by=by)).process_id

    assert {seen(by) for by in (PLANNER, EAST, EVERYBODY)} == {process.process_id}
    with pytest.raises(OutOfScope):
        seen(STRANGER)


def by_hand(tx: Transaction, process: Instance, by: Caller, key: str) -> Completed:
    return usecases.complete_by_hand(tx, process.process_id, step=1, key=key, by=by, at=AT)


def test_by_hand_a_step_of_another_unit_is_out_of_scope(
    database: Database, process: Instance
) -> None:
    with pytest.raises(OutOfScope), database.transaction() as tx:
        by_hand(tx, process, EAST, "west")
    with database.transaction() as tx:
        opened = by_hand(tx, process, EAST, "east")

    assert opened.process.statuses[Node(1, "east")].state == StepState.DONE


@pytest.fixture
def servicer(database: Database, definition: Definition) -> ProcessServicer:
    clock = FixedClock(AT + timedelta(days=30))
    door = Door(database, facts={}, clock=clock, committed=lambda: None)
    return ProcessServicer(door, definitions=Definitions.of([definition]), clock=clock)


def called(serve: Callable[..., bytes], request: Message, *, by: Caller) -> Any:
    """Serve a request as the gate would: with the facts of the call on the thread."""
    method = method_of(type(request))
    request_id = getattr(request, "request_id", "")
    token = current_call.set(Call(method, by, time.monotonic() + WAIT_S, request_id))
    try:
        return method.response.FromString(serve(request, sentinel.context))
    finally:
        current_call.reset(token)


def test_a_definition_is_served_with_its_picture(servicer: ProcessServicer) -> None:
    one = called(servicer.GetDefinition, service_pb.GetDefinitionRequest(name="example"), by=EAST)
    all_of_them = called(servicer.ListDefinitions, service_pb.ListDefinitionsRequest(), by=EAST)

    assert one.definition.steps[2].answers[1].reopens == [1]
    assert not one.definition.steps[3].HasField("role")
    assert "flowchart" in one.mermaid
    assert list(all_of_them.definitions) == [one.definition]
    with pytest.raises(DefinitionNotFound):
        called(servicer.GetDefinition, service_pb.GetDefinitionRequest(name="other"), by=EAST)


def test_complete_step_answers_a_repeat_with_the_first_reply(
    servicer: ProcessServicer, process: Instance
) -> None:
    request = service_pb.CompleteStepRequest(
        request_id=str(uuid.uuid4()), process_id=process.process_id, step=1, key="east", note="ok"
    )

    first = called(servicer.CompleteStep, request, by=EAST)
    second = called(servicer.CompleteStep, request, by=EAST)

    assert first == second
    assert [(step.number, step.key) for step in first.opened_steps] == []
    states = {(step.number, step.key): step.state for step in first.process.steps}
    assert states[1, "east"] == pb.ProcessStep.STATE_DONE
    assert states[2, ""] == pb.ProcessStep.STATE_WAITING


def test_the_lists_are_served(servicer: ProcessServicer, process: Instance) -> None:
    late = called(servicer.ListOverdueSteps, service_pb.ListOverdueStepsRequest(), by=PLANNER)
    mine = called(servicer.ListOpenSteps, service_pb.ListOpenStepsRequest(), by=EAST)
    lines = called(
        servicer.ListHistory,
        service_pb.ListHistoryRequest(process_id=process.process_id),
        by=PLANNER,
    )
    whole = called(
        servicer.GetInstance, service_pb.GetInstanceRequest(process_id=process.process_id), by=WEST
    )

    assert [(step.step.number, step.step.key) for step in late.overdue_steps] == [
        (1, "east"),
        (1, "west"),
    ]
    assert [step.step.unit_id for step in mine.open_steps] == ["east"]
    assert [line.act for line in lines.entries] == [pb.ProcessHistoryEntry.ACT_STARTED]
    assert (whole.process.state, whole.process.revision, whole.process.done) == ("DRAFT", 1, False)


def test_a_process_that_is_not_there_is_not_found(servicer: ProcessServicer) -> None:
    request = service_pb.GetInstanceRequest(process_id=str(uuid.uuid4()))

    with pytest.raises(ProcessNotFound):
        called(servicer.GetInstance, request, by=PLANNER)
