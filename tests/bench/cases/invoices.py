"""Invoices: what settlement makes of delivered orders, a hundred at once against one at a time."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, count
from statistics import median

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as facts
from mantle.channels.v1 import order_pb2
from mantle.type.v1 import money_pb2

from chassis import scope
from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from chassis.policy import usecases as policies
from chassis.rpc.service import Service
from chassis.settings import read_settings
from local import ports
from local.databases import ServiceDatabase
from settlement.__main__ import POLICIES, build
from settlement.policy_kinds import KINDS
from tests.bench.machine import cpu_s
from tests.bench.pairs import Sizes
from tests.bench.stage import Stage
from tests.bench.statistics import abba
from tests.bench.table import Row, at_least
from tests.support.books import check_books
from tests.support.facts_settlement import an_order
from tests.support.server import ROOT_UNIT, START

AT_ONCE = 100
PARTNERS, PRODUCTS, LINES = 100, 30, 5
LINE_MINOR = 1_000
LIMIT_MINOR = 10_000_000_000
PAIRS = 10
GOAL = 300
COOLING_OFF = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Posted:
    """Hold how fast some orders were invoiced. Units: seconds of the clock and of the CPU."""

    invoices: int
    seconds: float
    own_cpu_s: float
    database_cpu_s: float

    @property
    def rate(self) -> float:
        """Return invoices a second."""
        return self.invoices / self.seconds

    @property
    def own_us(self) -> float:
        """Return the CPU an invoice in microseconds."""
        return self.own_cpu_s / self.invoices * 1e6

    @property
    def database_us(self) -> float:
        """Return PostgreSQL's CPU an invoice in microseconds."""
        return self.database_cpu_s / self.invoices * 1e6


@dataclass(slots=True)
class Books:
    """Hold settlement, put together as it is served, with nothing of it running by itself."""

    stage: Stage
    place: ServiceDatabase
    service: Service
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def tell(self, told: Sequence[Message]) -> None:
        """Apply facts of channels in one transaction, as the subscription does."""
        events = [self._event(one) for one in told]
        with self.service.database.transaction() as tx:
            self.service.applier_of("channels").apply(tx, *events)

    def approved(self, orders: int) -> list[order_pb2.Order]:
        """Let orders of partners in turn be approved."""
        made = [self._order(next(self.numbers)) for _ in range(orders)]
        self.tell([facts.OrderApproved(order=one) for one in made])
        return made

    def invoiced(self, orders: int, *, at_once: int) -> Posted:
        """Deliver orders, so many a transaction, and say what the invoices cost."""
        made = [facts.OrderDelivered(order=one) for one in self.approved(orders)]
        own, others = [os.getpid()], self.stage.backends_of(self.place)()
        before = cpu_s(own), cpu_s(others)
        begin_s = time.perf_counter()
        for begin in range(0, orders, at_once):
            self.tell(made[begin : begin + at_once])
        seconds = time.perf_counter() - begin_s
        return Posted(orders, seconds, cpu_s(own) - before[0], cpu_s(others) - before[1])

    def count(self) -> int:
        """Count the invoices."""
        with self.service.database.transaction() as tx:
            return int(tx.exec_driver_sql("SELECT count(*) FROM invoice").scalar_one())

    def _order(self, number: int) -> order_pb2.Order:
        lines = [
            (f"P{(number * LINES + place) % PRODUCTS}", 1, LINE_MINOR) for place in range(LINES)
        ]
        order = an_order(*lines, partner_id=f"D{number % PARTNERS}")
        order.cooling_off_end_time.FromDatetime(START + COOLING_OFF)
        return order

    def _event(self, fact: Message) -> ReceivedEvent:
        return ReceivedEvent(
            source="channels",
            position=next(self.numbers),
            event_id=new_id(),
            type=fact.DESCRIPTOR.full_name,
            ordering_key="bench",
            occur_time=START,
            record_time=START,
            actor="channels",
            traceparent="",
            payload=fact.SerializeToString(),
        )


@contextmanager
def opened(stage: Stage) -> Iterator[Books]:
    """Open settlement's books, with partners who may buy; at the end they add up."""
    place = stage.database("settlement")
    around = stage.environment("settlement", place.app_url, {})
    listen = f"{ports.LOOPBACK}:{ports.choose()}"
    service = build(read_settings("settlement", {**around, "MANTLE_LISTEN_ADDRESS": listen}))
    try:
        with service.database.transaction() as tx:
            scope.copy_unit(tx, unit_id=ROOT_UNIT, path=f"{ROOT_UNIT}/", version=1, at=START)
            policies.ensure_defaults(tx, directory=POLICIES, kinds=KINDS, at=START)
        books = Books(stage, place, service)
        limit = money_pb2.Money(currency_code="CNY", amount_minor=LIMIT_MINOR)
        books.tell(
            [
                facts.PartnerActivated(
                    partner_id=f"D{number}", unit_id=ROOT_UNIT, credit_limit=limit, credit_days=30
                )
                for number in range(PARTNERS)
            ]
        )
        yield books
        check_books(place)
    finally:
        service.database.close()
        service.telemetry.stop()
        stage.drop(place)


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure invoices of orders that are delivered at once and one by one, in turn."""
    many: list[Posted] = []
    single: list[Posted] = []
    with opened(stage) as books:
        for at_once in (AT_ONCE, 1):
            books.invoiced(AT_ONCE, at_once=at_once)
        stage.checkpoint()
        for which in chain.from_iterable(abba(2 if sizes.short else PAIRS)):
            at_once, found = (AT_ONCE, many) if which == "a" else (1, single)
            found.append(books.invoiced(AT_ONCE, at_once=at_once))
        told = AT_ONCE * (len(many) + len(single) + 2)
        assert books.count() == told, f"{told} orders have {books.count()} invoices"
    rate = median(one.rate for one in many)
    return [
        Row(
            "invoices, bulk",
            f"{AT_ONCE} delivered orders of {LINES} lines and {PARTNERS} partners → invoices with"
            " revenue and receivable in the ledger, due dates, and the start of commission's"
            " cooling-off, in one transaction with their facts; the books add up after it",
            f"≥ {GOAL}/s",
            _figure(many),
            at_least(rate, GOAL),
        ),
        Row("invoices, single", "one delivered order a transaction", "–", _figure(single)),
    ]


def _figure(found: Sequence[Posted]) -> str:
    return (
        f"{median(one.rate for one in found):,.0f}/s; CPU an invoice: settlement"
        f" {median(one.own_us for one in found):.0f} µs, PostgreSQL"
        f" {median(one.database_us for one in found):.0f} µs"
    )
