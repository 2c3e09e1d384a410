"""What is broken, and how: each trial takes the stage as it is and leaves it whole and at rest."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import grpc
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.events.v1 import event_log_service_pb2 as log_pb
from mantle.settlement.v1 import credit_service_pb2 as credit

from chassis.ids import new_id
from chassis.rpc.client import CHANNEL_OPTIONS
from chassis.rpc.methods import Method
from chassis.settings import SERVICES
from tests.faults import checker
from tests.faults.checker import Violation
from tests.faults.clients import Crowd, Habits
from tests.faults.company import CARD, POISONED, Company
from tests.faults.proxy import LosingProxy
from tests.faults.stage import CALL_S, Stage, channel
from tests.support import expense_desk
from tests.support.server import libpq, service_of
from tests.support.waiting import until

# Longer than any reservation lives that nobody confirmed; that of an expense four minutes.
EXPIRY = timedelta(minutes=5)
LEASE_OVER_S = 12.0
FALL_S = 15.0
REPLAY_S = 300.0
ALL_SHARDS = (0, 1, 2, 3)
# What the calendar alone makes due and is done once a minute; all else is looked for every few
# seconds.
DUE = {
    "channels": """
SELECT 1 FROM sales_order WHERE state = 'SETTLED' AND cooling_off_end_time <= %(at)s
UNION ALL
SELECT 1 FROM group_filing
WHERE state IN ('FILED', 'CONFIRMED') AND protect_until_date < %(today)s
""",
    "crm": """
SELECT 1 FROM offer WHERE state IN ('CREATED', 'SHOWN', 'LATER') AND expire_time <= %(at)s
""",
}
END_TRANSACTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND state <> 'idle'
"""
QUIET = Habits(giving_up=0.0, hasty=0.0)

