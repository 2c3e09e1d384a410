"""Ask again for the credit of orders on hold when their partner's account was released.

A partner stands in a queue with the last order that was looked at, so that a turn may be lost
anywhere. Each order is one question with no transaction open, and one transaction behind it.
"""

import logging
from datetime import datetime, tzinfo
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from channels.order import storage, usecases
from channels.order.domain import Credit, Order, State
from channels.order.peers import CreditDesk
from channels.order.placing import Asked
from channels.order.storage import credit_recheck, sales_order
from chassis.clock import Clock
from chassis.database import Transaction
from chassis.errors import InvalidArgument, NotFound
from chassis.outcome import Outcome
from chassis.policy.book import PolicyBook
from chassis.rpc.status import PeerRefused
from chassis.scope import SERVICE_ROLE, Caller
from chassis.work.backdoor import BackDoor

RECHECK_PERIOD_S: Final = 2.0

log = logging.getLogger("mantle.channels")


def want(tx: Transaction, *, partner_id: str, at: datetime) -> Outcome[None]:
    """Put a partner into the queue, or let its orders be looked at from the first one again.

    Source: R-085.
    """
    draft = insert(credit_recheck).values(partner_id=partner_id, request_time=at)
    tx.execute(
        draft.on_conflict_do_update(
            index_elements=[credit_recheck.c.partner_id],
            set_={"after_time": None, "after_order_id": None, "request_time": at},
        )
    )
    return Outcome(None)


def next_of_queue(tx: Transaction) -> tuple[str, Order | None] | None:
    """Return the partner that waits longest, with its oldest order on hold that was not looked at
    yet, or None; None when nobody waits."""
    first = sa.select(credit_recheck).order_by(
        credit_recheck.c.request_time, credit_recheck.c.partner_id
    )
    waiting = tx.execute(first.limit(1)).one_or_none()
    if waiting is None:
        return None
    held = (
        sa.select(sales_order.c.order_id)
        .where(
            sales_order.c.partner_id == waiting.partner_id,
            sales_order.c.state == State.CREDIT_HOLD,
        )
        .order_by(sales_order.c.create_time, sales_order.c.order_id)
        .limit(1)
    )
    if waiting.after_time is not None:
        place = sa.tuple_(sales_order.c.create_time, sales_order.c.order_id)
        after = sa.tuple_(
            sa.literal(waiting.after_time, sales_order.c.create_time.type),
            sa.literal(waiting.after_order_id, sales_order.c.order_id.type),
        )
        held = held.where(place > after)
    order_id = tx.execute(held).scalar_one_or_none()
    return waiting.partner_id, None if order_id is None else storage.get(tx, order_id)


def finish(tx: Transaction, partner_id: str) -> None:
    """Take a partner out of the queue whose orders were all looked at."""
    tx.execute(sa.delete(credit_recheck).where(credit_recheck.c.partner_id == partner_id))


def settle(
    tx: Transaction, asked: Asked, *, book: PolicyBook, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[None]:
    """Approve an order that has credit now, and go on behind it either way.

    Shape: an order that somebody else moved meanwhile stays as it is.
    """
    order = asked.order
    tx.execute(
        sa.update(credit_recheck)
        .where(credit_recheck.c.partner_id == order.partner_id)
        .values(after_time=order.create_time, after_order_id=order.order_id)
    )
    before = storage.get(tx, order.order_id, lock=True)
    if before.state is not State.CREDIT_HOLD or not asked.credit.granted:
        return Outcome(None)
    done = usecases.release(tx, asked, book=book, by=by, at=at, today=at.astimezone(zone).date())
    return Outcome(None, facts=done.facts)


class CreditRecheck:
    """Take the queue forward, one order a turn."""

    def __init__(
        self,
        back_door: BackDoor,
        credit: CreditDesk,
        *,
        clock: Clock,
        zone: tzinfo,
        book: PolicyBook,
    ) -> None:
        """Know who grants credit, and act as the service itself."""
        self._back_door = back_door
        self._credit = credit
        self._clock = clock
        self._zone = zone
        self._book = book
        name = back_door.telemetry.service
        self._by = Caller(name, frozenset({SERVICE_ROLE}), "", name)

    def turn(self) -> bool:
        """Look at the next order; False when nobody waits."""
        found = self._back_door.quietly(next_of_queue)
        if found is None:
            return False
        partner_id, order = found
        if order is None:
            self._back_door.quietly(lambda tx: finish(tx, partner_id))
            return True
        asked = Asked(order, self._asked(order))
        self._back_door.act(
            "release hold",
            lambda tx: settle(
                tx, asked, book=self._book, by=self._by, at=self._clock.now(), zone=self._zone
            ),
        )
        return True

    def _asked(self, order: Order) -> Credit:
        """Ask for credit; what settlement cannot answer for one order must not hold up the others.

        Errors: PeerUnavailable, DeadlineExceeded.
        """
        try:
            return self._credit.reserve(order)
        except (InvalidArgument, NotFound, PeerRefused) as error:
            reason = getattr(error, "reason", "")
            log.warning("credit not asked again", extra={"reason": reason})
            return Credit(granted=False, reason=reason)
