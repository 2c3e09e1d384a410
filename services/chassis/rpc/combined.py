"""The door for calls that are served many in one transaction; `chassis.rpc.combine` waits.

A call that has to ask a peer goes through three stages: with others that wait it is read for in one
short transaction, where its stored reply is looked for too; it asks in its own thread with no
transaction open; with others again it acts.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message

from chassis import telemetry
from chassis.audit import storage as audit
from chassis.clock import Clock
from chassis.database import Database, Transaction, commit, together
from chassis.errors import Conflict, MantleError
from chassis.events import storage as events
from chassis.events.domain import EventDraft, FactTable
from chassis.faults import seam
from chassis.outcome import Outcome
from chassis.rpc import replies
from chassis.rpc.call import Call, current_call
from chassis.rpc.combine import Combiner, Slot
from chassis.rpc.messages import require_valid
from chassis.rpc.replies import RequestIdReused
from chassis.rpc.status import PeerRefused
from chassis.scope import Caller

Q = TypeVar("Q")
P = TypeVar("P")
A = TypeVar("A")
T = TypeVar("T")

Act = Callable[[Transaction, Sequence[tuple[Caller, Q]]], Sequence[Outcome[T] | MantleError]]
Prepare = Callable[[Transaction, Sequence[tuple[Caller, Q]]], Sequence[P | MantleError]]

# What is read for together is a part of the way only, and every wait on it is felt.
PREPARE_WINDOW_S = 0.001

log = logging.getLogger(__name__)

_NO_KEY = replies.Key("", "", UUID(int=0))


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold what the door shares: how facts become events, the time, and whom to tell of them."""

    facts: FactTable
    clock: Clock
    committed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Asking(Generic[Q, P, A]):
    """Hold the stages before the transaction of a write that needs the word of a peer.

    Shape: `prepare(tx, [(caller, item), …])` reads for many, and gives for each what `ask(caller,
        prepared)` needs, or a refusal. What `ask` answers is what `act` gets in place of the item;
        `undo(answers)` gives it back when `act` itself refuses this very call.
    """

    prepare: Prepare[Q, P]
    ask: Callable[[Caller, P], A]
    undo: Callable[[A], None]


@dataclass(slots=True)
class _Wanted:
    """What one call asks for: its request, its key, the SHA-256 of its request, and the use case's
    own words.

    Shape: all but the request come with the first batch. `refusal` is what the use case itself said
        last; `facts` names what became true.
    """

    request: Message
    key: replies.Key = _NO_KEY
    fingerprint: bytes = b""
    item: Any = None
    refusal: MantleError | None = None
    facts: Sequence[str] = ()


