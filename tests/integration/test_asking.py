"""Writes that ask a peer first: what is given back and what is not, alone and many at once."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from mantle.work.v1 import work_service_pb2 as pb

from chassis.clock import SystemClock
from chassis.database import Database, Transaction
from chassis.errors import DeadlineExceeded, FailedPrecondition, MantleError
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.rpc.asking import Asking
from chassis.rpc.call import Call, current_call
from chassis.rpc.combined import Combined
from chassis.rpc.door import Door
from chassis.rpc.methods import method_of
from chassis.rpc.replies import RequestIdReused
from chassis.scope import Caller
from tests.support.knocking import Knock
from tests.support.postgres import DatabaseFor
from tests.support.waiting import until

METHOD = method_of(pb.CancelRunRequest)
CALLER = Caller("someone", frozenset({"finance"}), "hq", "someone")
UNFIT, NO_ROOM, LOST, REFUSED, BOOM = 11, 12, 13, 14, 15


class NoRoom(FailedPrecondition):
    reason = "RUN_STATE_FORBIDS"


@dataclass
class Desk:
    """A write that asks before it puts its number into a table.

    Shape: some numbers fail on their way: UNFIT is refused before anybody is asked, REFUSED by who
        is asked, NO_ROOM by the use case; BOOM breaks it, and with LOST the connection ends.
    """

    database: Database
    door: Door
    asked: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    arrived: list[Knock] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    hold_reading: threading.Event = field(default_factory=threading.Event)
    while_asked: Callable[[int], object] = lambda _: None
    together: Combined[int, int] | None = None

    def prepare(
        self, _tx: Transaction, wanted: Sequence[tuple[Caller, int]]
    ) -> list[int | MantleError]:
        self.hold_reading.wait(10)
        return [NoRoom("unfit") if number == UNFIT else number for _, number in wanted]

    def ask(self, _who: Caller, number: int) -> int:
        self.asked.append(number)
        self.while_asked(number)
        if number == REFUSED:
            raise NoRoom("refused")
        return number

    def ask_all(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.groups.append(len(numbers))
        return [self.ask_one(number) for number in numbers]

    def ask_one(self, number: int) -> int | Exception:
        try:
            return self.ask(CALLER, number)
        except MantleError as refused:
            return refused

    def act(
        self, tx: Transaction, wanted: Sequence[tuple[Caller, int]]
    ) -> list[Outcome[int] | MantleError]:
        self.hold.wait(10)
        self.batches.append(len(wanted))
        return [self.put(tx, number) for _, number in wanted]

    def put(self, tx: Transaction, number: int) -> Outcome[int] | MantleError:
        if number == NO_ROOM:
            return NoRoom("no room")
        if number == BOOM:
            raise ZeroDivisionError
        if number == LOST:
            tx.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        tx.execute(sa.text("INSERT INTO effect VALUES (:number)"), {"number": number})
        return Outcome(number)

    def act_alone(self, tx: Transaction, who: Caller, number: int) -> Outcome[int]:
        [outcome] = self.act(tx, [(who, number)])
        if isinstance(outcome, MantleError):
            raise outcome
        return outcome

    def prepare_alone(self, number: int) -> int:
        [prepared] = self.database.read(lambda tx: self.prepare(tx, [(CALLER, number)]))
        if isinstance(prepared, MantleError):
            raise prepared
        return prepared

    def send(self, number: int, request_id: str = "", *, left_s: float = 20) -> bytes:
        request = asking_for(number, request_id or new_id())
        context: Any = None
        call = Call(METHOD, CALLER, time.monotonic() + left_s, request.request_id)
        if self.together is not None:
            return Knock(call, request).answered(self.take)
        token = current_call.set(call)
        try:
            return self.door.write(
                request,
                context,
                ask=lambda who, _: self.ask(who, self.prepare_alone(number)),
                act=self.act_alone,
                undo=self.undone.append,
                reply=reply,
            )
        finally:
            current_call.reset(token)

    def take(self, knock: Knock) -> None:
        assert self.together is not None
        self.together.take(knock)
        self.arrived.append(knock)

    def numbers(self) -> list[int]:
        query = sa.text("SELECT number FROM effect ORDER BY number")
        return self.database.read(lambda tx: [row.number for row in tx.execute(query)])


def asking_for(number: int, request_id: str) -> pb.CancelRunRequest:
    return pb.CancelRunRequest(request_id=request_id, run_id=str(UUID(int=number)))


def reply(number: int) -> pb.GetRunRequest:
    return pb.GetRunRequest(run_id=str(number))


def answer(number: int) -> bytes:
    return reply(number).SerializeToString()


@pytest.fixture
def alone(database_for: DatabaseFor) -> Iterator[Desk]:
    """Give a test the desk where each call has a transaction of its own."""
    place = database_for("chassis_alone")
    owner = Database(place.owner_url, size=1)
    with owner.transaction() as tx:
        tx.exec_driver_sql("CREATE TABLE effect (number int)")
    owner.close()
    database = Database(place.app_url, size=6)
    door = Door(database, facts={}, clock=SystemClock(), committed=lambda: None)
    made = Desk(database, door)
    made.hold.set()
    made.hold_reading.set()
    yield made
    made.hold.set()
    door.close()
    database.close()


@pytest.fixture
def many(alone: Desk) -> Desk:
    """Give a test the desk where calls are served many at once."""
    alone.together = alone.door.combined(
        "test",
        item=lambda request: UUID(request.run_id).int,
        act=alone.act,
        reply=reply,
        asking=Asking(prepare=alone.prepare, ask=alone.ask_all, undo=alone.undone.append),
    )
    return alone


@pytest.fixture(params=["alone", "many"])
def desk(request: pytest.FixtureRequest) -> Desk:
    """Give a test both desks, one after the other."""
    found: Desk = request.getfixturevalue(request.param)
    return found


def at_once(desk: Desk, sends: Sequence[Callable[[], bytes]]) -> list[bytes | BaseException]:
    """Send all at once while the first reading is held, so that the rest waits together."""
    desk.hold_reading.clear()
    with ThreadPoolExecutor(len(sends)) as pool:
        futures = [pool.submit(send) for send in sends]
        until(lambda: len(desk.arrived) == len(sends), "all to wait")
        desk.hold_reading.set()
        return [future.exception() or future.result() for future in futures]


def test_what_was_asked_for_goes_into_the_act(desk: Desk) -> None:
    assert desk.send(1) == answer(1)
    assert (desk.asked, desk.numbers(), desk.undone) == ([1], [1], [])


def test_a_stored_reply_is_answered_before_anybody_is_asked(desk: Desk) -> None:
    request_id = new_id()
    desk.send(1, request_id)

    again = desk.send(1, request_id)

    assert again == answer(1)
    assert (desk.asked, desk.numbers()) == ([1], [1])


def test_another_content_under_the_same_id_is_refused_before_anybody_is_asked(desk: Desk) -> None:
    request_id = new_id()
    desk.send(1, request_id)

    with pytest.raises(RequestIdReused):
        desk.send(2, request_id)

    assert (desk.asked, desk.undone) == ([1], [])


def test_what_the_use_case_refuses_is_given_back(desk: Desk) -> None:
    with pytest.raises(NoRoom):
        desk.send(NO_ROOM)

    assert (desk.undone, desk.numbers()) == ([NO_ROOM], [])


@pytest.mark.parametrize("number", [LOST, BOOM])
def test_after_an_unknown_outcome_nothing_is_given_back(desk: Desk, number: int) -> None:
    """The effect may be there; what was asked for ends by its own expiry."""
    with pytest.raises((sa.exc.DBAPIError, ZeroDivisionError)):
        desk.send(number)

    assert (desk.asked, desk.undone) == ([number], [])


def test_what_was_refused_before_or_by_the_peer_is_not_given_back(desk: Desk) -> None:
    for number in (UNFIT, REFUSED):
        with pytest.raises(NoRoom):
            desk.send(number)

    assert (desk.asked, desk.undone) == ([REFUSED], [])


def test_a_twin_that_was_faster_answers_for_one_that_is_refused(desk: Desk) -> None:
    request_id = new_id()

    def be_outrun(_number: int) -> None:
        if len(desk.asked) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(desk.send, 1, request_id).result()
            raise NoRoom("its twin has it")

    desk.while_asked = be_outrun

    found = desk.send(1, request_id)

    assert found == answer(1)
    assert (desk.asked, desk.numbers(), desk.undone) == ([1, 1], [1], [])


def test_twins_in_one_batch_have_one_effect(many: Desk) -> None:
    request_id = new_id()

    answers = at_once(many, [lambda: many.send(7, request_id)] * 10)

    assert set(answers) == {answer(7)}
    assert (many.numbers(), many.undone) == ([7], [])


def test_each_of_many_is_answered_refused_and_given_back_by_itself(many: Desk) -> None:
    numbers = [1, UNFIT, 2, REFUSED, 3, NO_ROOM, 4, BOOM, 5]

    answers = at_once(many, [lambda n=n: many.send(n) for n in numbers])  # type: ignore[misc]

    assert [type(one) for one in answers] == [
        bytes, NoRoom, bytes, NoRoom, bytes, NoRoom, bytes, ZeroDivisionError, bytes,
    ]  # fmt: skip
    assert (many.numbers(), many.undone) == ([1, 2, 3, 4, 5], [NO_ROOM])


def test_those_who_are_read_for_together_ask_and_act_together(many: Desk) -> None:
    at_once(many, [lambda n=n: many.send(n) for n in range(20, 40)])  # type: ignore[misc]

    assert many.numbers() == list(range(20, 40))
    assert len(many.groups) < 20
    assert len(many.batches) < 20


def test_a_call_whose_time_is_over_before_its_batch_ends_gives_nothing_back(many: Desk) -> None:
    """Its effect comes, and the same id tells of it."""
    many.hold.clear()
    request_id = new_id()

    with pytest.raises(DeadlineExceeded):
        many.send(1, request_id, left_s=0.5)
    many.hold.set()

    assert many.send(1, request_id) == answer(1)
    assert (many.numbers(), many.undone) == ([1], [])
