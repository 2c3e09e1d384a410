"""Commission as messages, and which fact becomes which event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mantle.channels.v1 import order_pb2
from mantle.settlement.v1 import commission_pb2 as pb
from mantle.settlement.v1 import commission_service_pb2 as service_pb
from mantle.settlement.v1 import events_pb2

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_money, from_time, to_money, to_time
from chassis.work import wire as work_wire
from chassis.work.domain import Run
from settlement.commission.domain import (
    CommissionAccrued,
    CommissionDay,
    CommissionReversed,
    CommissionStated,
    Entry,
    IssuedStatement,
    Payment,
    Share,
    State,
    Statement,
    StatementLine,
    Wanted,
)
from settlement.commission.earning import Basis, Sale, SaleLine
from settlement.ledger.wire import order_key

_STATES: Final = {state: pb.CommissionEntry.State.Value(f"STATE_{state}") for state in State}
_BASES: Final = {basis: pb.CommissionEntry.Basis.Value(f"BASIS_{basis.name}") for basis in Basis}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}


def sale(order: order_pb2.Order) -> Sale:
    """Read what commission needs of an approved order."""
    source = order_pb2.OrderSource.Name(order.source).removeprefix("ORDER_SOURCE_")
    lines = [
        SaleLine(line.priced.product_id, line.priced.quantity, to_money(line.priced.amount))
        for line in order.lines
    ]
    return Sale(
        order_id=order.order_id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        source=source,
        offer_id=order.offer_id,
        campaign_id=order.campaign_id,
        lines=tuple(lines),
    )


def cooling_off_end(order: order_pb2.Order) -> datetime:
    """Read until when a delivered order can be cancelled.

    Errors: InvalidArgument for a time that no calendar has.
    """
    return to_time(order.cooling_off_end_time, "order.cooling_off_end_time")


def wanted(request: service_pb.ListCommissionEntriesRequest) -> Wanted:
    """Read which entries are wanted.

    Errors: PeriodInvalid.
    """
    return Wanted(
        partner_id=request.partner_id,
        campaign_id=request.campaign_id,
        order_id=request.order_id,
        state=_STATES_READ.get(request.state),
        month=Month.parse(request.month) if request.HasField("month") else None,
    )


def paid(payment: Payment) -> service_pb.PayCommissionResponse:
    """Answer with a payment."""
    return service_pb.PayCommissionResponse(
        payment=pb.CommissionPayment(
            payment_id=payment.payment_id,
            partner_id=payment.partner_id,
            amount=from_money(payment.amount),
            entry_count=payment.entry_count,
            pay_date=payment.pay_date.isoformat(),
        )
    )


def statement(found: Statement) -> service_pb.GetCommissionStatementResponse:
    """Answer with a partner's month."""
    return service_pb.GetCommissionStatementResponse(
        statement=pb.CommissionStatement(
            partner_id=found.partner_id,
            month=str(found.month),
            lines=map(_line, found.lines),
            total=from_money(found.total),
        )
    )


def shares(request: service_pb.SplitCommissionRequest) -> list[Share]:
    """Read who gets how much."""
    return [Share(one.partner_id, one.weight) for one in request.shares]


def split(found: Sequence[Entry]) -> service_pb.SplitCommissionResponse:
    """Answer with the parts of a split."""
    return service_pb.SplitCommissionResponse(entries=map(entry_message, found))


def settling(begun: Run) -> service_pb.SettleCommissionResponse:
    """Answer with the run that states a month."""
    return service_pb.SettleCommissionResponse(run=work_wire.run(begun))


def statements(found: Slice[IssuedStatement]) -> service_pb.ListCommissionStatementsResponse:
    """Answer with a page of issued statements."""
    return service_pb.ListCommissionStatementsResponse(
        statements=map(_issued, found.items), next_page_token=found.next_page_token
    )


def day(found: CommissionDay) -> service_pb.GetCommissionDayResponse:
    """Answer with what was earned on a day."""
    return service_pb.GetCommissionDayResponse(
        day=pb.CommissionDay(
            partner_id=found.partner_id,
            day=found.day.isoformat(),
            opportunity_count=found.opportunity_count,
            success_count=found.success_count,
            amount=from_money(found.amount),
            offer_ids=found.offer_ids,
        )
    )


