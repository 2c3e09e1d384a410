"""How money comes in: pick-up notes, matching by hand, bills, ages, reminders, targets, the overdue
block and credit notes for parts; each story through the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any

import pytest
from mantle.channels.v1 import events_pb2 as channels
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import (
    bill_pb2,
    collection_pb2,
    credit_service_pb2,
    events_pb2,
    invoice_pb2,
)
from mantle.settlement.v1 import bill_service_pb2 as bills
from mantle.settlement.v1 import collection_service_pb2 as pb
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1.invoice_pb2 import Invoice
from mantle.settlement.v1.ledger_pb2 import Transfer

from chassis.ids import new_id
from settlement.receivable import due
from settlement.receivable import usecases as receivable
from settlement.receivable.credit_note import CreditNote
from tests.support.facts_settlement import (
    activate,
    an_order,
    cny,
    deliver,
    events_of,
    open_units,
    opening_receivable,
    tell,
)
from tests.support.requirements import req
from tests.support.server import Refused, World
from tests.support.waiting import until

WITHIN_S = 30.0
OVERDUE = events_pb2.AccountBlocked.CAUSE_OVERDUE
BY_FINANCE = events_pb2.AccountBlocked.CAUSE_MANUAL


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/", "hq/r2/")
    activate(world)
    return world


def delivered(world: World, *lines: tuple[str, int, int], **fields: Any) -> Invoice:
    order = deliver(world, an_order(*(lines or (("P1", 100, 855_000),)), **fields))
    [invoice] = world.call(invoices.ListInvoicesRequest(order_id=order.order_id)).invoices
    assert isinstance(invoice, Invoice)
    return invoice


def invoice_of(world: World, invoice_id: str) -> Invoice:
    found: Invoice = world.call(invoices.GetInvoiceRequest(invoice_id=invoice_id)).invoice
    return found


def receive(
    world: World, amount_minor: int, *, by_hand: bool = False, partner_id: str = "D1"
) -> invoice_pb2.Receipt:
    request = invoices.RecordReceiptRequest(
        partner_id=partner_id, amount=cny(amount_minor), reference=new_id(), by_hand=by_hand
    )
    receipt: invoice_pb2.Receipt = world.call(request, role="finance").receipt
    return receipt


def match(world: World, receipt_id: str, invoice_id: str = "", minor: int = 0) -> Any:
    request = invoices.MatchReceiptRequest(
        receipt_id=receipt_id, invoice_id=invoice_id, amount=cny(minor) if minor else None
    )
    return world.call(request, role="finance").receipt


def pick_up(world: World, invoice_id: str, quantity: int) -> Invoice:
    request = invoices.RecordPickupRequest(
        invoice_id=invoice_id,
        lines=[invoice_pb2.PickupLine(product_id="P1", quantity=quantity)],
        slip="S-1",
    )
    found: Invoice = world.call(request, role="logistics").invoice
    return found


def balances(world: World, *account_ids: str) -> list[int]:
    """Return balances in fen; an account that nothing was posted to yet has none."""
    rows = dict(
        world.rows(
            "settlement",
            "SELECT account_id, debits_minor - credits_minor FROM account "
            "WHERE account_id = ANY(%(ids)s)",
            ids=list(account_ids),
        )
    )
    return [abs(rows.get(one, 0)) for one in account_ids]


def reasons(*acts: Callable[[], Any]) -> list[str]:
    """Do all at once and return the reasons of those that were refused; empty for a success."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> str:
        barrier.wait(10)
        try:
            act()
        except Refused as refused:
            return refused.reason
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as found:
        act()
    return found.value.reason


def on(world: World, text: str) -> None:
    """Let it be noon of a day at the company."""
    world.clock.set(datetime.fromisoformat(f"{text}T04:00:00").replace(tzinfo=UTC))


