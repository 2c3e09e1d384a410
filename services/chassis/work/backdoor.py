"""The transaction of work that no request asked for: act, write the facts as events, commit.

It is to the service's own work what `chassis.rpc.door` is to requests; there is no key and no reply
to keep.
"""

from collections.abc import Callable
from typing import TypeVar

from chassis import telemetry
from chassis.clock import Clock
from chassis.database import Database, Transaction, is_transient
from chassis.events import storage as events
from chassis.events.domain import FactTable
from chassis.outcome import Outcome
from chassis.telemetry import Telemetry

T = TypeVar("T")

ATTEMPTS_MAX = 3


class BackDoor:
    """Do the service's own work, one transaction a time."""

    def __init__(
        self,
        database: Database,
        *,
        facts: FactTable,
        clock: Clock,
        committed: Callable[[], None],
        telemetry: Telemetry,
        timeout_s: float = 30.0,
    ) -> None:
        """Know the database, the way of facts into the log, and the limit of one statement."""
        self._database = database
        self._facts = facts
        self._clock = clock
        self._committed = committed
        self.telemetry = telemetry
        self._timeout_s = timeout_s

    def act(self, name: str, act: Callable[[Transaction], Outcome[T]], *, parent: str = "") -> T:
        """Act in one transaction, again on a deadlock, three times at most.

        Shape: a span of this name around it, in the trace of the `parent` traceparent when there is
            one. The events' actor is the service itself.
        """
        with telemetry.continued_span(self.telemetry, name, parent=parent):
            return self._attempted(lambda tx: self._told(tx, act(tx)))

    def tick(self, name: str, act: Callable[[Transaction], Outcome[T]]) -> T:
        """Act as `act` does, with a span only when there are facts.

        Shape: most turns find nothing, and a trace of nothing every second would bury the others.
        """
        return self._attempted(lambda tx: self._told_in_span(tx, name, act(tx)))

    def quietly(self, act: Callable[[Transaction], T]) -> T:
        """Act in one transaction that has no facts and deserves no span."""
        with self._database.transaction(timeout_s=self._timeout_s) as tx:
            return act(tx)

    def _attempted(self, act: Callable[[Transaction], Outcome[T]]) -> T:
        attempt = 1
        while True:
            try:
                outcome = self.quietly(act)
            except Exception as error:
                if not is_transient(error) or attempt >= ATTEMPTS_MAX:
                    raise
                attempt += 1
            else:
                if outcome.facts:
                    self._committed()
                return outcome.value

    def _told_in_span(self, tx: Transaction, name: str, outcome: Outcome[T]) -> Outcome[T]:
        if not outcome.facts:
            return outcome
        with telemetry.continued_span(self.telemetry, name, parent=""):
            return self._told(tx, outcome)

    def _told(self, tx: Transaction, outcome: Outcome[T]) -> Outcome[T]:
        cause = events.Cause(self._clock.now(), self.telemetry.service, telemetry.traceparent())
        events.append(tx, [(self._facts[type(fact)](fact), cause) for fact in outcome.facts])
        return outcome
