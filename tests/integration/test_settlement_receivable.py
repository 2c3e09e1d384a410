"""Invoices and receipts through the real server: what is owed, what is paid, and the ledger behind
both."""

import threading
from typing import Any

import grpc
import pytest
from mantle.settlement.v1 import credit_service_pb2, events_pb2, invoice_pb2, ledger_service_pb2
from mantle.settlement.v1 import invoice_service_pb2 as pb
from mantle.settlement.v1.invoice_pb2 import Invoice

from chassis.ids import new_id
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cancel,
    cny,
    deliver,
    events_of,
    open_units,
    opening_receivable,
    unbalanced,
)
from tests.support.requirements import req
from tests.support.server import Refused, World


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    activate(world)
    return world


def delivered(world: World, amount_minor: int, **fields: Any) -> Invoice:
    order = deliver(world, approve(world, an_order(("P1", 10, amount_minor), **fields)))
    [invoice] = world.call(pb.ListInvoicesRequest(order_id=order.order_id), role="finance").invoices
    assert isinstance(invoice, Invoice)
    return invoice


def invoice_of(world: World, invoice_id: str) -> Invoice:
    found: Invoice = world.call(pb.GetInvoiceRequest(invoice_id=invoice_id), role="finance").invoice
    return found


def receive(world: World, amount_minor: int, reference: str = "") -> invoice_pb2.Receipt:
    request = pb.RecordReceiptRequest(
        partner_id="D1", amount=cny(amount_minor), reference=reference or new_id()
    )
    receipt: invoice_pb2.Receipt = world.call(request, role="finance").receipt
    return receipt


def balances(world: World, *account_ids: str) -> list[int]:
    return [
        world.call(
            ledger_service_pb2.GetAccountRequest(account_id=account_id), role="finance"
        ).account.balance.amount_minor
        for account_id in account_ids
    ]


def test_a_delivered_order_is_invoiced(books: World) -> None:
    invoice = delivered(books, 855_000)

    assert (invoice.state, invoice.open_amount) == (Invoice.STATE_ISSUED, cny(855_000))
    assert (invoice.issue_date, invoice.due_date) == ("2026-03-02", "2026-04-01")
    assert balances(books, "receivable:D1:CNY", "revenue:hq:CNY") == [855_000, 855_000]
    [issued] = events_of(books, events_pb2.InvoiceIssued)
    [actual] = events_of(books, events_pb2.ActualPosted)
    assert issued.invoice_id == invoice.invoice_id
    assert (actual.kind, actual.amount, actual.quantity, actual.reversal) == (
        events_pb2.ActualPosted.KIND_REVENUE,
        cny(855_000),
        10,
        False,
    )


def test_a_delivery_that_is_told_twice_is_invoiced_once(books: World) -> None:
    order = an_order(("P1", 1, 1_000))

    deliver(books, deliver(books, order))

    assert balances(books, "receivable:D1:CNY") == [1_000]
    assert len(events_of(books, events_pb2.InvoiceIssued)) == 1


def test_a_delivery_before_the_activation_is_invoiced_on_the_terms_of_the_policy(
    books: World,
) -> None:
    order = deliver(books, an_order(("P1", 1, 1_000), partner_id="D7"))

    [invoice] = books.call(pb.ListInvoicesRequest(order_id=order.order_id)).invoices

    assert invoice.due_date == "2026-04-01"


@req("R-136")
def test_a_payment_of_the_whole_invoice_settles_the_order(books: World) -> None:
    invoice = delivered(books, 855_000)

    receipt = receive(books, 855_000)

    assert [one.invoice_id for one in receipt.allocations] == [invoice.invoice_id]
    assert invoice_of(books, invoice.invoice_id).state == Invoice.STATE_PAID
    assert [one.order_id for one in events_of(books, events_pb2.InvoicePaid)] == [invoice.order_id]
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY", "cash:hq:CNY") == [0, 0, 855_000]


@req("R-136")
def test_a_payment_of_8500_on_8550_leaves_50_open(books: World) -> None:
    invoice = delivered(books, 855_000)

    receive(books, 850_000)

    found = invoice_of(books, invoice.invoice_id)
    assert (found.state, found.open_amount) == (Invoice.STATE_PARTIALLY_PAID, cny(5_000))
    assert events_of(books, events_pb2.InvoicePaid) == []


def test_what_is_paid_too_much_stays_on_account_and_pays_the_next_invoice(books: World) -> None:
    delivered(books, 1_000)
    receipt = receive(books, 1_500)

    later = delivered(books, 2_000)

    assert receipt.unallocated_amount == cny(500)
    assert (later.state, later.open_amount) == (Invoice.STATE_PARTIALLY_PAID, cny(1_500))
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY") == [1_500, 0]


def test_money_on_account_widens_the_credit(books: World) -> None:
    receive(books, 1_000)

    request = credit_service_pb2.GetCreditAccountRequest(partner_id="D1")
    found = books.call(request, role="finance").account

    assert (found.advance, found.available) == (cny(1_000), cny(20_001_000))


def test_a_bank_reference_is_recorded_once(books: World) -> None:
    receive(books, 1_000, "BANK-1")

    with pytest.raises(Refused) as found:
        receive(books, 1_000, "BANK-1")

    assert found.value.code is grpc.StatusCode.ALREADY_EXISTS
    assert found.value.reason == "RECEIPT_REFERENCE_USED"
    assert balances(books, "cash:hq:CNY") == [1_000]