@req("R-133")
def test_goods_are_picked_up_to_the_piece_and_then_settlement_opens(books: World) -> None:
    invoice = delivered(books)
    assert refusal(lambda: pick_up(books, invoice.invoice_id, 120)) == "PICKUP_EXCEEDS_INVOICE"

    first = pick_up(books, invoice.invoice_id, 60)
    receipt = receive(books, 855_000)
    by_hand = refusal(lambda: match(books, receipt.receipt_id, invoice.invoice_id))
    too_much = reasons(*[lambda: pick_up(books, invoice.invoice_id, 40)] * 2)

    found = invoice_of(books, invoice.invoice_id)
    assert (first.pickup_state, receipt.unallocated_amount) == (
        Invoice.PICKUP_STATE_OPEN,
        cny(855_000),
    )
    assert (by_hand, too_much) == ("PICKUP_OPEN", ["", "PICKUP_EXCEEDS_INVOICE"])
    assert (found.pickup_state, found.state) == (Invoice.PICKUP_STATE_COMPLETE, Invoice.STATE_PAID)
    [complete] = events_of(books, events_pb2.PickupCompleted)
    assert (complete.invoice_id, complete.complete_date) == (found.invoice_id, "2026-03-02")
    notes = books.call(invoices.ListPickupNotesRequest(invoice_id=found.invoice_id)).pickup_notes
    assert [one.lines[0].quantity for one in notes] == [60, 40]


@req("R-133")
def test_settlement_opens_when_the_rest_is_taken_back_instead_of_picked_up(books: World) -> None:
    """Else nobody could ever pay what was picked up: it would stay out of all matching."""
    invoice = delivered(books)
    pick_up(books, invoice.invoice_id, 60)
    receive(books, 513_000)
    item = invoices.CreditNoteItem(product_id="P1", quantity=40)
    request = invoices.IssueCreditNoteRequest(
        invoice_id=invoice.invoice_id, items=[item], reason="not in stock"
    )

    books.call(request, role="finance")

    found = invoice_of(books, invoice.invoice_id)
    assert (found.pickup_state, found.state) == (Invoice.PICKUP_STATE_COMPLETE, Invoice.STATE_PAID)
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY") == [0, 0]
    assert len(events_of(books, events_pb2.PickupCompleted)) == 1


def came_back(world: World, invoice: Invoice, quantity: int) -> None:
    """Let channels have taken pieces back."""
    tell(
        world,
        channels.ReturnCredited(
            return_id=new_id(),
            order_id=invoice.order_id,
            partner_id="D1",
            unit_id="hq",
            lines=[channels.ReturnCreditedLine(product_id="P1", quantity=quantity)],
        ),
    )


def credited_by_hand(world: World, invoice: Invoice, quantity: int) -> None:
    item = invoices.CreditNoteItem(product_id="P1", quantity=quantity)
    request = invoices.IssueCreditNoteRequest(
        invoice_id=invoice.invoice_id, items=[item], reason="not in stock"
    )
    world.call(request, role="finance")


@req("R-133")
def test_what_was_taken_back_and_never_picked_up_stays_where_it_is(books: World) -> None:
    """What came back had been picked up, so it takes nothing from the pieces that still wait."""
    invoice = delivered(books)
    pick_up(books, invoice.invoice_id, 60)
    came_back(books, invoice, 10)
    credited_by_hand(books, invoice, 15)

    too_much = refusal(lambda: pick_up(books, invoice.invoice_id, 26))
    waiting = invoice_of(books, invoice.invoice_id)
    complete = pick_up(books, invoice.invoice_id, 25)

    assert too_much == "PICKUP_EXCEEDS_INVOICE"
    [line] = waiting.lines
    assert (line.picked_quantity, line.credited_quantity, line.kept_back_quantity) == (60, 25, 15)
    assert waiting.pickup_state == Invoice.PICKUP_STATE_OPEN
    assert complete.pickup_state == Invoice.PICKUP_STATE_COMPLETE


