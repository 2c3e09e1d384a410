"""The door for calls that are served many in one transaction; `chassis.rpc.combine` waits.

A call that has to ask a peer goes through three stages: with others that wait it is read for in one
short transaction, where its stored reply is looked for too; those of one actor ask together with no
transaction open, in a thread aside; with others again it acts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chassis import telemetry
from chassis.clock import Clock
from chassis.database import Database, Later, Transaction, send, together
from chassis.errors import MantleError, Overloaded
from chassis.events import storage as events
from chassis.events.domain import EventDraft, FactTable
from chassis.faults import seam
from chassis.outcome import Drafted, Outcome
from chassis.rpc import replies
from chassis.rpc.asking import Asking, Errands, give_back
from chassis.rpc.call import Call
from chassis.rpc.combine import Arrival, Combiner, Slot
from chassis.rpc.keeping import Done, keep
from chassis.rpc.replies import RequestIdReused
from chassis.scope import Caller

Q = TypeVar("Q")
P = TypeVar("P")
A = TypeVar("A")
T = TypeVar("T")

Outcomes = Sequence[Outcome[T] | MantleError]
Act = Callable[..., Outcomes[T] | Drafted[T]]
# Sends what an act reads first, together with the look for stored replies.
Look = Callable[[Transaction, Sequence[tuple[Caller, Q]]], Later[Sequence[Any]]]

# What is read for together is a part of the way only, and every wait on it is felt.
PREPARE_WINDOW_S = 0.001

_NO_KEY = replies.Key("", "", "")


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold what the door shares: how facts become events, the time, and whom to tell of them."""

    facts: FactTable
    clock: Clock
    committed: Callable[[], None]


@dataclass(slots=True)
class _Wanted:
    """What one call asks for: its key, the SHA-256 of its request, and the use case's own words.

    Shape: all come with the first batch. `refusal` is what the use case itself said last; `facts`
        names what became true.
    """

    key: replies.Key = _NO_KEY
    fingerprint: bytes = b""
    item: Any = None
    refusal: MantleError | None = None
    facts: Sequence[str] = ()


