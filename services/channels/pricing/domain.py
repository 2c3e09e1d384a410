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
    currency_exponent,
    ratio,
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
    OVERRIDE = "OVERRIDE"


class Convention(StrEnum):
    """How the number of a discount is to be read: as the share taken off, or as the share paid."""

    DISCOUNT_SHARE = "DISCOUNT_SHARE"
    PRICE_SHARE = "PRICE_SHARE"


@dataclass(frozen=True, slots=True)
class Factor:
    """Hold one number of a price, with the policy it comes from; `multiplier` is what it does.

    Shape: of an override the policy's id is the override's own, its version 0, and the multiplier
        is rounded.
    """

    kind: FactorKind
    value: Decimal
    multiplier: Decimal
    policy_id: str
    policy_version: int
    convention: Convention | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Name a quantity of a product that is to be priced, and the price that was agreed on if it is
    not to be that of the policies."""

    product_id: str
    quantity: int
    agreed: UnitPrice | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """Hold a priced quantity, and what its unit price was made from, in order.

    Shape: `policy_price` is what the policies say where the unit price is another one.
    """

    product_id: str
    quantity: int
    unit_price: UnitPrice
    amount: Money
    factors: tuple[Factor, ...]
    policy_price: UnitPrice | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Hold priced lines, their sum, and the day whose prices they are."""

    lines: tuple[PricedLine, ...]
    total: Money
    on: date


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Say over which orders the carrying out of prices is looked at; an empty text means all."""

    first_day: date
    last_day: date
    partner_id: str = ""
    product_id: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True)
class PriceExecution:
    """Hold what a product was sold for, and what the policies would have asked; one currency."""

    partner_id: str
    product_id: str
    project_id: str
    quantity: int
    realised: Money
    policy: Money
    overridden_quantity: int

    @property
    def execution(self) -> Decimal | None:
        """Return the share of the policies' price that was realised, with four decimals.

        Shape: None when the policies ask for nothing.
        Source: R-089: (600 × 8.55 + 400 × 8.30) / 1,000 = 8.45 is 98.83 % of 8.55.
        """
        if not self.policy.amount_minor:
            return None
        return ratio(self.realised.amount_minor, self.policy.amount_minor, decimals=4)


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the policies for one line; `discount` is None where the partner does not qualify."""

    list_price: Policy
    terms: Policy
    discount: Policy | None


def scopes_of(
    *, partner_id: str, product_id: str, kind: str, grade: str, agreed_scope: str = ""
) -> list[str]:
    """Return the scopes in which terms and discounts are looked for, the nearest first.

    Shape: `agreed_scope` is what the partner's agreement names, or empty.
    Source: R-092: by period, channel and grade.
    """
    return [
        f"partner:{partner_id}",
        *([agreed_scope] if agreed_scope else []),
        f"product:{product_id}",
        f"channel:{kind}/{grade}",
        f"channel:{kind}",
        WHOLE_COMPANY,
    ]


def policy_price_of(factors: Sequence[Factor], currency_code: str) -> UnitPrice | None:
    """Return what the policies say of a price that was overridden, from its factors; None where it
    was not."""
    if not factors or factors[-1].kind is not FactorKind.OVERRIDE:
        return None
    return UnitPrice(currency_code, _rounded(_product(factors[:-1])))


def overridden(line: PricedLine, price: UnitPrice, *, override_id: str) -> PricedLine:
    """Put another price in the place of that of the policies.

    Units: the deviation's multiplier has six decimals.
    """
    part, whole = Fraction(price.amount), Fraction(line.unit_price.amount)
    multiplier = _rounded(part / whole)
    factor = Factor(FactorKind.OVERRIDE, price.amount, multiplier, override_id, 0)
    return PricedLine(
        product_id=line.product_id,
        quantity=line.quantity,
        unit_price=price,
        amount=price.times(line.quantity),
        factors=(*line.factors, factor),
        policy_price=line.unit_price,
    )


def deviation(price: UnitPrice, policy_price: UnitPrice) -> Decimal:
    """Tell how far a price is from that of the policies, as a share of it with four decimals.

    Errors: AmountInvalid when the policies' price is 0.
    Source: R-088: 8.30 instead of 8.55 is −0.0292.
    """
    if not policy_price.amount:
        raise AmountInvalid("is a price of nothing, so no other can be compared with it", 0)
    share = Fraction(price.amount) / Fraction(policy_price.amount) - 1
    return Decimal(f"{round_half_up(share.numerator * 10**4, share.denominator)}e-4")


def average(amount: Money, quantity: int) -> UnitPrice:
    """Return what one piece cost, rounded half up to six decimals."""
    whole = quantity * 10 ** currency_exponent(amount.currency_code)
    return UnitPrice(amount.currency_code, _rounded(Fraction(amount.amount_minor, whole)))


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
    currency_code = rules.list_price.parameters.text("currency_code")
    return UnitPrice(currency_code, _rounded(_product(factors))), factors


def _product(factors: Sequence[Factor]) -> Fraction:
    exact = Fraction(1)
    for factor in factors:
        exact *= Fraction(factor.multiplier)
    return exact


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
