"""Months and exports as messages, and which fact becomes which event."""

from collections.abc import Sequence
from typing import Final

from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import period_close_pb2 as pb
from mantle.settlement.v1 import period_close_service_pb2 as service_pb
from mantle.type.v1 import money_pb2

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_money, from_time, to_money
from chassis.work.domain import Run
from settlement.ledger.periods import MonthLine
from settlement.ledger.wire import account_code
from settlement.period_close.domain import Period, PeriodLocked, PeriodReopened, State
from settlement.period_close.export import (
    Destination,
    Export,
    ExportLine,
    ExportState,
    LedgerExportConfirmed,
    LedgerExportSent,
)

_STATES: Final = {state: pb.Period.State.Value(f"STATE_{state}") for state in State}
_EXPORT_STATES: Final = {
    state: pb.LedgerExport.State.Value(f"STATE_{state}") for state in ExportState
}
_DESTINATIONS: Final = {
    one: pb.LedgerDestination.Value(f"LEDGER_DESTINATION_{one}") for one in Destination
}
_DESTINATIONS_READ: Final = {number: one for one, number in _DESTINATIONS.items()}


def destination(number: pb.LedgerDestination.ValueType) -> Destination | None:
    """Read a destination, None for none."""
    return _DESTINATIONS_READ.get(number)


def booked(request: service_pb.ConfirmLedgerExportRequest) -> list[Money]:
    """Read what the general ledger has booked."""
    return [to_money(one) for one in request.totals]


def closing(found: tuple[Period, Run]) -> service_pb.ClosePeriodResponse:
    """Answer with a month and the run that closes it."""
    period, run = found
    return service_pb.ClosePeriodResponse(period=period_message(period), run_id=run.id)


def reopened(period: Period) -> service_pb.ReopenPeriodResponse:
    """Answer with a month that is open again."""
    return service_pb.ReopenPeriodResponse(period=period_message(period))


def got(found: tuple[Period, Sequence[MonthLine]]) -> service_pb.GetPeriodResponse:
    """Answer with a month and its trial balance."""
    period, lines = found
    return service_pb.GetPeriodResponse(
        period=period_message(period), lines=map(_balance_line, lines)
    )


def listed(found: Slice[Period]) -> service_pb.ListPeriodsResponse:
    """Answer with a page of months."""
    return service_pb.ListPeriodsResponse(
        periods=map(period_message, found.items), next_page_token=found.next_page_token
    )


def prepared(export: Export) -> service_pb.PrepareLedgerExportResponse:
    """Answer with an export that was prepared."""
    return service_pb.PrepareLedgerExportResponse(export=export_message(export))


def sent(export: Export) -> service_pb.SendLedgerExportResponse:
    """Answer with an export that was sent."""
    return service_pb.SendLedgerExportResponse(export=export_message(export))


def confirmed(export: Export) -> service_pb.ConfirmLedgerExportResponse:
    """Answer with an export that was confirmed."""
    return service_pb.ConfirmLedgerExportResponse(export=export_message(export))


def got_export(export: Export) -> service_pb.GetLedgerExportResponse:
    """Answer with an export."""
    return service_pb.GetLedgerExportResponse(export=export_message(export))


def listed_lines(found: Slice[ExportLine]) -> service_pb.ListLedgerExportLinesResponse:
    """Answer with a page of an export's lines."""
    return service_pb.ListLedgerExportLinesResponse(
        lines=map(_export_line, found.items), next_page_token=found.next_page_token
    )


def period_message(period: Period) -> pb.Period:
    """Write a month."""
    return pb.Period(
        month=str(period.month),
        state=_STATES[period.state],
        attempt=period.attempt,
        run_id=period.run_id,
        document_count=period.counts.documents,
        transfer_count=period.counts.transfers,
        closed_by=period.closed_by,
        close_time=from_time(period.close_time) if period.close_time else None,
        head_block_number=period.head.block_number if period.head else 0,
        head_hash=period.head.hash.hex() if period.head else "",
        export_id=period.export_id,
        reopen_reason=period.reopen_reason,
    )


def export_message(export: Export) -> pb.LedgerExport:
    """Write an export without its lines."""
    return pb.LedgerExport(
        export_id=export.export_id,
        month=str(export.month),
        state=_EXPORT_STATES[export.state],
        totals=map(from_money, export.totals),
        line_count=export.line_count,
        prepare_time=from_time(export.prepare_time),
        send_time=from_time(export.send_time) if export.send_time else None,
        confirm_time=from_time(export.confirm_time) if export.confirm_time else None,
        reference=export.reference,
    )


def _balance_line(line: MonthLine) -> pb.PeriodLine:
    def money(amount_minor: int) -> money_pb2.Money:
        return from_money(Money(line.ref.currency_code, amount_minor))

    debits, credits_ = line.moved
    return pb.PeriodLine(
        code=account_code(line.ref.code),
        unit_id=line.ref.unit_id,
        opening_balance=money(line.opening[0] - line.opening[1]),
        debits=money(debits),
        credits=money(credits_),
        closing_balance=money(line.closing[0] - line.closing[1]),
    )


def _export_line(line: ExportLine) -> pb.LedgerExportLine:
    return pb.LedgerExportLine(
        line_number=line.line_number,
        code=account_code(line.code),
        unit_id=line.unit_id,
        debit=from_money(line.debit),
        credit=from_money(line.credit),
        destinations=[_DESTINATIONS[one] for one in line.destinations],
    )


def _key(month: Month) -> str:
    return f"period/{month}"


def period_locked(fact: PeriodLocked) -> EventDraft:
    """Write the fact that a month was closed."""
    message = events_pb2.PeriodLocked(
        month=str(fact.month),
        document_count=fact.counts.documents,
        transfer_count=fact.counts.transfers,
        totals=map(from_money, fact.totals),
        head_block_number=fact.head.block_number if fact.head else 0,
        head_hash=fact.head.hash.hex() if fact.head else "",
    )
    return EventDraft(message, _key(fact.month))


def period_reopened(fact: PeriodReopened) -> EventDraft:
    """Write the fact that a month was opened again."""
    message = events_pb2.PeriodReopened(month=str(fact.month), reason=fact.reason)
    return EventDraft(message, _key(fact.month))


def export_sent(fact: LedgerExportSent) -> EventDraft:
    """Write the fact that an export may be taken."""
    message = events_pb2.LedgerExportSent(
        export_id=fact.export_id,
        month=str(fact.month),
        totals=map(from_money, fact.totals),
        line_count=fact.line_count,
    )
    return EventDraft(message, _key(fact.month))


def export_confirmed(fact: LedgerExportConfirmed) -> EventDraft:
    """Write the fact that an export was booked."""
    message = events_pb2.LedgerExportConfirmed(
        export_id=fact.export_id, month=str(fact.month), reference=fact.reference
    )
    return EventDraft(message, _key(fact.month))


FACTS: Final[FactTable] = {
    PeriodLocked: period_locked,
    PeriodReopened: period_reopened,
    LedgerExportSent: export_sent,
    LedgerExportConfirmed: export_confirmed,
}