@req("R-094")
def test_a_return_of_what_finance_credited_before_credits_what_is_left(books: World) -> None:
    """Channels has taken the goods in already, so a refusal would stop all facts of the order."""
    invoice = delivered(books)
    credited_by_hand(books, invoice, 70)

    for _ in range(2):
        came_back(books, invoice, 40)

    notes = books.call(invoices.ListCreditNotesRequest(order_id=invoice.order_id)).credit_notes
    assert [one.lines[0].quantity for one in notes] == [70, 30]
    assert invoice_of(books, invoice.invoice_id).state == Invoice.STATE_CREDITED
    assert balances(books, "receivable:D1:CNY", "revenue:hq:CNY") == [0, 0]


def test_a_receipt_pays_what_is_open_in_its_own_currency(books: World) -> None:
    other = an_order(("P1", 1, 100))
    for amount in (other.total, other.lines[0].priced.amount):
        amount.currency_code = "USD"
    deliver(books, other)
    own = delivered(books, ("P1", 1, 100))

    receipt = match(books, receive(books, 100, by_hand=True).receipt_id)

    assert receipt.unallocated_amount == cny(0)
    assert invoice_of(books, own.invoice_id).state == Invoice.STATE_PAID


@req("R-136")
def test_a_receipt_is_matched_by_hand_once(books: World) -> None:
    old, new = delivered(books), delivered(books)
    receipt = receive(books, 855_000, by_hand=True)
    assert invoice_of(books, old.invoice_id).state == Invoice.STATE_ISSUED

    part = match(books, receipt.receipt_id, new.invoice_id, 850_000)
    partial = invoice_of(books, new.invoice_id)
    rest = match(books, receipt.receipt_id, new.invoice_id)

    [paid] = events_of(books, events_pb2.InvoicePaid)
    assert (part.unallocated_amount, partial.open_amount) == (cny(5_000), cny(5_000))
    assert partial.state == Invoice.STATE_PARTIALLY_PAID
    assert rest.unallocated_amount == cny(0)
    assert (paid.order_id, paid.amount, paid.due_date, paid.paid_date) == (
        new.order_id,
        cny(855_000),
        "2026-04-01",
        "2026-03-02",
    )
    matched = events_of(books, events_pb2.PaymentMatched)
    assert [(one.amount, one.open_amount) for one in matched] == [
        (cny(850_000), cny(5_000)),
        (cny(5_000), cny(0)),
    ]
    assert refusal(lambda: match(books, receipt.receipt_id, old.invoice_id)) == "RECEIPT_SPENT"
    spare = receive(books, 1, by_hand=True).receipt_id
    assert refusal(lambda: match(books, spare, new.invoice_id)) == "INVOICE_SETTLED"
    assert refusal(lambda: match(books, new_id())) == "RECEIPT_NOT_FOUND"
    activate(books, "D2")
    foreign = receive(books, 1, partner_id="D2", by_hand=True).receipt_id
    assert refusal(lambda: match(books, foreign, old.invoice_id)) == "INVOICE_PARTNER_DIFFERS"
    listed = books.call(invoices.ListReceiptsRequest(partner_id="D1", unallocated=True)).receipts
    assert [one.receipt_id for one in listed] == [spare]


@req("R-136")
def test_of_two_matchings_at_once_one_has_an_effect_and_the_other_its_reason(books: World) -> None:
    first, second, third = (delivered(books).invoice_id for _ in range(3))
    once, *twice = (receive(books, 855_000, by_hand=True).receipt_id for _ in range(3))

    of_one_receipt = reasons(lambda: match(books, once, first), lambda: match(books, once, second))
    of_one_invoice = reasons(*(lambda one=one: match(books, one, third) for one in twice))

    assert of_one_receipt == ["", "RECEIPT_SPENT"]
    assert of_one_invoice == ["", "INVOICE_SETTLED"]
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY") == [855_000, 855_000]
    assert len(events_of(books, events_pb2.InvoicePaid)) == 2


