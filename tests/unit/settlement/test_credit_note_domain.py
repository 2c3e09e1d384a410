"""Taking invoices back in parts: to the piece and to the cent, in whatever order."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.money import Money
from settlement.receivable.credit_note import (
    CreditExceedsInvoice,
    Returned,
    give_back,
    lines_after,
    parts_of,
    whole_of,
)
from settlement.receivable.domain import (
    Allocation,
    Delivery,
    Invoice,
    Line,
    PickupState,
    State,
    issue,
)
from settlement.receivable.pickup import PickupExceedsInvoice, PickupLine, completed, pick
from tests.support.requirements import req

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)


def cny(minor: int) -> Money:
    return Money("CNY", minor)


def an_invoice(*lines: tuple[str, int, int]) -> Invoice:
    own = tuple(Line(product, quantity, cny(minor)) for product, quantity, minor in lines)
    total = cny(sum(minor for _, _, minor in lines))
    delivery = Delivery(new_id(), "C-1", "D1", "hq", "", own, total)
    return issue(delivery, invoice_id=new_id(), issue_date=DAY, due_date=DAY, at=NOW)


def taken(invoice: Invoice, *wanted: Returned) -> Invoice:
    parts = parts_of(invoice, wanted)
    return invoice.credit_part(lines_after(invoice, parts), credit_note_id="c", on=DAY)


lines = st.lists(
    st.tuples(st.sampled_from(["P1", "P2", "P3"]), st.integers(1, 9), st.integers(0, 10**6)),
    min_size=1,
    max_size=4,
)


@given(lines, st.integers(0, 10**7), st.data())
def test_parts_in_any_order_sum_to_the_invoice_and_give_back_what_was_paid(
    made: list[tuple[str, int, int]], paid_minor: int, data: st.DataObject
) -> None:
    invoice = an_invoice(*made)
    if paid_minor and invoice.is_open:
        invoice = invoice.pay(cny(min(paid_minor, invoice.open_amount.amount_minor)))
    paid, credited, back = invoice.paid_amount, 0, cny(0)
    pieces = [product for product, quantity, _ in made for _ in range(quantity)]

    for product in data.draw(st.permutations(pieces)):
        [*parts] = parts_of(invoice, [Returned(product, 1)])
        now = invoice.credit_part(lines_after(invoice, parts), credit_note_id="c", on=DAY)
        credited += sum(one.amount.amount_minor for one in parts)
        back = back + invoice.paid_amount - now.paid_amount
        assert now.open_amount <= invoice.open_amount
        invoice = now

    assert invoice.state is State.CREDITED
    assert (credited, invoice.open_amount) == (invoice.amount.amount_minor, cny(0))
    assert back == paid


def test_a_third_of_a_line_of_10_00_costs_3_33_and_all_thirds_cost_10_00() -> None:
    invoice = an_invoice(("P1", 3, 1_000))
    amounts = []

    for _ in range(3):
        [part] = parts_of(invoice, [Returned("P1", 1)])
        amounts.append(part.amount.amount_minor)
        invoice = taken(invoice, Returned("P1", 1))

    assert amounts == [333, 334, 333]


def test_the_open_amount_shrinks_before_anything_is_given_back() -> None:
    invoice = an_invoice(("P1", 10, 1_000)).pay(cny(600))

    first = taken(invoice, Returned("P1", 4))
    second = taken(first, Returned("P1", 1))

    assert (first.state, first.open_amount, first.paid_amount) == (State.PAID, cny(0), cny(600))
    assert (second.state, second.paid_amount) == (State.PAID, cny(500))


def test_a_part_leaves_an_unpaid_invoice_issued() -> None:
    now = taken(an_invoice(("P1", 10, 1_000)), Returned("P1", 4))

    assert (now.state, now.open_amount, now.credited_minor) == (State.ISSUED, cny(600), 400)


def test_an_agreed_amount_is_taken_back_instead_of_what_it_had_cost() -> None:
    invoice = an_invoice(("P1", 1, 1_000), ("P1", 1, 1_000))

    parts = parts_of(invoice, [Returned("P1", 2, cny(1_500))])

    assert [one.amount for one in parts] == [cny(1_000), cny(500)]
    assert taken(invoice, Returned("P1", 2, cny(1_500))).open_amount == cny(500)


@pytest.mark.parametrize("wanted", [("P1", 4), ("P9", 1)])
def test_no_more_is_taken_back_than_the_invoice_has(wanted: tuple[str, int]) -> None:
    invoice = taken(an_invoice(("P1", 5, 500)), Returned("P1", 2))

    with pytest.raises(CreditExceedsInvoice) as found:
        parts_of(invoice, [Returned(*wanted)])

    assert found.value.metadata["left"] == ("3" if wanted[0] == "P1" else "0")


def test_all_that_is_left_is_taken_back_at_once() -> None:
    invoice = taken(an_invoice(("P1", 3, 1_000), ("P2", 1, 50)), Returned("P1", 1))

    parts = whole_of(invoice)

    assert [(one.line_number, one.quantity, one.amount) for one in parts] == [
        (1, 2, cny(667)),
        (2, 1, cny(50)),
    ]
    assert (
        invoice.credit_part(lines_after(invoice, parts), credit_note_id="c", on=DAY).state
        is State.CREDITED
    )


def test_what_paid_last_is_given_back_first() -> None:
    paid = [Allocation("r1", "i", cny(600), "a1"), Allocation("r2", "i", cny(400), "a2")]

    parts = give_back(paid, cny(500))

    assert parts == [replace(paid[1], amount=cny(400)), replace(paid[0], amount=cny(100))]


@req("R-133")
def test_a_pick_up_is_complete_with_the_last_piece() -> None:
    invoice = an_invoice(("P1", 100, 1_000))

    with pytest.raises(PickupExceedsInvoice):
        pick(invoice, [PickupLine("P1", 120)], on=DAY)
    first = pick(invoice, [PickupLine("P1", 60)], on=DAY)
    second = pick(first, [PickupLine("P1", 40)], on=DAY)

    assert (first.pickup_state, first.pickup_date) == (PickupState.OPEN, None)
    assert (second.pickup_state, second.pickup_date) == (PickupState.COMPLETE, DAY)


def test_a_difference_in_price_is_given_back_without_a_piece() -> None:
    """An exchange takes no piece back, only what the new goods cost less."""
    invoice = an_invoice(("P1", 2, 1_000), ("P1", 1, 500))

    parts = parts_of(invoice, [Returned("P1", 0, cny(1_200))])
    now = taken(invoice, Returned("P1", 0, cny(1_200)))

    assert [(one.line_number, one.quantity, one.amount) for one in parts] == [
        (1, 0, cny(1_000)),
        (2, 0, cny(200)),
    ]
    assert (now.open_amount, now.state) == (cny(300), State.ISSUED)
    assert taken(now, Returned("P1", 3)).state is State.CREDITED


@req("R-133")
def test_what_is_taken_back_need_not_be_picked_up() -> None:
    begun = pick(an_invoice(("P1", 100, 1_000)), [PickupLine("P1", 60)], on=DAY)

    partly = completed(taken(begun, Returned("P1", 30)), on=DAY)
    rest = completed(taken(begun, Returned("P1", 40)), on=DAY)

    assert (partly.pickup_state, partly.pickup_date) == (PickupState.OPEN, None)
    assert (rest.pickup_state, rest.pickup_date) == (PickupState.COMPLETE, DAY)
