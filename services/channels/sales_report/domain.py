"""A sale over a partner's counter, and what can be wrong with it; pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from channels.partner.domain import Agreement
from channels.product.domain import Product, State
from chassis.errors import InvalidArgument, Violation
from chassis.money import Money

QUANTITY_MAX: Final = 1_000_000_000
AMOUNT_MINOR_MAX: Final = 10**15
# Products in one of these have been, or are, on the market.
MARKETED: Final = frozenset({State.ON_SALE, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class SaleLine:
    """Hold pieces of a product, and what was asked for all of them together."""

    product_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Sale:
    """Hold a sale as the partner reports it; `sale_date` is None for a day that no calendar has."""

    sale_id: str
    customer_id: str
    sale_date: date | None
    lines: tuple[SaleLine, ...]


@dataclass(frozen=True, slots=True)
class ReportedSale:
    """Hold a sale that was taken, and the order that it became."""

    partner_id: str
    sale_id: str
    unit_id: str
    order_id: str
    sale_date: date
    report_time: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """Hold what came of a report: an order for each sale, in their order, and their sum."""

    order_ids: Sequence[str]
    total: Money


@dataclass(frozen=True, slots=True)
class Ground:
    """Hold what sales are looked at against.

    Shape: `agreements` by year, `products` by id, `used` the numbers of earlier sales.
    """

    today: date
    currency_code: str
    agreements: Mapping[int, Agreement]
    products: Mapping[str, Product]
    used: Collection[str]


class SalesReportInvalid(InvalidArgument):
    """Sales of a report are wrong; nothing of it was taken."""

    reason = "SALES_REPORT_INVALID"

    def __init__(self, violations: Sequence[Violation]) -> None:
        """Count the wrong sales and list what is wrong."""
        wrong = len({one.field.partition("]")[0] for one in violations})
        super().__init__(
            f"{wrong} sales are wrong, first {violations[0].field}: {violations[0].message}",
            violations=violations,
            sales=wrong,
        )


def problems(sales: Sequence[Sale], ground: Ground) -> list[Violation]:
    """Tell all that is wrong with sales, by their places in the report."""
    counts = Counter(sale.sale_id for sale in sales)
    found: list[Violation] = []
    for place, sale in enumerate(sales):
        at = f"sales[{place}]"
        if sale.sale_id in ground.used:
            found.append(Violation(f"{at}.sale_id", "sale_id.used", "was reported before"))
        elif counts[sale.sale_id] > 1:
            found.append(Violation(f"{at}.sale_id", "sale_id.unique", "is in the report twice"))
        found += _day_problems(sale, ground, at=at)
        for number, line in enumerate(sale.lines):
            found += _line_problems(line, ground, at=f"{at}.lines[{number}]")
    return found


def _day_problems(sale: Sale, ground: Ground, *, at: str) -> Iterator[Violation]:
    field = f"{at}.sale_date"
    if sale.sale_date is None:
        yield Violation(field, "sale_date.calendar", "is a day that no calendar has")
    elif sale.sale_date > ground.today:
        yield Violation(field, "sale_date.future", f"is after today, {ground.today}")
    elif not _agreed(sale.sale_date, ground):
        yield Violation(field, "sale_date.agreement", "no agreement of the partner holds that day")


def _agreed(day: date, ground: Ground) -> bool:
    agreement = ground.agreements.get(day.year)
    return agreement is not None and day < agreement.end_date


def _line_problems(line: SaleLine, ground: Ground, *, at: str) -> Iterator[Violation]:
    product = ground.products.get(line.product_id)
    if product is None:
        yield Violation(f"{at}.product_id", "product.known", "there is no such product")
    elif product.state not in MARKETED:
        yield Violation(f"{at}.product_id", "product.on_sale", f"is {product.state}")
    if not 1 <= line.quantity <= QUANTITY_MAX:
        yield Violation(f"{at}.quantity", "quantity.range", f"is not 1 to {QUANTITY_MAX:,}")
    if not 0 <= line.amount.amount_minor <= AMOUNT_MINOR_MAX:
        yield Violation(f"{at}.amount", "amount.range", "is below 0 or too large")
    if line.amount.currency_code != ground.currency_code:
        yield Violation(f"{at}.amount", "amount.currency", f"is not in {ground.currency_code}")
