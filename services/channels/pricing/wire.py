"""Prices between the domain and the contract."""

from datetime import date
from functools import lru_cache
from typing import Final

from mantle.channels.v1 import pricing_pb2
from mantle.channels.v1 import pricing_service_pb2 as pb

from channels.pricing.domain import (
    PRICES_MAX,
    Convention,
    ExecutionFilter,
    Factor,
    FactorKind,
    PricedLine,
    PriceExecution,
    Quote,
    Wanted,
    average,
    deviation,
)
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_money, from_unit_price

_KINDS: Final = {
    FactorKind.LIST_PRICE: pricing_pb2.PriceFactor.KIND_LIST_PRICE,
    FactorKind.CHANNEL_FACTOR: pricing_pb2.PriceFactor.KIND_CHANNEL_FACTOR,
    FactorKind.ALLOWANCE: pricing_pb2.PriceFactor.KIND_ALLOWANCE,
    FactorKind.DISCOUNT: pricing_pb2.PriceFactor.KIND_DISCOUNT,
    FactorKind.OVERRIDE: pricing_pb2.PriceFactor.KIND_OVERRIDE,
}
_CONVENTIONS: Final = {
    None: pricing_pb2.PriceFactor.CONVENTION_UNSPECIFIED,
    Convention.DISCOUNT_SHARE: pricing_pb2.PriceFactor.CONVENTION_DISCOUNT_SHARE,
    Convention.PRICE_SHARE: pricing_pb2.PriceFactor.CONVENTION_PRICE_SHARE,
}


def wanted(request: pb.QuotePriceRequest) -> list[Wanted]:
    """Read the lines that are to be priced."""
    return [Wanted(line.product_id, line.quantity) for line in request.lines]


def wanted_day(request: pb.QuotePriceRequest, today: date) -> date:
    """Read the day whose prices are wanted.

    Errors: PeriodInvalid.
    """
    return parse_date(request.date) if request.HasField("date") else today


def wanted_executions(request: pb.ListPriceExecutionsRequest) -> ExecutionFilter:
    """Read whose prices are looked at.

    Errors: PeriodInvalid.
    """
    return ExecutionFilter(
        first_day=parse_date(request.start_date),
        last_day=parse_date(request.end_date),
        partner_id=request.partner_id,
        product_id=request.product_id,
        project_id=request.project_id,
    )


def executed(page: Slice[PriceExecution]) -> pb.ListPriceExecutionsResponse:
    """Answer with a page of how prices were carried out."""
    return pb.ListPriceExecutionsResponse(
        price_executions=map(_from_execution, page.items), next_page_token=page.next_page_token
    )


def _from_execution(one: PriceExecution) -> pricing_pb2.PriceExecution:
    share = one.execution
    return pricing_pb2.PriceExecution(
        partner_id=one.partner_id,
        product_id=one.product_id,
        project_id=one.project_id,
        quantity=one.quantity,
        realised=from_money(one.realised),
        policy=from_money(one.policy),
        realised_price=from_unit_price(average(one.realised, one.quantity)),
        policy_price=from_unit_price(average(one.policy, one.quantity)),
        execution="" if share is None else format_decimal(share),
        overridden_quantity=one.overridden_quantity,
    )


def from_priced(line: PricedLine) -> pricing_pb2.PricedLine:
    """Write a priced line."""
    message = pricing_pb2.PricedLine(
        product_id=line.product_id,
        quantity=line.quantity,
        unit_price=from_unit_price(line.unit_price),
        amount=from_money(line.amount),
        factors=_from_factors(line.factors),
    )
    if line.policy_price is not None:
        message.policy_unit_price.CopyFrom(from_unit_price(line.policy_price))
        message.deviation = format_decimal(deviation(line.unit_price, line.policy_price))
    return message


def quoted(quote: Quote) -> pb.QuotePriceResponse:
    """Answer with the prices."""
    return pb.QuotePriceResponse(
        lines=map(from_priced, quote.lines),
        total=from_money(quote.total),
        date=quote.on.isoformat(),
    )


@lru_cache(maxsize=PRICES_MAX)
def _from_factors(factors: tuple[Factor, ...]) -> tuple[pricing_pb2.PriceFactor, ...]:
    # A message that takes them copies them.
    return tuple(map(_from_factor, factors))


def _from_factor(factor: Factor) -> pricing_pb2.PriceFactor:
    return pricing_pb2.PriceFactor(
        kind=_KINDS[factor.kind],
        value=format_decimal(factor.value),
        convention=_CONVENTIONS[factor.convention],
        multiplier=format_decimal(factor.multiplier),
        policy_id=factor.policy_id,
        policy_version=factor.policy_version,
    )
