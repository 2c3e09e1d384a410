"""The one place that opens a transaction for a request and commits it.

A write: a stored reply is answered at once; else peers are asked with no transaction open; then, in
one transaction, the request's key is held (a twin waits there), the use case acts, its facts become
events, the reply is stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from chassis import telemetry
from chassis.clock import Clock
from chassis.database import Database, Later, Transaction, is_transient
from chassis.errors import MantleError
from chassis.events import storage as events
from chassis.events.domain import FactTable
from chassis.faults import seam
from chassis.outcome import Outcome
from chassis.rpc import replies
from chassis.rpc.asking import Asking, give_back
from chassis.rpc.call import Call, current_call
from chassis.rpc.combined import Act, Combined, Look, Parts
from chassis.rpc.keeping import Done, keep
from chassis.rpc.replies import RequestIdReused
from chassis.scope import Caller

T = TypeVar("T")
A = TypeVar("A")
Q = TypeVar("Q")

ATTEMPTS_MAX = 3

Read = Callable[[Callable[[Transaction], Any]], Any]


@dataclass(frozen=True, slots=True)
class _Write:
    """One write on its way through the door."""

    call: Call
    key: replies.Key
    fingerprint: bytes


class Door:
    """Take requests in and let replies out, each write exactly once."""

    def __init__(
        self, database: Database, *, facts: FactTable, clock: Clock, committed: Callable[[], None]
    ) -> None:
        """Know the database, how facts become events, and whom to tell of a commit that wrote
        some."""
        self._database = database
        self._facts = facts
        self._clock = clock
        self._committed = committed
        self._combined: list[Combined[Any, Any]] = []

    def close(self) -> None:
        """Serve the calls that wait together, and take no more of them."""
        for one in self._combined:
            one.stop()

    def read(
        self,
        _request: Message,
        _context: grpc.ServicerContext,
        *,
        act: Callable[[Transaction, Caller], T],
        reply: Callable[[T], Message],
    ) -> bytes:
        """Answer from one read-only transaction."""
        call = _current()
        value = self._database.read(lambda tx: act(tx, call.caller), timeout_s=call.left_s())
        return reply(value).SerializeToString()

    def write(  # every part of a write has its own name
        self,
        request: Message,
        _context: grpc.ServicerContext,
        *,
        act: Callable[..., Outcome[T]],
        reply: Callable[[T], Message],
        ask: Callable[[Caller, Read], A] | None = None,
        undo: Callable[[A], None] | None = None,
    ) -> bytes:
        """Do a write once, however often it is sent.

        Shape: `act(tx, caller)`, or `act(tx, caller, answers)` when there is an `ask(caller,
        read)`; `read(query)` runs a query in a short transaction of its own. `undo(answers)` gives
        back what was asked for when `act` itself refuses.
        Errors: RequestIdReused; whatever `ask` and `act` raise, and then nothing is stored.
        """
        write = _opened(request)
        if ask is None:
            return self._acted(write, lambda tx: act(tx, write.call.caller), reply)
        if (stored := self._look(write)) is not None:
            return stored
        try:
            answers = ask(write.call.caller, self._reader(write.call))
        except MantleError:
            # A twin may have been faster, and what refuses this one is then its own effect.
            if (stored := self._look(write)) is not None:
                return stored
            raise
        seam(write.call.method.short, "after_ask")
        try:
            return self._acted(write, lambda tx: act(tx, write.call.caller, answers), reply)
        except RequestIdReused:
            raise
        except MantleError:
            # Only a refusal of the use case: after a lost answer of the database the effect may be
            # there, and what was asked for then ends by its own expiry.
            if undo is not None:
                give_back(undo, answers)
            raise

    def combined(
        self,
        name: str,
        *,
        item: Callable[[Any], Q],
        act: Act[T],
        reply: Callable[[T], Message],
        audited: bool = True,
        look: Look[Q] | None = None,
        told: Callable[[T], None] = lambda _: None,
        asking: Asking[Q, Any, Any] | None = None,
        lanes: int = 1,
    ) -> Combined[Q, T]:
        """Return a door for one RPC whose calls are served many in one transaction.

        Shape: `item(request)` reads a request in the use case's words. `act(tx, [(caller, item),
            …])` gives an outcome or a refusal for each, in their order; what it refuses must have
            left nothing. What `look` sees of each goes to `act` as a third argument, and costs no
            round trip. `told(value)` hears in each call's own span what was done. With `asking` the
            items are what was answered. For rows that many callers want at once; with more `lanes`
            than one, where callers want rows of their own.
        """
        made: Combined[Q, T] = Combined(
            name,
            self._database,
            parts=Parts(self._facts, self._clock, self._committed),
            item=item,
            act=act,
            reply=reply,
            audited=audited,
            look=look,
            told=told,
            asking=asking,
            lanes=lanes,
        )
        self._combined.append(made)
        return made

    def _reader(self, call: Call) -> Read:
        return lambda query: self._database.read(query, timeout_s=call.left_s())

    def _acted(
        self,
        write: _Write,
        act: Callable[[Transaction], Outcome[T]],
        reply: Callable[[T], Message],
    ) -> bytes:
        """Run the transaction, again on a deadlock, three times at most and inside the deadline."""
        attempt = 1
        while True:
            ordinal = write.call.ordinal
            try:
                return self._transacted(write, act, reply)
            except Exception as error:
                if not is_transient(error) or attempt >= ATTEMPTS_MAX:
                    raise
                attempt += 1
                write.call.ordinal = ordinal

    def _transacted(
        self,
        write: _Write,
        act: Callable[[Transaction], Outcome[T]],
        reply: Callable[[T], Message],
    ) -> bytes:
        call, opened = write.call, list[Later[dict[replies.Key, replies.Stored]]]()

        def begin(tx: Transaction) -> None:
            opened.append(replies.hold(tx, [write.key]))

        with self._database.transaction(timeout_s=call.left_s(), first=begin) as tx:
            if (stored := opened[0]().get(write.key)) is not None:
                answer = stored.reply_to(write.key, write.fingerprint)
                _tell_repeated()
                return answer
            outcome = act(tx)
            answer = reply(outcome.value).SerializeToString(deterministic=True)
            self._keep(tx, write, answer, facts=outcome.facts)
        seam(call.method.short, "after_commit")
        if outcome.facts:
            self._committed()
        return answer

    def _keep(self, tx: Transaction, write: _Write, answer: bytes, *, facts: Sequence[Any]) -> None:
        call, traceparent = write.call, telemetry.traceparent()
        cause = events.Cause(self._clock.now(), call.caller.actor, traceparent)
        drafts = [(self._facts[type(fact)](fact), cause) for fact in facts]
        for draft, _ in drafts:
            telemetry.tell(draft.payload.DESCRIPTOR.name)
        done = Done(call.caller, write.key, write.fingerprint, answer, traceparent[3:35])
        keep(tx, [done], drafts, method=call.method)

    def _look(self, write: _Write) -> bytes | None:
        stored = replies.find_alone(
            self._database, write.key, write.fingerprint, timeout_s=write.call.left_s()
        )
        if stored is not None:
            _tell_repeated()
        return stored


def _tell_repeated() -> None:
    telemetry.annotate("mantle.reply", "stored")


def _current() -> Call:
    call = current_call.get()
    assert call is not None, "the door serves calls that came through the gate"
    return call


def _opened(request: Message) -> _Write:
    call = _current()
    return _Write(call, *replies.identify(call, request))