# Kill points by service: who answers, who asks, who applies.
SEAMS = {
    "channels": (
        "PlaceOrder/before_commit",
        "PlaceOrder/after_commit",
        "ReserveCredits/before_send",
        "ReserveCredits/after_reply",
        "PlaceOrder/after_ask",
        "InvoiceIssued/before_apply_commit",
        "InvoiceIssued/after_apply_commit",
        "CancelOrder/before_commit",
        "ShipOrder/after_commit",
        "RequestReturn/after_commit",
        "CreditReturn/before_commit",
        "CreditReturn/after_commit",
        "CreditNoteIssued/before_apply_commit",
        "CreditNoteIssued/after_apply_commit",
        "ReadEvents/after_reply",
        "PickShipment/before_commit",
        "PickShipment/after_commit",
        "DispatchShipment/before_commit",
        "DispatchShipment/after_commit",
        "DeliverShipment/after_commit",
        "FileClient/after_commit",
        "CreateContract/after_commit",
        "ApproveSealUse/after_commit",
        "SignContract/before_commit",
        "SignContract/after_commit",
    ),
    "settlement": (
        "ReserveCredits/before_commit",
        "ReserveCredits/after_commit",
        "OrderApproved/before_apply_commit",
        "OrderApproved/after_apply_commit",
        "OrderDelivered/before_apply_commit",
        "OrderDelivered/after_apply_commit",
        "OrderCancelled/before_apply_commit",
        "OrderCancelled/after_apply_commit",
        "ReturnCredited/before_apply_commit",
        "ReturnCredited/after_apply_commit",
        "RecordReceipt/before_commit",
        "RecordReceipt/after_commit",
        "MatchReceipt/before_commit",
        "MatchReceipt/after_commit",
        "ReadEvents/after_reply",
        "ReserveBudget/before_send",
        "ReserveBudget/after_reply",
        "RequestExpense/after_ask",
        "RequestExpense/before_commit",
        "RequestExpense/after_commit",
        "ConfirmReservation/after_reply",
        "SpendExpense/before_commit",
        "SpendExpense/after_commit",
        "ConsumeReservation/before_send",
        "ConsumeReservation/after_reply",
        "EvaluateExpense/before_commit",
        "EvaluateExpense/after_commit",
        "RecordPickup/before_commit",
        "RecordPickup/after_commit",
    ),
    "crm": (
        "AnswerOffer/after_ask",
        "PlaceOrder/after_reply",
        "AnswerOffer/before_commit",
        "AnswerOffer/after_commit",
        "PlaceOrder/before_send",
        "Decide/before_commit",
        "Decide/after_commit",
        "OrderApproved/before_apply_commit",
        "OrderApproved/after_apply_commit",
        "ReadEvents/after_reply",
    ),
    "planning": (
        "ActualPosted/before_apply_commit",
        "ActualPosted/after_apply_commit",
        "OfferAnswered/before_apply_commit",
        "OfferAnswered/after_apply_commit",
        "ReadEvents/after_reply",
        "ReserveBudget/before_commit",
        "ReserveBudget/after_commit",
        "ConfirmReservation/after_commit",
        "ConsumeReservation/before_commit",
        "ConsumeReservation/after_commit",
        "ReleaseReservation/after_commit",
        "ExpenseEvaluated/before_apply_commit",
        "ExpenseEvaluated/after_apply_commit",
    ),
}
# What clients have to do often enough for a seam to be passed three times in few orders.
HABITS_FOR: dict[str, dict[str, Any]] = {
    "RecordReceipt": {"paying": 0.8},
    "MatchReceipt": {"paying": 0.8},
    "Return": {"delivering": 0.9, "returning": 0.8},
    "CreditNote": {"delivering": 0.9, "returning": 0.8},
    "Expense": {"spending": 0.7},
    "Budget": {"spending": 0.7},
    "Reservation": {"spending": 0.7},
    "ReleaseReservation": {"spending": 0.9, "withdrawing": 0.7},
    "Contract": {"contracting": 0.5},
    "SealUse": {"contracting": 0.5},
    "FileClient": {"contracting": 0.5},
    "Shipment": {"delivering": 0.9, "picking": 0.8},
    "RecordPickup": {"delivering": 0.9, "fetching": 0.8},
}
# In the short form several services die in one round of orders.
WAVES = (
    {
        "channels": "PlaceOrder/after_commit",
        "settlement": "OrderApproved/before_apply_commit",
        "crm": "AnswerOffer/after_ask",
        "planning": "ActualPosted/after_apply_commit",
    },
    {
        "channels": "ReserveCredits/after_reply",
        "settlement": "ReserveCredits/after_commit",
        "crm": "AnswerOffer/before_commit",
        "planning": "ActualPosted/before_apply_commit",
    },
    {
        "channels": "CreditReturn/after_commit",
        "settlement": "ReturnCredited/before_apply_commit",
        "planning": "ReserveBudget/after_commit",
    },
)


@dataclass(slots=True)
class Found:
    """Hold what one trial was and what it found."""

    name: str
    orders: int
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)


