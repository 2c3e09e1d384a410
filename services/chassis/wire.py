"""Small conversions that every `wire` room needs: money, times, dates and decimals between protobuf
and our own types.

Untrusted values are refused as InvalidArgument with the field's path; nothing here knows a business
word.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from google.protobuf.timestamp_pb2 import Timestamp
from mantle.type.v1 import money_pb2

from chassis.errors import InvalidArgument, Violation
from chassis.money import Money, UnitPrice, format_decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
# The first and the last second that a timestamp may name, as its own contract has them.
_SECONDS_MIN = -62_135_596_800
_SECONDS_MAX = 253_402_300_799


def invalid(field: str, rule: str, message: str) -> InvalidArgument:
    """Make the error of one field that breaks one rule."""
    return InvalidArgument(f"{field} {message}", [Violation(field, rule, message)])


def to_money(message: money_pb2.Money) -> Money:
    """Read an amount of minor units; the contract's rules have checked currency and range."""
    return Money(message.currency_code, message.amount_minor)


def from_money(money: Money) -> money_pb2.Money:
    """Write an amount of minor units."""
    return money_pb2.Money(currency_code=money.currency_code, amount_minor=money.amount_minor)


def to_unit_price(message: money_pb2.UnitPrice) -> UnitPrice:
    """Read a unit price.

    Errors: AmountInvalid.
    """
    return UnitPrice.parse(message.currency_code, message.amount)


def from_unit_price(price: UnitPrice) -> money_pb2.UnitPrice:
    """Write a unit price."""
    return money_pb2.UnitPrice(
        currency_code=price.currency_code, amount=format_decimal(price.amount)
    )


def to_time(message: Timestamp, field: str) -> datetime:
    """Read a point in time as an aware datetime in UTC.

    Errors: InvalidArgument outside the years 1 to 9999.
    """
    # As in `write_time`: Timestamp.ToDatetime comes to the same in four times as long.
    seconds, nanos = message.seconds, message.nanos
    if not (_SECONDS_MIN <= seconds <= _SECONDS_MAX and 0 <= nanos < 1_000_000_000):
        raise invalid(field, "timestamp", "is no time between the years 1 and 9999")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1_000)


def from_time(at: datetime) -> Timestamp:
    """Write an aware datetime."""
    message = Timestamp()
    write_time(message, at)
    return message


def from_time_or_none(at: datetime | None) -> Timestamp | None:
    """Write an aware datetime; nothing when there is none."""
    return None if at is None else from_time(at)


def write_time(to: Timestamp, at: datetime) -> None:
    """Write an aware datetime into a message that has room for it."""
    # In whole numbers: Timestamp.FromDatetime comes to the same in four times as long.
    since = at - _EPOCH
    to.seconds = since.days * _DAY_S + since.seconds
    to.nanos = since.microseconds * 1_000


def to_date(text: str, field: str) -> date:
    """Read a date such as 2026-03-01.

    Errors: InvalidArgument for a day that no calendar has.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise invalid(field, "date", "is no date such as 2026-03-01") from error


def to_decimal(text: str, field: str) -> Decimal:
    """Read a plain decimal such as 0.05 or -12.5; no exponent, no NaN.

    Errors: InvalidArgument.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise invalid(field, "decimal", "is no decimal such as 0.05") from error
    if not value.is_finite() or "e" in text.lower() or "_" in text:
        raise invalid(field, "decimal", "is no decimal such as 0.05")
    return value


def from_decimal(value: Decimal) -> str:
    """Write a decimal without an exponent."""
    return format(value, "f")
