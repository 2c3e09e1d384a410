"""Invoices and receipts: the oldest is paid first, and no cent is lost or made."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.money import Money
from settlement.receivable.domain import (
    MOVES,
    Allocation,
    Delivery,
    Invoice,
    Line,
    OpenItems,
    Receipt,
    State,
    issue,
    match,
)
from settlement.receivable.sections import Movement, StatementLine, lines_of
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def an_invoice(amount_minor: int) -> Invoice:
    line = Line("P1", 1, cny(amount_minor))
    delivery = Delivery(new_id(), "C-1", "D1", "hq", "", (line,), cny(amount_minor))
    return issue(delivery, invoice_id=new_id(), issue_date=DAY, due_date=DAY, at=NOW)


def a_receipt(amount_minor: int) -> Receipt:
    return Receipt(new_id(), "D1", cny(amount_minor), cny(amount_minor), new_id(), DAY)


def in_state(state: State) -> Invoice:
    invoice = an_invoice(100)
    if state is State.PARTIALLY_PAID:
        return invoice.pay(cny(40))
    if state is State.PAID:
        return invoice.pay(cny(100))
    return invoice if state is State.ISSUED else invoice.credit(credit_note_id="c", on=DAY)


amounts = st.lists(st.integers(1, 10**12), max_size=8)


@given(amounts, amounts)
def test_matching_loses_no_cent_and_leaves_only_one_side_open(
    paid: list[int], owed: list[int]
) -> None:
    receipts = [a_receipt(one) for one in paid]
    invoices = [an_invoice(one) for one in owed]

    matched = match(receipts, invoices)

    moved = sum(one.amount.amount_minor for one in matched.allocations)
    receipts_now = {one.receipt_id: one for one in (*receipts, *matched.receipts)}
    invoices_now = {one.invoice_id: one for one in (*invoices, *matched.invoices)}
    assert sum(one.unallocated.amount_minor for one in receipts_now.values()) == sum(paid) - moved
    assert sum(one.open_amount.amount_minor for one in invoices_now.values()) == sum(owed) - moved
    assert moved == min(sum(paid), sum(owed))


@given(amounts, amounts)
def test_invoices_that_come_one_by_one_are_paid_as_if_they_had_come_at_once(
    paid: list[int], owed: list[int]
) -> None:
    """All are of one day; an older one that comes late is another case."""
    receipts = [a_receipt(one) for one in paid]
    invoices = [an_invoice(one) for one in owed]
    at_once = match(receipts, invoices)
    items = OpenItems(receipts)

    parts: list[Allocation] = []
    for invoice in invoices:
        items.add(invoice)
        parts += items.match().allocations

    assert parts == list(at_once.allocations)
    assert not (items.receipts and items.invoices)


def test_the_oldest_invoice_is_paid_first_also_when_it_comes_last() -> None:
    young, old = an_invoice(100), replace(an_invoice(100), issue_date=date(2026, 3, 1))
    items = OpenItems([a_receipt(150)])
    items.add(young)
    items.add(old)

    matched = items.match()

    assert [one.invoice_id for one in matched.paid] == [old.invoice_id]
    assert [one.invoice_id for one in items.invoices] == [young.invoice_id]


def test_the_oldest_invoice_is_paid_first() -> None:
    older, newer = an_invoice(100), an_invoice(100)

    matched = match([a_receipt(150)], [older, newer])

    assert [one.state for one in matched.invoices] == [State.PAID, State.PARTIALLY_PAID]
    assert [one.amount for one in matched.allocations] == [cny(100), cny(50)]


@req("R-136")
def test_8500_of_8550_leaves_50_open() -> None:
    [invoice] = match([a_receipt(850_000)], [an_invoice(855_000)]).invoices

    assert (invoice.state, invoice.open_amount) == (State.PARTIALLY_PAID, cny(5_000))


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_an_invoice_moves_only_along_the_table(state: State, to: State) -> None:
    invoice = in_state(state)
    moves = {
        State.PARTIALLY_PAID: lambda: invoice.pay(cny(10)),
        State.PAID: lambda: invoice.pay(invoice.open_amount),
        State.CREDITED: lambda: invoice.credit(credit_note_id="c", on=DAY),
    }

    if to is State.ISSUED:
        assert to not in MOVES[state]
    elif to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(AssertionError):
            moves[to]()


def test_an_invoice_over_nothing_is_paid_from_the_start() -> None:
    assert an_invoice(0).state is State.PAID


def test_a_statement_leaves_out_what_moves_between_its_own_accounts() -> None:
    line = StatementLine("t", DAY, "invoice", "invoice", "i", cny(100), cny(100))
    movements = [
        Movement(line, "receivable", "revenue"),
        Movement(line, "cash", "advance"),
        Movement(line, "advance", "receivable"),
    ]

    found = lines_of(movements, {"receivable", "advance"}, zero=cny(0))

    assert [(one.debit, one.credit) for one in found] == [
        (cny(100), cny(0)),
        (cny(0), cny(100)),
    ]