@dataclass(slots=True)
class Bench:
    """Hold the stage with its company and crowd, and what was found so far.

    Shape: `quick` shortens what costs real time: leases are let run out, a peer is down for 2 s.
    """

    stage: Stage
    company: Company
    crowd: Crowd
    dice: Random
    quick: bool = True
    found: list[Found] = field(default_factory=list)

    def trial(self, name: str, act: Callable[[], int]) -> Found:
        """Run one trial, come to rest and check; only what is new counts as found.

        Shape: `act` returns how many orders it tried.
        """
        begin_s = time.monotonic()
        self.stage.marks.write("trial", name=name)
        now = Found(name, 0)
        try:
            now.orders = act()
            self._rest()
        except AssertionError as late:
            now.violations.append(Violation("the trial itself", str(late)))
            with suppress(AssertionError):
                self._rest()
        known = {str(one) for earlier in self.found for one in earlier.violations}
        now.violations += [one for one in self.checked() if str(one) not in known]
        now.seconds = time.monotonic() - begin_s
        self.found.append(now)
        return now

    def checked(self) -> list[Violation]:
        """Return what breaks the invariants, when one looks again as when one looks first: periodic
        work may act between two queries of the checker."""
        if not self._looked():
            return []
        with suppress(AssertionError):
            self.stage.settle()
        return self._looked()

    def _looked(self) -> list[Violation]:
        stage = self.stage
        return checker.check(
            journals=stage.journals,
            databases={
                service: libpq(stage.platform.database_url(service, "owner"))
                for service in SERVICES
            },
            telemetry=stage.places.telemetry,
        )

    def _rest(self) -> None:
        """Come to rest, let the time of reservations pass, and note what the desks of credit and
        budget say."""
        self.stage.arm()
        self._mend()
        self.stage.settle()
        self.stage.clock.advance(EXPIRY)
        for partner_id in self.company.partners:
            account = self.stage.call(
                credit.GetCreditAccountRequest(partner_id=partner_id), role="finance"
            ).account
            self.stage.marks.write(
                "observed", partner_id=partner_id, reserved_minor=account.reserved.amount_minor
            )
        for line_id in self.company.expense_lines:
            minor = expense_desk.line_of(self.stage, line_id).reserved.amount_minor
            self.stage.marks.write("budget observed", budget_line_id=line_id, reserved_minor=minor)

    def _mend(self) -> None:
        if not self.stage.platform.postgres.is_running():
            self.stage.revive_postgres()
        self.stage.revive(*self.stage.dead(), hurry=self.quick)


def plain(bench: Bench, count: int) -> int:
    """Break nothing: what the harness finds here is wrong without any fault."""
    bench.crowd.order(count)
    return count


def kill_at(bench: Bench, seams: Sequence[str], count: int) -> int:
    """Kill services at seams while orders are in flight, and start them again."""
    armed = {f"{seam}#{bench.dice.randint(1, 3)}" for seam in seams}
    victims = {seam.partition("/")[0]: seam for seam in armed}
    fallen: set[str] = set()
    stage = bench.stage

    def mended() -> None:
        for service in stage.dead():
            stage.marks.write("killed", service=service, seam=victims.get(service, ""))
            fallen.add(service)
            stage.arm(*(one for name, one in victims.items() if name not in fallen))
            stage.revive(service, hurry=bench.quick)

    def is_over(running: Any) -> bool:
        mended()
        return bool(running.is_done)

    wanted = [habits for what, habits in HABITS_FOR.items() if what in str(armed)]
    more = dict(chain.from_iterable(one.items() for one in wanted))
    crowd = replace(bench.crowd, habits=replace(bench.crowd.habits, **more))
    stage.arm(*armed)
    with crowd.ordering(count) as running:
        until(lambda: is_over(running), f"{count} orders with {armed}", within_s=180)
    # What the last orders bring about may still have to be applied.
    _await_fall(mended, victims, fallen)
    return count


def _await_fall(mended: Callable[[], None], victims: dict[str, str], fallen: set[str]) -> None:
    def have_fallen() -> bool:
        mended()
        return fallen >= victims.keys()

    with suppress(AssertionError):
        until(have_fallen, "all to fall", within_s=FALL_S)
    left = sorted(seam for service, seam in victims.items() if service not in fallen)
    assert not left, f"{FALL_S} s after the orders nobody had passed {', '.join(left)}"


