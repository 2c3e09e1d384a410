"""Price overrides between the domain and the contract."""

from typing import Final

from mantle.channels.v1 import events_pb2, pricing_pb2
from mantle.channels.v1 import pricing_service_pb2 as pb

from channels.price_override.domain import Filter, PriceOverride, PriceOverrideApproved, State
from chassis.events.domain import EventDraft, FactTable
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.period import DateRange, PeriodInvalid, parse_date
from chassis.wire import from_time, from_unit_price

STATES: Final = {
    state: pricing_pb2.PriceOverride.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_valid(request: pb.RequestPriceOverrideRequest) -> DateRange:
    """Read the days of orders that may use it.

    Errors: PeriodInvalid.
    """
    first, last = parse_date(request.start_date), parse_date(request.end_date)
    try:
        return DateRange.closed(first, last)
    except OverflowError as error:
        raise PeriodInvalid("has no day after it", last) from error


def wanted(request: pb.ListPriceOverridesRequest) -> Filter:
    """Read which overrides a list is to have."""
    return Filter(request.partner_id, request.product_id, STATES_READ.get(int(request.state)))


def from_override(override: PriceOverride) -> pricing_pb2.PriceOverride:
    """Write an override."""
    return pricing_pb2.PriceOverride(
        override_id=override.override_id,
        partner_id=override.partner_id,
        unit_id=override.unit_id,
        product_id=override.product_id,
        project_id=override.project_id,
        unit_price=from_unit_price(override.unit_price),
        policy_unit_price=from_unit_price(override.policy_price),
        deviation=format_decimal(override.deviation),
        start_date=override.valid.start.isoformat(),
        end_date=override.last_day.isoformat(),
        reason=override.reason,
        state=STATES[override.state],
        requested_by=override.requested_by,
        decided_by=override.decided_by,
        decision=override.decision,
        create_time=from_time(override.create_time),
        version=override.version,
    )


def requested(override: PriceOverride) -> pb.RequestPriceOverrideResponse:
    """Answer with the override."""
    return pb.RequestPriceOverrideResponse(price_override=from_override(override))


def approved(override: PriceOverride) -> pb.ApprovePriceOverrideResponse:
    """Answer with the override."""
    return pb.ApprovePriceOverrideResponse(price_override=from_override(override))


def rejected(override: PriceOverride) -> pb.RejectPriceOverrideResponse:
    """Answer with the override."""
    return pb.RejectPriceOverrideResponse(price_override=from_override(override))


def listed(page: Slice[PriceOverride]) -> pb.ListPriceOverridesResponse:
    """Answer with a page of overrides."""
    return pb.ListPriceOverridesResponse(
        price_overrides=map(from_override, page.items), next_page_token=page.next_page_token
    )


def _approved_event(fact: PriceOverrideApproved) -> EventDraft:
    payload = events_pb2.PriceOverrideApproved(price_override=from_override(fact.override))
    return EventDraft(payload, f"price_override/{fact.override.override_id}")


FACTS: Final[FactTable] = {PriceOverrideApproved: _approved_event}
