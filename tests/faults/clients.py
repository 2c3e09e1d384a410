"""Clients with orders in flight: what they want follows from the seed, what they know is written.

A client keeps a request's id over all repeats. It repeats what has no definite answer until its
patience ends, now and then repeats what it was told already, sometimes waits too short, and
sometimes gives up after a first silence, as a client that died would.
"""

import hashlib
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as returns
from mantle.channels.v1 import stock_service_pb2 as stock
from mantle.crm.v1 import decision_pb2, offer_pb2
from mantle.crm.v1 import decision_service_pb2 as decisions
from mantle.crm.v1 import outreach_service_pb2 as outreach
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.type.v1 import money_pb2

from chassis.rpc.methods import Method, method_of
from chassis.rpc.status import read_details
from chassis.wire import from_time
from tests.faults import errands
from tests.faults import journal as said
from tests.faults.company import CARD, KIT, TARIFF, Company, import_customers
from tests.faults.errands import Errands
from tests.faults.journal import Journal
from tests.faults.stage import Stage
from tests.support.server import Refused

CLIENTS = 16
PAUSE_S = (0.02, 0.3)
DEFINITE = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
ROLES = {
    "PlaceOrder": "sales_administration",
    "CancelOrder": "sales_administration",
    "ShipOrder": "logistics",
    "DeliverOrder": "logistics",
    "ReceiveStock": "logistics",
    "RequestReturn": "customer_service",
    "ApproveReturn": "sales_administration",
    "ReceiveReturn": "logistics",
    "InspectReturn": "logistics",
    "CreditReturn": "finance",
    "RecordReceipt": "finance",
    "MatchReceipt": "finance",
    "AccrueRebates": "finance",
    "SettleCommission": "finance",
    "ClosePeriod": "finance",
    "StartRebateRun": "finance",
    "ReviewRebateRun": "sales_director",
    "ApproveRebateRun": "marketing_vp",
    "PayRebateRun": "finance",
    "Decide": "front_line",
    "ShowOffer": "front_line",
    "AnswerOffer": "front_line",
    **errands.ROLES,
}
_SOURCES = {
    "OFFICE": order_pb2.ORDER_SOURCE_OFFICE,
    "PARTNER": order_pb2.ORDER_SOURCE_PARTNER,
    "OFFER": order_pb2.ORDER_SOURCE_OFFER,
}

Stub = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Habits:
    """Say how clients behave.

    Shape: shares are 0 to 1; `partners` and `sources` are drawn from with equal chances.
    Units: `patience_s` seconds until a client stops repeating; `timeout_s` seconds that it waits
        for an answer when it is not hasty.
    """

    patience_s: float = 60.0
    timeout_s: float = 5.0
    giving_up: float = 0.05
    repeating: float = 0.15
    hasty: float = 0.1
    cancelling: float = 0.2
    delivering: float = 0.4
    returning: float = 0.15
    paying: float = 0.05
    stocking: float = 0.1
    picking: float = 0.2
    fetching: float = 0.1
    spending: float = 0.05
    withdrawing: float = 0.2
    contracting: float = 0.05
    partners: tuple[str, ...] = ("WIDE-1", "WIDE-2", "TIGHT")
    sources: tuple[str, ...] = ("OFFICE", "PARTNER", "OFFER", "ANSWER")


@dataclass(slots=True)
class Crowd:
    """Sixteen clients and what they share.

    Shape: `stub` returns what sends bytes to an RPC; a trial may put something in between.
    """

    stage: Stage
    company: Company
    seed: int
    habits: Habits = field(default_factory=Habits)
    stub: Callable[[Method], Stub] | None = None
    _runs: Iterator[int] = field(default_factory=itertools.count)
    _tokens: dict[str, Any] = field(default_factory=dict)
    done: int = 0

    def order(self, count: int, *, clients: int = CLIENTS) -> None:
        """Place orders and do what comes behind them; return when all clients are done."""
        with self.ordering(count, clients=clients):
            pass

    def ordering(self, count: int, *, clients: int = CLIENTS) -> "Running":
        """Begin to place orders; whoever leaves the `with` waits for the clients."""
        run = next(self._runs)
        marks = [f"F{self.seed}-{run}-{number}" for number in range(count)]
        import_customers(self.stage, marks)
        self.done = 0
        return Running(self, run, marks=marks, clients=clients)

    def stub_of(self, method: Method) -> Stub:
        """Return what sends bytes to an RPC."""
        return self.stub(method) if self.stub else self.stage.stub(method)

    def identity(self, role: str) -> Any:
        """Return the metadata of a role; tokens last longer than any trial."""
        if role not in self._tokens:
            self._tokens[role] = self.stage.identity(role)
        return self._tokens[role]


