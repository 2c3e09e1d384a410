"""Rebate as messages, and which fact becomes which event."""

from decimal import Decimal
from typing import Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import partner_pb2
from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import rebate_pb2 as pb
from mantle.settlement.v1 import rebate_service_pb2 as service_pb
from mantle.type.v1 import money_pb2

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money, format_decimal
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money
from chassis.work.domain import Run
from settlement.rebate.domain import MILLION, BaseEntry, BaseKind, Cause, Forfeit, Part
from settlement.rebate.run import (
    Line,
    Payout,
    RebateAccrued,
    RebatePaid,
    RebateRun,
    RunShown,
    RunTotal,
    State,
)
from settlement.rebate.statement import (
    AccrualLine,
    Correction,
    Payment,
    Proposal,
    Report,
    Statement,
)

_STATES: Final = {state: pb.RebateRun.State.Value(f"STATE_{state}") for state in State}
_KINDS: Final = {kind: pb.RebateBaseEntry.Kind.Value(f"KIND_{kind}") for kind in BaseKind}
_PAYOUTS: Final = {one: pb.RebatePayout.Value(f"REBATE_PAYOUT_{one}") for one in Payout}
_PAYOUTS_READ: Final = {number: one for one, number in _PAYOUTS.items()}
_CAUSES: Final = {one: pb.RebateForfeitCause.Value(f"REBATE_FORFEIT_CAUSE_{one}") for one in Cause}
_CAUSES_READ: Final = {number: one for one, number in _CAUSES.items()}


def payout(request: service_pb.PayRebateRunRequest) -> Payout:
    """Read how a run is paid."""
    return _PAYOUTS_READ[request.payout]


def cause(request: service_pb.ForfeitRebateRequest) -> Cause:
    """Read why a partner loses a part."""
    return _CAUSES_READ[request.cause]


def grade(number: partner_pb2.CreditGrade.ValueType) -> str:
    """Read a credit grade; empty when none was told."""
    if number == partner_pb2.CREDIT_GRADE_UNSPECIFIED:
        return ""
    return partner_pb2.CreditGrade.Name(number).removeprefix("CREDIT_GRADE_")


def target(fact: channels_pb.AgreementSigned) -> Money | None:
    """Read what an agreement asks for."""
    agreement = fact.agreement
    return to_money(agreement.target) if agreement.HasField("target") else None


def accrual(found: Run) -> service_pb.AccrueRebatesResponse:
    """Answer with the work of an accrual."""
    return service_pb.AccrueRebatesResponse(work_run_id=found.id)


def simulated(found: Run) -> service_pb.SimulateRebateRunResponse:
    """Answer with the work of a dry run."""
    return service_pb.SimulateRebateRunResponse(work_run_id=found.id)


def started(found: RebateRun) -> service_pb.StartRebateRunResponse:
    """Answer with a run that was begun."""
    return service_pb.StartRebateRunResponse(run=run_message(found))


def reviewed(found: RebateRun) -> service_pb.ReviewRebateRunResponse:
    """Answer with a run that was reviewed."""
    return service_pb.ReviewRebateRunResponse(run=run_message(found))


def approved(found: RebateRun) -> service_pb.ApproveRebateRunResponse:
    """Answer with a run that was decided on."""
    return service_pb.ApproveRebateRunResponse(run=run_message(found))


def paid(found: RebateRun) -> service_pb.PayRebateRunResponse:
    """Answer with a run that is paid."""
    return service_pb.PayRebateRunResponse(run=run_message(found))


def excluded(found: BaseEntry) -> service_pb.ExcludeFromRebateResponse:
    """Answer with what does not count."""
    return service_pb.ExcludeFromRebateResponse(entry=entry_message(found))


def readmitted(found: list[BaseEntry]) -> service_pb.RestoreToRebateResponse:
    """Answer with what counts again."""
    return service_pb.RestoreToRebateResponse(entries=map(entry_message, found))


def forfeited(found: Forfeit) -> service_pb.ForfeitRebateResponse:
    """Answer with what is forfeited."""
    return service_pb.ForfeitRebateResponse(forfeit=forfeit_message(found))


def got(found: RunShown) -> service_pb.GetRebateRunResponse:
    """Answer with a run and its sums."""
    return service_pb.GetRebateRunResponse(
        run=run_message(found.run), totals=map(_total, found.totals)
    )


