"""What a service does on the facts of a peer: one by one, or many of a type at once."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanKind, use_span

from chassis import telemetry
from chassis.clock import Clock
from chassis.database import Transaction
from chassis.events import storage
from chassis.events.domain import EventDraft, FactTable, ReceivedEvent
from chassis.outcome import Outcome

Received = tuple[ReceivedEvent, Any]
One = Callable[[Transaction, ReceivedEvent, Any], Outcome[None]]


@dataclass(frozen=True, slots=True)
class Many:
    """Mark what is done on several facts of one type at once, for facts that come in thousands.

    Shape: `act` takes one or more pairs of event and fact, those of a partition in the order of
        their positions, and gives an outcome for each pair, in their order. What it raises refuses
        all of them; they are then applied one by one.
    """

    act: Callable[[Transaction, Sequence[Received]], Sequence[Outcome[None]]]


Handler = tuple[type[Message], One | Many]


class Applier:
    """Apply facts of one peer, with what this service does on each."""

    def __init__(
        self,
        handlers: Iterable[Handler],
        *,
        facts: FactTable,
        clock: Clock,
        measured: telemetry.Telemetry,
    ) -> None:
        """Know the handlers: several may wait for the same fact, and act in the order given."""
        self._handlers: dict[str, list[Handler]] = {}
        for handler in handlers:
            self._handlers.setdefault(handler[0].DESCRIPTOR.full_name, []).append(handler)
        self._many = {
            name
            for name, found in self._handlers.items()
            if any(isinstance(act, Many) for _, act in found)
        }
        self._facts = facts
        self._clock = clock
        self._telemetry = measured

    @property
    def types(self) -> list[str]:
        """Return the full names of the facts that are wanted, sorted."""
        return sorted(self._handlers)

    @property
    def at_once(self) -> bool:
        """Tell whether everything that is done on these facts is done on many at once."""
        return all(isinstance(act, Many) for found in self._handlers.values() for _, act in found)

    def apply(self, tx: Transaction, *events: ReceivedEvent) -> bool:
        """Do what this service does on some facts, and tell whether that made facts of its own.

        Shape: in the order of their positions within each partition.
        """
        made = False
        for batch in batches(events, many=self._many):
            made |= self._apply_batch(tx, batch)
        return made

    def _apply_batch(self, tx: Transaction, batch: Sequence[ReceivedEvent]) -> bool:
        with ExitStack() as stack:
            spans = [stack.enter_context(self._span(event)) for event in batch]
            facts = self._acted(tx, batch, spans)
            with _in(INVALID_SPAN):
                self._tell(tx, batch, spans, facts=facts)
        return any(facts)

    def _span(self, event: ReceivedEvent) -> AbstractContextManager[Span]:
        remote = telemetry.parse_context(event.traceparent)
        if remote is not None and not remote.trace_flags.sampled:
            # Most of thousands: nothing is kept of it, it only carries its trace on.
            return nullcontext(NonRecordingSpan(remote))
        return self._kept_span(event)

    @contextmanager
    def _kept_span(self, event: ReceivedEvent) -> Iterator[Span]:
        with telemetry.continued_span(
            self._telemetry,
            f"apply {event.type.rpartition('.')[2]}",
            parent=event.traceparent,
            kind=SpanKind.CONSUMER,
        ) as span:
            span.set_attribute("mantle.event.type", event.type)
            span.set_attribute("mantle.event.source", event.source)
            span.set_attribute("mantle.event.position", event.position)
            span.set_attribute("mantle.event.age_s", time.time() - event.record_time.timestamp())
            yield span

    def _acted(
        self, tx: Transaction, batch: Sequence[ReceivedEvent], spans: Sequence[Span]
    ) -> list[list[object]]:
        """Act on a batch and return the facts that each of its events made."""
        facts: list[list[object]] = [[] for _ in batch]
        for message_type, act in self._handlers[batch[0].type]:
            received = [(event, message_type.FromString(event.payload)) for event in batch]
            for (_, message), span in zip(received, spans, strict=True):
                telemetry.annotate_ids(span, message)
            outcomes = (
                _at_once(tx, act, received, spans=spans)
                if isinstance(act, Many)
                else _in_turn(tx, act, received, spans=spans)
            )
            for found, outcome in zip(facts, outcomes, strict=True):
                found.extend(outcome.facts)
        return facts

    def _tell(
        self,
        tx: Transaction,
        batch: Sequence[ReceivedEvent],
        spans: Sequence[Span],
        *,
        facts: Sequence[Sequence[object]],
    ) -> None:
        """Write the facts in the order of the events, in one statement between those events whose
        spans are kept: such a one tells its facts in its own span."""
        now = self._clock.now()
        waiting: list[tuple[EventDraft, storage.Cause]] = []
        for event, span, made in zip(batch, spans, facts, strict=True):
            if not made:
                continue
            trace = telemetry.format_context(span.get_span_context())
            cause = storage.Cause(now, event.actor, trace)
            told = [(self._facts[type(fact)](fact), cause) for fact in made]
            if not span.is_recording():
                waiting += told
                continue
            storage.append(tx, waiting)
            waiting = []
            with _in(span):
                storage.append(tx, told)
        storage.append(tx, waiting)


def _at_once(
    tx: Transaction, act: Many, received: Sequence[Received], *, spans: Sequence[Span]
) -> Sequence[Outcome[None]]:
    """Act on all of them in one span: the first of those that are kept."""
    with _in(next((span for span in spans if span.is_recording()), spans[-1])):
        return act.act(tx, received)


def _in_turn(
    tx: Transaction, act: One, received: Sequence[Received], *, spans: Sequence[Span]
) -> Sequence[Outcome[None]]:
    outcomes = []
    for (event, fact), span in zip(received, spans, strict=True):
        with _in(span):
            outcomes.append(act(tx, event, fact))
    return outcomes


def batches(events: Iterable[ReceivedEvent], *, many: Collection[str]) -> list[list[ReceivedEvent]]:
    """Put events together that can be applied at once.

    Shape: an event of a type in `many` joins an earlier batch of its type unless an event of its
        own partition stands behind that; every other event is alone. So the events of a partition
        stay in their order, which is all that the log promises.
    """
    made: list[list[ReceivedEvent]] = []
    last_of_type: dict[str, int] = {}
    last_of_partition: dict[int, int] = {}
    for event in events:
        place = last_of_type.get(event.type, -1)
        if place < last_of_partition.get(event.partition, 0):
            place = len(made)
            made.append([])
        made[place].append(event)
        last_of_partition[event.partition] = place
        if event.type in many:
            last_of_type[event.type] = place
    return made


def _in(span: Span) -> AbstractContextManager[Span]:
    return use_span(span, record_exception=False, set_status_on_exception=False)