def a_bill(world: World, number: str = "B-1") -> bill_pb2.Bill:
    request = bills.RecordBillRequest(
        partner_id="D1",
        bill_number=number,
        drawer="a bank",
        amount=cny(2_000_000),
        due_date="2026-06-30",
    )
    found: bill_pb2.Bill = world.call(request, role="finance").bill
    return found


@req("R-137")
def test_a_bill_pays_when_it_is_honoured_and_not_before(books: World) -> None:
    invoice = delivered(books, ("P1", 1, 2_000_000))
    owed = ("receivable:D1:CNY", "advance:D1:CNY", "bills_receivable:D1:CNY", "cash:hq:CNY")
    bill, bad = a_bill(books), a_bill(books, "B-2")
    pending = balances(books, *owed)
    credit = books.call(pb.GetExposureRequest(partner_id="D1")).exposure
    assert refusal(lambda: a_bill(books)) == "BILL_NUMBER_USED"

    def honour() -> bill_pb2.Bill:
        request = bills.HonourBillRequest(bill_id=bill.bill_id)
        found: bill_pb2.Bill = books.call(request, role="finance").bill
        return found

    def dishonour(bill_id: str) -> bill_pb2.Bill:
        request = bills.DishonourBillRequest(bill_id=bill_id, note="no cover")
        found: bill_pb2.Bill = books.call(request, role="finance").bill
        return found

    lost = dishonour(bad.bill_id)
    raced = reasons(honour, honour)

    assert pending == [2_000_000, 0, 0, 0]
    assert (credit.exposure, credit.pending_bills) == (cny(2_000_000), cny(4_000_000))
    assert (lost.state, lost.note) == (bill_pb2.Bill.STATE_DISHONOURED, "no cover")
    assert raced == ["", "BILL_STATE_FORBIDS"]
    assert balances(books, *owed) == [0, 0, 0, 2_000_000]
    assert invoice_of(books, invoice.invoice_id).state == Invoice.STATE_PAID
    assert refusal(lambda: dishonour(bill.bill_id)) == "BILL_STATE_FORBIDS"
    assert refusal(lambda: dishonour(new_id())) == "BILL_NOT_FOUND"
    found = books.call(bills.GetBillRequest(bill_id=bill.bill_id)).bill
    listed = books.call(bills.ListBillsRequest(state=bill_pb2.Bill.STATE_HONOURED)).bills
    assert (found.state, list(listed)) == (bill_pb2.Bill.STATE_HONOURED, [found])


@req("R-137")
def test_a_bill_that_waits_is_not_resolved_behind_its_back(books: World) -> None:
    """Posted by hand it would ease the credit without any money, and could never be honoured."""
    bill = a_bill(books)
    wish = ledger.PostTransfer(
        transfer_id=new_id(), kind=Transfer.KIND_POST_PENDING, pending_transfer_id=bill.bill_id
    )

    by_hand = refusal(
        lambda: books.call(ledger.PostTransfersRequest(transfers=[wish]), role="finance")
    )

    assert by_hand == "PENDING_TRANSFER_NOT_FOUND"
    honoured = books.call(bills.HonourBillRequest(bill_id=bill.bill_id), role="finance").bill
    assert honoured.state == bill_pb2.Bill.STATE_HONOURED