def test_a_cancelled_order_leaves_the_books_as_if_it_had_never_been(books: World) -> None:
    order = deliver(
        books, approve(books, an_order(("P1", 1, 1_000), ("P2", 2, 2_000), campaign_id="c"))
    )

    cancel(books, cancel(books, order))

    [invoice] = books.call(pb.ListInvoicesRequest(partner_id="D1"), role="finance").invoices
    actuals = events_of(books, events_pb2.ActualPosted)
    assert (invoice.state, invoice.credit_note.amount) == (Invoice.STATE_CREDITED, cny(3_000))
    assert balances(books, "receivable:D1:CNY", "revenue:hq:CNY") == [0, 0]
    assert [one.reversal for one in actuals] == [False, False, True, True]
    assert {one.campaign_id for one in actuals} == {"c"}
    assert len({one.transfer_id for one in actuals}) == 4


def test_what_was_paid_for_a_cancelled_order_pays_another_invoice(books: World) -> None:
    order = deliver(books, an_order(("P1", 1, 1_000)))
    receive(books, 1_000)
    other = delivered(books, 700)

    cancel(books, order)

    assert invoice_of(books, other.invoice_id).state == Invoice.STATE_PAID
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY") == [0, 300]
    assert unbalanced(books) == []


def test_receipts_that_come_at_once_pay_each_cent_once(books: World) -> None:
    for _ in range(3):
        delivered(books, 1_000)
    barrier = threading.Barrier(6)
    failures: list[BaseException] = []

    def run() -> None:
        barrier.wait()
        try:
            receive(books, 600)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert balances(books, "receivable:D1:CNY", "advance:D1:CNY") == [0, 600]
    assert len(events_of(books, events_pb2.InvoicePaid)) == 3
    assert unbalanced(books) == []


def test_a_statement_equals_the_ledger(books: World) -> None:
    opening_receivable(books, 10_000)
    books.clock.set(books.clock.now().replace(month=4))
    delivered(books, 5_000)
    receive(books, 12_000)

    request = pb.GetPartnerStatementRequest(partner_id="D1", month="2026-04")
    statement = books.call(request, role="finance").statement

    receivable, advance = balances(books, "receivable:D1:CNY", "advance:D1:CNY")
    assert statement.opening == cny(10_000)
    assert [one.purpose for one in statement.lines] == ["invoice", "receipt"]
    assert statement.closing == cny(3_000) == cny(receivable - advance)


def test_a_long_statement_comes_in_pages_that_leave_nothing_out(books: World) -> None:
    opening_receivable(books, 10_000)
    books.clock.set(books.clock.now().replace(month=4))
    for number in range(1, 4):
        delivered(books, number * 1_000)
        receive(books, number * 500)
    request = pb.GetPartnerStatementRequest(partner_id="D1", month="2026-04")
    whole = books.call(request, role="finance")
    request.page_size = 4

    pages = [books.call(request, role="finance")]
    while pages[-1].next_page_token:
        request.page_token = pages[-1].next_page_token
        pages.append(books.call(request, role="finance"))

    lines = [line for page in pages for line in page.statement.lines]
    assert [len(page.statement.lines) for page in pages] == [4, 2]
    assert (lines, whole.next_page_token) == (list(whole.statement.lines), "")
    balances_of = [(one.statement.opening, one.statement.closing) for one in pages]
    assert balances_of == [(cny(10_000), cny(13_000))] * 2
    request.month = "2026-03"
    with pytest.raises(Refused) as foreign:
        books.call(request, role="finance")
    assert foreign.value.reason == "PAGE_TOKEN_INVALID"


def test_the_first_month_of_the_calendar_has_an_empty_statement(books: World) -> None:
    request = pb.GetPartnerStatementRequest(partner_id="D1", month="0001-01")

    found = books.call(request, role="finance").statement

    assert (found.opening, found.closing, list(found.lines)) == (cny(0), cny(0), [])


def test_invoices_are_listed_as_they_were_issued(books: World) -> None:
    issued = [delivered(books, amount).invoice_id for amount in (1_000, 2_000, 3_000)]
    first = books.call(pb.ListInvoicesRequest(partner_id="D1", page_size=2), role="finance")

    rest = books.call(
        pb.ListInvoicesRequest(partner_id="D1", page_size=2, page_token=first.next_page_token),
        role="finance",
    )

    assert [one.invoice_id for one in (*first.invoices, *rest.invoices)] == issued


def test_an_invoice_that_is_not_there_is_not_found(books: World) -> None:
    with pytest.raises(Refused) as found:
        invoice_of(books, new_id())

    assert (found.value.code, found.value.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "INVOICE_NOT_FOUND",
    )


@req("R-183")
def test_another_region_sees_no_invoice_and_books_no_receipt(books: World) -> None:
    invoice = delivered(books, 1_000)
    requests = [
        pb.GetInvoiceRequest(invoice_id=invoice.invoice_id),
        pb.GetPartnerStatementRequest(partner_id="D1", month="2026-03"),
        pb.RecordReceiptRequest(partner_id="D1", amount=cny(1), reference="x"),
    ]

    for request in requests:
        with pytest.raises(Refused) as found:
            books.call(request, role="finance", unit_id="r1")
        assert found.value.reason == "OUT_OF_SCOPE"
    listed = books.call(pb.ListInvoicesRequest(), role="finance", unit_id="r1")
    assert list(listed.invoices) == []


@pytest.mark.parametrize(
    ("currency", "partner_id", "reason"),
    [("USD", "D1", "CURRENCY_MISMATCH"), ("CNY", "D9", "CREDIT_ACCOUNT_NOT_FOUND")],
)
def test_a_receipt_needs_a_partner_and_its_currency(
    books: World, currency: str, partner_id: str, reason: str
) -> None:
    request = pb.RecordReceiptRequest(partner_id=partner_id, amount=cny(1), reference="x")
    request.amount.currency_code = currency

    with pytest.raises(Refused) as found:
        books.call(request, role="finance")

    assert found.value.reason == reason