def crash_of_the_server(bench: Bench, count: int) -> int:
    """Crash the database server of all four services at once; they come back by themselves."""
    stage, down_s = bench.stage, bench.dice.uniform(0.1, 0.5 if bench.quick else 5.0)
    pids = {service: stage.pid(service) for service in SERVICES}
    with bench.crowd.ordering(count):
        until(lambda: bench.crowd.done >= count // 4, "a quarter of the orders", within_s=60)
        stage.crash_postgres()
        _pass(down_s)
        stage.revive_postgres()
    stayed = {service: stage.pid(service) for service in SERVICES}
    assert stayed == pids, f"a crash of the database ended services: {pids} became {stayed}"
    return count


def loss_of_a_database(bench: Bench, service: str, count: int) -> int:
    """Take one service's database away for a moment: nobody in, all sessions ended."""
    stage, down_s = bench.stage, bench.dice.uniform(0.1, 0.5 if bench.quick else 5.0)
    with bench.crowd.ordering(count):
        until(lambda: bench.crowd.done >= count // 4, "a quarter of the orders", within_s=60)
        stage.marks.write("killed", service=f"database {service}")
        with stage.platform.postgres.admin() as admin:
            admin.execute(f"ALTER DATABASE {service} ALLOW_CONNECTIONS false")
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [service],
            )
            _pass(down_s)
            admin.execute(f"ALTER DATABASE {service} ALLOW_CONNECTIONS true")
        stage.marks.write("healed", service=f"database {service}")
    return count


def lost_replies(bench: Bench, count: int) -> int:
    """Lose answers after the commit, of channels, crm and settlement."""
    stage = bench.stage
    proxies = {
        service: LosingProxy(int(stage.platform.address(service).rpartition(":")[2]))
        for service in ("channels", "crm", "settlement")
    }
    ends = {service: channel(proxy.start()) for service, proxy in proxies.items()}

    def stub(method: Method) -> Any:
        service = service_of(method)
        if bench.dice.random() < 0.25:
            proxies[service].lose()
        return ends[service].unary_unary(f"/{method.name}")

    crowd = replace(bench.crowd, stub=stub, habits=replace(bench.crowd.habits, paying=0.5))
    # Few at a time, because a cut connection takes the answers of all its calls with it.
    crowd.order(count, clients=4)
    for service, proxy in proxies.items():
        ends[service].close()
        proxy.stop()
    lost = {service: proxy.lost for service, proxy in proxies.items()}
    stage.marks.write("lost", answers=lost)
    assert sum(lost.values()) >= count // 4, f"hardly an answer was lost: {lost}"
    return count


def replays(bench: Bench, *, shards: Sequence[int]) -> int:
    """Set cursors back to the beginning: everything is applied again, and nothing changes."""
    stage = bench.stage
    _catch_up(stage)
    before = _digests(stage)
    for service in SERVICES:
        stage.change(
            service,
            "UPDATE subscription_cursor SET position = 0 WHERE shard = ANY(%(shards)s)",
            shards=list(shards),
        )
    stage.settle(within_s=REPLAY_S)
    after = _digests(stage)
    changed = sorted(name for name, digest in after.items() if before[name] != digest)
    assert not changed, f"replayed events changed {', '.join(changed)}"
    return 0


def _catch_up(stage: Stage) -> None:
    """Let done what the day asks for, which whoever turned the calendar has not waited for.

    Shape: some of it comes once a minute, and at once when a process starts.
    """
    for service in DUE:
        stage.terminate(service)
        stage.revive(service)
    now = {"at": stage.clock.now(), "today": stage.today}
    until(
        lambda: not any(stage.rows(service, query, **now) for service, query in DUE.items()),
        "what is due to be done",
    )
    stage.settle()


def _digests(stage: Stage) -> dict[str, str]:
    """Return a digest of each table's rows, without the reader's own notes."""
    found = {}
    for service in SERVICES:
        tables = stage.rows(
            service,
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            # A reader's own notes, a number that only tells a cache to look again, how far the
            # ledger was sealed meanwhile, and how far the cube's acts were folded, which all stay.
            " AND tablename NOT LIKE 'subscription_%'"
            " AND tablename NOT IN ('rule_change', 'ledger_block', 'ledger_state',"
            " 'cube_chunk', 'cube_page', 'cube_version')",
        )
        for (table,) in tables:
            [(digest,)] = stage.rows(
                service,
                f"SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {table} t",
            )
            found[f"{service}.{table}"] = digest
    return found


def poison(bench: Bench, count: int) -> int:
    """Give settlement a delivery that it cannot invoice; its key alone waits, until one command."""
    stage = bench.stage
    order = orders.PlaceOrderRequest(partner_id=POISONED, customer_id=f"P{new_id()}", source=2)
    order.lines.add(product_id=CARD, quantity=1)
    order_id = _placed_by_hand(bench, order)
    stage.change("settlement", POISON.format(order_id=order_id))
    try:
        _placed_by_hand(bench, orders.ShipOrderRequest(order_id=order_id, carrier="own"))
        _placed_by_hand(bench, orders.DeliverOrderRequest(order_id=order_id, proof="slip"))
        until(lambda: len(_parked(stage)) == 1, "the delivery to be parked", within_s=30)
        _placed_by_hand(bench, orders.CancelOrderRequest(order_id=order_id, reason="no more"))
        bench.crowd.order(count)
        until(lambda: len(_parked(stage)) == 2, "the next fact of its key to wait", within_s=30)
        stage.settle()
        keys = {key for _, key in _parked(stage)}
        assert len(keys) == 1, f"one poisoned order blocks {keys}"
    finally:
        stage.change("settlement", "DROP TRIGGER poison ON invoice")
        waiting = _parked(stage)
        stage.call(
            log_pb.ReplayParkedEventRequest(event_id=waiting[0][0]),
            role="business_support",
            service="settlement",
        )
    assert not _parked(stage), f"one command left events parked: {_parked(stage)}"
    return count + 1


POISON = """
CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'poisoned on purpose'; END $$;
CREATE TRIGGER poison BEFORE INSERT ON invoice FOR EACH ROW WHEN (NEW.order_id = '{order_id}')
  EXECUTE FUNCTION poison();
"""


def _parked(stage: Stage) -> list[tuple[str, str]]:
    return stage.rows(
        "settlement",
        "SELECT event_id::text, ordering_key FROM parked_event WHERE applied_time IS NULL"
        " ORDER BY position",
    )


def _placed_by_hand(bench: Bench, request: Any) -> str:
    """Send a request as the harness itself, with a journal of its own."""
    request.request_id = new_id()
    method = type(request).__name__.removesuffix("Request")
    asked = {name: getattr(request, name, "") for name in ("customer_id", "order_id")}
    bench.stage.marks.write("asked", request_id=request.request_id, method=method, asked=asked)
    order = bench.stage.call(request, role="sales_administration").order
    answer = {"digest": "", "order_id": order.order_id}
    bench.stage.marks.write("ok", request_id=request.request_id, answer=answer)
    return str(order.order_id)


def peer_down(bench: Bench, count: int, *, down_s: float) -> int:
    """Kill settlement for a while in the middle of orders; afterwards each has its accrual."""
    with bench.crowd.ordering(count):
        until(lambda: bench.crowd.done >= count // 3, "a third of the orders", within_s=60)
        bench.stage.kill("settlement")
        _pass(down_s)
        bench.stage.revive("settlement", hurry=bench.quick)
    return count


def orderly_leave(bench: Bench, count: int) -> int:
    """Ask one of two processes of channels to leave under load; no call may fail."""
    stage = bench.stage
    other = stage.second("channels")
    addresses = {service: stage.platform.address(service) for service in SERVICES}
    addresses["channels"] = f"ipv4:{addresses['channels']},{other.address}"
    options = [*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0)]
    # To the others too, because a service ends each connection after some minutes.
    ends = {
        service: grpc.insecure_channel(address, options=options)
        for service, address in addresses.items()
    }

    def stub(method: Method) -> Any:
        return ends[service_of(method)].unary_unary(f"/{method.name}")

    habits = replace(
        bench.crowd.habits, hasty=0.0, timeout_s=CALL_S, sources=("OFFICE", "PARTNER", "OFFER")
    )
    crowd = replace(bench.crowd, stub=stub, habits=habits)
    begin_s = time.time()
    with crowd.ordering(count):
        until(lambda: crowd.done >= count // 4, "a quarter of the orders", within_s=60)
        stage.terminate("channels")
    for end in ends.values():
        end.close()
    stage.revive("channels", hurry=bench.quick)
    other.terminate()
    failed = [
        line
        for path in stage.journals.glob("*.jsonl")
        for line in map(json.loads, path.read_text().splitlines())
        if line["at_s"] > begin_s and line["act"] == "unknown"
    ]
    codes = sorted({f"{line['code']} {line['reason']}" for line in failed})
    assert not failed, f"{len(failed)} calls failed while a process left: {codes}"
    return count


def zombie(bench: Bench, count: int) -> int:
    """Let a reader stand still past its lease; who took over is not disturbed by its return."""
    stage = bench.stage
    crowd = replace(bench.crowd, habits=replace(QUIET, cancelling=0.0, delivering=0.0))
    crowd.order(count)
    stage.settle()
    pid = stage.pid("settlement")
    assert pid is not None
    # Standing still, it has read these facts and begun nothing.
    stage.arm("settlement/OrderCancelled/before_apply=stop")
    for order_id in _living(stage)[:count]:
        _placed_by_hand(bench, orders.CancelOrderRequest(order_id=order_id, reason="no more"))
    until(lambda: _is_stopped(pid), "the reader to stand still")
    stage.arm()
    if bench.quick:
        stage.expire_leases("settlement")
        _end_transactions(stage, "settlement")
    else:
        # What its other threads have open, PostgreSQL ends in half a minute.
        _pass(LEASE_OVER_S)
    second = stage.second("settlement")
    until(lambda: not _behind(stage), "the second settlement to apply the facts", within_s=60)
    stage.marks.write("resumed", service="settlement", instance=_instance(pid))
    os.kill(pid, signal.SIGCONT)
    until(lambda: _is_member(stage, pid), "the first to ask for leases again", within_s=30)
    # Both leave in order, so that both export what they did.
    second.terminate()
    stage.terminate("settlement")
    stage.revive("settlement")
    return count


def _end_transactions(stage: Stage, service: str) -> None:
    """End what a process that stands still has open in its database."""
    with stage.platform.postgres.admin() as admin:
        until(
            lambda: not admin.execute(END_TRANSACTIONS, [service]).fetchall(),
            "all of it to be idle",
        )


def _living(stage: Stage) -> list[str]:
    rows = stage.rows(
        "channels",
        "SELECT order_id::text FROM sales_order WHERE state IN ('APPROVED', 'ALLOCATED')"
        " ORDER BY create_time DESC",
    )
    return [order_id for (order_id,) in rows]


def _behind(stage: Stage) -> bool:
    """Tell whether settlement still has to apply facts of channels."""
    [(head,)] = stage.rows("channels", "SELECT max(position) FROM event_position")
    [(position,)] = stage.rows(
        "settlement", "SELECT min(position) FROM subscription_cursor WHERE source = 'channels'"
    )
    return bool(position < head)


def _instance(pid: int) -> str:
    return f"{socket.gethostname()}-{pid}"


def _is_member(stage: Stage, pid: int) -> bool:
    """Tell whether a process of settlement is counted among its readers now."""
    return bool(
        stage.rows(
            "settlement",
            "SELECT 1 FROM subscription_member WHERE owner = %(owner)s AND until > now()"
            " AND source = 'channels'",
            owner=_instance(pid),
        )
    )


def _is_stopped(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return "\nState:\tT" in status


def _pass(seconds: float) -> None:
    """Let real time pass, which is what is being tried."""
    ends_s = time.monotonic() + seconds
    until(lambda: time.monotonic() >= ends_s, "time to pass", within_s=seconds + 5)
