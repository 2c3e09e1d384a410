"""Read a peer's log and apply its facts: the effect and the cursor move in one transaction.

A stretch is applied as a whole; only when something in it fails is it taken apart, one transaction
an event. What cannot be applied is parked with its reason and blocks its ordering key alone. A
neighbour's trouble (a deadlock, a lost connection) is no reason to park: it is tried again.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mantle.events.v1 import event_log_service_pb2 as pb
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chassis.database import Database, Transaction, is_busy
from chassis.errors import MantleError
from chassis.events import cursors, wire
from chassis.events.applier import Applier
from chassis.events.domain import Lease, ReceivedEvent, partitions_of
from chassis.faults import seam
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused

# What is applied one by one holds its rows until the last of a stretch is done.
READ_SIZE = 200
READ_SIZE_MANY = 500
WAIT_S = 10
RENEW_S = 3.0
RETRY_S = 0.5
BLOCKED = "BLOCKED_BY_EARLIER"

log = logging.getLogger("mantle.events")


class Subscription:
    """Follow one peer's log in a thread of its own."""

    def __init__(
        self,
        peer: Peer,
        database: Database,
        applier: Applier,
        *,
        owner: str,
        committed: Callable[[], None],
    ) -> None:
        """Know the peer, where effects go, and under which name leases are held."""
        self._peer = peer
        self._database = database
        self._applier = applier
        self._owner = owner
        self._committed = committed
        self._leases: list[Lease] = []
        self._renewed_s = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read {peer.name}", daemon=True)
        self.lag = 0
        self._read_s = time.monotonic()

    @property
    def silence_s(self) -> float:
        """Return the seconds since the peer's log was last read, or 0 where no shard is held."""
        return time.monotonic() - self._read_s if self._leases else 0.0

    @property
    def source(self) -> str:
        """Return the peer whose log is followed."""
        return self._peer.name

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to finish what it applies; `join` waits for it."""
        self._stop.set()

    def join(self, *, timeout_s: float) -> None:
        """Wait for the thread and let go of its leases."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.step():
                    self._stop.wait(RENEW_S / 2)
            except cursors.LeaseLost:
                self._renewed_s = float("-inf")
            except Exception as error:  # whatever it was, reading goes on from the cursor
                self._stumbled(error)
        self._let_go()

    def _stumbled(self, error: Exception) -> None:
        if not isinstance(error, MantleError | PeerRefused):
            # What became of our own transaction is not known: the cursors are to be read again.
            self._renewed_s = float("-inf")
        if self._stop.is_set():
            return
        expected = isinstance(error, MantleError | PeerRefused | SQLAlchemyError)
        log.log(
            logging.WARNING if expected else logging.ERROR,
            "cannot read on",
            extra={
                "source": self._peer.name,
                "reason": getattr(error, "reason", type(error).__name__),
            },
            exc_info=None if expected else error,
        )
        self._stop.wait(RETRY_S)

    def _let_go(self) -> None:
        try:
            with self._database.transaction() as tx:
                cursors.drop_leases(tx, source=self._peer.name, owner=self._owner)
        except SQLAlchemyError:
            log.warning("leases run out by themselves", extra={"source": self._peer.name})

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_s < RENEW_S:
            return
        with self._database.transaction() as tx:
            self._leases = cursors.take_leases(tx, source=self._peer.name, owner=self._owner)
        self._renewed_s = time.monotonic()

    def step(self) -> bool:
        """Read one stretch and apply it; False when other readers hold all the shards."""
        self._renew()
        if self._leases:
            self._read_on()
        return bool(self._leases)

    def _read_on(self) -> None:
        after = min(lease.position for lease in self._leases)
        request = pb.ReadEventsRequest(
            after_position=after,
            types=self._applier.types,
            partitions=partitions_of({lease.shard for lease in self._leases}),
            page_size=READ_SIZE_MANY if self._applier.at_once else READ_SIZE,
            log_epoch=self._leases[0].log_epoch,
        )
        request.wait.FromSeconds(min(WAIT_S, int(RENEW_S)))
        answer = self._peer.ask(request, pb.ReadEventsResponse)
        self._read_s = time.monotonic()
        self.lag = answer.head_position - answer.next_position
        if answer.next_position > after:
            self._apply(wire.received(self._peer.name, answer), answer)

    def _apply(self, events: Sequence[ReceivedEvent], answer: pb.ReadEventsResponse) -> None:
        positions = {lease.shard: lease.position for lease in self._leases}
        new = [event for event in events if event.position > positions[event.shard]]
        _pass(new, "before_apply")
        try:
            self._apply_all(new, answer)
        except (cursors.LeaseLost, DBAPIError) as error:
            if isinstance(error, DBAPIError) and not error.connection_invalidated:
                self._apply_singly(new, answer)
            else:
                raise
        except Exception:
            self._apply_singly(new, answer)
        # A shard that was ahead of the others stays ahead, as its row does.
        self._leases = [
            replace(
                one,
                position=max(one.position, answer.next_position),
                log_epoch=answer.log_epoch,
            )
            for one in self._leases
        ]

    def _apply_all(self, events: Sequence[ReceivedEvent], answer: pb.ReadEventsResponse) -> None:
        with self._database.transaction() as tx:
            cursors.move(
                tx, self._leases, position=answer.next_position, log_epoch=answer.log_epoch
            )
            keys = [event.ordering_key for event in events]
            if keys and cursors.blocked_keys(tx, self._peer.name, keys):
                raise _Blocked
            made = self._applier.apply(tx, *events)
            _pass(events, "before_apply_commit")
        _pass(events, "after_apply_commit")
        if made:
            self._committed()

    def _apply_singly(self, events: Sequence[ReceivedEvent], answer: pb.ReadEventsResponse) -> None:
        for event in events:
            self._apply_one(event, answer.log_epoch)
        with self._database.transaction() as tx:
            cursors.move(
                tx, self._leases, position=answer.next_position, log_epoch=answer.log_epoch
            )

    def _apply_one(self, event: ReceivedEvent, log_epoch: str) -> None:
        """Apply or park one event; the cursor of its shard moves with either."""
        lease = next(one for one in self._leases if one.shard == event.shard)
        while True:
            try:
                with self._database.transaction() as tx:
                    cursors.move(tx, [lease], position=event.position, log_epoch=log_epoch)
                    self._apply_or_park(tx, event)
                    _pass([event], "before_apply_commit")
                break
            except DBAPIError as error:
                if not is_busy(error) or self._stop.wait(RETRY_S):
                    raise
        _pass([event], "after_apply_commit")
        self._committed()

    def _apply_or_park(self, tx: Transaction, event: ReceivedEvent) -> None:
        cursors.lock_key(tx, event.source, event.ordering_key)
        if cursors.blocked_keys(tx, event.source, [event.ordering_key]):
            cursors.park(tx, event, reason=BLOCKED, attempts=0, at=event.record_time)
            return
        try:
            with tx.begin_nested():
                self._applier.apply(tx, event)
        except Exception as error:
            if _passing(error):
                raise
            reason = reason_of(error)
            log.exception(
                "event parked",
                extra={
                    "source": event.source,
                    "event_type": event.type,
                    "event_id": event.event_id,
                    "reason": reason,
                },
            )
            cursors.park(tx, event, reason=reason, attempts=1, at=event.record_time)


def _pass(events: Sequence[ReceivedEvent], name: str) -> None:
    for event in events:
        seam(event.type.rpartition(".")[2], name)


class _Blocked(Exception):
    """An event of the stretch waits behind a parked one, so the stretch has to be taken apart."""


def reason_of(error: Exception) -> str:
    """Return the contract's reason of an error, or INTERNAL; the text of an unknown one is never
    stored."""
    return error.reason if isinstance(error, MantleError) else "INTERNAL"


def _passing(error: Exception) -> bool:
    """Tell whether a neighbour is to blame, so that trying again is all that is needed."""
    return isinstance(error, DBAPIError) and (error.connection_invalidated or is_busy(error))
