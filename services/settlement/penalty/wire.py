"""Penalties as messages, and which fact becomes which event."""

from typing import Any, Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.settlement.v1 import events_pb2, penalty_pb2
from mantle.settlement.v1 import penalty_service_pb2 as pb

from chassis.events.domain import EventDraft, FactTable, ReceivedEvent
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_money, from_time, to_money
from settlement.penalty.domain import Booked, Confirmed, DiversionPenalised


def confirmed(event: ReceivedEvent, fact: channels_pb.DiversionConfirmed) -> Confirmed:
    """Read a case that channels confirmed."""
    return Confirmed(
        case_id=fact.case_id,
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        victim_unit_id=fact.found_unit_id,
        victim_partner_id=fact.found_partner_id,
        order_id=fact.order_id,
        product_id=fact.product_id,
        batch=fact.batch,
        quantity=fact.quantity,
        amount=to_money(fact.amount),
        actor=event.actor,
        day=parse_date(fact.confirm_date),
        at=event.occur_time,
    )


def from_booked(found: Booked) -> penalty_pb2.DiversionPenalty:
    """Write a penalty."""
    one, case = found.penalty, found.penalty.case
    return penalty_pb2.DiversionPenalty(
        case_id=case.case_id,
        partner_id=case.partner_id,
        unit_id=case.unit_id,
        victim_unit_id=case.victim_unit_id,
        victim_partner_id=case.victim_partner_id,
        product_id=case.product_id,
        quantity=case.quantity,
        order_id=case.order_id,
        amount=from_money(case.amount),
        factor=format_decimal(one.factor),
        fine=from_money(one.fine),
        award_id=one.award_id,
        policy_id=one.policy_id,
        post_date=case.day.isoformat(),
        create_time=from_time(found.create_time),
    )


def got(found: Booked) -> pb.GetDiversionPenaltyResponse:
    """Answer with a penalty."""
    return pb.GetDiversionPenaltyResponse(penalty=from_booked(found))


def listed(page: Slice[Any]) -> pb.ListDiversionPenaltiesResponse:
    """Answer with a page of penalties."""
    return pb.ListDiversionPenaltiesResponse(
        penalties=map(from_booked, page.items), next_page_token=page.next_page_token
    )


def _penalised_event(fact: DiversionPenalised) -> EventDraft:
    case = fact.penalty.case
    payload = events_pb2.DiversionPenalised(
        case_id=case.case_id,
        partner_id=case.partner_id,
        victim_unit_id=case.victim_unit_id,
        victim_partner_id=case.victim_partner_id,
        amount=from_money(case.amount),
        fine=from_money(fact.penalty.fine),
        post_date=case.day.isoformat(),
    )
    return EventDraft(payload, f"partner/{case.partner_id}")


FACTS: Final[FactTable] = {DiversionPenalised: _penalised_event}
