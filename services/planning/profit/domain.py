"""Prices in layers, what a piece adds to sales and cost, and expenses that follow sales.

Pure arithmetic. An amount of a year is rounded once; each month has what the sum up to it adds, so
nothing is lost and the year is exact.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from chassis.money import CurrencyMismatch, UnitPrice, currency_exponent, ratio, round_half_up
from chassis.period import Month
from planning.cube.domain import Address, Cell
from planning.profit.errors import ProfitAssumptionMissing

VOLUME: Final = "volume"
SALES: Final = "sales"
COST: Final = "cost"
PRICE_DECIMALS: Final = 4

Amounts: TypeAlias = dict[tuple[str, Address], int]
Factors: TypeAlias = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class PriceAssumption:
    """Hold what a product is to be sold for and to cost; an empty channel means all others.

    Units: prices in the currency of the version; factor and share are 0 to 1.
    """

    product_id: str
    channel: str
    list_price: UnitPrice
    channel_factor: Decimal
    allowance_share: Decimal
    unit_cost: UnitPrice

    @property
    def channel_price(self) -> UnitPrice:
        """Price for the channel, to four decimals.

        Source: R-020.
        """
        return self._rounded(Fraction(self.channel_factor))

    @property
    def net_price(self) -> UnitPrice:
        """Price after allowances and rebates, rounded once, half up, to four decimals.

        Source: R-020: 25.00 × 0.90 × 0.95 is 21.375.
        """
        return self._rounded(Fraction(self.channel_factor) * (1 - Fraction(self.allowance_share)))

    @property
    def factors(self) -> Factors:
        """Tell what a piece adds to sales and to cost, in minor units."""
        return {SALES: _minor(self.net_price), COST: _minor(self.unit_cost)}

    def _rounded(self, factor: Fraction) -> UnitPrice:
        exact = Fraction(self.list_price.amount) * factor
        scaled = round_half_up(exact.numerator * 10**PRICE_DECIMALS, exact.denominator)
        return UnitPrice(self.list_price.currency_code, Decimal(f"{scaled}e-{PRICE_DECIMALS}"))


@dataclass(frozen=True, slots=True)
class Change:
    """Say what is other in a what-if; None stays as it is, an empty product or channel is every."""

    product_id: str
    channel: str
    list_price: UnitPrice | None
    channel_factor: Decimal | None
    allowance_share: Decimal | None
    unit_cost: UnitPrice | None

    def of(self, price: PriceAssumption) -> PriceAssumption:
        """Change an assumption that is meant."""
        if self.product_id not in ("", price.product_id):
            return price
        if self.channel not in ("", price.channel):
            return price
        return replace(
            price,
            list_price=self.list_price or price.list_price,
            channel_factor=_or(self.channel_factor, price.channel_factor),
            allowance_share=_or(self.allowance_share, price.allowance_share),
            unit_cost=self.unit_cost or price.unit_cost,
        )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Hold what the amounts of a version are computed from.

    Shape: prices by product and channel; shares of sales by expense type. `version_id` is the
        version that they were set for, empty when none are.
    """

    version_id: str
    prices: tuple[PriceAssumption, ...]
    sales_shares: Mapping[str, Decimal]

    def factors_of(self) -> Callable[[str, str, bool], Factors | None]:
        """Return what tells of a product and channel what a piece adds to sales and to cost.

        Shape: a channel without a price of its own has the one of the others; None without a price
            where none is needed.
        Errors: the answer raises ProfitAssumptionMissing.
        """
        known = {(one.product_id, one.channel): one.factors for one in self.prices}

        def told(product_id: str, channel: str, needed: bool) -> Factors | None:
            found = known.get((product_id, channel)) or known.get((product_id, ""))
            if found is None and needed:
                raise ProfitAssumptionMissing(self.version_id, product_id)
            return found

        return told

    def changed(
        self, changes: Sequence[Change], sales_shares: Mapping[str, Decimal]
    ) -> "Assumptions":
        """Change them for a what-if; a later change goes before an earlier one.

        Source: R-019.
        """
        prices = self.prices
        for change in changes:
            prices = tuple(map(change.of, prices))
        return replace(self, prices=prices, sales_shares={**self.sales_shares, **sales_shares})

    def require_currency(self, currency_code: str) -> None:
        """Refuse prices of another currency than the version's.

        Errors: CurrencyMismatch.
        """
        for price in self.prices:
            for one in (price.list_price, price.unit_cost):
                if one.currency_code != currency_code:
                    raise CurrencyMismatch(currency_code, one.currency_code)


def following(sales_shares: Mapping[str, Decimal], sales: Iterable[Cell]) -> Amounts:
    """Compute the expenses that follow sales: one amount a unit and month, not split further.

    Source: R-019: commission is 3 % of sales and follows them.
    """
    by_unit: defaultdict[tuple[str, int], dict[Month, int]] = defaultdict(lambda: defaultdict(int))
    for cell in sales:
        month = cell.address.month
        by_unit[cell.address.unit_id, month.year][month] += cell.value
    return {
        (expense_type, Address(unit_id, "", "", "", month)): amount
        for expense_type, share in sales_shares.items()
        for (unit_id, _), months in sorted(by_unit.items())
        for month, amount in _shares(months, Fraction(share))
    }


def percent(part: int, whole: int) -> str:
    """Write a share in percent with two digits; empty when the whole is nothing."""
    return f"{ratio(part * 100, whole, decimals=2):f}" if whole else ""


def _shares(months: Mapping[Month, int], factor: Fraction) -> Iterator[tuple[Month, int]]:
    """Multiply a year by a factor and round it once; each month has what the sum up to it adds."""
    quantity = before = 0
    for month in sorted(months):
        quantity += months[month]
        upto = round_half_up(quantity * factor.numerator, factor.denominator)
        yield month, upto - before
        before = upto


def _or(new: Decimal | None, old: Decimal) -> Decimal:
    return old if new is None else new


def _minor(price: UnitPrice) -> Fraction:
    """Tell a price in minor units."""
    return Fraction(price.amount) * Fraction(10 ** currency_exponent(price.currency_code))
