"""Returns between the domain and the contract."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2, return_pb2
from mantle.channels.v1 import return_service_pb2 as pb

from channels.returns.domain import (
    Filter,
    Finding,
    GoodsReturn,
    Kind,
    Line,
    Move,
    Replacement,
    Request,
    ReturnReason,
    State,
)
from channels.returns.facts import QualityRiskRaised, ReturnCredited, ReturnRejected
from channels.returns.risk import QualityRisk, RateFilter, ReturnRate, RiskFilter
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_decimal, from_money, from_time, from_unit_price

STATES: Final = {
    state: return_pb2.GoodsReturn.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
KINDS: Final = {kind: return_pb2.ReturnKind.Value(f"RETURN_KIND_{kind.name}") for kind in Kind}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}


def to_request(request: pb.RequestReturnRequest) -> Request:
    """Read what a partner wants."""
    return Request(
        order_id=request.order_id.lower(),
        lines=[(line.product_id, line.quantity, line.batch) for line in request.lines],
        replacements=[(line.product_id, line.quantity) for line in request.replacements],
        reason_code=request.reason_code,
        note=request.note,
    )


def to_findings(request: pb.InspectReturnRequest) -> list[Finding]:
    """Read what the inspection found."""
    return [
        Finding(line.product_id, line.accepted_quantity, line.restocked_quantity, line.finding)
        for line in request.lines
    ]


def wanted(request: pb.ListReturnsRequest) -> Filter:
    """Read which returns a list is to have."""
    return Filter(
        order_id=request.order_id.lower(),
        partner_id=request.partner_id,
        state=STATES_READ.get(int(request.state)),
        kind=KINDS_READ.get(int(request.kind)),
    )


def wanted_rates(request: pb.ListReturnRatesRequest) -> RateFilter:
    """Read over which days and of whom rates are wanted.

    Errors: PeriodInvalid.
    """
    return RateFilter(
        parse_date(request.start_date),
        parse_date(request.end_date),
        request.partner_id,
        request.product_id,
    )


def wanted_risks(request: pb.ListQualityRisksRequest) -> RiskFilter:
    """Read which items a list is to have."""
    return RiskFilter(request.partner_id, request.product_id, request.year)


def from_return(source: GoodsReturn) -> return_pb2.GoodsReturn:
    """Write a return."""
    is_exchange = source.kind is Kind.EXCHANGE
    settled = source.settle_date
    return return_pb2.GoodsReturn(
        return_id=source.return_id,
        order_id=source.order_id,
        partner_id=source.partner_id,
        unit_id=source.unit_id,
        kind=KINDS[source.kind],
        state=STATES[source.state],
        reason_code=source.reason_code,
        note=source.note,
        lines=map(_from_line, source.lines),
        replacements=map(_from_replacement, source.replacements),
        returned_amount=from_money(source.returned_amount),
        replacement_amount=from_money(source.replacement_amount) if is_exchange else None,
        credit_amount=from_money(source.credit_amount),
        end_reason=source.end_reason,
        receipt_slip=source.receipt_slip,
        carrier=source.carrier,
        credit_note_issued=source.credit_note_issued,
        moves=map(_from_move, source.moves),
        request_time=from_time(source.request_time),
        settle_date=settled.isoformat() if settled else "",
        version=source.version,
    )


def requested(source: GoodsReturn) -> pb.RequestReturnResponse:
    """Answer with the return."""
    return pb.RequestReturnResponse(goods_return=from_return(source))


def approved(source: GoodsReturn) -> pb.ApproveReturnResponse:
    """Answer with the return."""
    return pb.ApproveReturnResponse(goods_return=from_return(source))


def rejected(source: GoodsReturn) -> pb.RejectReturnResponse:
    """Answer with the return."""
    return pb.RejectReturnResponse(goods_return=from_return(source))


def received(source: GoodsReturn) -> pb.ReceiveReturnResponse:
    """Answer with the return."""
    return pb.ReceiveReturnResponse(goods_return=from_return(source))


def inspected(source: GoodsReturn) -> pb.InspectReturnResponse:
    """Answer with the return."""
    return pb.InspectReturnResponse(goods_return=from_return(source))


def credited(source: GoodsReturn) -> pb.CreditReturnResponse:
    """Answer with the return."""
    return pb.CreditReturnResponse(goods_return=from_return(source))


def replaced(source: GoodsReturn) -> pb.ReplaceReturnResponse:
    """Answer with the exchange."""
    return pb.ReplaceReturnResponse(goods_return=from_return(source))


def closed(source: GoodsReturn) -> pb.CloseReturnResponse:
    """Answer with the return."""
    return pb.CloseReturnResponse(goods_return=from_return(source))


def got(source: GoodsReturn) -> pb.GetReturnResponse:
    """Answer with the return."""
    return pb.GetReturnResponse(goods_return=from_return(source))


def listed(page: Slice[GoodsReturn]) -> pb.ListReturnsResponse:
    """Answer with a page of returns."""
    return pb.ListReturnsResponse(
        goods_returns=map(from_return, page.items), next_page_token=page.next_page_token
    )


def reasons(found: Sequence[ReturnReason]) -> pb.GetReturnReasonsResponse:
    """Answer with the catalogue."""
    return pb.GetReturnReasonsResponse(
        reasons=[
            return_pb2.ReturnReason(
                reason_code=one.reason_code, title=one.title, title_zh=one.title_zh
            )
            for one in found
        ]
    )


def rates(page: Slice[ReturnRate]) -> pb.ListReturnRatesResponse:
    """Answer with a page of rates."""
    return pb.ListReturnRatesResponse(
        rates=[
            return_pb2.ReturnRate(
                partner_id=one.partner_id,
                product_id=one.product_id,
                delivered_quantity=one.delivered,
                returned_quantity=one.returned,
                exchanged_quantity=one.exchanged,
                return_percent=_text(one.return_percent),
                exchange_percent=_text(one.exchange_percent),
            )
            for one in page.items
        ],
        next_page_token=page.next_page_token,
    )


def risks(page: Slice[QualityRisk]) -> pb.ListQualityRisksResponse:
    """Answer with a page of items."""
    return pb.ListQualityRisksResponse(
        quality_risks=map(_from_risk, page.items), next_page_token=page.next_page_token
    )


def _text(value: Decimal | None) -> str:
    return "" if value is None else from_decimal(value)


def _from_line(line: Line) -> return_pb2.GoodsReturnLine:
    return return_pb2.GoodsReturnLine(
        product_id=line.product_id,
        quantity=line.quantity,
        batch=line.batch,
        amount=from_money(line.amount),
        accepted_quantity=line.accepted,
        restocked_quantity=line.restocked,
        finding=line.finding,
    )


def _from_replacement(one: Replacement) -> return_pb2.Replacement:
    return return_pb2.Replacement(
        product_id=one.product_id,
        quantity=one.quantity,
        unit_price=from_unit_price(one.unit_price),
        amount=from_money(one.amount),
    )


def _from_move(move: Move) -> return_pb2.GoodsReturnMove:
    message = return_pb2.GoodsReturnMove(
        to=STATES[move.after], move_time=from_time(move.at), moved_by=move.by
    )
    if move.before is not None:
        # `from` is a word of Python, so it cannot be a keyword argument.
        setattr(message, "from", STATES[move.before])
    return message


def _from_risk(risk: QualityRisk) -> return_pb2.QualityRisk:
    rate = risk.rate
    return return_pb2.QualityRisk(
        risk_id=risk.risk_id,
        partner_id=rate.partner_id,
        product_id=rate.product_id,
        unit_id=risk.unit_id,
        year=risk.year,
        delivered_quantity=rate.delivered,
        back_quantity=rate.back,
        back_percent=_text(rate.percent(rate.back)),
        percent_max=from_decimal(risk.percent_max),
        return_id=risk.return_id,
        raise_time=from_time(risk.raise_time),
    )


def _event(source: GoodsReturn, payload: Message) -> EventDraft:
    # As the facts of its order, behind which they come.
    return EventDraft(payload, f"order/{source.order_id}", group=f"partner/{source.partner_id}")


def _credited_event(fact: ReturnCredited) -> EventDraft:
    source = fact.goods_return
    payload = events_pb2.ReturnCredited(
        return_id=source.return_id,
        order_id=source.order_id,
        partner_id=source.partner_id,
        unit_id=source.unit_id,
        lines=[
            events_pb2.ReturnCreditedLine(
                product_id=line.product_id, quantity=line.quantity, amount=from_money(line.amount)
            )
            for line in fact.lines
        ],
        reason_code=source.reason_code,
    )
    return _event(source, payload)


def _rejected_event(fact: ReturnRejected) -> EventDraft:
    source = fact.goods_return
    payload = events_pb2.ReturnRejected(
        return_id=source.return_id,
        order_id=source.order_id,
        partner_id=source.partner_id,
        customer_id=source.customer_id,
        unit_id=source.unit_id,
        reason=source.end_reason,
    )
    return _event(source, payload)


def _raised_event(fact: QualityRiskRaised) -> EventDraft:
    payload = events_pb2.QualityRiskRaised(quality_risk=_from_risk(fact.risk))
    return EventDraft(payload, f"partner/{fact.risk.rate.partner_id}")


FACTS: Final[FactTable] = {
    ReturnCredited: _credited_event,
    ReturnRejected: _rejected_event,
    QualityRiskRaised: _raised_event,
}