class Combined(Generic[Q, T]):
    """Take the calls of one RPC, and serve those that wait in one transaction.

    Shape: a call waits without a thread, and the batch goes through all its concerns: what is done
        twenty times in a row costs a fraction of what it costs between two threads.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        parts: Parts,
        item: Callable[[Any], Q],
        act: Act[T],
        reply: Callable[[T], Message],
        audited: bool,
        look: Look[Any] | None = None,
        told: Callable[[T], None] = lambda _: None,
        asking: Asking[Q, Any, Any] | None = None,
        lanes: int = 1,
    ) -> None:
        """Know how a request is read, how to act on many, and how each is answered.

        Shape: `told(value)` hears in a call's own span what was done; not on a repeat.
        """
        self._database = database
        self._item = item
        self._parts = parts
        self._look = look
        self._act = act
        self._reply = reply
        self._audited = audited
        self._told = told
        self._asking = asking
        self._combiner: Combiner[_Wanted] = Combiner(
            name, check=self._check, serve=self._serve, done=self._end, lanes=lanes
        )
        self._preparing: Combiner[_Wanted] | None = None
        if asking is not None:
            self._errands = Errands(name)
            self._preparing = Combiner(
                f"{name}: prepare",
                check=self._check,
                serve=self._prepare,
                done=self._prepared,
                window_s=PREPARE_WINDOW_S,
            )

    def take(self, visit: Arrival) -> None:
        """Let a call wait for the batch that serves it.

        Errors, as answers of the call: those of the gate; InvalidArgument; RequestIdReused; what
            `item`, `prepare`, `ask` and `act` refuse with; Overloaded; DeadlineExceeded.
        """
        slot: Slot[_Wanted] = Slot(visit, _Wanted())
        try:
            (self._preparing or self._combiner).put(slot)
        except Overloaded as refused:
            visit.refuse(refused)

    def stop(self) -> None:
        """Serve what waits, and take no more."""
        if self._preparing is not None:
            self._preparing.stop()
            self._errands.stop()
        self._combiner.stop()

    def _check(self, slot: Slot[_Wanted]) -> None:
        """Read the request of a call that comes for the first time.

        Errors: what `item` refuses.
        """
        wanted = slot.wanted
        if wanted.fingerprint:
            return
        message = slot.visit.message
        wanted.item = self._item(message)
        wanted.key, wanted.fingerprint = replies.identify(slot.call, message)

    def _prepared(self, slots: Sequence[Slot[_Wanted]]) -> None:
        """Send calls that were read for to ask, those of one actor together, and answer all
        others."""
        asking: dict[str, list[Slot[_Wanted]]] = {}
        for slot in slots:
            if slot.error is not None:
                slot.visit.refuse(slot.error)
            elif slot.reply is not None:
                _repeat(slot.visit, slot.reply)
            else:
                self._combiner.expect()
                asking.setdefault(slot.caller.actor, []).append(slot)
        for group in asking.values():
            self._errands.send(group, self._ask)

    def _ask(self, group: Sequence[Slot[_Wanted]]) -> None:
        """Ask, then wait for the batch that acts."""
        for slot, answer in zip(group, self._answers(group), strict=True):
            slot.value = None
            if isinstance(answer, Exception):
                self._combiner.forget()
                self._refuse_unasked(slot, answer)
                continue
            slot.wanted.item = answer
            try:
                seam(slot.call.method.short, "after_ask")
                self._combiner.put(slot, is_expected=True)
            except Overloaded as refused:
                self._combiner.forget()
                slot.visit.refuse(refused)

    def _answers(self, group: Sequence[Slot[_Wanted]]) -> Sequence[Any]:
        assert self._asking is not None
        try:
            return self._asking.ask([slot.value for slot in group])
        except Exception as error:  # each call is told of it
            return [error] * len(group)

    def _refuse_unasked(self, slot: Slot[_Wanted], error: Exception) -> None:
        """Refuse a call whose peer refused or was not there.

        Shape: a twin may have been faster, and what refuses this one is then its own effect.
        """
        stored = None
        if isinstance(error, MantleError):
            try:
                stored = self._stored(slot.call, slot.wanted)
            except Exception as other:  # of this call alone, and newer
                error = other
        if stored is None:
            slot.visit.refuse(error)
        else:
            _repeat(slot.visit, stored)

    def _end(self, slots: Sequence[Slot[_Wanted]]) -> None:
        """Answer calls, and give back what was asked for where the use case refuses."""
        for slot in slots:
            if slot.error is None:
                self._answer(slot)
            elif self._asking is not None and slot.error is slot.wanted.refusal:
                # Only a refusal of the use case: after a lost answer of the database the effect may
                # be there, and what was asked for then ends by its own expiry.
                self._errands.send([slot], self._give_back)
            else:
                slot.visit.refuse(slot.error)

    def _answer(self, slot: Slot[_Wanted]) -> None:
        visit = slot.visit
        assert slot.reply is not None
        if slot.value is None:
            _repeat(visit, slot.reply)
            return
        if visit.span.is_recording():
            with telemetry.current(visit.span):
                for fact in slot.wanted.facts:
                    telemetry.tell(fact)
                self._told(slot.value)
        visit.answer(slot.reply)

    def _give_back(self, group: Sequence[Slot[_Wanted]]) -> None:
        assert self._asking is not None
        for slot in group:
            assert slot.error is not None
            try:
                give_back(self._asking.undo, slot.wanted.item)
            finally:
                slot.visit.refuse(slot.error)

    def _stored(self, call: Call, wanted: _Wanted) -> bytes | None:
        """Look for the reply of a twin.

        Errors: RequestIdReused.
        """
        return replies.find_alone(
            self._database, wanted.key, wanted.fingerprint, timeout_s=call.left_s()
        )

    def _prepare(self, slots: Sequence[Slot[_Wanted]], left_s: float) -> None:
        """Answer those whose reply is stored, and read for the others."""
        keys = {slot.wanted.key for slot in slots}
        opened: list[Later[dict[replies.Key, replies.Stored]]] = []

        def look(tx: Transaction) -> None:
            opened.append(replies.find(tx, keys))

        with self._database.transaction(timeout_s=left_s, read_only=True, first=look) as tx:
            found = opened[0]()
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
        prepared = self._asking.prepare(tx, _pairs(slots))
        for slot, one in zip(slots, prepared, strict=True):
            if isinstance(one, MantleError):
                slot.error = one
            else:
                slot.value = one

    def _serve(self, slots: Sequence[Slot[_Wanted]], left_s: float) -> None:
        firsts: dict[replies.Key, Slot[_Wanted]] = {}
        for slot in slots:
            firsts.setdefault(slot.wanted.key, slot)
        opened: list[tuple[Later[dict[replies.Key, replies.Stored]], Later[Sequence[Any]]]] = []

        def begin(tx: Transaction) -> None:
            found = replies.hold(tx, firsts)
            look = self._look or _nothing
            opened.append((found, look(tx, _pairs(firsts.values()))))

        with self._database.transaction(timeout_s=left_s, first=begin) as tx:
            [(found_later, seen_later)] = opened
            found = found_later()
            for slot in slots:
                if slot.wanted.key in found:
                    self._repeat(slot, found[slot.wanted.key])
            seen = zip(firsts.items(), seen_later(), strict=True)
            self._act_on(tx, [(slot, one) for (key, slot), one in seen if key not in found])
        for slot in slots:
            first = firsts[slot.wanted.key]
            if slot is not first and slot.wanted.key not in found:
                self._follow(slot, first)
        seam(slots[0].call.method.short, "after_commit")
        if any(slot.wanted.facts for slot in slots):
            self._parts.committed()

    def _act_on(self, tx: Transaction, found: Sequence[tuple[Slot[_Wanted], Any]]) -> None:
        if not found:
            return
        slots = [slot for slot, _ in found]
        method = slots[0].call.method
        acted = self._acted(tx, slots, [seen for _, seen in found])
        if isinstance(acted, Sequence):
            keep(tx, *self._answers_to(slots, acted), method=method, audited=self._audited)
            return
        with together(tx):
            acted.write()
            send(tx)
            drafted = self._answers_to(slots, acted.drafted)
            if acted.is_as_drafted():
                keep(tx, *drafted, method=method, audited=self._audited)
                return
        mended = self._answers_to(slots, acted.mended())
        keep(tx, *mended, method=method, audited=self._audited)

    def _acted(
        self, tx: Transaction, slots: Sequence[Slot[_Wanted]], seen: Sequence[Any]
    ) -> Outcomes[T] | Drafted[T]:
        try:
            if self._look is None:
                return self._act(tx, _pairs(slots))
            return self._act(tx, _pairs(slots), seen)
        except MantleError as refused:
            # An error for all of them refuses a call only when it is alone with it.
            slots[0].wanted.refusal = refused if len(slots) == 1 else None
            raise

    def _answers_to(
        self, slots: Sequence[Slot[_Wanted]], outcomes: Outcomes[T]
    ) -> tuple[list[Done], list[tuple[EventDraft, events.Cause]]]:
        """Write the answer of each call, and return what stays of those that are not refused."""
        done: list[Done] = []
        told: list[tuple[EventDraft, events.Cause]] = []
        now = self._parts.clock.now()
        for slot, outcome in zip(slots, outcomes, strict=True):
            # What was drafted for it before may have become something else.
            slot.error, slot.reply, slot.value, slot.wanted.facts = None, None, None, ()
            if isinstance(outcome, MantleError):
                slot.error = slot.wanted.refusal = outcome
                continue
            slot.value = outcome.value
            slot.reply = self._reply(outcome.value).SerializeToString(deterministic=True)
            if outcome.facts:
                cause = events.Cause(now, slot.caller.actor, slot.visit.traceparent)
                drafts = [self._parts.facts[type(fact)](fact) for fact in outcome.facts]
                slot.wanted.facts = [draft.payload.DESCRIPTOR.name for draft in drafts]
                told += [(draft, cause) for draft in drafts]
            wanted, trace_id = slot.wanted, telemetry.trace_id(slot.visit.span)
            done.append(Done(slot.caller, wanted.key, wanted.fingerprint, slot.reply, trace_id))
        return done, told

    def _repeat(self, slot: Slot[_Wanted], stored: replies.Stored) -> None:
        """Answer a call that was answered before."""
        try:
            slot.reply = stored.reply_to(slot.wanted.key, slot.wanted.fingerprint)
        except RequestIdReused as reused:
            slot.error = reused

    def _follow(self, slot: Slot[_Wanted], first: Slot[_Wanted]) -> None:
        """Answer a twin that waits in the same batch as the first of them."""
        if slot.wanted.fingerprint != first.wanted.fingerprint:
            slot.error = RequestIdReused(str(slot.wanted.key.request_id))
        else:
            slot.reply, slot.error = first.reply, first.error


def _nothing(_tx: Transaction, wanted: Sequence[object]) -> Later[Sequence[None]]:
    return lambda: [None] * len(wanted)


def _pairs(slots: Iterable[Slot[_Wanted]]) -> list[tuple[Caller, Any]]:
    return [(slot.caller, slot.wanted.item) for slot in slots]


def _repeat(visit: Arrival, reply: bytes) -> None:
    """Answer with a reply that was stored."""
    with telemetry.current(visit.span):
        telemetry.annotate("mantle.reply", "stored")
    visit.answer(reply)