def runs(found: Slice[RebateRun]) -> service_pb.ListRebateRunsResponse:
    """Answer with a page of runs."""
    return service_pb.ListRebateRunsResponse(
        runs=map(run_message, found.items), next_page_token=found.next_page_token
    )


def lines(found: Slice[Line]) -> service_pb.ListRebateLinesResponse:
    """Answer with a page of lines."""
    return service_pb.ListRebateLinesResponse(
        lines=map(line_message, found.items), next_page_token=found.next_page_token
    )


def base(found: Slice[BaseEntry]) -> service_pb.ListRebateBaseResponse:
    """Answer with a page of a base."""
    return service_pb.ListRebateBaseResponse(
        entries=map(entry_message, found.items), next_page_token=found.next_page_token
    )


def statement(found: Statement) -> service_pb.GetRebateStatementResponse:
    """Answer with a partner's year."""
    code, sums = found.currency_code, found.sums
    return service_pb.GetRebateStatementResponse(
        statement=pb.RebateStatement(
            partner_id=found.partner_id,
            year=found.year,
            purchases=_amount(code, sums.purchases_minor),
            returns=_amount(code, sums.returns_minor),
            exclusions=_amount(code, sums.exclusions_minor),
            base=_amount(code, sums.base_minor),
            target=None if found.target is None else from_money(found.target),
            achieved_percent=_percent(found.achieved_percent),
            policy_id=found.rules.policy_id,
            mode=found.rules.mode,
            credit_grade=found.credit_grade,
            parts=[_part(code, one) for one in found.parts],
            rebate=from_money(found.rebate),
            forfeits=map(forfeit_message, found.forfeits),
            kept_rate=_rate(found.kept_rate),
            amount=from_money(found.amount),
            accruals=[_accrual(code, one) for one in found.accruals],
            settled=None if found.settled is None else line_message(found.settled),
            corrections=[_correction(code, one) for one in found.corrections],
            payments=map(_payment, found.payments),
            payable=from_money(found.payable),
            offsets=[
                pb.RebateOffset(payment_id=one.payment_id, change=_amount(code, one.delta_minor))
                for one in found.offsets
            ],
        )
    )


def report(found: Report) -> service_pb.GetRebateReportResponse:
    """Answer with a year's cost."""
    code, sums = found.currency_code, found.sums
    return service_pb.GetRebateReportResponse(
        report=pb.RebateReport(
            year=found.year,
            unit_id=found.unit_id,
            purchases=_amount(code, sums.purchases_minor),
            returns=_amount(code, sums.returns_minor),
            exclusions=_amount(code, sums.exclusions_minor),
            base=_amount(code, sums.base_minor),
            cost=from_money(found.cost),
            paid=from_money(found.paid),
            partner_count=found.partner_count,
            cost_percent=_percent(found.cost_percent),
            planned_percent=_percent(found.planned_percent),
        )
    )


def proposal(found: Proposal) -> service_pb.GetRebateProposalResponse:
    """Answer with a version beside last year's execution."""
    return service_pb.GetRebateProposalResponse(
        proposal=pb.RebateProposal(
            policy_id=found.rules.policy_id,
            last_year=found.last_year,
            budget=None if found.budget is None else from_money(found.budget),
            paid=from_money(found.paid),
            execution_percent=_percent(found.execution_percent),
            simulated=from_money(found.simulated),
            partner_count=found.partner_count,
        )
    )


def run_message(found: RebateRun) -> pb.RebateRun:
    """Write a run."""
    return pb.RebateRun(
        run_id=found.run_id,
        year=found.year,
        partner_id=found.partner_id,
        unit_id=found.unit_id,
        process_id=found.process_id,
        state=_STATES[found.state],
        revision=found.revision,
        payout=pb.REBATE_PAYOUT_UNSPECIFIED if found.payout is None else _PAYOUTS[found.payout],
        pay_date="" if found.pay_date is None else found.pay_date.isoformat(),
        created_by=found.created_by,
        create_time=from_time(found.create_time),
    )