@req("R-134")
def test_what_is_open_stands_in_the_bucket_of_its_age_and_is_reminded_of(books: World) -> None:
    # On one day, because the service reminds by itself of what is late on any day between.
    old = delivered(books, ("P1", 1, 10_000_000))
    activate(books, days=90)
    delivered(books, ("P1", 1, 500))
    opening_receivable(books, 70)

    on(books, "2026-05-16")
    [ageing] = books.call(pb.ListAgeingsRequest()).ageings
    [overdue] = books.call(pb.ListOverdueInvoicesRequest(partner_id="D1")).invoices
    exposure = books.call(pb.GetExposureRequest(partner_id="D1")).exposure
    until(lambda: bool(notices(books)), "a reminder", within_s=WITHIN_S)

    assert old.due_date == "2026-04-01"
    assert (overdue.invoice_id, overdue.overdue_days, overdue.bucket) == (
        old.invoice_id,
        45,
        "31-60",
    )
    amounts = {one.label: one.amount.amount_minor for one in ageing.buckets}
    expected = {"not due": 500, "1-30": 0, "31-60": 10_000_000, "61-90": 0, "91-": 0}
    assert (amounts, ageing.open_amount, ageing.overdue_days) == (expected, cny(10_000_500), 45)
    aged = {one.label: one.amount.amount_minor for one in exposure.buckets}
    assert aged == {**expected, "no invoice": 70}
    assert exposure.receivable == exposure.exposure == cny(10_000_570)
    assert [(one.invoice_id, one.level, one.overdue_days) for one in notices(books)] == [
        (old.invoice_id, 3, 45)
    ]
    [told] = events_of(books, events_pb2.DunningLevelReached)
    assert (told.level, told.open_amount, told.notice_date) == (3, cny(10_000_000), "2026-05-16")
    assert list(books.call(pb.ListAgeingsRequest(), unit_id="r1").ageings) == []


def notices(world: World) -> list[collection_pb2.DunningNotice]:
    return list(world.call(pb.ListDunningNoticesRequest(partner_id="D1")).notices)


@req("R-135")
def test_what_came_in_is_counted_against_the_target(books: World) -> None:
    activate(books, "D2", unit_id="r1")
    target = pb.SetCollectionTargetRequest(unit_id="hq", month="2026-03", amount=cny(1))
    books.call(target, role="sales_director")
    target.amount.amount_minor = 100_000_000
    target.request_id = new_id()
    books.call(target, role="sales_director")
    receive(books, 50_000_000)
    receive(books, 40_000_000, partner_id="D2")

    def months(of: str, **options: Any) -> pb.GetCollectionStatisticsResponse:
        request = pb.GetCollectionStatisticsRequest(
            unit_id=of, start_month="2026-02", end_month="2026-03", currency_code="CNY"
        )
        found: pb.GetCollectionStatisticsResponse = books.call(request, **options)
        return found

    company, region = months("hq"), months("r1")

    assert [(one.month, one.received) for one in company.months] == [
        ("2026-02", cny(0)),
        ("2026-03", cny(90_000_000)),
    ]
    assert company.months[1].rate_percent == company.total.rate_percent == "90.00"
    assert (region.total.received, region.total.rate_percent) == (cny(40_000_000), "")
    assert refusal(lambda: months("hq", unit_id="r1", role="regional_manager")) == "OUT_OF_SCOPE"


def reserve(world: World) -> Any:
    request = credit_service_pb2.ReserveCreditRequest(
        partner_id="D1",
        amount=cny(1),
        owner_kind="order",
        owner_id=new_id(),
        order_date="2026-03-02",
    )
    return world.call(request, role="service")


def account(world: World) -> Any:
    request = credit_service_pb2.GetCreditAccountRequest(partner_id="D1")
    return world.call(request, role="finance").account


def allow_no_grace(world: World) -> None:
    """Let D1 have no day of grace from tomorrow on."""
    draft = policies.CreatePolicyRequest(
        kind="payment_terms",
        scope="partner:D1",
        start_date="2026-03-03",
        parameters={
            name: policy_pb2.PolicyValue(integer=value)
            for name, value in (("credit_days", 30), ("reservation_minutes", 2), ("grace_days", 0))
        },
    )
    made = world.call(draft, role="finance", subject="author", service="settlement").policy
    approval = policies.ApprovePolicyRequest(policy_id=made.policy_id)
    world.call(approval, role="finance", service="settlement")


