"""Calls that are served together: each once, each with its own answer, none harmed by another."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import UUID

import pytest
import sqlalchemy as sa
from mantle.work.v1 import work_service_pb2 as pb
from sqlalchemy.exc import IntegrityError

from chassis import arrays
from chassis.clock import SystemClock
from chassis.database import Database, Transaction, run
from chassis.errors import FailedPrecondition, InvalidArgument, MantleError
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.rpc import replies
from chassis.rpc.call import Call
from chassis.rpc.combined import Combined, Parts
from chassis.rpc.methods import method_of
from chassis.rpc.replies import RequestIdReused
from chassis.scope import Caller
from tests.support.knocking import Knock
from tests.support.postgres import DatabaseFor
from tests.support.waiting import until

METHOD = method_of(pb.CancelRunRequest)
CALLER = Caller("someone", frozenset({"finance"}), "hq", "someone")
BOOM = 13
UNFIT = 17
LUCKY = 19
ROOM = 5
INSERT: LiteralString = """
INSERT INTO effect
SELECT number
FROM (SELECT number, row_number() OVER (PARTITION BY number >= 1000) AS turn
      FROM unnest(%(numbers)s::int[]) AS numbers (number)) AS wanted
WHERE number < 1000
  OR turn + (SELECT count(*) FROM effect WHERE number >= 1000) <= %(room)s::int
