"""The door for calls that are served many in one transaction; `chassis.rpc.combine` waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from chassis import telemetry
from chassis.audit import storage as audit
from chassis.clock import Clock
from chassis.database import Database, Transaction
from chassis.errors import Conflict, MantleError
from chassis.events import storage as events
from chassis.events.domain import FactTable
from chassis.faults import seam
from chassis.outcome import Outcome
from chassis.rpc import replies
from chassis.rpc.call import current_call
from chassis.rpc.combine import Combiner, Slot
from chassis.rpc.replies import RequestIdReused
from chassis.scope import Caller

Q = TypeVar("Q")
T = TypeVar("T")

Act = Callable[[Transaction, Sequence[tuple[Caller, Q]]], Sequence[Outcome[T] | MantleError]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold what the door shares: how facts become events, the time, and whom to tell of them."""

    facts: FactTable
    clock: Clock
    committed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Wanted(Generic[Q]):
    """What one call asks for: its key, the SHA-256 of its request, and the use case's own words."""

    key: replies.Key
    fingerprint: bytes
    item: Q


class Combined(Generic[Q, T]):
    """Take the calls of one RPC, and serve those that wait in one transaction."""

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        parts: Parts,
        act: Act[Q, T],
        reply: Callable[[T], Message],
        audited: bool,
    ) -> None:
        """Know how to act on many, and how each is answered."""
        self._parts = parts
        self._act = act
        self._reply = reply
        self._audited = audited
        self._combiner: Combiner[_Wanted[Q]] = Combiner(
            name, database, serve=self._serve, served=self._served
        )

    def write(
        self,
        request: Message,
        _context: grpc.ServicerContext,
        *,
        item: Q,
        told: Callable[[T], None] = lambda _: None,
    ) -> bytes:
        """Wait for the batch that serves this request, and return the reply.

        Shape: `told(value)` hears in the caller's own thread and span what was done; not on a
            repeat.
        Errors: RequestIdReused; what `act` refuses with; Overloaded; DeadlineExceeded.
        """
        call = current_call.get()
        assert call is not None, "the door serves calls that came through the gate"
        key, digest = replies.identify(call, request)
        slot = self._combiner.submit(call, _Wanted(key, digest, item))
        if slot.value is None:
            telemetry.annotate("mantle.reply", "stored")
        else:
            told(slot.value)
        assert slot.reply is not None
        return slot.reply

    def stop(self) -> None:
        """Serve what waits, and take no more."""
        self._combiner.stop()

    def _serve(self, tx: Transaction, slots: Sequence[Slot[_Wanted[Q]]]) -> None:
        firsts: dict[replies.Key, Slot[_Wanted[Q]]] = {}
        for slot in slots:
            firsts.setdefault(slot.wanted.key, slot)
        claims = [(key, slot.wanted.fingerprint) for key, slot in firsts.items()]
        claimed = replies.claim_all(tx, claims)
        self._act_on(tx, [slot for key, slot in firsts.items() if key in claimed])
        for slot in slots:
            if slot.wanted.key not in claimed:
                self._repeat(slot, replies.find(tx, slot.wanted.key))
            elif slot is not firsts[slot.wanted.key]:
                self._follow(slot, firsts[slot.wanted.key])
        seam(slots[0].call.method.short, "before_commit")

    def _act_on(self, tx: Transaction, slots: Sequence[Slot[_Wanted[Q]]]) -> None:
        if not slots:
            return
        outcomes = self._act(tx, [(slot.caller, slot.wanted.item) for slot in slots])
        drafts, done = [], []
        for slot, outcome in zip(slots, outcomes, strict=True):
            if isinstance(outcome, MantleError):
                slot.error = outcome
                replies.forget(tx, slot.wanted.key)
                continue
            slot.value = outcome.value
            slot.reply = self._reply(outcome.value).SerializeToString(deterministic=True)
            cause = events.Cause(self._parts.clock.now(), slot.caller.actor, slot.traceparent)
            drafts += [(self._parts.facts[type(fact)](fact), cause) for fact in outcome.facts]
            done.append(slot)
        events.append(tx, drafts)
        self._keep(tx, done)

    def _keep(self, tx: Transaction, done: Sequence[Slot[_Wanted[Q]]]) -> None:
        if not done:
            return
        replies.store_all(tx, [(slot.wanted.key, slot.reply or b"") for slot in done])
        if self._audited:
            audit.record_all(
                tx,
                [(slot.caller, slot.wanted.key.request_id, _trace(slot)) for slot in done],
                method=done[0].call.method.short,
            )

    def _repeat(self, slot: Slot[_Wanted[Q]], stored: replies.Stored | None) -> None:
        """Answer a call whose key an earlier transaction holds."""
        if stored is None:
            slot.error = Conflict("the first of these twins was refused just now; repeat")
        elif stored.fingerprint != slot.wanted.fingerprint:
            slot.error = RequestIdReused(str(slot.wanted.key.request_id))
        else:
            slot.reply = stored.reply

    def _follow(self, slot: Slot[_Wanted[Q]], first: Slot[_Wanted[Q]]) -> None:
        """Answer a twin that waits in the same batch as the first of them."""
        if slot.wanted.fingerprint != first.wanted.fingerprint:
            slot.error = RequestIdReused(str(slot.wanted.key.request_id))
        else:
            slot.reply, slot.error = first.reply, first.error

    def _served(self, slots: Sequence[Slot[_Wanted[Q]]]) -> None:
        seam(slots[0].call.method.short, "after_commit")
        self._parts.committed()


def _trace(slot: Slot[Any]) -> str:
    return slot.traceparent[3:35]
