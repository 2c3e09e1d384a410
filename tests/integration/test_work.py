"""Long work survives the pods that do it: a chunk is there once, by the newest epoch alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.wrappers_pb2 import Int64Value
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from chassis import telemetry
from chassis.clock import FixedClock
from chassis.database import Database, Transaction
from chassis.errors import FailedPrecondition
from chassis.events.domain import EventDraft
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import open_page
from chassis.scope import Caller, OutOfScope
from chassis.work import schedule as schedule_module
from chassis.work import storage, usecases
from chassis.work.backdoor import BackDoor
from chassis.work.domain import Chunk, Cursor, Run, RunNotFound, RunStateForbids, State
from chassis.work.runner import Runner, Step
from chassis.work.schedule import Schedule
from tests.support.postgres import DatabaseFor

AT = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
WAIT_S = 10.0
SERVICE = Caller("settlement", frozenset({"service"}), "", "settlement")
STRANGER = Caller("li.wei", frozenset({"finance"}), "elsewhere", "li.wei")


@dataclass(frozen=True, slots=True)
class Counted:
    """A number was counted."""

    number: int
    amount: Money


class Refused(FailedPrecondition):
    """The number is not wanted."""

    reason = "RUN_STATE_FORBIDS"


class Killed(BaseException):
    """Stands for the end of the process: nothing in the product may catch it."""


@pytest.fixture
def database(database_for: DatabaseFor) -> Iterator[Database]:
    """Give a database of the chassis alone, with one more table for the effects of chunks."""
    place = database_for("chassis_alone")
    owner = Database(place.owner_url, size=1)
    with owner.transaction() as tx:
        tx.exec_driver_sql("CREATE TABLE effect (number bigint PRIMARY KEY)")
    owner.close()
    opened = Database(place.app_url, size=5)
    yield opened
    opened.close()


@pytest.fixture
def metrics() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def back_door(database: Database, metrics: InMemoryMetricReader) -> Iterator[BackDoor]:
    measured = telemetry.set_up("settlement", instance="test", reader=metrics)
    yield BackDoor(
        database,
        facts={Counted: lambda fact: EventDraft(Int64Value(value=fact.number), "numbers")},
        clock=FixedClock(AT),
        committed=lambda: None,
        telemetry=measured,
    )
    measured.stop()


@pytest.fixture
def ask(database: Database) -> Callable[..., Run]:
    """Give a function that asks for a run of numbers in a transaction of its own."""

    def asked(kind: str = "count", key: str = "2026-03", **more: Any) -> Run:
        with database.transaction() as tx:
            return usecases.run(tx, kind, key, **{"unit_id": "hq", "requested_by": "li.wei"} | more)

    return asked


def count_to(end: int, *, before: Callable[[int], None] = lambda _: None) -> Callable[[Run], Step]:
    """Make runs that count to a number, one effect a chunk; `before` may interfere with a chunk."""

    def step(tx: Transaction, cursor: Cursor) -> Chunk:
        number = cursor.get("number", 0) + 1
        tx.execute(sa.text("INSERT INTO effect (number) VALUES (:number)"), {"number": number})
        before(number)
        after = {"number": number} if number < end else None
        return Chunk(after, 1, [Counted(number, Money("CNY", number))], total=end)

    return lambda _: step


def runner(back_door: BackDoor, make: Callable[[Run], Step], *, kind: str = "count") -> Runner:
    return Runner(back_door, kinds={kind: make}, lease_s=60)


def effects(database: Database) -> list[int]:
    with database.transaction() as tx:
        return list(tx.execute(sa.text("SELECT number FROM effect ORDER BY number")).scalars())


def events(database: Database) -> list[int]:
    with database.transaction() as tx:
        payloads = tx.execute(sa.text("SELECT payload FROM event ORDER BY id")).scalars()
        return [Int64Value.FromString(bytes(payload)).value for payload in payloads]


def found(database: Database, run: Run) -> Run:
    with database.transaction() as tx:
        return storage.get(tx, run.id)


def expire_lease(database: Database) -> None:
    """Let the time of a lease pass."""
    with database.transaction() as tx:
        tx.exec_driver_sql("UPDATE work_run SET lease_until = clock_timestamp() - interval '1 s'")


def cancel(database: Database, run: Run) -> Run:
    with database.transaction() as tx:
        return usecases.cancel(tx, run_id=run.id, by=SERVICE).value


def test_a_run_goes_forward_chunk_by_chunk_to_its_end(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()

    turns = runner(back_door, count_to(3)).drain()

    ended = found(database, run)
    assert (turns, effects(database), events(database)) == (3, [1, 2, 3], [1, 2, 3])
    assert (ended.state, ended.done_count, ended.total, ended.epoch) == (State.DONE, 3, 3, 1)
    assert ended.started_time is not None
    assert ended.ended_time is not None


def test_a_run_killed_between_chunks_goes_on_from_its_cursor(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    killed = runner(back_door, count_to(3))
    killed.turn()

    expire_lease(database)
    runner(back_door, count_to(3)).drain()

    ended = found(database, run)
    assert (effects(database), events(database)) == ([1, 2, 3], [1, 2, 3])
    assert (ended.state, ended.done_count, ended.epoch) == (State.DONE, 3, 2)


def test_a_run_killed_within_a_chunk_leaves_nothing_of_it(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    def die(number: int) -> None:
        if number == 2:
            raise Killed

    run = ask()
    dying = runner(back_door, count_to(3, before=die))
    dying.turn()

    with pytest.raises(Killed):
        dying.turn()

    left = found(database, run)
    assert (effects(database), left.cursor, left.state) == ([1], {"number": 1}, State.RUNNING)


def test_a_run_is_left_alone_while_its_lease_lasts(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    ask()
    runner(back_door, count_to(3)).turn()

    turned = runner(back_door, count_to(3)).turn()

    assert (turned, effects(database)) == (False, [1])


def test_a_released_run_is_taken_up_at_once(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    ask()
    leaving = runner(back_door, count_to(3))
    leaving.turn()

    leaving.release()
    turned = runner(back_door, count_to(3)).turn()

    assert (turned, effects(database)) == (True, [1, 2])


def test_a_zombie_of_an_old_epoch_writes_nothing(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    zombie, successor = runner(back_door, count_to(4)), runner(back_door, count_to(4))
    zombie.turn()
    expire_lease(database)
    successor.turn()

    zombie.drain()

    left = found(database, run)
    assert (effects(database), left.done_count, left.epoch) == ([1, 2], 2, 2)


def test_a_zombie_that_is_overtaken_within_its_chunk_writes_nothing(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    def overtake(_: int) -> None:
        expire_lease(database)
        with database.transaction() as tx:
            storage.claim(tx, ["count"], lease_s=60)

    run = ask()

    runner(back_door, count_to(3, before=overtake)).drain()

    left = found(database, run)
    assert (effects(database), events(database)) == ([], [])
    assert (left.cursor, left.done_count, left.epoch) == ({}, 0, 2)


def test_of_two_runners_that_race_for_a_run_one_does_it(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    barrier = threading.Barrier(2, timeout=WAIT_S)

    def race(_: int) -> int:
        racer = runner(back_door, count_to(5))
        barrier.wait()
        return racer.drain()

    with ThreadPoolExecutor(2) as pool:
        turns = sorted(pool.map(race, range(2)))

    assert (turns, effects(database)) == ([0, 5], [1, 2, 3, 4, 5])
    assert found(database, run).epoch == 1


def test_two_runners_share_the_runs(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    together = threading.Barrier(2, timeout=WAIT_S)
    runs = [ask(key=key) for key in ("a", "b")]

    def meet(tx: Transaction, cursor: Cursor) -> Chunk:
        together.wait()
        return Chunk(None, 1)

    with ThreadPoolExecutor(2) as pool:
        turns = list(pool.map(lambda _: runner(back_door, lambda _: meet).turn(), range(2)))

    assert turns == [True, True]
    assert {found(database, run).state for run in runs} == {State.DONE}


def test_a_runner_passes_over_a_run_that_another_is_just_taking_up(
    database: Database, ask: Callable[..., Run]
) -> None:
    ask(key="a")
    ask(key="b")

    with database.transaction() as one, database.transaction() as other:
        other.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        taken = [storage.claim(tx, ["count"], lease_s=60) for tx in (one, other)]

    assert [run.key for run in taken if run] == ["a", "b"]


def test_the_same_kind_and_key_again_is_the_first_run(
    back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    first = ask(cursor={"number": 1})
    runner(back_door, count_to(3)).drain()

    again = ask(cursor={"number": 2})

    assert (again.id, again.state) == (first.id, State.DONE)


def test_two_callers_that_race_get_one_run(ask: Callable[..., Run]) -> None:
    barrier = threading.Barrier(2, timeout=WAIT_S)

    def race(_: int) -> Run:
        barrier.wait()
        return ask()

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(race, range(2)))

    assert runs[0] == runs[1]


def test_a_run_of_an_unknown_kind_waits(back_door: BackDoor, ask: Callable[..., Run]) -> None:
    ask(kind="something newer")

    turned = runner(back_door, count_to(3)).turn()

    assert not turned


def test_a_run_cancelled_between_chunks_stops_and_keeps_what_is_done(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    working = runner(back_door, count_to(3))
    working.turn()

    cancelled = cancel(database, run)
    working.drain()

    assert (effects(database), cancelled.state, cancelled.done_count) == ([1], State.CANCELLED, 1)
    assert found(database, run) == cancelled


def test_a_run_cancelled_within_a_chunk_leaves_nothing_of_it(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()

    def cancel_at_two(number: int) -> None:
        if number == 2:
            cancel(database, run)

    runner(back_door, count_to(3, before=cancel_at_two)).drain()

    assert (effects(database), found(database, run).state) == ([1], State.CANCELLED)


def test_a_run_that_has_ended_is_not_cancelled(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    runner(back_door, count_to(1)).drain()

    with pytest.raises(RunStateForbids):
        cancel(database, run)


def test_a_refused_chunk_fails_the_run_and_says_why(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()

    runner(back_door, count_to(3, before=_refuse_two)).drain()

    failed = found(database, run)
    assert (effects(database), failed.state, failed.done_count) == ([1], State.FAILED, 1)
    assert failed.message == "RUN_STATE_FORBIDS: two is not wanted"


def _refuse_two(number: int) -> None:
    if number == 2:
        raise Refused("two is not wanted")


def test_a_bug_fails_the_run_and_keeps_its_text_to_itself(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    def stumble(_: int) -> None:
        raise RuntimeError("secret")

    run = ask()

    runner(back_door, count_to(3, before=stumble)).drain()

    failed = found(database, run)
    assert (effects(database), failed.state) == ([], State.FAILED)
    assert "secret" not in failed.message


def test_a_busy_database_leaves_the_run_to_the_next_who_takes_it(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    with database.transaction() as other:
        other.exec_driver_sql("LOCK TABLE effect IN ACCESS EXCLUSIVE MODE")
        hasty = runner(back_door, lambda run: _hasty(count_to(3)(run)))
        with pytest.raises(sa.exc.OperationalError):
            hasty.turn()

    expire_lease(database)
    runner(back_door, count_to(3)).drain()

    assert (effects(database), found(database, run).epoch) == ([1, 2, 3], 2)


def _hasty(step: Step) -> Step:
    def hasty(tx: Transaction, cursor: Cursor) -> Chunk:
        tx.exec_driver_sql("SET LOCAL lock_timeout = '10ms'")
        return step(tx, cursor)

    return hasty


def test_a_chunk_that_meets_a_deadlock_is_done_again(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    victims = iter([True, False])

    def lose(tx: Transaction, _: Cursor) -> Chunk:
        tx.exec_driver_sql("INSERT INTO effect VALUES (1)")
        if next(victims):
            tx.exec_driver_sql("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40P01'; END $$")
        return Chunk(None, 1)

    run = ask()

    runner(back_door, lambda _: lose).drain()

    ended = found(database, run)
    assert (effects(database), ended.state, ended.done_count) == ([1], State.DONE, 1)


def test_a_run_whose_step_cannot_be_made_fails(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    def make(run: Run) -> Step:
        raise KeyError(run.key)

    run = ask()

    runner(back_door, make).drain()

    assert found(database, run).state == State.FAILED


def test_a_failed_run_that_is_resumed_goes_on_from_its_cursor(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask()
    runner(back_door, count_to(3, before=_refuse_two)).drain()

    with database.transaction() as tx:
        resumed = usecases.resume(tx, run_id=run.id, by=SERVICE).value
    runner(back_door, count_to(3)).drain()

    ended = found(database, run)
    assert (resumed.state, resumed.message, resumed.ended_time) == (State.PENDING, "", None)
    assert (effects(database), ended.state, ended.done_count) == ([1, 2, 3], State.DONE, 3)


def test_a_run_that_has_not_failed_is_not_resumed(
    database: Database, ask: Callable[..., Run]
) -> None:
    run = ask()

    with pytest.raises(RunStateForbids), database.transaction() as tx:
        usecases.resume(tx, run_id=run.id, by=SERVICE)


def test_a_dry_run_changes_nothing_and_leaves_preview_rows(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    run = ask(dry_run=True)

    runner(back_door, count_to(3)).drain()

    with database.transaction() as tx:
        page = open_page(2, "", conditions=[])
        rows = usecases.previews(tx, run_id=run.id, page=page, by=SERVICE)
    assert (effects(database), events(database)) == ([], [])
    assert (found(database, run).state, rows.next_page_token != "") == (State.DONE, True)
    assert [(row.ordinal, row.fact, row.content) for row in rows.items] == [
        (
            number,
            "Counted",
            {"number": number, "amount": {"currency_code": "CNY", "amount_minor": number}},
        )
        for number in (1, 2)
    ]


def test_a_dry_run_and_the_real_run_of_one_key_stand_beside_each_other(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    rehearsal, real = ask(dry_run=True), ask()

    runner(back_door, count_to(3)).drain()

    assert {found(database, run).state for run in (rehearsal, real)} == {State.DONE}
    assert effects(database) == [1, 2, 3]


def test_the_chunks_of_a_run_belong_to_the_trace_that_asked_for_it(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    ask(traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")

    runner(back_door, count_to(1)).drain()

    with database.transaction() as tx:
        traceparent = tx.execute(sa.text("SELECT traceparent FROM event")).scalar_one()
    assert traceparent.split("-")[1] == trace_id


def test_runs_are_listed_newest_first_by_kind_and_state(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    runs = [ask(key=key) for key in "abc"]
    ask(kind="other")
    cancel(database, runs[0])

    listed = [
        _listed(database, kind="count", states=[]),
        _listed(database, kind="count", states=[State.PENDING]),
        _listed(database, kind="", states=[State.CANCELLED]),
    ]

    assert listed == [["c", "b", "a"], ["c", "b"], ["a"]]


def _listed(
    database: Database, *, kind: str, states: list[State], by: Caller = SERVICE
) -> list[str]:
    """List page by page, with one run a page."""
    keys: list[str] = []
    token = ""
    with database.transaction() as tx:
        while True:
            page = open_page(1, token, conditions=[kind, states])
            part = usecases.listing(tx, page=page, by=by, kind=kind, states=states)
            keys += [run.key for run in part.items]
            token = part.next_page_token
            if not token:
                return keys


def test_a_run_of_another_unit_is_out_of_scope(database: Database, ask: Callable[..., Run]) -> None:
    run = ask()

    listed = _listed(database, kind="", states=[], by=STRANGER)
    with pytest.raises(OutOfScope), database.transaction() as tx:
        usecases.get(tx, run_id=run.id, by=STRANGER)

    assert listed == []


def test_an_unknown_run_is_not_found(database: Database) -> None:
    unknown = "0198f0a0-0000-7000-8000-000000000001"

    with pytest.raises(RunNotFound), database.transaction() as tx:
        usecases.get(tx, run_id=unknown, by=SERVICE)


def test_of_several_pods_one_acts_and_the_others_pass(
    database: Database, back_door: BackDoor
) -> None:
    schedule = Schedule(back_door)
    passed: list[bool] = []

    def act(tx: Transaction) -> Outcome[bool]:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(schedule.act_alone, "expire", lambda _: Outcome(True))
            passed.append(not other.result(WAIT_S))
        tx.exec_driver_sql("INSERT INTO effect VALUES (1)")
        return Outcome(True, [Counted(1, Money("CNY", 1))])

    more = schedule.act_alone("expire", act)

    assert (more, passed, effects(database), events(database)) == (True, [True], [1], [1])


def test_a_turn_that_says_there_is_more_is_followed_at_once(back_door: BackDoor) -> None:
    done = threading.Event()
    turns: list[int] = []

    def act(_: Transaction) -> Outcome[bool]:
        turns.append(len(turns))
        if len(turns) == 5:
            done.set()
        return Outcome(len(turns) < 5)

    schedule = Schedule(back_door)
    schedule.every("count", 3600, act)
    with schedule:
        ended = done.wait(WAIT_S)

    assert (ended, turns) == (True, [0, 1, 2, 3, 4])


def test_a_failed_turn_is_logged_and_counted_and_the_next_one_comes(
    back_door: BackDoor, metrics: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    turns: list[int] = []

    def act(_: Transaction) -> Outcome[bool]:
        turns.append(len(turns))
        if len(turns) == 1:
            raise RuntimeError("once")
        done.set()
        return Outcome(False)

    schedule = Schedule(back_door)
    schedule.every("stumble", 0.001, act)
    with schedule:
        ended = done.wait(WAIT_S)

    told = [record.message for record in caplog.records if record.name == schedule_module.__name__]
    assert (ended, told) == (True, ["work failed"])
    assert _counted(metrics, "stumble", "RuntimeError") == 1


def _counted(metrics: InMemoryMetricReader, name: str, error: str) -> int:
    """Read the counter of turns that ended with an error."""
    wanted = {"mantle.work.name": name, "error.type": error}
    measured = metrics.get_metrics_data()
    assert measured is not None
    points = [
        point
        for resource in measured.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "mantle.work.turns"
        for point in metric.data.data_points
    ]
    return sum(point.value for point in points if dict(point.attributes or {}) == wanted)


def test_a_stopped_schedule_ends_its_turn_and_gives_its_run_back(
    database: Database, back_door: BackDoor, ask: Callable[..., Run]
) -> None:
    ask()
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: int) -> None:
        begun.set()
        assert go_on.wait(WAIT_S), "nobody let the chunk go on"

    working = runner(back_door, count_to(100, before=wait))
    schedule = Schedule(back_door)
    schedule.loop("runs", 3600, working.turn, at_stop=working.release)
    schedule.start()
    began = begun.wait(WAIT_S)

    busy = not schedule.stop(timeout_s=0)
    go_on.set()
    stopped = schedule.stop(timeout_s=WAIT_S)
    runner(back_door, count_to(100)).turn()

    assert (began, busy, stopped, effects(database)) == (True, True, True, [1, 2])


def test_a_schedule_that_never_started_stops_at_once(back_door: BackDoor) -> None:
    schedule = Schedule(back_door)
    schedule.every("never", 1, lambda _: Outcome(False))

    stopped = schedule.stop()

    assert stopped
