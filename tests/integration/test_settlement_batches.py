"""Facts that come in batches leave what facts that come one by one leave."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from random import Random

import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels
from mantle.channels.v1 import order_pb2
from mantle.settlement.v1 import credit_service_pb2, invoice_service_pb2

from chassis.ids import new_id
from tests.support.facts_settlement import activate, an_order, cny, open_units, tell, unbalanced
from tests.support.server import Refused, World

PARTNERS, ORDERS, TOLD = 3, 12, 30
DELIVERED = 0.4
ROUNDS = 10
LIMIT_MINOR = 20_000
_numbers = count(1)

# Each leaves out what differs by name alone, and keeps the order in which things were written.
STATE = {
    "invoices": """
        SELECT order_id, partner_id, state, amount_minor, open_minor, issue_date, due_date
        FROM invoice WHERE partner_id = ANY(%(partners)s) ORDER BY sequence""",
    "receipts": """
        SELECT partner_id, amount_minor, unallocated_minor
        FROM receipt WHERE partner_id = ANY(%(partners)s) ORDER BY sequence""",
    "reservations": """
        SELECT owner_id, partner_id, amount_minor, state
        FROM credit_reservation WHERE partner_id = ANY(%(partners)s) ORDER BY 2, 1""",
    "commission": """
        SELECT order_id, partner_id, event_kind, product_id, amount_minor, state, confirm_date
        FROM commission_entry WHERE partner_id = ANY(%(partners)s) ORDER BY sequence""",
    "ledger": """
        SELECT debit_account_id, credit_account_id, amount_minor, purpose, subject_kind
        FROM transfer WHERE split_part(debit_account_id, ':', 2) = ANY(%(partners)s)
          OR split_part(credit_account_id, ':', 2) = ANY(%(partners)s) ORDER BY sequence""",
    "events": """
        SELECT type, ordering_key FROM event WHERE ordering_key = ANY(%(keys)s) ORDER BY id""",
}


@dataclass(frozen=True, slots=True)
class Told:
    """Hold a fact about one of a few orders, in numbers."""

    number: int
    delivered: bool
    days_later: int


@dataclass(frozen=True, slots=True)
class Case:
    """Hold what partners have paid and reserved before, their orders, and what is told of them."""

    paid: tuple[int, ...]
    amounts: tuple[int, ...]
    reserved: frozenset[int]
    told: tuple[Told, ...]


def case_of(seed: int) -> Case:
    """Draw a case; Hypothesis cannot, because it wants the threads of services to draw nothing."""
    draw = Random(seed)
    return Case(
        paid=tuple(draw.choice([0, 1_000, 6_000, 50_000]) for _ in range(PARTNERS)),
        amounts=tuple(draw.choice([0, 500, 3_000, 9_000]) for _ in range(ORDERS)),
        reserved=frozenset(draw.sample(range(ORDERS), draw.randint(0, ORDERS))),
        told=tuple(
            Told(draw.randrange(ORDERS), draw.random() < DELIVERED, draw.randint(0, 2))
            for _ in range(TOLD)
        ),
    )


def left(world: World, case: Case, *, at_once: bool) -> dict[str, object]:
    """Play a case for partners of its own and return what it left, without their names."""
    partners = [f"D{next(_numbers)}" for _ in range(PARTNERS)]
    orders = [
        an_order(
            ("CARD-1", 1, amount),
            ("P2", 2, amount // 2),
            partner_id=partners[number % PARTNERS],
            source=order_pb2.ORDER_SOURCE_PARTNER,
        )
        for number, amount in enumerate(case.amounts)
    ]
    arrange(world, case, partners, orders)
    batches = [[_fact(world, orders[one.number], one) for one in case.told]]
    for batch in batches if at_once else [[one] for one in batches[0]]:
        tell(world, *batch)
    names = {name: f"partner {n}" for n, name in enumerate(partners)}
    names |= {order.order_id: f"order {n}" for n, order in enumerate(orders)}
    keys = [f"order/{order.order_id}" for order in orders]
    found = {
        what: world.rows("settlement", query, partners=partners, keys=keys)
        for what, query in STATE.items()
    }
    return {
        what: [tuple(renamed(value, names) for value in row) for row in rows]
        for what, rows in found.items()
    }


def arrange(
    world: World, case: Case, partners: Sequence[str], orders: Sequence[order_pb2.Order]
) -> None:
    for partner_id, paid in zip(partners, case.paid, strict=True):
        activate(world, partner_id, limit_minor=LIMIT_MINOR)
        if paid:
            receipt = invoice_service_pb2.RecordReceiptRequest(
                partner_id=partner_id, amount=cny(paid), reference=new_id()
            )
            world.call(receipt, role="finance")
    for number in sorted(case.reserved):
        order = orders[number]
        if order.total.amount_minor:
            request = credit_service_pb2.ReserveCreditRequest(
                partner_id=order.partner_id,
                amount=order.total,
                owner_kind="order",
                owner_id=order.order_id,
                order_date="2026-03-02",
            )
            # What the limit does not leave stays without.
            with suppress(Refused):
                world.call(request, role="service")


def _fact(world: World, order: order_pb2.Order, told: Told) -> Message:
    if not told.delivered:
        return channels.OrderApproved(order=order)
    end = world.clock.now() + timedelta(days=7 + told.days_later)
    order.cooling_off_end_time.FromDatetime(end)
    return channels.OrderDelivered(order=order)


def renamed(value: object, names: dict[str, str]) -> object:
    if isinstance(value, str):
        for own, name in names.items():
            value = value.replace(own, name)
    return value


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_of_facts_leaves_what_they_leave_one_by_one(world: World, seed: int) -> None:
    open_units(world)
    case = case_of(seed)
    expected = left(world, case, at_once=False)

    found = left(world, case, at_once=True)

    assert found == expected
    assert unbalanced(world) == []


def test_two_readers_never_wait_for_each_other_in_a_circle(world: World) -> None:
    """A stretch locks a partner's credit after it has posted for others: without turns, two that
    meet over a shared account of the ledger and a shared partner end in a deadlock."""
    open_units(world)
    for partner_id in ("D1", "D2"):
        activate(world, partner_id, limit_minor=10**9)
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def read(approved: str, delivered: str) -> None:
        try:
            for _ in range(ROUNDS):
                facts = [
                    channels.OrderApproved(order=sold(world, approved)),
                    channels.OrderDelivered(order=sold(world, delivered)),
                ]
                barrier.wait(10)
                tell(world, *facts)
        except BaseException as error:
            barrier.abort()
            failures.append(error)

    threads = [threading.Thread(target=read, args=pair) for pair in (("D1", "D2"), ("D2", "D1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert unbalanced(world) == []


def sold(world: World, partner_id: str) -> order_pb2.Order:
    """Make an order whose approval and whose delivery both post."""
    order = an_order(
        ("CARD-1", 1, 1_000), partner_id=partner_id, source=order_pb2.ORDER_SOURCE_PARTNER
    )
    order.cooling_off_end_time.FromDatetime(world.clock.now() + timedelta(days=7))
    return order
