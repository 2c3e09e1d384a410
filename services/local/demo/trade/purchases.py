"""Real purchases: what 23,570 customers of an online CD shop bought from January 1997 to June 1998.

The file has customers and no sellers, so each customer belongs to one of some agents here, by the
customer's number.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mantle.channels.v1 import sales_report_service_pb2 as rpc
from mantle.type.v1 import money_pb2

from chassis.money import Money
from chassis.period import Month
from local.places import REPOSITORY

FILE: Final = REPOSITORY / "examples" / "data" / "cd_purchases.csv"
CURRENCY: Final = "USD"
PRODUCT: Final = "CD"
AGENTS: Final = 23
FIRST_MONTH: Final = Month(1997, 1)
MONTHS: Final = 18
COMMISSION_RATE: Final = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Purchase:
    """Hold a row of the file; its number makes it a sale that nobody else has."""

    number: int
    customer_no: str
    day: str
    quantity: int
    amount_minor: int

    @property
    def commission_minor(self) -> int:
        """Return what the agent earns with it."""
        return Money(CURRENCY, self.amount_minor).times(COMMISSION_RATE).amount_minor


Sold = Mapping[str, list[Purchase]]


def read_file(a_month: int | None = None) -> dict[Month, Sold]:
    """Read the file, or the first purchases of each month: by agent, in their order."""
    counts: Counter[Month] = Counter()
    found: dict[Month, dict[str, list[Purchase]]] = defaultdict(lambda: defaultdict(list))
    with FILE.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), 1):
            one = Purchase(
                number=number,
                customer_no=row["customer_no"],
                day=row["date"],
                quantity=int(row["quantity"]),
                amount_minor=Money.parse(CURRENCY, row["amount_usd"]).amount_minor,
            )
            month = Month.parse(one.day[:7])
            counts[month] += 1
            if a_month is None or counts[month] <= a_month:
                agent = agent_id(int(one.customer_no) % AGENTS)
                found[month][agent].append(one)
    return {month: dict(sold) for month, sold in sorted(found.items())}


def agent_id(number: int) -> str:
    """Name the agent of a number from 0."""
    return f"CD-{number + 1:02}"


def usd(minor: int) -> money_pb2.Money:
    """Make an amount in the shop's currency from minor units."""
    return money_pb2.Money(currency_code=CURRENCY, amount_minor=minor)


def sale_of(one: Purchase) -> rpc.Sale:
    """Write a purchase as an agent reports it."""
    line = rpc.SaleLine(product_id=PRODUCT, quantity=one.quantity, amount=usd(one.amount_minor))
    return rpc.Sale(
        sale_id=f"S{one.number:06}",
        customer_id=f"CD{one.customer_no}",
        sale_date=one.day,
        lines=[line],
    )