def listed(found: Slice[Entry]) -> service_pb.ListCommissionEntriesResponse:
    """Answer with a page of entries."""
    return service_pb.ListCommissionEntriesResponse(
        entries=map(entry_message, found.items), next_page_token=found.next_page_token
    )


def entry_message(entry: Entry) -> pb.CommissionEntry:
    """Write an entry."""
    return pb.CommissionEntry(
        entry_id=entry.entry_id,
        partner_id=entry.partner_id,
        unit_id=entry.unit_id,
        event_kind=entry.earning.rate.event_kind,
        order_id=entry.order_id,
        offer_id=entry.offer_id,
        campaign_id=entry.campaign_id,
        product_id=entry.earning.product_id,
        quantity=entry.earning.quantity,
        rate=from_money(entry.earning.rate.amount),
        amount=from_money(entry.amount),
        policy_id=entry.policy_id,
        state=_STATES[entry.state],
        accrue_date=entry.accrue_date.isoformat(),
        confirm_date=entry.confirm_date.isoformat() if entry.confirm_date else "",
        reverse_date=entry.reverse_date.isoformat() if entry.reverse_date else "",
        payment_id=entry.payment_id or "",
        accrue_time=from_time(entry.accrue_time),
        share=entry.earning.rate.share,
        base=from_money(Money(entry.amount.currency_code, entry.earning.base_minor)),
        basis=_BASES[entry.earning.rate.basis],
        reversed_amount=from_money(entry.amount - entry.left),
        statement_id=entry.statement_id or "",
    )


def _issued(one: IssuedStatement) -> pb.IssuedCommissionStatement:
    return pb.IssuedCommissionStatement(
        statement_id=one.statement_id,
        partner_id=one.partner_id,
        unit_id=one.unit_id,
        month=str(one.month),
        entry_count=one.entry_count,
        earned_amount=from_money(one.earned),
        reversal_count=one.reversal_count,
        reversed_amount=from_money(one.taken_back),
        total=from_money(one.total),
        state_date=one.state_date.isoformat(),
    )


def _line(line: StatementLine) -> pb.CommissionStatementLine:
    return pb.CommissionStatementLine(
        event_kind=line.event_kind,
        product_id=line.product_id,
        accrued_count=line.accrued_count,
        accrued_amount=from_money(line.accrued),
        reversed_count=line.reversed_count,
        reversed_amount=from_money(line.reversed),
        total=from_money(line.total),
    )


def accrued(fact: CommissionAccrued) -> EventDraft:
    """Write the fact that a partner earned commission."""
    entry = fact.entry
    message = events_pb2.CommissionAccrued(
        entry_id=entry.entry_id,
        order_id=entry.order_id,
        offer_id=entry.offer_id,
        campaign_id=entry.campaign_id,
        partner_id=entry.partner_id,
        amount=from_money(entry.amount),
        event_kind=entry.earning.rate.event_kind,
    )
    return EventDraft(message, order_key(entry.order_id))


def reversed_(fact: CommissionReversed) -> EventDraft:
    """Write the fact that commission was taken back."""
    entry = fact.reversal.entry
    message = events_pb2.CommissionReversed(
        entry_id=entry.entry_id,
        order_id=entry.order_id,
        offer_id=entry.offer_id,
        campaign_id=entry.campaign_id,
        partner_id=entry.partner_id,
        amount=from_money(fact.reversal.amount),
        event_kind=entry.earning.rate.event_kind,
    )
    return EventDraft(message, order_key(entry.order_id))


def stated(fact: CommissionStated) -> EventDraft:
    """Write the fact that a partner's month was stated."""
    one = fact.statement
    message = events_pb2.CommissionStated(
        statement_id=one.statement_id,
        partner_id=one.partner_id,
        month=str(one.month),
        total=from_money(one.total),
    )
    return EventDraft(message, f"partner/{one.partner_id}")


FACTS: Final[FactTable] = {
    CommissionAccrued: accrued,
    CommissionReversed: reversed_,
    CommissionStated: stated,
}