RETURNING number
"""


class NoRoom(FailedPrecondition):
    reason = "RUN_STATE_FORBIDS"


@dataclass
class Bench:
    """A table that everybody wants: numbers go in while there is room."""

    database: Database
    batches: list[int] = field(default_factory=list)
    arrived: list[Knock] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    combined: Combined[int, int] | None = None

    def draft(self, tx: Transaction, wanted: Sequence[tuple[Caller, int]]) -> "Draft":
        self.hold.wait(10)
        self.batches.append(len(wanted))
        return Draft(tx, [number for _, number in wanted])

    def act(
        self, tx: Transaction, wanted: Sequence[tuple[Caller, int]]
    ) -> list[Outcome[int] | MantleError]:
        self.hold.wait(10)
        self.batches.append(len(wanted))
        taken = tx.execute(sa.text("SELECT count(*) FROM effect WHERE number >= 1000")).scalar_one()
        answers: list[Outcome[int] | MantleError] = []
        for _, number in wanted:
            if number == BOOM:
                raise ZeroDivisionError
            if number >= 1000 and taken >= ROOM:
                answers.append(NoRoom("no room"))
                continue
            taken += number >= 1000
            tx.execute(sa.text("INSERT INTO effect VALUES (:number)"), {"number": number})
            answers.append(Outcome(number))
        return answers

    def send(self, number: int, request_id: str = "") -> bytes:
        run_id = str(UUID(int=number))
        return self.sent(pb.CancelRunRequest(request_id=request_id or new_id(), run_id=run_id))

    def waiting(self) -> int:
        query = sa.text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return self.database.read(lambda tx: int(tx.execute(query).scalar_one()))

    def sent(self, request: pb.CancelRunRequest) -> bytes:
        call = Call(METHOD, CALLER, time.monotonic() + 20, request.request_id)
        return Knock(call, request).answered(self.take)

    def take(self, knock: Knock) -> None:
        assert self.combined is not None
        self.combined.take(knock)
        self.arrived.append(knock)

    def numbers(self) -> list[int]:
        query = sa.text("SELECT number FROM effect ORDER BY number")
        return self.database.read(lambda tx: [row.number for row in tx.execute(query)])

    def keys(self) -> int:
        query = sa.text("SELECT count(*) FROM idempotency_key")
        return self.database.read(lambda tx: int(tx.execute(query).scalar_one()))


class Draft:
    """Do what `Bench.act` does, and take for granted that there is room."""

    def __init__(self, tx: Transaction, numbers: list[int]) -> None:
        if BOOM in numbers:
            raise ZeroDivisionError
        self._tx = tx
        self._numbers = numbers
        self.drafted = [
            NoRoom("as it seems") if number == LUCKY else Outcome(number) for number in numbers
        ]

    def write(self) -> None:
        self._rows = run(self._tx, INSERT, {"numbers": arrays.plain(self._numbers), "room": ROOM})

    def is_as_drafted(self) -> bool:
        return len(self._rows.fetchall()) == len(self._numbers) and LUCKY not in self._numbers

    def mended(self) -> list[Outcome[int] | MantleError]:
        written = {number for (number,) in self._rows}
        return [Outcome(one) if one in written else NoRoom("no room") for one in self._numbers]


@pytest.fixture(params=["act", "draft"])
def bench(request: pytest.FixtureRequest, database_for: DatabaseFor) -> Iterator[Bench]:
    place = database_for("chassis_alone")
    owner = Database(place.owner_url, size=1)
    with owner.transaction() as tx:
        tx.exec_driver_sql(f"CREATE TABLE effect (number int CHECK (number <> {UNFIT}))")
    owner.close()
    made = Bench(Database(place.app_url, size=4))
    made.combined = Combined(
        "test",
        made.database,
        parts=Parts({}, SystemClock(), lambda: None),
        item=lambda request: UUID(request.run_id).int,
        act=getattr(made, request.param),
        reply=lambda number: pb.GetRunRequest(run_id=str(number)),
        audited=True,
    )
    yield made
    made.hold.set()
    made.combined.stop()
    made.database.close()


def together(bench: Bench, sends: Sequence[Callable[[], bytes]]) -> list[bytes | Exception]:
    """Send all at once while the first batch is held, so that the rest waits together."""
    with ThreadPoolExecutor(len(sends)) as pool:
        futures = [pool.submit(send) for send in sends]
        until(lambda: len(bench.arrived) == len(sends), "all to wait")
        bench.hold.set()
        return [future.exception() or future.result() for future in futures]  # type: ignore[misc]


def test_a_lone_call_is_served_at_once(bench: Bench) -> None:
    bench.hold.set()

    assert bench.send(1) == pb.GetRunRequest(run_id="1").SerializeToString()
    assert bench.batches == [1]


def test_many_calls_share_a_commit_and_each_gets_its_own_answer(bench: Bench) -> None:
    answers = together(bench, [lambda n=n: bench.send(n) for n in range(20, 60)])  # type: ignore[misc]

    assert answers == [pb.GetRunRequest(run_id=str(n)).SerializeToString() for n in range(20, 60)]
    assert bench.numbers() == list(range(20, 60))
    assert len(bench.batches) < 40


def test_twins_in_one_batch_have_one_effect(bench: Bench) -> None:
    request_id = new_id()

    answers = together(bench, [lambda: bench.send(7, request_id)] * 10)

    assert set(answers) == {pb.GetRunRequest(run_id="7").SerializeToString()}
    assert bench.numbers() == [7]


def test_a_repeat_after_the_commit_gets_the_stored_reply(bench: Bench) -> None:
    bench.hold.set()
    request_id = new_id()

    assert bench.send(7, request_id) == bench.send(7, request_id)
    assert bench.numbers() == [7]


def test_a_twin_waits_for_the_first_and_gets_its_reply(bench: Bench) -> None:
    request_id = new_id()
    query = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")
    with ThreadPoolExecutor(1) as pool:
        with bench.database.transaction() as first:
            first.execute(query, {"id": request_id})
            twin = pool.submit(bench.send, 7, request_id)
            until(lambda: bench.waiting() == 1, "the twin to wait")
            assert bench.batches == []
            keep_reply(first, request_id, reply=b"the first's")

        assert twin.result(20) == b"the first's"
    assert (bench.batches, bench.numbers()) == ([], [])


def test_twins_that_do_not_see_each_other_have_one_effect(bench: Bench) -> None:
    """An older release holds its keys by rows alone."""
    bench.hold.set()
    request_id = new_id()
    with ThreadPoolExecutor(1) as pool:
        with bench.database.transaction() as first:
            keep_reply(first, request_id, reply=b"the first's")
            twin = pool.submit(bench.send, 7, request_id)
            until(lambda: bench.waiting() == 1, "the twin to collide")

        assert twin.result(20) == b"the first's"
    assert (bench.batches, bench.numbers()) == ([1], [])


def keep_reply(tx: Transaction, request_id: str, *, reply: bytes) -> None:
    request = pb.CancelRunRequest(request_id=request_id, run_id=str(UUID(int=7)))
    key, fingerprint = replies.identify(Call(METHOD, CALLER, 0.0, request_id), request)
    replies.keep(tx, [(key, fingerprint, reply)])


def test_another_body_under_the_same_id_is_refused(bench: Bench) -> None:
    bench.hold.set()
    request_id = new_id()
    bench.send(7, request_id)

    with pytest.raises(RequestIdReused):
        bench.send(8, request_id)


def test_a_limit_holds_among_those_who_are_served_together(bench: Bench) -> None:
    answers = together(bench, [lambda n=n: bench.send(n) for n in range(1000, 1020)])  # type: ignore[misc]

    assert sum(isinstance(answer, NoRoom) for answer in answers) == 20 - ROOM
    assert len(bench.numbers()) == ROOM
    assert bench.keys() == ROOM


def test_a_call_that_breaks_harms_no_other(bench: Bench) -> None:
    answers = together(bench, [lambda n=n: bench.send(n) for n in (11, 12, BOOM, 14, 15)])  # type: ignore[misc]

    assert [type(answer) for answer in answers] == [bytes, bytes, ZeroDivisionError, bytes, bytes]
    assert bench.numbers() == [11, 12, 14, 15]


def test_a_call_that_the_database_refuses_harms_no_other(bench: Bench) -> None:
    answers = together(bench, [lambda n=n: bench.send(n) for n in (11, 12, UNFIT, 14, 15)])  # type: ignore[misc]

    assert [type(answer) for answer in answers] == [bytes, bytes, IntegrityError, bytes, bytes]
    assert bench.numbers() == [11, 12, 14, 15]
    assert bench.keys() == 4


def test_an_answer_is_what_became_of_the_call_and_not_what_was_drafted(bench: Bench) -> None:
    answers = together(bench, [lambda n=n: bench.send(n) for n in (18, LUCKY, 20)])  # type: ignore[misc]

    assert answers == [
        pb.GetRunRequest(run_id=str(number)).SerializeToString() for number in (18, LUCKY, 20)
    ]
    assert bench.keys() == 3


def test_a_request_that_breaks_the_contract_is_refused_alone(bench: Bench) -> None:
    broken = pb.CancelRunRequest(request_id=new_id(), run_id="none")

    answers = together(
        bench,
        [lambda: bench.sent(broken), *[lambda n=n: bench.send(n) for n in range(30, 40)]],  # type: ignore[misc]
    )

    assert isinstance(answers[0], InvalidArgument)
    assert [one.field for one in answers[0].violations] == ["run_id"]
    assert bench.numbers() == list(range(30, 40))
    assert bench.keys() == 10
