"""The arithmetic of a price. All of it is exact until the unit price is rounded, once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final

from chassis.errors import NotFound
from chassis.money import (
    UNIT_PRICE_DECIMALS_MAX,
    AmountInvalid,
    Money,
    UnitPrice,
    round_half_up,
    total,
)
from chassis.policy.domain import WHOLE_COMPANY, Policy

PRICES_MAX: Final = 10_000
_DECIMALS_SHOWN_MIN: Final = 2


class FactorKind(StrEnum):
    """What a number does to the price."""

    LIST_PRICE = "LIST_PRICE"
    CHANNEL_FACTOR = "CHANNEL_FACTOR"
    ALLOWANCE = "ALLOWANCE"
    DISCOUNT = "DISCOUNT"


class Convention(StrEnum):
    """How the number of a discount is to be read: as the share taken off, or as the share paid."""

    DISCOUNT_SHARE = "DISCOUNT_SHARE"
    PRICE_SHARE = "PRICE_SHARE"


@dataclass(frozen=True, slots=True)
class Factor:
    """Hold one number of a price, with the policy it comes from; `multiplier` is what it does."""

    kind: FactorKind
    value: Decimal
    multiplier: Decimal
    policy_id: str
    policy_version: int
    convention: Convention | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Name a quantity of a product that is to be priced."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PricedLine:
    """Hold a priced quantity, and what its unit price was made from, in order."""

    product_id: str
    quantity: int
    unit_price: UnitPrice
    amount: Money
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """Hold priced lines, their sum, and the day whose prices they are."""

    lines: tuple[PricedLine, ...]
    total: Money
    on: date


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the policies for one line; `discount` is None where the partner does not qualify."""

    list_price: Policy
    terms: Policy
    discount: Policy | None


def scopes_of(*, partner_id: str, product_id: str, kind: str, grade: str) -> list[str]:
    """Return the scopes in which terms and discounts are looked for, the nearest first.

    Source: R-092: by period, channel and grade.
    """
    return [
        f"partner:{partner_id}",
        f"product:{product_id}",
        f"channel:{kind}/{grade}",
        f"channel:{kind}",
        WHOLE_COMPANY,
    ]


def price_line(wanted: Wanted, rules: Rules) -> PricedLine:
    """Price one line.

    Units: the unit price has six decimals at most, the amount minor units; each is rounded half up
        once.
    Errors: AmountInvalid when a policy makes a price below zero or too large.
    Source: R-082: 10.00 × 0.90 × 0.95 = 8.55.
    """
    unit_price, factors = _unit_price(_SamePolicies(rules))
    return PricedLine(
        product_id=wanted.product_id,
        quantity=wanted.quantity,
        unit_price=unit_price,
        amount=unit_price.times(wanted.quantity),
        factors=factors,
    )


def sum_up(lines: Sequence[PricedLine], on: date) -> Quote:
    """Sum the lines up.

    Errors: CurrencyMismatch, AmountInvalid.
    """
    amounts = [line.amount for line in lines]
    return Quote(tuple(lines), total(amounts[0].currency_code, amounts), on)


class _SamePolicies:
    """Compare rules by which policies they are, not by what these say; a policy never changes."""

    __slots__ = ("rules",)

    def __init__(self, rules: Rules) -> None:
        """Keep the rules, so that no other policy takes the place of one of them in memory."""
        self.rules = rules

    def __hash__(self) -> int:
        return hash((id(self.rules.list_price), id(self.rules.terms), id(self.rules.discount)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _SamePolicies):
            return NotImplemented
        return (
            self.rules.list_price is other.rules.list_price
            and self.rules.terms is other.rules.terms
            and self.rules.discount is other.rules.discount
        )


@lru_cache(maxsize=PRICES_MAX)
def _unit_price(policies: _SamePolicies) -> tuple[UnitPrice, tuple[Factor, ...]]:
    """Return the price of one piece and what it is made of; most lines have been priced before."""
    rules = policies.rules
    factors = _factors(rules)
    exact = Fraction(1)
    for factor in factors:
        exact *= Fraction(factor.multiplier)
    currency_code = rules.list_price.parameters.text("currency_code")
    return UnitPrice(currency_code, _rounded(exact)), factors


def _factors(rules: Rules) -> tuple[Factor, ...]:
    list_price = rules.list_price.parameters.decimal("amount")
    channel_factor = rules.terms.parameters.decimal("channel_factor")
    allowance = rules.terms.parameters.decimal("allowance")
    factors = [
        _factor(rules.list_price, FactorKind.LIST_PRICE, list_price),
        _factor(rules.terms, FactorKind.CHANNEL_FACTOR, channel_factor),
        replace(_factor(rules.terms, FactorKind.ALLOWANCE, allowance), multiplier=1 - allowance),
    ]
    if rules.discount is not None:
        factors.append(_discount(rules.discount))
    return tuple(factors)


def _discount(policy: Policy) -> Factor:
    rate = policy.parameters.decimal("rate")
    try:
        convention = Convention(policy.parameters.text("convention"))
    except ValueError as error:
        raise AmountInvalid("is no convention of a discount", error) from error
    multiplier = 1 - rate if convention is Convention.DISCOUNT_SHARE else rate
    return Factor(
        FactorKind.DISCOUNT, rate, multiplier, policy.policy_id, policy.version, convention
    )


def _factor(policy: Policy, kind: FactorKind, value: Decimal) -> Factor:
    return Factor(kind, value, value, policy.policy_id, policy.version)


def _rounded(exact: Fraction) -> Decimal:
    """Round to six decimals, and drop zeros behind the second one."""
    scaled = round_half_up(exact.numerator * 10**UNIT_PRICE_DECIMALS_MAX, exact.denominator)
    text = format(Decimal(f"{scaled}e-{UNIT_PRICE_DECIMALS_MAX}"), "f")
    whole, _, decimals = text.partition(".")
    return Decimal(f"{whole}.{decimals.rstrip('0').ljust(_DECIMALS_SHOWN_MIN, '0')}")


class PriceNotFound(NotFound):
    """The product has no list price on this day."""

    reason = "PRICE_NOT_FOUND"

    def __init__(self, product_id: str, on: date) -> None:
        """Name the product and the day."""
        super().__init__(
            f"product {product_id} has no list price on {on}", productId=product_id, date=on
        )
