"""What a sale earns: rates, what they are earned for, and when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from chassis.money import Money, parse_decimal


class Per(StrEnum):
    """What a rate is earned for: the order, a line of it, each piece, or a line's amount."""

    ORDER = "order"
    LINE = "line"
    PIECE = "piece"
    AMOUNT = "amount"


class Basis(StrEnum):
    """When a share of an amount is earned: with the order, or with the money that comes for it."""

    POSTING = "posting"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class SaleLine:
    """Hold what was sold of one product."""

    product_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Sale:
    """Hold what is known of an approved order."""

    order_id: str
    partner_id: str
    unit_id: str
    source: str
    offer_id: str
    campaign_id: str
    lines: tuple[SaleLine, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold what an event earns.

    Shape: `share` is the decimal text of a share of an amount, such as `0.03`; then `amount` is
        what that made of the line's amount, and 0 before that is known.
    """

    event_kind: str
    per: Per
    amount: Money
    share: str = ""
    basis: Basis = Basis.POSTING

    def of(self, amount: Money) -> "Rate":
        """Take the share of an amount, rounded once.

        Source: R-117.
        """
        return replace(self, amount=amount.times(parse_decimal(self.share)))


@dataclass(frozen=True, slots=True)
class Earning:
    """Hold what a sale earned by one rate; `product_id` is empty when the whole order did.

    Shape: `base_minor` and `base_quantity` are the amount and the pieces of the lines behind it,
        in proportion to which it is taken back.
    """

    rate: Rate
    product_id: str
    quantity: int
    base_minor: int = 0
    base_quantity: int = 1

    @property
    def amount(self) -> Money:
        """Return rate times quantity."""
        return Money(self.rate.amount.currency_code, self.rate.amount.amount_minor * self.quantity)


def earnings(
    sale: Sale, rates: Sequence[Rate], matching: Sequence[Collection[str]]
) -> list[Earning]:
    """Say what a sale earns.

    Shape: `matching` has for each line of the sale the kinds of event that it is. An order's rate
        is earned once, when one of its lines matches. What rounds to nothing is left out.
    Source: R-117, R-118, R-119.
    """
    found: list[Earning] = []
    for rate in rates:
        lines = [
            line
            for line, kinds in zip(sale.lines, matching, strict=True)
            if rate.event_kind in kinds
        ]
        if rate.per is Per.ORDER:
            found += [_of_order(rate, sale)] if lines else []
        else:
            found += [_of_line(rate, line) for line in lines]
    return [one for one in found if one.amount.amount_minor]


def _of_order(rate: Rate, sale: Sale) -> Earning:
    base_minor = sum(line.amount.amount_minor for line in sale.lines)
    return Earning(rate, "", 1, base_minor, sum(line.quantity for line in sale.lines))


def _of_line(rate: Rate, line: SaleLine) -> Earning:
    if rate.per is Per.AMOUNT:
        rate = rate.of(line.amount)
    times = line.quantity if rate.per is Per.PIECE else 1
    return Earning(rate, line.product_id, times, line.amount.amount_minor, line.quantity)


@dataclass(frozen=True, slots=True)
class Returned:
    """Hold what of an order came back: pieces, and what was invoiced for them."""

    quantity: int
    amount_minor: int

    def __add__(self, other: "Returned") -> "Returned":
        """Add up."""
        return Returned(self.quantity + other.quantity, self.amount_minor + other.amount_minor)


NOTHING: Final = Returned(0, 0)