class Combined(Generic[Q, T]):
    """Take the calls of one RPC, and serve those that wait in one transaction.

    Shape: requests are validated and read by the batch too, so their handler is marked `in_batch`:
        what is done twenty times in a row costs a fraction of what it costs between two threads.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        parts: Parts,
        item: Callable[[Any], Q],
        act: Act[Any, T],
        reply: Callable[[T], Message],
        audited: bool,
        asking: Asking[Q, Any, Any] | None = None,
    ) -> None:
        """Know how a request is read, how to act on many, and how each is answered."""
        self._database = database
        self._item = item
        self._parts = parts
        self._act = act
        self._reply = reply
        self._audited = audited
        self._asking = asking
        self._combiner: Combiner[_Wanted] = Combiner(name, check=self._check, serve=self._serve)
        self._preparing: Combiner[_Wanted] | None = None
        if asking is not None:
            self._preparing = Combiner(
                f"{name}: prepare",
                check=self._check,
                serve=self._prepare,
                window_s=PREPARE_WINDOW_S,
            )

    def write(
        self,
        request: Message,
        _context: grpc.ServicerContext,
        *,
        told: Callable[[T], None] = lambda _: None,
    ) -> bytes:
        """Wait for the batch that serves this request, and return the reply.

        Shape: `told(value)` hears in the caller's own thread and span what was done; not on a
            repeat.
        Errors: InvalidArgument; RequestIdReused; what `item`, `prepare`, `ask` and `act` refuse
            with; Overloaded; DeadlineExceeded.
        """
        call = current_call.get()
        assert call is not None, "the door serves calls that came through the gate"
        wanted: _Wanted = _Wanted(request)
        if self._preparing is None:
            return self._acted(call, wanted, told)
        prepared = self._preparing.submit(call, wanted)
        if prepared.reply is not None:
            return _repeated(prepared.reply)
        with self._combiner.expected():
            return self._asked(call, wanted, prepared=prepared.value, told=told)

    def stop(self) -> None:
        """Serve what waits, and take no more."""
        if self._preparing is not None:
            self._preparing.stop()
        self._combiner.stop()

    def _check(self, slot: Slot[_Wanted]) -> None:
        """Read the request of a call that comes for the first time.

        Errors: InvalidArgument, and what `item` refuses.
        """
        wanted = slot.wanted
        if wanted.fingerprint:
            return
        require_valid(wanted.request)
        wanted.item = self._item(wanted.request)
        wanted.key, wanted.fingerprint = replies.identify(slot.call, wanted.request)

    def _asked(
        self, call: Call, wanted: _Wanted, *, prepared: Any, told: Callable[[T], None]
    ) -> bytes:
        """Ask, then act; give back what was asked for when the use case refuses."""
        assert self._asking is not None
        try:
            wanted.item = self._asking.ask(call.caller, prepared)
        except MantleError:
            # A twin may have been faster, and what refuses this one is then its own effect.
            if (stored := self._look(call, wanted)) is not None:
                return stored
            raise
        seam(call.method.short, "after_ask")
        try:
            return self._acted(call, wanted, told)
        except MantleError as error:
            # Only a refusal of the use case: after a lost answer of the database the effect may be
            # there, and what was asked for then ends by its own expiry.
            if error is wanted.refusal:
                give_back(self._asking.undo, wanted.item)
            raise

    def _acted(self, call: Call, wanted: _Wanted, told: Callable[[T], None]) -> bytes:
        slot = self._combiner.submit(call, wanted, is_expected=self._asking is not None)
        assert slot.reply is not None
        if slot.value is None:
            return _repeated(slot.reply)
        for fact in wanted.facts:
            telemetry.tell(fact)
        told(slot.value)
        return slot.reply

    def _look(self, call: Call, wanted: _Wanted) -> bytes | None:
        """Look for the reply of a twin.

        Errors: RequestIdReused.
        """
        stored = self._database.read(
            lambda tx: replies.find(tx, wanted.key), timeout_s=call.left_s()
        )
        return None if stored is None else _repeated(_same(stored, wanted))

    def _prepare(self, slots: Sequence[Slot[_Wanted]], left_s: float) -> None:
        """Answer those whose reply is stored, and read for the others."""
        found: dict[replies.Key, replies.Stored] = {}
        keys = {slot.wanted.key for slot in slots}

        def look(tx: Transaction) -> None:
            found.update(replies.find_all(tx, keys))

        with self._database.transaction(timeout_s=left_s, read_only=True, first=look) as tx:
            fresh = []
            for slot in slots:
                stored = found.get(slot.wanted.key)
                if stored is None:
                    fresh.append(slot)
                else:
                    self._repeat(slot, stored)
            if fresh:
                self._prepare_fresh(tx, fresh)

    def _prepare_fresh(self, tx: Transaction, slots: Sequence[Slot[_Wanted]]) -> None:
        assert self._asking is not None
        prepared = self._asking.prepare(tx, [(slot.caller, slot.wanted.item) for slot in slots])
        for slot, one in zip(slots, prepared, strict=True):
            if isinstance(one, MantleError):
                slot.error = one
            else:
                slot.value = one

    def _serve(self, slots: Sequence[Slot[_Wanted]], left_s: float) -> None:
        firsts: dict[replies.Key, Slot[_Wanted]] = {}
        for slot in slots:
            firsts.setdefault(slot.wanted.key, slot)
        claimed: set[replies.Key] = set()

        def claim(tx: Transaction) -> None:
            claims = [(key, slot.wanted.fingerprint) for key, slot in firsts.items()]
            claimed.update(replies.claim_all(tx, claims))

        with self._database.transaction(timeout_s=left_s, first=claim) as tx:
            for slot in slots:
                if slot.wanted.key not in claimed:
                    self._repeat(slot, replies.find(tx, slot.wanted.key))
            self._act_on(tx, [slot for key, slot in firsts.items() if key in claimed])
        for slot in slots:
            if slot.wanted.key in claimed and slot is not firsts[slot.wanted.key]:
                self._follow(slot, firsts[slot.wanted.key])
        seam(slots[0].call.method.short, "after_commit")
        self._parts.committed()

    def _act_on(self, tx: Transaction, slots: Sequence[Slot[_Wanted]]) -> None:
        if not slots:
            return
        outcomes = self._outcomes(tx, slots)
        drafts, done, now = [], [], self._parts.clock.now()
        for slot, outcome in zip(slots, outcomes, strict=True):
            if isinstance(outcome, MantleError):
                slot.error = slot.wanted.refusal = outcome
                replies.forget(tx, slot.wanted.key)
                continue
            slot.value = outcome.value
            slot.reply = self._reply(outcome.value).SerializeToString(deterministic=True)
            cause = events.Cause(now, slot.caller.actor, slot.traceparent)
            told = [self._parts.facts[type(fact)](fact) for fact in outcome.facts]
            slot.wanted.facts = [draft.payload.DESCRIPTOR.name for draft in told]
            drafts += [(draft, cause) for draft in told]
            done.append(slot)
        self._keep(tx, done, drafts)

    def _outcomes(
        self, tx: Transaction, slots: Sequence[Slot[_Wanted]]
    ) -> Sequence[Outcome[T] | MantleError]:
        try:
            return self._act(tx, [(slot.caller, slot.wanted.item) for slot in slots])
        except MantleError as refused:
            # An error for all of them refuses a call only when it is alone with it.
            slots[0].wanted.refusal = refused if len(slots) == 1 else None
            raise

    def _keep(
        self,
        tx: Transaction,
        done: Sequence[Slot[_Wanted]],
        drafts: Sequence[tuple[EventDraft, events.Cause]],
    ) -> None:
        """Keep events, replies and the audit, and commit, all in one round trip."""
        if not done:
            return
        method = done[0].call.method.short
        with together(tx):
            events.append_all(tx, drafts)
            replies.store_all(tx, [(slot.wanted.key, slot.reply or b"") for slot in done])
            if self._audited:
                audit.record_all(
                    tx,
                    [(slot.caller, slot.wanted.key.request_id, _trace(slot)) for slot in done],
                    method=method,
                )
            seam(method, "before_commit")
            commit(tx)

    def _repeat(self, slot: Slot[_Wanted], stored: replies.Stored | None) -> None:
        """Answer a call whose key an earlier transaction holds."""
        if stored is None:
            slot.error = Conflict("the first of these twins was refused just now; repeat")
            return
        try:
            slot.reply = _same(stored, slot.wanted)
        except RequestIdReused as reused:
            slot.error = reused

    def _follow(self, slot: Slot[_Wanted], first: Slot[_Wanted]) -> None:
        """Answer a twin that waits in the same batch as the first of them."""
        if slot.wanted.fingerprint != first.wanted.fingerprint:
            slot.error = RequestIdReused(str(slot.wanted.key.request_id))
        else:
            slot.reply, slot.error = first.reply, first.error


def _trace(slot: Slot[Any]) -> str:
    return slot.traceparent[3:35]


def give_back(undo: Callable[[A], None], answers: A) -> None:
    """Give back what was asked for; when that fails, its expiry does it, and the caller still hears
    why the request was refused."""
    try:
        undo(answers)
    except (MantleError, PeerRefused) as error:
        log.warning("not given back at once", extra={"reason": error.reason})


def _same(stored: replies.Stored, wanted: _Wanted) -> bytes:
    """Return the stored reply.

    Errors: RequestIdReused when it answered another content.
    """
    if stored.fingerprint != wanted.fingerprint:
        raise RequestIdReused(str(wanted.key.request_id))
    return stored.reply


def _repeated(reply: bytes) -> bytes:
    telemetry.annotate("mantle.reply", "stored")
    return reply
