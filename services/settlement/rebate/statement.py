"""What is shown of rebate, as values: a partner's year, the report, a proposal; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from chassis.money import Money, ratio
from settlement.rebate.domain import Forfeit, Part, Rules
from settlement.rebate.run import Line, Payout

PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Sums:
    """Hold the sums of a base, each above 0 or 0, in minor units."""

    purchases_minor: int
    returns_minor: int
    exclusions_minor: int

    @property
    def base_minor(self) -> int:
        """Return what the tiers are asked for."""
        return self.purchases_minor - self.returns_minor - self.exclusions_minor


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what channels told of a partner."""

    credit_grade: str
    policy_scope: str
    target: Money | None


@dataclass(frozen=True, slots=True)
class AccrualLine:
    """Hold what a month changed; `period` is a month, or `final` for the settlement."""

    period: str
    base_minor: int
    rebate_minor: int
    delta_minor: int
    transfer_id: str
    post_date: date


@dataclass(frozen=True, slots=True)
class Correction:
    """Hold what was corrected after the settlement; below zero when it was clawed back."""

    adjustment_id: str
    base_minor: int
    rebate_minor: int
    delta_minor: int
    day: date


@dataclass(frozen=True, slots=True)
class Payment:
    """Hold what was paid."""

    payment_id: str
    run_id: str
    amount: Money
    payout: Payout
    pay_date: date


@dataclass(frozen=True, slots=True)
class Offset:
    """Hold what a payment settled of a year beside what it paid for it: what was taken off it for
    another year, or off another for it.

    Units: minor units, below 0 when the year gave, above 0 when what it owed back was settled.
    """

    payment_id: str
    delta_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold a partner's year: the base, how each tier makes its part, and what became of it.

    Shape: as it is now; once settled, by the rules, the grade and the forfeits that it was settled
        by. `exact_minor` is the sum of the parts before the one rounding.
    """

    partner_id: str
    year: int
    currency_code: str
    sums: Sums
    rules: Rules
    credit_grade: str
    kept_rate: int
    parts: Sequence[Part]
    rebate: Money
    amount: Money
    target: Money | None
    forfeits: Sequence[Forfeit]
    accruals: Sequence[AccrualLine]
    settled: Line | None
    corrections: Sequence[Correction]
    payments: Sequence[Payment]
    offsets: Sequence[Offset]

    @property
    def achieved_percent(self) -> Decimal | None:
        """Return which part of the agreed target was bought, with one decimal.

        Source: R-151.
        """
        if self.target is None or not self.target.amount_minor:
            return None
        return ratio(self.sums.base_minor * PERCENT, self.target.amount_minor, decimals=1)

    @property
    def payable(self) -> Money:
        """Return what is settled and corrected, and neither paid nor offset; below zero when it is
        owed back."""
        settled = self.settled.amount.amount_minor if self.settled is not None else 0
        corrected = sum(one.delta_minor for one in self.corrections)
        corrected += sum(one.delta_minor for one in self.offsets)
        paid = sum(one.amount.amount_minor for one in self.payments)
        return Money(self.currency_code, settled + corrected - paid)


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what rebate cost in a year, beside what was planned."""

    year: int
    unit_id: str
    currency_code: str
    sums: Sums
    cost: Money
    paid: Money
    partner_count: int
    planned_rate: Decimal | None

    @property
    def cost_percent(self) -> Decimal:
        """Return the cost as a share of gross purchases, in percent with two decimals.

        Source: R-106.
        """
        gross = self.sums.purchases_minor
        if not gross:
            return Decimal("0.00")
        return ratio(self.cost.amount_minor * PERCENT, gross, decimals=2)

    @property
    def planned_percent(self) -> Decimal | None:
        """Return the planned share in percent with two decimals."""
        if self.planned_rate is None:
            return None
        numerator, denominator = (self.planned_rate * PERCENT).as_integer_ratio()
        return ratio(numerator, denominator, decimals=2)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Hold a version of the rules beside what the year before it brought.

    Shape: `budget` is None when nobody planned one. `simulated` is what the version would have cost
        on the purchases of that year.
    """

    rules: Rules
    last_year: int
    budget: Money | None
    paid: Money
    simulated: Money
    partner_count: int

    @property
    def execution_percent(self) -> Decimal | None:
        """Return which part of last year's budget was paid, in percent with one decimal.

        Source: R-100.
        """
        if self.budget is None or not self.budget.amount_minor:
            return None
        return ratio(self.paid.amount_minor * PERCENT, self.budget.amount_minor, decimals=1)
