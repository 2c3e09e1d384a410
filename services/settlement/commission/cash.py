"""Commission on cash, as values: what an order promises, and what of it the money that came earns.

Deliberately not here: commission on posting, which is earned at once and has no promise.
"""

from dataclasses import dataclass, replace
from datetime import date

from chassis.money import Money, parse_decimal, round_half_up
from settlement.commission.earning import Earning, Returned


@dataclass(frozen=True, slots=True)
class Collected:
    """Tell that money was matched with an order's invoice, or that such a match was undone.

    Shape: the amount is above 0 in both cases.
    """

    order_id: str
    amount: Money
    undone: bool = False

    @property
    def signed_minor(self) -> int:
        """Return how much more is collected, below 0 when a match was undone."""
        return -self.amount.amount_minor if self.undone else self.amount.amount_minor


@dataclass(frozen=True, slots=True)
class CashOrder:
    """Hold how much of an order with promises is collected.

    Shape: `total_minor` is what the order is worth less what was returned of it; `confirm_date` is
        None until the delivery.
    """

    order_id: str
    total_minor: int
    collected_minor: int
    confirm_date: date | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """Hold what a line of an order earns when it is paid for, and what that earned so far.

    Shape: `turns` counts the times at which it earned; each of them is an entry of its own.
    """

    order_id: str
    partner_id: str
    unit_id: str
    offer_id: str
    campaign_id: str
    policy_id: str
    earning: Earning
    returned: Returned
    earned_minor: int
    turns: int

    def due(self, order: CashOrder) -> int:
        """Return what it has earned by now: the share of the part of its amount that is paid.

        Shape: rounded once on the whole, so that parts that came by turns sum to it.
        Source: R-117.
        """
        if order.total_minor <= 0:
            return 0
        numerator, denominator = parse_decimal(self.earning.rate.share).as_integer_ratio()
        base_minor = max(self.earning.base_minor - self.returned.amount_minor, 0)
        paid_minor = min(max(order.collected_minor, 0), order.total_minor)
        return round_half_up(base_minor * paid_minor * numerator, denominator * order.total_minor)

    def turn(self, earned_minor: int) -> "Promise":
        """Keep what it has earned by now."""
        return replace(self, earned_minor=earned_minor, turns=self.turns + 1)
