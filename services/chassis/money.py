"""Money, unit prices and the decimal text of rates.

An amount is a whole number of minor units; it is rounded once, when it comes into being. No float
lives here, and no decimal context either: products are exact fractions until that one rounding,
whatever the thread's context says.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from chassis.errors import InvalidArgument

AMOUNT_MINOR_MAX: Final = 2**63 - 1
UNIT_PRICE_DECIMALS_MAX: Final = 6
UNIT_PRICE_WHOLE_DIGITS_MAX: Final = 12
DECIMAL_DIGITS_MAX: Final = 18

# ISO 4217: every currency that has not two digits after the point.
_EXPONENTS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_DECIMAL_TEXT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")


class CurrencyMismatch(InvalidArgument):
    """Two amounts of different currencies meet in one sum or comparison."""

    reason = "CURRENCY_MISMATCH"

    def __init__(self, expected: str, found: str) -> None:
        """Name both currencies."""
        super().__init__(
            f"amounts in {expected} and {found} do not mix",
            expectedCurrency=expected,
            foundCurrency=found,
        )


class AmountInvalid(InvalidArgument):
    """A currency, an amount or a decimal text is malformed or outside its range."""

    reason = "AMOUNT_INVALID"

    def __init__(self, problem: str, value: object) -> None:
        """Say what is wrong with the value, which is shortened to what a log line bears."""
        text = str(value)[:40]
        super().__init__(f"{text!r} {problem}", value=text, problem=problem)


def currency_exponent(currency_code: str) -> int:
    """Say how many digits a currency has after the point.

    Shape: an ISO 4217 code in, 0 to 4 out; a code that the table does not list has 2.
    Source: ISO 4217, list one.
    """
    return _EXPONENTS.get(currency_code, 2)


def round_half_up(numerator: int, denominator: int) -> int:
    """Divide two whole numbers and round once, a half going away from zero.

    Errors: ZeroDivisionError when the denominator is 0.
    Source: house rule on numbers; the same as decimal.ROUND_HALF_UP, yet exact at any size.
    """
    whole, rest = divmod(abs(numerator), abs(denominator))
    rounded = whole + (2 * rest >= abs(denominator))
    return rounded if (numerator < 0) == (denominator < 0) else -rounded


def ratio(part: int, whole: int, *, decimals: int) -> Decimal:
    """Divide a part by its whole to so many decimals.

    Shape: 1980000 of 2400000 with 4 decimals is 0.8250.
    Errors: ZeroDivisionError when the whole is 0; only the caller knows what a share of nothing
        means.
    """
    return Decimal(f"{round_half_up(part * 10**decimals, whole)}e-{decimals}")


def parse_decimal(text: str, *, decimals_max: int = UNIT_PRICE_DECIMALS_MAX) -> Decimal:
    """Read a rate or a price from its one allowed spelling.

    Shape: optional minus, digits without leading zeros, optional point and 1 to `decimals_max`
        digits; no exponent, sign `+`, blank, NaN or infinity; at most 18 digits in all.
    Errors: AmountInvalid.
    """
    if not _DECIMAL_TEXT.fullmatch(text):
        raise AmountInvalid("is not a plain decimal number", text)
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(fraction) > decimals_max:
        raise AmountInvalid(f"has more than {decimals_max} decimals", text)
    if len(whole) + len(fraction) > DECIMAL_DIGITS_MAX:
        raise AmountInvalid(f"has more than {DECIMAL_DIGITS_MAX} digits", text)
    return Decimal(text)


def format_decimal(value: Decimal) -> str:
    """Write a decimal as `parse_decimal` reads it, with the decimals that it carries.

    Errors: AmountInvalid when it is not finite or beyond 10^30.
    """
    _check_bounded(value)
    return format(abs(value) if value.is_zero() else value, "f")


@dataclass(frozen=True, slots=True)
class Money:
    """Hold an amount of one currency.

    Units: minor units of the currency, within int64; below zero only as a difference, never to mean
        a direction.
    Errors: AmountInvalid when the code is not three capitals or the amount leaves int64.
    """

    currency_code: str
    amount_minor: int

    def __post_init__(self) -> None:
        """Refuse what the wire and the database could not hold."""
        _check_currency(self.currency_code)
        if not -AMOUNT_MINOR_MAX <= self.amount_minor <= AMOUNT_MINOR_MAX:
            raise AmountInvalid("is outside the range of an amount", self.amount_minor)

    @classmethod
    def zero(cls, currency_code: str) -> Self:
        """Make nothing of a currency."""
        return cls(currency_code, 0)

    @classmethod
    def parse(cls, currency_code: str, text: str) -> Self:
        """Read an amount in major units, such as `14250.00`, exactly.

        Errors: AmountInvalid when it has more decimals than the currency.
        """
        exponent = currency_exponent(currency_code)
        numerator, denominator = parse_decimal(text, decimals_max=exponent).as_integer_ratio()
        return cls(currency_code, numerator * 10**exponent // denominator)

    def major(self) -> str:
        """Write the amount in major units without the currency, such as `14250.00`."""
        exponent = currency_exponent(self.currency_code)
        whole, rest = divmod(abs(self.amount_minor), 10**exponent)
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{whole}.{rest:0{exponent}d}" if exponent else f"{sign}{whole}"

    def times(self, ratio: Decimal) -> "Money":
        """Multiply by a ratio and round once, half up.

        Shape: 0.05 is five percent.
        Errors: AmountInvalid when the ratio is not finite or beyond 10^30 or the product leaves
            int64.
        """
        numerator, denominator = _fraction(ratio)
        return Money(self.currency_code, round_half_up(self.amount_minor * numerator, denominator))

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency."""
        self._require_same(other)
        return Money(self.currency_code, self.amount_minor + other.amount_minor)

    def __sub__(self, other: "Money") -> "Money":
        """Take off an amount of the same currency."""
        self._require_same(other)
        return Money(self.currency_code, self.amount_minor - other.amount_minor)

    def __neg__(self) -> "Money":
        """Turn the sign."""
        return Money(self.currency_code, -self.amount_minor)

    def __abs__(self) -> "Money":
        """Drop the sign."""
        return Money(self.currency_code, abs(self.amount_minor))

    def __lt__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        self._require_same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        self._require_same(other)
        return self.amount_minor <= other.amount_minor

    def __gt__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return other < self

    def __ge__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return other <= self

    def _require_same(self, other: "Money") -> None:
        if self.currency_code != other.currency_code:
            raise CurrencyMismatch(self.currency_code, other.currency_code)


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """Hold the price of one unit, finer than the currency's minor unit.

    Units: major units of the currency, 0 or more, at most 12 digits before and 6 behind the point.
    Errors: AmountInvalid when the code, the sign, the number of decimals or the size is wrong.
    """

    currency_code: str
    amount: Decimal

    def __post_init__(self) -> None:
        """Refuse what the wire could not hold."""
        _check_currency(self.currency_code)
        parse_decimal(format_decimal(self.amount))
        if self.amount < 0 or self.amount.adjusted() >= UNIT_PRICE_WHOLE_DIGITS_MAX:
            raise AmountInvalid("is outside the range of a unit price", self.amount)

    @classmethod
    def parse(cls, currency_code: str, text: str) -> Self:
        """Read a price from its decimal text."""
        return cls(currency_code, parse_decimal(text))

    def times(self, quantity: int) -> Money:
        """Price a quantity and round once, half up.

        Units: the answer has the minor units of the currency.
        Errors: AmountInvalid when the product leaves int64.
        """
        numerator, denominator = _fraction(self.amount)
        scaled = numerator * quantity * 10 ** currency_exponent(self.currency_code)
        return Money(self.currency_code, round_half_up(scaled, denominator))


def total(currency_code: str, amounts: Iterable[Money]) -> Money:
    """Sum amounts of one currency; no amounts make zero.

    Errors: CurrencyMismatch; AmountInvalid when the sum leaves int64.
    """
    amount_minor = 0
    for amount in amounts:
        if amount.currency_code != currency_code:
            raise CurrencyMismatch(currency_code, amount.currency_code)
        amount_minor += amount.amount_minor
    return Money(currency_code, amount_minor)


def _fraction(value: Decimal) -> tuple[int, int]:
    _check_bounded(value)
    return value.as_integer_ratio()


def _check_bounded(value: Decimal) -> None:
    """Refuse an exponent whose digits, written out, would fill the memory."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise AmountInvalid("is not a finite number", value)
    if exponent < -60 or value.adjusted() > 30:
        raise AmountInvalid("is outside the range of a ratio", value)


def _check_currency(currency_code: str) -> None:
    if not _CURRENCY_CODE.fullmatch(currency_code):
        raise AmountInvalid("is not a currency code of three capitals", currency_code)
