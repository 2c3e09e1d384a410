"""Commission of shares of amounts, taken back in parts, split, and stated by month, through the
real server."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from mantle.channels.v1 import events_pb2 as channels
from mantle.channels.v1 import order_pb2
from mantle.crm.v1 import events_pb2 as crm
from mantle.settlement.v1 import bill_service_pb2 as bills
from mantle.settlement.v1 import (
    commission_pb2,
    events_pb2,
    invoice_service_pb2,
    ledger_service_pb2,
)
from mantle.settlement.v1 import commission_service_pb2 as pb
from mantle.work.v1 import work_pb2
from mantle.work.v1 import work_service_pb2 as work

from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.policy.parameters import Value
from chassis.scope import Caller
from chassis.work.domain import Cursor
from settlement.commission import stating, storage, usecases
from settlement.commission.domain import Share
from settlement.commission.earning import SaleLine
from settlement.credit import usecases as limits
from settlement.receivable import usecases as receivable
from settlement.receivable.credit_note import Returned
from settlement.receivable.crediting import Taken
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cny,
    confirm_commission,
    deliver,
    events_of,
    open_units,
    tell,
    tell_within,
    waiting,
)
from tests.support.policies_settlement import in_force
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World
from tests.support.waiting import until


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    for partner_id in ("A1", "A2"):
        activate(world, partner_id, limit_minor=10**12)
    return world


def rules(
    world: World,
    parameters: Mapping[str, Value],
    conditions: dict[str, str],
    partner_id: str = "A1",
) -> None:
    """Put commission rules of a partner in force from today on."""
    in_force(world, "commission", parameters, conditions, scope=f"partner:{partner_id}")


def sales_share(world: World, basis: str, partner_id: str = "A1") -> None:
    shares: Mapping[str, Value] = {"sales": {"rate": "0.03", "basis": basis}}
    rules(world, {"per_amount": shares}, {"sales": "amount_minor > 0"}, partner_id)


def sold(world: World, *lines: tuple[str, int, int], partner_id: str = "A1") -> order_pb2.Order:
    order = approve(world, an_order(*lines, partner_id=partner_id))
    return deliver(world, order)


def tick(world: World, days: int = 8) -> None:
    """Let time pass, and confirm as the tick does."""
    world.clock.advance(timedelta(days=days))
    confirm_commission(world)


def give_back(world: World, order: order_pb2.Order, *lines: tuple[str, int, int]) -> None:
    """Take back what returned lines earned, as a return does in its own transaction."""
    service = world.services["settlement"]
    back = [SaleLine(product, pieces, Money("CNY", minor)) for product, pieces, minor in lines]

    def act(tx: object) -> Outcome[None]:
        done = usecases.give_back(
            tx,  # type: ignore[arg-type]
            order_id=order.order_id,
            return_id=new_id(),
            lines=back,
            at=world.clock.now(),
            zone=service.settings.time_zone,
        )
        return Outcome(None, facts=done.facts)

    service.back_door.act("return", act)


def receive(world: World, amount_minor: int, partner_id: str = "A1") -> None:
    world.call(
        invoice_service_pb2.RecordReceiptRequest(
            partner_id=partner_id, amount=cny(amount_minor), reference=new_id()
        ),
        role="finance",
    )


def entries(world: World, order_id: str = "") -> list[commission_pb2.CommissionEntry]:
    request = pb.ListCommissionEntriesRequest(order_id=order_id)
    return list(world.call(request, role="finance").entries)


def balance(world: World, account_id: str) -> int:
    request = ledger_service_pb2.GetAccountRequest(account_id=account_id)
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found


def settle(world: World, month: str, *, dry_run: bool = False) -> work_pb2.Run:
    """State a month and wait for the end."""
    request = pb.SettleCommissionRequest(month=month, dry_run=dry_run)
    run: work_pb2.Run = world.call(request, role="finance").run
    wanted = work.GetRunRequest(run_id=run.run_id)

    def ended() -> bool:
        found = world.call(wanted, role="finance", service="settlement").run
        return bool(found.state == work_pb2.Run.STATE_DONE)

    until(ended, "the month is stated")
    done: work_pb2.Run = world.call(wanted, role="finance", service="settlement").run
    return done


def statements(world: World, **filters: str) -> list[commission_pb2.IssuedCommissionStatement]:
    request = pb.ListCommissionStatementsRequest(**filters)  # type: ignore[arg-type]
    return list(world.call(request, role="finance").statements)


@req("R-117")
def test_the_basis_decides_whether_sales_or_the_money_for_them_earn(books: World) -> None:
    sales_share(books, "posting", "A1")
    sales_share(books, "cash", "A2")
    for partner_id in ("A1", "A2"):
        sold(books, ("P1", 200_000, 171_000_000), partner_id=partner_id)
    before = {one.partner_id: one.amount for one in entries(books)}

    receive(books, 100_000_000, "A2")
    receive(books, 53_900_000, "A2")

    on_cash = [one for one in entries(books) if one.partner_id == "A2"]
    assert before == {"A1": cny(5_130_000)}
    assert [one.amount for one in on_cash] == [cny(3_000_000), cny(1_617_000)]
    assert {(one.share, one.basis) for one in on_cash} == {
        ("0.03", commission_pb2.CommissionEntry.BASIS_CASH)
    }
    assert balance(books, "commission_expense:hq:CNY") == 5_130_000 + 4_617_000
    assert [one.confirm_date for one in on_cash] == ["2026-03-10"] * 2


@req("R-096", "R-124")
def test_a_return_after_the_payment_is_on_the_next_statement(books: World) -> None:
    sales_share(books, "posting")
    order = sold(books, ("P1", 1_000, 855_000))
    tick(books, days=31)
    settle(books, "2026-03")
    books.call(pb.PayCommissionRequest(partner_id="A1"), role="finance")

    give_back(books, order, ("P1", 100, 85_500))
    tick(books, days=31)
    run = settle(books, "2026-04")
    again = settle(books, "2026-04")

    march, april = statements(books, partner_id="A1")
    [entry] = entries(books)
    assert (march.month, march.entry_count, march.total) == ("2026-03", 1, cny(25_650))
    assert (april.entry_count, april.reversal_count, april.total) == (0, 1, cny(-2_565))
    assert (entry.reversed_amount, entry.statement_id) == (cny(2_565), march.statement_id)
    assert (again.run_id, again.done_count) == (run.run_id, 1)
    assert balance(books, "commission_payable:A1:CNY") == -2_565
    give_back(books, order, ("P1", 900, 769_500))
    assert balance(books, "commission_expense:hq:CNY") == 0


@req("R-096")
@pytest.mark.parametrize("goods_first", [True, False])
def test_a_return_of_what_was_paid_for_takes_back_commission_on_cash(
    books: World, goods_first: bool
) -> None:
    """Whatever comes first, the credit note or the returned goods, what is kept earns, and goods
    that earn nothing take nothing back."""
    shares: Mapping[str, Value] = {"sales": {"rate": "0.03", "basis": "cash"}}
    rules(books, {"per_amount": shares}, {"sales": "product_id == 'P1'"})
    order = sold(books, ("P1", 1_000, 855_000), ("P2", 5, 145_000))
    receive(books, 1_000_000)
    left = [balance(books, "commission_accrued:A1:CNY")]

    for line in (("P2", 2, 58_000), ("P1", 100, 85_500), ("P2", 3, 87_000), ("P1", 900, 769_500)):
        steps = [give_back, credit] if goods_first else [credit, give_back]
        for step in steps:
            step(books, order, line)
        left.append(balance(books, "commission_accrued:A1:CNY"))

    assert left == [25_650, 25_650, 25_650 - 2_565, 25_650 - 2_565, 0]
    assert balance(books, "commission_expense:hq:CNY") == 0
    assert balance(books, "receivable:A1:CNY") == 0


def credit(world: World, order: order_pb2.Order, *lines: tuple[str, int, int]) -> None:
    """Issue the credit note of a return."""
    service = world.services["settlement"]
    taken = Taken(
        order_id=order.order_id,
        partner_id=order.partner_id,
        credit_note_id=new_id(),
        reason="return",
        at=world.clock.now(),
        lines=[Returned(product, pieces) for product, pieces, _ in lines],
    )
    service.back_door.act(
        "credit",
        lambda tx: receivable.credit(tx, taken, zone=service.settings.time_zone),
    )


@req("R-124")
@pytest.mark.parametrize("basis", ["posting", "cash"])
def test_a_credit_note_by_hand_takes_commission_back_too(books: World, basis: str) -> None:
    """Half of the goods are not sold any more, so they earn nothing, whoever said so."""
    sales_share(books, basis)
    order = sold(books, ("P1", 10, 855_000))
    receive(books, 427_500)
    wanted = invoice_service_pb2.ListInvoicesRequest(order_id=order.order_id)
    [invoice] = books.call(wanted).invoices
    item = invoice_service_pb2.CreditNoteItem(product_id="P1", quantity=5)

    books.call(
        invoice_service_pb2.IssueCreditNoteRequest(
            invoice_id=invoice.invoice_id, items=[item], reason="never delivered"
        ),
        role="finance",
    )

    assert balance(books, "commission_accrued:A1:CNY") == 12_825
    assert balance(books, "commission_expense:hq:CNY") == 12_825


def test_very_many_entries_are_stored_at_once(books: World) -> None:
    """PostgreSQL takes 65,535 parameters a statement at most."""
    sales_share(books, "posting")
    order = sold(books, ("P1", 1, 855_000))
    with books.services["settlement"].database.transaction() as tx:
        [entry] = storage.of_order(tx, order.order_id)
        others = [replace(entry.confirm(), entry_id=new_id()) for _ in range(65_536)]

        storage.save(tx, others)

    assert [one.state for one in entries(books)] == [commission_pb2.CommissionEntry.STATE_ACCRUED]


@req("R-124", "R-125")
def test_a_return_that_waits_for_a_split_takes_its_shares_back(books: World) -> None:
    """The shares are new rows, which a statement that waits for the old one does not see."""
    sales_share(books, "posting")
    order = sold(books, ("P1", 10, 855_000))
    [entry] = entries(books, order.order_id)
    by = Caller("li.wei", frozenset({"finance"}), ROOT_UNIT, "li.wei")
    shares = [Share("A1", 1), Share("A2", 1)]
    at, on = books.clock.now(), date(2026, 3, 2)

    with ThreadPoolExecutor(1) as pool:
        with books.services["settlement"].database.transaction() as tx:
            usecases.split(tx, entry_id=entry.entry_id, shares=shares, by=by, at=at, on=on)
            returned = pool.submit(give_back, books, order, ("P1", 10, 855_000))
            until(lambda: waiting(books) > 0, "the return waits")
        returned.result(30)

    accounts = (
        "commission_accrued:A1:CNY",
        "commission_accrued:A2:CNY",
        "commission_expense:hq:CNY",
    )
    assert [balance(books, one) for one in accounts] == [0, 0, 0]


def match_by_hand(world: World) -> None:
    """Pay by hand with a receipt that waits for it."""
    [receipt] = world.call(invoice_service_pb2.ListReceiptsRequest(partner_id="A1")).receipts
    request = invoice_service_pb2.MatchReceiptRequest(receipt_id=receipt.receipt_id)
    world.call(request, role="finance")


def honour_a_bill(world: World) -> None:
    request = bills.RecordBillRequest(
        partner_id="A1", bill_number="B-1", drawer="a bank", amount=cny(100), due_date="2026-06-30"
    )
    bill_id = world.call(request, role="finance").bill.bill_id
    world.call(bills.HonourBillRequest(bill_id=bill_id), role="finance")


@pytest.mark.parametrize("pay", [lambda world: receive(world, 100), match_by_hand, honour_a_bill])
def test_money_that_earns_commission_does_not_wait_in_a_circle(
    books: World, pay: Callable[[World], None]
) -> None:
    """A stretch of facts holds the expense of the unit when it comes to the credit of the next
    partner; who pays holds that credit, so it must not begin to wait for the expense."""
    sales_share(books, "cash", "A1")
    sales_share(books, "posting", "A2")
    sold(books, ("P1", 10, 855_000))
    unmatched = invoice_service_pb2.RecordReceiptRequest(
        partner_id="A1", amount=cny(855_000), reference="BANK-1", by_hand=True
    )
    books.call(unmatched, role="finance")
    service = books.services["settlement"]
    order = an_order(("P1", 1, 10_000), partner_id="A2")

    with ThreadPoolExecutor(1) as pool, service.database.transaction() as stretch:
        tell_within(books, stretch, channels.OrderApproved(order=order))
        paid = pool.submit(pay, books)
        until(lambda: waiting(books) > 0, "the payment waits")
        stretch.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
        locked = limits.find_all(stretch, ["A1"], lock=True)

    paid.result(30)
    assert list(locked) == ["A1"]
    assert balance(books, "commission_accrued:A1:CNY") in (3, 25_650)
    assert balance(books, "commission_accrued:A2:CNY") == 300


def a_month_of_sales(world: World) -> None:
    """Sell a hundred cards and realise forty offers."""
    cards = ("CARD-8", 100, 500_000)
    partner = order_pb2.ORDER_SOURCE_PARTNER
    deliver(world, approve(world, an_order(cards, partner_id="A1", source=partner)))
    for _ in range(40):
        line, source = ("P1", 1, 1_000), order_pb2.ORDER_SOURCE_OFFER
        order = an_order(line, partner_id="A1", source=source, offer_id=new_id())
        deliver(world, approve(world, order))


@req("R-118", "R-124")
def test_a_month_is_stated_once_whoever_asks(books: World) -> None:
    a_month_of_sales(books)
    with pytest.raises(Refused) as early:
        settle(books, "2026-03")
    tick(books, days=31)
    preview = settle(books, "2026-03", dry_run=True)
    before = statements(books)
    barrier, found = threading.Barrier(2), []

    def ask() -> None:
        barrier.wait()
        found.append(settle(books, "2026-03").run_id)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [statement] = statements(books, month="2026-03")
    [fact] = events_of(books, events_pb2.CommissionStated)
    assert early.value.reason == "COMMISSION_MONTH_NOT_OVER"
    assert (preview.done_count, before) == (1, [])
    assert len(set(found)) == 1
    assert (statement.entry_count, statement.total) == (41, cny(220_000))
    assert (fact.statement_id, fact.total) == (statement.statement_id, cny(220_000))
    paid = books.call(pb.PayCommissionRequest(partner_id="A1"), role="finance").payment
    assert paid.amount == cny(220_000)


@req("R-118", "R-124")
def test_what_is_paid_before_its_month_is_stated_is_on_that_statement(books: World) -> None:
    """A statement without it would take off what came back of it, and never have had it."""
    sales_share(books, "posting")
    kept, lost = (sold(books, ("P1", 1_000, minor)) for minor in (855_000, 100_000))
    tick(books, days=10)
    paid = books.call(pb.PayCommissionRequest(partner_id="A1"), role="finance").payment
    give_back(books, kept, ("P1", 100, 85_500))
    give_back(books, lost, ("P1", 1_000, 100_000))
    tick(books, days=21)

    settle(books, "2026-03")
    tick(books, days=31)
    settle(books, "2026-04")

    [march] = statements(books)
    states = [one.state for one in entries(books)]
    assert paid.amount == cny(28_650)
    assert (march.month, march.entry_count, march.reversal_count) == ("2026-03", 2, 2)
    assert (march.earned_amount, march.reversed_amount) == (cny(28_650), cny(2_565 + 3_000))
    assert march.total == cny(28_650 + balance(books, "commission_payable:A1:CNY"))
    assert states == [
        commission_pb2.CommissionEntry.STATE_PAID,
        commission_pb2.CommissionEntry.STATE_REVERSED,
    ]


def test_a_chunk_that_dies_is_done_again_and_counts_once(books: World) -> None:
    for partner_id in ("A1", "A2"):
        sales_share(books, "posting", partner_id)
        sold(books, ("P1", 1, 10_000), partner_id=partner_id)
    tick(books, days=31)
    service = books.services["settlement"]
    cursors: list[Cursor] = [{"month": "2026-03", "after": ""}]

    for dies in (False, True, False, True, False):
        with suppress(RuntimeError), service.database.transaction() as tx:
            done = stating.chunk(tx, cursors[-1], today=date(2026, 4, 2), partners=1)
            if dies:
                raise RuntimeError("the pod is gone")
            cursors += [done.cursor] if done.cursor else []

    stated = statements(books)
    assert [one["after"] for one in cursors] == ["", "A1", "A2"]
    assert [(one.partner_id, one.total) for one in stated] == [("A1", cny(300)), ("A2", cny(300))]


@req("R-125")
def test_a_cross_sale_is_shared(books: World) -> None:
    rates: Mapping[str, Value] = {"whole": {"amount_minor": 50_000, "currency_code": "CNY"}}
    rules(books, {"per_order": rates}, {"whole": "true"})
    order = sold(books, ("P1", 3, 90_000))
    [whole] = entries(books, order.order_id)
    shares = [
        commission_pb2.CommissionShare(partner_id="A1", weight=60),
        commission_pb2.CommissionShare(partner_id="A2", weight=40),
    ]
    request = pb.SplitCommissionRequest(entry_id=whole.entry_id, shares=shares)

    parts = books.call(request, role="finance").entries

    assert [(one.partner_id, one.amount) for one in parts] == [
        ("A1", cny(30_000)),
        ("A2", cny(20_000)),
    ]
    assert balance(books, "commission_accrued:A1:CNY") == 30_000
    assert balance(books, "commission_expense:hq:CNY") == 50_000
    with pytest.raises(Refused) as again:
        books.call(request, role="finance")
    assert again.value.reason == "COMMISSION_SPLIT_FORBIDDEN"
    give_back(books, order, ("P1", 1, 30_000))
    assert balance(books, "commission_accrued:A2:CNY") == 13_333
    give_back(books, order, ("P1", 2, 60_000))
    assert balance(books, "commission_expense:hq:CNY") == 0
    missing = pb.SplitCommissionRequest(entry_id=new_id(), shares=shares)
    with pytest.raises(Refused) as unknown:
        books.call(missing, role="finance")
    assert unknown.value.reason == "COMMISSION_ENTRY_NOT_FOUND"


@req("R-120")
def test_a_front_line_is_paid_for_its_successes_of_the_day(books: World) -> None:
    rates: Mapping[str, Value] = {"success": {"amount_minor": 600, "currency_code": "CNY"}}
    rules(books, {"per_order": rates}, {"success": "source == 'OFFER'"})
    offers = [new_id() for _ in range(35)]
    shown = [crm.OfferShown(offer_id=one, partner_id="A1", unit_id=ROOT_UNIT) for one in offers]
    tell(books, *shown, crm.OfferShown(offer_id=new_id(), unit_id=ROOT_UNIT), source="crm")
    for offer_id in offers[:7]:
        source = order_pb2.ORDER_SOURCE_OFFER
        approve(
            books, an_order(("P1", 1, 1_000), partner_id="A1", source=source, offer_id=offer_id)
        )

    request = pb.GetCommissionDayRequest(partner_id="A1", day="2026-03-02")
    day = books.call(request, role="finance").day

    assert (day.opportunity_count, day.success_count, day.amount) == (35, 7, cny(4_200))
    assert list(day.offer_ids) == sorted(offers[:7])
