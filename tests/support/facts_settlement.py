"""Facts of planning and channels as settlement's tests need them, applied through the real side
door without those services."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels
from mantle.channels.v1 import order_pb2, pricing_pb2
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1.ledger_pb2 import Transfer
from mantle.type.v1 import org_unit_pb2
from mantle.type.v1.money_pb2 import Money

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from settlement.commission import usecases as commission
from tests.support.server import ROOT_UNIT, World
from tests.support.waiting import until

_positions = count(1)


def cny(amount_minor: int) -> Money:
    return Money(currency_code="CNY", amount_minor=amount_minor)


def tell(
    world: World, *facts: Message, source: str = "channels", at: datetime | None = None
) -> None:
    """Apply facts as the subscription does: in one transaction, with the facts that they make."""
    service = world.start("settlement").services["settlement"]
    with service.database.transaction() as tx:
        tell_within(world, tx, *facts, source=source, at=at)


def tell_within(
    world: World,
    tx: Transaction,
    *facts: Message,
    source: str = "channels",
    at: datetime | None = None,
) -> None:
    """Apply facts in a transaction that a test has under way."""
    events = [_event(world, fact, source=source, at=at) for fact in facts]
    world.services["settlement"].applier_of(source).apply(tx, *events)


def _event(world: World, fact: Message, *, source: str, at: datetime | None) -> ReceivedEvent:
    now = world.clock.now()
    return ReceivedEvent(
        source=source,
        position=next(_positions),
        event_id=new_id(),
        type=fact.DESCRIPTOR.full_name,
        ordering_key="test",
        occur_time=at or now,
        record_time=now,
        actor=source,
        traceparent="",
        payload=fact.SerializeToString(),
    )


def open_units(world: World, *paths: str) -> None:
    """Let units be known, the root first."""
    for path in (f"{ROOT_UNIT}/", *paths):
        unit_id = path.rstrip("/").rpartition("/")[2]
        fact = org_unit_pb2.OrgUnitChanged(unit_id=unit_id, path=path, version=1)
        tell(world, fact, source="planning")


def activate(
    world: World,
    partner_id: str = "D1",
    *,
    limit_minor: int = 20_000_000,
    days: int = 30,
    unit_id: str = ROOT_UNIT,
) -> None:
    """Let a partner be active."""
    tell(
        world,
        channels.PartnerActivated(
            partner_id=partner_id,
            unit_id=unit_id,
            credit_limit=cny(limit_minor),
            credit_days=days,
        ),
    )


def an_order(
    *lines: tuple[str, int, int], partner_id: str = "D1", unit_id: str = ROOT_UNIT, **fields: Any
) -> order_pb2.Order:
    """Make an order of (product, quantity, amount in fen) lines."""
    priced = [
        order_pb2.OrderLine(
            priced=pricing_pb2.PricedLine(product_id=product, quantity=quantity, amount=cny(amount))
        )
        for product, quantity, amount in lines
    ]
    return order_pb2.Order(
        order_id=fields.pop("order_id", None) or new_id(),
        partner_id=partner_id,
        unit_id=unit_id,
        contract_number="C-1",
        lines=priced,
        total=cny(sum(amount for _, _, amount in lines)),
        source=fields.pop("source", order_pb2.ORDER_SOURCE_OFFICE),
        **fields,
    )


def approve(world: World, order: order_pb2.Order) -> order_pb2.Order:
    tell(world, channels.OrderApproved(order=order))
    return order


def deliver(
    world: World, order: order_pb2.Order, *, cooling_off: timedelta = timedelta(days=7)
) -> order_pb2.Order:
    order.cooling_off_end_time.FromDatetime(world.clock.now() + cooling_off)
    tell(world, channels.OrderDelivered(order=order))
    return order


def cancel(world: World, order: order_pb2.Order) -> order_pb2.Order:
    tell(world, channels.OrderCancelled(order=order))
    return order


def opening_receivable(world: World, amount_minor: int, partner_id: str = "D1") -> None:
    """Book what a partner owed before."""
    wish = ledger.PostTransfer(
        transfer_id=new_id(),
        kind=Transfer.KIND_POSTED,
        debit_account_id=f"receivable:{partner_id}:CNY",
        credit_account_id="opening:hq:CNY",
        amount=cny(amount_minor),
    )
    world.call(ledger.PostTransfersRequest(transfers=[wish]), role="finance")


def confirm_commission(world: World) -> None:
    """Confirm what is due, as the service's own tick does; that does it for what it holds now."""
    service = world.services["settlement"]
    today, at = world.clock.today(service.settings.time_zone), world.clock.now()
    due = "SELECT 1 FROM commission_entry WHERE state = 'ACCRUED' AND confirm_date <= %(today)s"

    def is_confirmed() -> bool:
        service.back_door.act("test", lambda tx: commission.confirm_due(tx, today=today, at=at))
        return world.rows("settlement", due, today=today) == []

    until(is_confirmed, "what is due is confirmed")


def waiting(world: World) -> int:
    """Count who waits for a lock in settlement's database; other tests have theirs beside it."""
    [(count,)] = world.rows(
        "settlement",
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()",
    )
    return int(count)


def events_of(world: World, message: type[Message]) -> list[Any]:
    """Return the events of a type that settlement has written, in their order."""
    rows = world.rows(
        "settlement",
        "SELECT payload FROM event WHERE type = %(type)s ORDER BY id",
        type=message.DESCRIPTOR.full_name,
    )
    return [message.FromString(bytes(payload)) for (payload,) in rows]


def unbalanced(world: World) -> list[Any]:
    """Return the accounts whose sums are not those of their transfers (none, it is hoped)."""
    return world.rows(
        "settlement",
        """
        SELECT a.account_id FROM account a LEFT JOIN LATERAL (
          SELECT coalesce(sum(amount_minor) FILTER (WHERE debit_account_id = a.account_id), 0) d,
                 coalesce(sum(amount_minor) FILTER (WHERE credit_account_id = a.account_id), 0) c
          FROM transfer t WHERE a.account_id IN (debit_account_id, credit_account_id)
            AND kind IN ('POSTED', 'POST_PENDING')
        ) s ON true
        WHERE (a.debits_minor, a.credits_minor) <> (s.d, s.c)
        """,
    )
