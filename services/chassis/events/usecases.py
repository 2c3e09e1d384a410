"""Reading the log, and going on with what was parked."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from chassis import scope
from chassis.database import Transaction
from chassis.errors import FailedPrecondition, MantleError, NotFound
from chassis.events import cursors, storage
from chassis.events.domain import Parked, ReceivedEvent, Stretch
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller

PAGE_DEFAULT = 500
PAGE_MAX = 1000


class PositionExpired(FailedPrecondition):
    """Events behind this position were removed after their time; the reader has to start from the
    owner's lists."""

    reason = "POSITION_EXPIRED"

    def __init__(self, position: int, expired: int) -> None:
        """Tell where the reader stands and up to where the log is gone."""
        super().__init__(
            f"position {position} has expired; the log begins behind {expired}",
            position=position,
            expiredPosition=expired,
        )


class LogEpochChanged(FailedPrecondition):
    """The log was restored from a backup since this position was given."""

    reason = "LOG_EPOCH_CHANGED"

    def __init__(self, given: str, now: str) -> None:
        """Name both epochs."""
        super().__init__(f"the log is {now} now, not {given}", given=given, now=now)


class ParkedEventNotFound(NotFound):
    """No event with this id is parked."""

    reason = "PARKED_EVENT_NOT_FOUND"

    def __init__(self, event_id: str) -> None:
        """Name the event."""
        super().__init__(f"no event {event_id} is parked", eventId=event_id)


class Applies(Protocol):
    """Apply events inside the transaction."""

    def apply(self, tx: Transaction, *events: ReceivedEvent) -> bool:
        """Do what this service does on the facts."""
        ...


def read(  # the conditions of a stretch
    tx: Transaction,
    *,
    after_position: int,
    log_epoch: str,
    types: Sequence[str],
    partitions: Sequence[int],
    page_size: int,
) -> Stretch:
    """Read the events behind a position.

    Errors: PositionExpired; LogEpochChanged, also for a position above the head.
    """
    page = storage.read(
        tx,
        after_position=after_position,
        types=types,
        partitions=partitions,
        limit=min(page_size or PAGE_DEFAULT, PAGE_MAX),
    )
    if (log_epoch and log_epoch != page.log_epoch) or after_position > page.head_position:
        raise LogEpochChanged(log_epoch, page.log_epoch)
    if after_position < page.expired_position:
        raise PositionExpired(after_position, page.expired_position)
    return Stretch(page.events, page.next_position, page.log_epoch, page.head_position)


def list_parked(tx: Transaction, page: Page, *, by: Caller) -> Slice[Parked]:
    """List what could not be applied, oldest first.

    Errors: OutOfScope for a person below the root: a parked event has no unit, and its payload may
        be about any.
    """
    scope.require_root(tx, by)
    after = None
    if page.after is not None:
        time, event_id = page.after
        assert isinstance(time, datetime)
        after = (time, str(event_id))
    rows = cursors.list_parked(tx, after=after, limit=page.size + 1)
    return page.slice(rows, key=lambda one: (one.park_time, one.event.event_id))


def replay(
    tx: Transaction,
    event_id: str,
    *,
    applier_of: Callable[[str], Applies],
    by: Caller,
    at: datetime,
) -> Outcome[tuple[int, str]]:
    """Apply a parked event and all that wait behind it, up to the first that fails again.

    Shape: how many were applied, and the reason of the one that failed, or "".
    Errors: OutOfScope for a person below the root, ParkedEventNotFound.
    """
    scope.require_root(tx, by)
    waiting = cursors.behind(tx, event_id)
    if not waiting:
        raise ParkedEventNotFound(event_id)
    for done, parked in enumerate(waiting):
        try:
            with tx.begin_nested():
                applier_of(parked.event.source).apply(tx, parked.event)
        except MantleError as error:
            cursors.mark_failed(tx, parked.event.event_id, reason=error.reason)
            return Outcome((done, error.reason))
        cursors.mark_applied(tx, parked.event.event_id, at=at)
    return Outcome((len(waiting), ""))
