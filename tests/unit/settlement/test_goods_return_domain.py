"""A return is the exact inverse of what its goods caused: every domain together, on paper."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.money import Money
from settlement.commission.domain import Entry
from settlement.commission.earning import (
    Earning,
    Per,
    Rate,
    Sale,
    SaleLine,
    earnings,
)
from settlement.commission.earning import (
    Returned as CameBack,
)
from settlement.ledger.domain import Reason
from settlement.rebate.domain import spread
from settlement.receivable.credit_note import (
    Returned,
    give_back,
    lines_after,
    parts_of,
)
from settlement.receivable.domain import Allocation, Delivery, Invoice, Line, issue
from settlement.receivable.revenue import RevenueLine, revenue_of
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)
RATES = [
    Rate("sales", Per.AMOUNT, Money("CNY", 0), share="0.03"),
    Rate("piece", Per.PIECE, Money("CNY", 77)),
    Rate("line", Per.LINE, Money("CNY", 333)),
    Rate("order", Per.ORDER, Money("CNY", 500)),
]


def cny(minor: int) -> Money:
    return Money("CNY", minor)


@dataclass
class Paper:
    """The sums that an order and its returns move, by name; what is zero is left out."""

    invoice: Invoice
    entries: list[Entry]
    payments: list[Allocation]
    base: dict[int, int]
    sums: Counter[str] = field(default_factory=Counter)

    def book(self, lines: list[RevenueLine], *, reversal: bool) -> None:
        reason = Reason("test", "invoice", self.invoice.invoice_id, DAY, NOW)
        revenue = revenue_of(self.invoice, lines, reason, reversal=reversal)
        sign = -1 if reversal else 1
        for move in revenue.moves:
            self.sums[move.debit.code] += move.amount.amount_minor
            self.sums[move.credit.code] -= move.amount.amount_minor
        for one in revenue.actuals:
            self.sums[f"actual {one.product_id}"] += sign * one.amount.amount_minor
            self.sums[f"pieces {one.product_id}"] += sign * one.quantity

    def left(self) -> dict[str, int]:
        found = Counter(self.sums)
        found["commission"] = sum(one.left.amount_minor for one in self.entries)
        found["paid"] = sum(one.amount.amount_minor for one in self.payments)
        found["open"] = self.invoice.open_amount.amount_minor
        for year, minor in self.base.items():
            found[f"base {year}"] = minor
        return {name: minor for name, minor in found.items() if minor}

    def take_back(self, product_id: str, quantity: int) -> None:
        """Do what settlement does with ReturnCredited."""
        parts = parts_of(self.invoice, [Returned(product_id, quantity)])
        now = self.invoice.credit_part(
            lines_after(self.invoice, parts), credit_note_id=new_id(), on=DAY
        )
        back = self.invoice.paid_amount - now.paid_amount
        undone = give_back(self.payments, back) if back.amount_minor else []
        less = {one.allocation_id: one.amount for one in undone}
        self.payments = [
            replace(one, amount=one.amount - less.get(one.allocation_id, cny(0)))
            for one in self.payments
        ]
        for one in undone:
            for year, minor in spread(one.amount.amount_minor, self.base, year=2026).items():
                self.base[year] -= minor
        self.invoice = now
        amount = sum(one.amount.amount_minor for one in parts)
        self.book([RevenueLine(new_id(), product_id, quantity, cny(amount))], reversal=True)
        for number, entry in enumerate(self.entries):
            mine = entry.earning.product_id in ("", product_id)
            came = CameBack(quantity, amount) if mine else CameBack(0, 0)
            counted, minor = entry.give_back(came)
            self.entries[number] = counted.take_back(minor, on=DAY) if minor else counted


def a_paper(lines: dict[str, tuple[int, int]], paid: list[tuple[int, int]]) -> Paper:
    """Invoice lines of (pieces, minor units), with payments of (year, minor units)."""
    own = tuple(Line(product, quantity, cny(minor)) for product, (quantity, minor) in lines.items())
    total = cny(sum(minor for _, minor in lines.values()))
    delivery = Delivery(new_id(), "C-1", "D1", "hq", "", own, total)
    invoice = issue(delivery, invoice_id=new_id(), issue_date=DAY, due_date=DAY, at=NOW)
    sale_lines = tuple(SaleLine(one.product_id, one.quantity, one.amount) for one in own)
    sale = Sale(delivery.order_id, "D1", "hq", "OFFICE", "", "", sale_lines)
    kinds = [[rate.event_kind for rate in RATES]] * len(own)
    paper = Paper(invoice, [an_entry(one) for one in earnings(sale, RATES, kinds)], [], {})
    paper.book(
        [RevenueLine(new_id(), one.product_id, one.quantity, one.amount) for one in own],
        reversal=False,
    )
    for year, wanted in paid:
        part = min(wanted, paper.invoice.open_amount.amount_minor)
        if part:
            paper.invoice = paper.invoice.pay(cny(part))
            allocation = Allocation(invoice.invoice_id, new_id(), cny(part), new_id(), DAY)
            paper.payments.append(allocation)
            paper.base[year] = paper.base.get(year, 0) + part
    return paper


def an_entry(earning: Earning) -> Entry:
    return Entry(new_id(), "D1", "hq", "o", "", "", earning, "p", DAY, NOW, DAY)


# A piece costs a minor unit at least: of what costs nothing no actual is told, nor its pieces.
sold = st.dictionaries(
    st.sampled_from(["P1", "P2", "P3"]),
    st.tuples(st.integers(1, 12), st.integers(12, 10**6)),
    min_size=1,
)
payments = st.lists(st.tuples(st.sampled_from([2026, 2027]), st.integers(1, 10**6)), max_size=4)


@req("R-096", "R-124")
@given(sold, payments, st.data())
def test_returns_in_any_order_that_are_all_leave_nothing_behind(
    lines: dict[str, tuple[int, int]], paid: list[tuple[int, int]], data: st.DataObject
) -> None:
    paper = a_paper(lines, paid)
    pieces = [product for product, (quantity, _) in lines.items() for _ in range(quantity)]

    for product in data.draw(st.permutations(pieces)):
        paper.take_back(product, 1)

    assert paper.left() == {}


@req("R-094", "R-096")
@pytest.mark.parametrize("paid_minor", [0, 855_000])
def test_a_tenth_that_comes_back_takes_a_tenth_of_everything(paid_minor: int) -> None:
    paper = a_paper({"P1": (1_000, 855_000)}, [(2026, paid_minor)])

    paper.take_back("P1", 100)

    left = paper.left()
    shares = [one.left.amount_minor for one in paper.entries if one.earning.rate.share]
    assert (left["actual P1"], left["pieces P1"], shares) == (769_500, 900, [25_650 - 2_565])
    assert left.get("base 2026", 0) == (769_500 if paid_minor else 0)


def test_money_alone_can_be_taken_back_without_pieces() -> None:
    paper = a_paper({"P1": (10, 10_000)}, [])

    parts = parts_of(paper.invoice, [Returned("P1", 0, cny(342))])
    [line] = lines_after(paper.invoice, parts)

    assert [(one.quantity, one.amount) for one in parts] == [(0, cny(342))]
    assert (line.credited_quantity, line.credited_minor) == (0, 342)


ACTS = st.tuples(st.sampled_from(["pick", "came back", "by hand"]), st.integers(1, 12))


@req("R-133")
@given(acts=st.lists(ACTS, max_size=12))
def test_a_piece_is_with_the_partner_or_waits_or_was_taken_back(
    acts: list[tuple[str, int]],
) -> None:
    line = Line("P1", 20, cny(20))

    for act, wanted in acts:
        if act == "pick":
            pieces = min(wanted, line.waiting_quantity)
            line = replace(line, picked_quantity=line.picked_quantity + pieces)
        else:
            pieces = min(wanted, line.quantity - line.credited_quantity)
            kept_back = line.kept_back_of(pieces, came_back=act == "came back")
            line = replace(
                line,
                credited_quantity=line.credited_quantity + pieces,
                kept_back_quantity=line.kept_back_quantity + kept_back,
            )

    in_hand = line.picked_quantity - (line.credited_quantity - line.kept_back_quantity)
    assert min(in_hand, line.waiting_quantity, line.kept_back_quantity) >= 0
    assert in_hand + line.waiting_quantity + line.credited_quantity == line.quantity