@req("R-085")
def test_an_overdue_invoice_blocks_new_orders_until_it_is_paid(books: World) -> None:
    allow_no_grace(books)
    delivered(books)
    delivered(books, ("P1", 1, 100))
    on(books, "2026-04-01")
    in_time = reserve(books)

    on(books, "2026-04-02")
    until(lambda: account(books).blocked, "the block", within_s=WITHIN_S)
    answer = refusal(lambda: reserve(books))
    receive(books, 855_000)
    still = account(books)
    receive(books, 100)
    released = account(books)

    [blocked] = events_of(books, events_pb2.AccountBlocked)
    [free] = events_of(books, events_pb2.AccountReleased)
    assert in_time.reservation.reservation_id
    assert answer == "CREDIT_BLOCKED"
    assert (blocked.cause, blocked.oldest_due_date, blocked.overdue_amount, blocked.block_date) == (
        OVERDUE,
        "2026-04-01",
        cny(855_100),
        "2026-04-02",
    )
    assert (still.blocked, still.overdue_since) == (True, "2026-04-01")
    assert (released.blocked, free.partner_id) == (False, "D1")
    assert reserve(books).reservation.reservation_id


def unblock(world: World) -> None:
    request = credit_service_pb2.UnblockCreditRequest(partner_id="D1")
    assert not world.call(request, role="finance").account.blocked


@req("R-085")
def test_finance_blocks_and_frees_and_what_it_forgave_does_not_block_again(books: World) -> None:
    delivered(books)
    on(books, "2026-04-11")
    assert not account(books).blocked
    on(books, "2026-04-12")
    until(lambda: account(books).blocked, "the block after 10 days", within_s=WITHIN_S)
    block = credit_service_pb2.BlockCreditRequest(partner_id="D1", reason="a lawsuit")
    books.call(block, role="finance")
    receive(books, 855_000)
    by_finance = account(books)
    unblock(books)
    on(books, "2026-05-30")
    delivered(books)
    on(books, "2026-07-15")
    until(lambda: account(books).blocked, "the second block", within_s=WITHIN_S)
    unblock(books)
    later = delivered(books, ("P1", 1, 100))
    on(books, "2026-08-31")
    until(lambda: account(books).blocked, "the third block", within_s=WITHIN_S)

    assert (by_finance.blocked, by_finance.overdue_since) == (True, "")
    assert account(books).overdue_since == later.due_date
    causes = [one.cause for one in events_of(books, events_pb2.AccountBlocked)]
    assert causes == [OVERDUE, BY_FINANCE, OVERDUE, OVERDUE]
    assert len(events_of(books, events_pb2.AccountReleased)) == 2


@req("R-085")
def test_the_watch_reads_whom_it_changes_and_nobody_else(books: World) -> None:
    """It looks every two seconds, so who is late all the time must not cost anything."""
    patient, free, company = ("unit:r1", 40), ("partner:D3", None), ("", 10)
    for partner_id, unit_id in (("D2", "r1"), ("D3", "hq"), ("D4", "hq")):
        activate(books, partner_id, unit_id=unit_id)
    for partner_id, day in (("D1", 2), ("D2", 2), ("D3", 2), ("D4", 4)):
        on(books, f"2026-03-{day:02}")
        deliver(books, an_order(("P1", 1, 100), partner_id=partner_id))
    on(books, "2026-04-12")
    until(lambda: account(books).blocked, "the block", within_s=WITHIN_S)

    def due_for_a_change(*terms: tuple[str, int | None]) -> list[str]:
        with books.services["settlement"].database.transaction() as tx:
            day = date(2026, 4, 12)
            return due.candidates(tx, graces=dict(terms), today=day, count_max=9)

    assert due_for_a_change(company) == []
    assert due_for_a_change(company, patient, free) == ["D2", "D3"]
    assert due_for_a_change(("", 11)) == ["D1", "D2", "D3"]
    assert due_for_a_change(("", None), ("partner:D1", 0), ("partner:D4", 8)) == ["D2", "D3", "D4"]


