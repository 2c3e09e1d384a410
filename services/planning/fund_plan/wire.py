"""Fund plans between the domain and the contract."""

from typing import Final, Protocol

from mantle.planning.v1 import fund_plan_pb2
from mantle.planning.v1 import fund_plan_service_pb2 as pb

from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_money, to_money
from planning.fund_plan.domain import Capital, CompanyPlan, FundPlan, Funds, Half, Key, State

_STATES: Final = {one: fund_plan_pb2.FundPlan.State.Value(f"STATE_{one}") for one in State}
_HALVES: Final = {one: fund_plan_pb2.FundHalf.Value(f"FUND_HALF_{one.name}") for one in Half}
_HALF_OF: Final = {number: one for one, number in _HALVES.items()}


class _Keyed(Protocol):
    """A request that names a plan."""

    @property
    def unit_id(self) -> str: ...
    @property
    def month(self) -> str: ...
    @property
    def half(self) -> fund_plan_pb2.FundHalf.ValueType: ...


def key(request: _Keyed) -> Key:
    """Read which plan is meant."""
    return Key(request.unit_id, Month.parse(request.month), half(request.half))


def half(number: fund_plan_pb2.FundHalf.ValueType) -> Half:
    """Read a half."""
    return _HALF_OF[number]


def funds(request: pb.WriteFundPlanRequest) -> Funds:
    """Read what comes in and goes out."""
    return Funds(to_money(request.opening), to_money(request.receipts), to_money(request.payments))


def capital(request: pb.WriteFundPlanRequest) -> Capital:
    """Read what is tied up."""
    return Capital(to_money(request.receivable), to_money(request.stock), to_money(request.payable))


def written(one: FundPlan) -> pb.WriteFundPlanResponse:
    """Answer with a draft."""
    return pb.WriteFundPlanResponse(fund_plan=message(one))


def submitted(one: FundPlan) -> pb.SubmitFundPlanResponse:
    """Answer with a plan that was handed in."""
    return pb.SubmitFundPlanResponse(fund_plan=message(one))


def got(one: FundPlan) -> pb.GetFundPlanResponse:
    """Answer with a plan."""
    return pb.GetFundPlanResponse(fund_plan=message(one))


def listed(found: Slice[FundPlan]) -> pb.ListFundPlansResponse:
    """Answer with a page of plans."""
    return pb.ListFundPlansResponse(
        fund_plans=map(message, found.items), next_page_token=found.next_page_token
    )


def summed(one: CompanyPlan) -> pb.GetCompanyFundPlanResponse:
    """Answer with the sum of plans."""
    return pb.GetCompanyFundPlanResponse(
        company_fund_plan=fund_plan_pb2.CompanyFundPlan(
            unit_id=one.key.unit_id,
            month=str(one.key.month),
            half=_HALVES[one.key.half],
            plan_count=one.plan_count,
            draft_count=one.draft_count,
            opening=from_money(one.funds.opening),
            receipts=from_money(one.funds.receipts),
            payments=from_money(one.funds.payments),
            closing=from_money(one.funds.closing),
            shortfall=from_money(one.shortfall),
            capital=_capital(one.capital),
        )
    )


def message(one: FundPlan) -> fund_plan_pb2.FundPlan:
    """Write a plan."""
    return fund_plan_pb2.FundPlan(
        unit_id=one.key.unit_id,
        month=str(one.key.month),
        half=_HALVES[one.key.half],
        state=_STATES[one.state],
        opening=from_money(one.funds.opening),
        receipts=from_money(one.funds.receipts),
        payments=from_money(one.funds.payments),
        closing=from_money(one.funds.closing),
        minimum=from_money(one.minimum),
        shortfall=from_money(one.shortfall),
        capital=_capital(one.capital),
        due_date=one.due_date.isoformat(),
        written_by=one.written_by,
        submitted_by=one.submitted_by,
        submit_date=None if one.submit_date is None else one.submit_date.isoformat(),
        late=one.late,
    )


def _capital(one: Capital) -> fund_plan_pb2.TiedCapital:
    return fund_plan_pb2.TiedCapital(
        receivable=from_money(one.receivable),
        stock=from_money(one.stock),
        payable=from_money(one.payable),
        tied_up=from_money(one.tied_up),
    )