class Running:
    """Clients at work; leaving the `with` waits until all orders were tried."""

    def __init__(self, crowd: Crowd, run: int, *, marks: list[str], clients: int) -> None:
        """Hand the customers out among the clients."""
        self._crowd = crowd
        self._pool = ThreadPoolExecutor(clients)
        path = f"{crowd.seed}-{run}"
        self._clients = [
            Client(crowd, f"{path}-{number}", marks=marks[number::clients])
            for number in range(clients)
        ]
        self._futures = [self._pool.submit(client.run) for client in self._clients]

    @property
    def is_done(self) -> bool:
        """Tell whether all clients have tried all orders."""
        return all(future.done() for future in self._futures)

    def __enter__(self) -> "Running":
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait for the clients; an error of theirs is an error of the harness."""
        self._pool.shutdown()
        for future in self._futures:
            future.result()


class Client:
    """One client: its own dice, its own journal."""

    def __init__(self, crowd: Crowd, name: str, *, marks: list[str]) -> None:
        """Take the customers it orders for."""
        self._crowd = crowd
        self._marks = marks
        self.dice = Random(f"client {name}")
        self._errands = Errands(self, crowd.company, crowd.habits.withdrawing)
        self._delivered: list[str] = []
        self._journal = Journal(crowd.stage.journals / f"client-{name}.jsonl")
        self._habits = crowd.habits
        self._never = threading.Event()

    def run(self) -> None:
        """Order for one customer after the other."""
        for mark in self._marks:
            order = self._placed(mark)
            if order is not None:
                self._pursue(mark, order)
            self._besides(mark, order)
            self._crowd.done += 1
        self.close()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _placed(self, mark: str) -> order_pb2.Order | None:
        source = self.dice.choice(self._habits.sources)
        partner_id = self.dice.choice(self._habits.partners)
        if source == "ANSWER":
            return self._answered(mark, partner_id)
        request = orders.PlaceOrderRequest(
            partner_id=partner_id, customer_id=mark, source=_SOURCES[source]
        )
        products = self.dice.choice([(KIT,), (KIT,), (CARD,), (CARD, KIT), (TARIFF,)])
        for product_id in products:
            request.lines.add(product_id=product_id, quantity=self.dice.randint(1, 5))
        if source == "OFFER":
            request.offer_id = self._new_id()
            request.campaign_id = self._crowd.company.campaign_id
        return _order(self.ask(request, customer_id=mark))

    def _answered(self, mark: str, partner_id: str) -> order_pb2.Order | None:
        """Let a customer touch the company and say yes to what it offers."""
        event = decisions.TouchEvent(
            event_id=self._new_id(),
            source="hotline",
            type=decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR,
            occur_time=from_time(self._crowd.stage.clock.now()),
        )
        touch = decisions.DecideRequest(customer_id=mark, touchpoint_id="hotline", event=event)
        decided = self.ask(touch, customer_id=mark)
        if decided is None or not decided.decision.offers:
            return None
        offer_id = decided.decision.offers[0].offer_id
        if self.ask(outreach.ShowOfferRequest(offer_id=offer_id), offer_id=offer_id) is None:
            return None
        yes = outreach.AnswerOfferRequest(
            offer_id=offer_id,
            answer=offer_pb2.ANSWER_ACCEPT,
            partner_id=partner_id,
        )
        return _order(self.ask(yes, customer_id=mark))

    def _pursue(self, mark: str, order: order_pb2.Order) -> None:
        order_id = order.order_id
        if self.dice.random() < self._habits.delivering and self._deliver(mark, order):
            self._delivered.append(order_id)
            if order.lines and self.dice.random() < self._habits.returning:
                self._give_back(order)
        if self.dice.random() < self._habits.cancelling:
            self.ask(
                orders.CancelOrderRequest(order_id=order_id, reason="no more"), order_id=order_id
            )

    def _deliver(self, mark: str, order: order_pb2.Order) -> bool:
        """Bring the goods to the partner, in shipments of their own or in one go."""
        if order.lines and self.dice.random() < self._habits.picking:
            return self._errands.pick(mark, order)
        order_id = order.order_id
        self.ask(orders.ShipOrderRequest(order_id=order_id, carrier="own"), order_id=order_id)
        deliver = orders.DeliverOrderRequest(order_id=order_id, proof="slip")
        return self.ask(deliver, order_id=order_id) is not None

    def _give_back(self, order: order_pb2.Order) -> None:
        """Give pieces of an order back, twice perhaps, which may be more than there were."""
        for _ in range(self.dice.randint(1, 2)):
            sold = self.dice.choice(order.lines).priced
            quantity = self.dice.randint(1, sold.quantity)
            request = returns.RequestReturnRequest(order_id=order.order_id, reason_code="DEFECT")
            request.lines.add(product_id=sold.product_id, quantity=quantity)
            begun = self.ask(request, order_id=order.order_id)
            if begun is None:
                return
            return_id = begun.goods_return.return_id
            for step in (
                returns.ApproveReturnRequest(return_id=return_id),
                returns.ReceiveReturnRequest(return_id=return_id, receipt_slip="slip"),
                returns.InspectReturnRequest(return_id=return_id),
                returns.CreditReturnRequest(return_id=return_id),
            ):
                if self.ask(step, return_id=return_id) is None:
                    return

    def _besides(self, mark: str, order: order_pb2.Order | None) -> None:
        if self.dice.random() < self._habits.spending:
            self._errands.spend(mark)
        if self.dice.random() < self._habits.contracting:
            self._errands.sign(mark, order)
        # The oldest, whose delivery settlement has had most time to hear of.
        if self._delivered and self.dice.random() < self._habits.fetching:
            self._errands.fetch(mark, self._delivered.pop(0))
        if self.dice.random() < self._habits.stocking:
            quantity = self.dice.randint(1, 40)
            self.ask(
                stock.ReceiveStockRequest(product_id=KIT, quantity=quantity), quantity=quantity
            )
        if self.dice.random() < self._habits.paying:
            minor = self.dice.randint(1, 20_000)
            amount = money_pb2.Money(currency_code="CNY", amount_minor=minor)
            partner_id = self.dice.choice(self._habits.partners)
            receipt = invoices.RecordReceiptRequest(
                partner_id=partner_id, amount=amount, reference=mark, by_hand=minor % 2 == 0
            )
            asked = {"reference": mark, "partner_id": partner_id, "amount_minor": minor}
            recorded = self.ask(receipt, **asked)
            if recorded is not None and receipt.by_hand:
                receipt_id = recorded.receipt.receipt_id
                self.ask(invoices.MatchReceiptRequest(receipt_id=receipt_id), receipt_id=receipt_id)

    def ask(self, request: Any, **asked: object) -> Any:
        """Send a request until it has a definite answer; return the answer, None without one."""
        request.request_id = self._new_id()
        method = method_of(type(request))
        self._write(said.ASKED, request, method=method.short, asked=asked)
        gives_up = self.dice.random() < self._habits.giving_up
        ends_s = time.monotonic() + self._habits.patience_s
        while True:
            reply, refused = self._sent(method, request, timeout_s=self._timeout_s())
            if refused:
                return None
            if reply is not None:
                self._repeated(method, request)
                return method.response.FromString(reply)
            if gives_up or time.monotonic() > ends_s:
                return None
            self.pause()

    def found(self, request: Message, role: str) -> Any:
        """Read something; None while nobody answers."""
        try:
            return self._crowd.stage.call(request, role=role)
        except Refused:
            return None

    def pause(self) -> None:
        """Wait a moment."""
        self._never.wait(self.dice.uniform(*PAUSE_S))

    @property
    def reason(self) -> str:
        """Return why the last request was refused, or an empty text."""
        return str(self._journal.last.get("reason", ""))

    @property
    def last_word(self) -> str:
        """Say in words what the client heard last, as its journal has it."""
        last = self._journal.last
        return " ".join(str(last.get(name, "")) for name in ("act", "code", "reason")).strip()

    def _repeated(self, method: Method, request: Any) -> None:
        """Now and then send what was answered already; the journal has both answers."""
        if self.dice.random() < self._habits.repeating:
            self._sent(method, request, timeout_s=self._habits.timeout_s)

    def _sent(self, method: Method, request: Any, *, timeout_s: float) -> tuple[bytes | None, bool]:
        """Send once; return the reply, if any, and whether the answer is a definite no."""
        try:
            reply: bytes = self._crowd.stub_of(method)(
                request.SerializeToString(),
                timeout=timeout_s,
                metadata=self._crowd.identity(ROLES[method.short]),
            )
        except grpc.RpcError as error:
            reason = read_details(error.trailing_metadata())[0]
            act = said.REFUSED if error.code() in DEFINITE else said.UNKNOWN
            self._write(act, request, reason=reason, code=error.code().name)
            return None, act == said.REFUSED
        self._write(said.OK, request, answer=_kept(method.response.FromString(reply), reply))
        return reply, False

    def _timeout_s(self) -> float:
        hasty = self.dice.random() < self._habits.hasty
        return self.dice.uniform(0.11, 0.4) if hasty else self._habits.timeout_s

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def _write(self, act: str, request: Any, **fields: object) -> None:
        self._journal.write(act, request_id=request.request_id, **fields)


def _order(reply: Any) -> order_pb2.Order | None:
    """Return the order that an answer speaks of."""
    if reply is None:
        return None
    if isinstance(reply, outreach.AnswerOfferResponse):
        return order_pb2.Order(order_id=reply.offer.order_id)
    order: order_pb2.Order = reply.order
    return order


def _kept(message: Message, reply: bytes) -> dict[str, str]:
    """Return what a journal keeps of an answer: its digest, and the order it speaks of."""
    kept = {"digest": hashlib.sha256(reply).hexdigest()}
    if hasattr(message, "order") or isinstance(message, outreach.AnswerOfferResponse):
        kept["order_id"] = getattr(_order(message), "order_id", "")
    return kept