def take_back(world: World, invoice: Invoice, note_id: str, *pieces: tuple[str, int]) -> CreditNote:
    """Take pieces of an invoice back as a return does, with the facts that this makes."""
    service = world.services["settlement"]
    taken = receivable.Taken(
        invoice.order_id,
        "D1",
        note_id,
        "return",
        world.clock.now(),
        [receivable.Returned(*one) for one in pieces],
    )
    note = service.back_door.act(
        "test",
        lambda tx: receivable.credit(tx, taken, zone=service.settings.time_zone),
    )
    assert isinstance(note, CreditNote)
    return note


def test_parts_that_add_up_to_an_order_leave_every_balance_where_it_was(books: World) -> None:
    delivered(books, ("P1", 1, 300))
    everything = ("receivable:D1:CNY", "advance:D1:CNY", "revenue:hq:CNY", "cash:hq:CNY")
    before = balances(books, *everything)
    invoice = delivered(books, ("P1", 3, 1_000), ("P2", 1, 500))
    match(books, receive(books, 1_200, by_hand=True).receipt_id, invoice.invoice_id)
    first_id = new_id()

    first = take_back(books, invoice, first_id, ("P1", 1))
    again = take_back(books, invoice, first_id, ("P1", 1))
    partly = invoice_of(books, invoice.invoice_id)
    rest = [
        take_back(books, invoice, new_id(), ("P2", 1), ("P1", 1)),
        take_back(books, invoice, new_id(), ("P1", 1)),
    ]

    found = invoice_of(books, invoice.invoice_id)
    assert (first.amount.amount_minor, first.given_back.amount_minor) == (333, 33)
    assert again.credit_note_id == first_id
    assert (partly.state, partly.credited_amount) == (Invoice.STATE_PAID, cny(333))
    assert sum(one.amount.amount_minor for one in (first, *rest)) == 1_500
    assert sum(one.given_back.amount_minor for one in (first, *rest)) == 1_200
    assert (found.state, found.credited_amount) == (Invoice.STATE_CREDITED, cny(1_500))
    receivable_now, advance, revenue, cash = balances(books, *everything)
    assert [receivable_now, advance - 1_200, revenue, cash - 1_200] == before
    notes = books.call(invoices.ListCreditNotesRequest(order_id=invoice.order_id)).credit_notes
    told = events_of(books, events_pb2.CreditNoteIssued)
    assert [one.credit_note_id for one in notes] == [one.credit_note_id for one in told]
    sold = [
        one for one in events_of(books, events_pb2.ActualPosted) if one.order_id == invoice.order_id
    ]
    assert sum(-one.quantity if one.reversal else one.quantity for one in sold) == 0
    assert len({one.transfer_id for one in sold}) == len(sold)


def test_finance_takes_a_piece_back_and_never_more_than_there_is(books: World) -> None:
    invoice = delivered(books, ("P1", 3, 1_000))

    def credit(quantity: int, minor: int | None = None, currency: str = "CNY") -> Any:
        item = invoices.CreditNoteItem(product_id="P1", quantity=quantity)
        if minor is not None:
            item.amount.amount_minor, item.amount.currency_code = minor, currency
        request = invoices.IssueCreditNoteRequest(
            invoice_id=invoice.invoice_id, items=[item], reason="a wrong price"
        )
        return books.call(request, role="finance").credit_note

    assert refusal(lambda: credit(1, 1, "USD")) == "CURRENCY_MISMATCH"
    note = credit(1, 100)
    raced = reasons(lambda: credit(2), lambda: credit(2))

    assert (note.amount, note.given_back, note.reason) == (cny(100), cny(0), "a wrong price")
    assert raced == ["", "CREDIT_EXCEEDS_INVOICE"]
    assert invoice_of(books, invoice.invoice_id).open_amount == cny(1_000 - 100 - 667)
    assert balances(books, "receivable:D1:CNY") == [233]