def line_message(found: Line) -> pb.RebateLine:
    """Write a line."""
    return pb.RebateLine(
        run_id=found.run_id,
        partner_id=found.partner_id,
        unit_id=found.unit_id,
        year=found.year,
        policy_id=found.policy_id,
        credit_grade=found.credit_grade,
        purchases=from_money(found.purchases),
        returns=from_money(found.returns),
        exclusions=from_money(found.exclusions),
        rebate=from_money(found.rebate),
        kept_rate=_rate(found.kept_rate),
        amount=from_money(found.amount),
    )


def entry_message(found: BaseEntry) -> pb.RebateBaseEntry:
    """Write an entry of a base."""
    return pb.RebateBaseEntry(
        entry_id=found.entry_id,
        partner_id=found.partner_id,
        unit_id=found.unit_id,
        kind=_KINDS[found.kind],
        amount=from_money(found.amount),
        day=found.day.isoformat(),
        order_id=found.order_id,
        product_id=found.product_id,
        reason=found.reason,
    )


def forfeit_message(found: Forfeit) -> pb.RebateForfeit:
    """Write what is forfeited."""
    return pb.RebateForfeit(
        partner_id=found.partner_id,
        year=found.year,
        cause=_CAUSES[found.cause],
        note=found.note,
        recorded_by=found.recorded_by,
        record_time=from_time(found.record_time),
    )


def rebate_accrued(fact: RebateAccrued) -> EventDraft:
    """Write the fact that a chunk of a month was accrued."""
    message = events_pb2.RebateAccrued(
        accrual_id=fact.accrual_id,
        unit_id=fact.unit_id,
        month=fact.month,
        amount=from_money(fact.amount),
        reversal=fact.reversal,
        partner_count=fact.partner_count,
    )
    return EventDraft(message, f"unit/{fact.unit_id}")


def rebate_paid(fact: RebatePaid) -> EventDraft:
    """Write the fact that a partner was paid."""
    message = events_pb2.RebatePaid(
        payment_id=fact.payment_id,
        run_id=fact.run_id,
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        year=fact.year,
        amount=from_money(fact.amount),
        payout=_PAYOUTS[fact.payout],
        pay_date=fact.pay_date.isoformat(),
    )
    return EventDraft(message, f"partner/{fact.partner_id}")


FACTS: Final[FactTable] = {RebateAccrued: rebate_accrued, RebatePaid: rebate_paid}


def _total(found: RunTotal) -> pb.RebateRunTotal:
    return pb.RebateRunTotal(
        partner_count=found.partner_count,
        purchases=from_money(found.purchases),
        base=from_money(found.base),
        amount=from_money(found.amount),
        paid=from_money(found.paid),
    )


def _part(code: str, found: Part) -> pb.RebatePart:
    upto = found.upto_minor
    return pb.RebatePart(
        start=_amount(code, found.tier.from_minor),
        upto=None if upto is None else _amount(code, upto),
        tier_rate=format_decimal(found.tier.rate),
        rate=_rate(found.rate),
        base=_amount(code, found.base_minor),
        exact=format_decimal(found.exact_minor),
    )


def _accrual(code: str, found: AccrualLine) -> pb.RebateAccrualLine:
    return pb.RebateAccrualLine(
        period=found.period,
        base=_amount(code, found.base_minor),
        rebate=_amount(code, found.rebate_minor),
        change=_amount(code, found.delta_minor),
        transfer_id=found.transfer_id,
        post_date=found.post_date.isoformat(),
    )


def _correction(code: str, found: Correction) -> pb.RebateCorrection:
    return pb.RebateCorrection(
        adjustment_id=found.adjustment_id,
        base=_amount(code, found.base_minor),
        rebate=_amount(code, found.rebate_minor),
        change=_amount(code, found.delta_minor),
        day=found.day.isoformat(),
    )


def _payment(found: Payment) -> pb.RebatePayment:
    return pb.RebatePayment(
        payment_id=found.payment_id,
        run_id=found.run_id,
        amount=from_money(found.amount),
        payout=_PAYOUTS[found.payout],
        pay_date=found.pay_date.isoformat(),
    )


def _amount(code: str, minor: int) -> money_pb2.Money:
    return from_money(Money(code, minor))


def _percent(found: Decimal | None) -> str:
    return "" if found is None else str(found)


def _rate(millionths: int) -> str:
    return f"{Decimal(millionths) / MILLION:f}"
