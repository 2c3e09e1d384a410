"""Revenue share as messages, and which fact becomes which event."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import revenue_share_pb2 as pb
from mantle.settlement.v1 import revenue_share_service_pb2 as service_pb

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money, format_decimal
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money
from settlement.revenue_share import domain
from settlement.revenue_share.domain import (
    CapitalEntry,
    CapitalTable,
    Distribution,
    Line,
    Pool,
    RevenueShared,
    Scheme,
)
from settlement.revenue_share.states import SchemeState, State

_SCHEME_STATES: Final = {
    state: pb.ShareScheme.State.Value(f"STATE_{state}") for state in SchemeState
}
_STATES: Final = {state: pb.ShareDistribution.State.Value(f"STATE_{state}") for state in State}
_POOLS: Final = {pool: pb.SharePool.Value(f"SHARE_POOL_{pool}") for pool in Pool}


def capital_entry(request: service_pb.AdmitParticipantRequest) -> CapitalEntry:
    """Read who invests how much."""
    return CapitalEntry(request.participant_id, to_money(request.capital))


def scores(request: service_pb.CalculateDistributionRequest) -> Mapping[str, Decimal]:
    """Read the scores by participant."""
    return {one.participant_id: Decimal(one.score) for one in request.scores}


def drafted(one: Scheme) -> service_pb.DraftShareSchemeResponse:
    """Answer with a drafted scheme."""
    return service_pb.DraftShareSchemeResponse(scheme=scheme_message(one))


def revised(one: Scheme) -> service_pb.ReviseShareSchemeResponse:
    """Answer with a revised scheme."""
    return service_pb.ReviseShareSchemeResponse(scheme=scheme_message(one))


def discussed(one: Scheme) -> service_pb.DiscussShareSchemeResponse:
    """Answer with a discussed scheme."""
    return service_pb.DiscussShareSchemeResponse(scheme=scheme_message(one))


def on_trial(one: Scheme) -> service_pb.StartShareTrialResponse:
    """Answer with a scheme on trial."""
    return service_pb.StartShareTrialResponse(scheme=scheme_message(one))


def reviewed(one: Scheme) -> service_pb.ReviewShareTrialResponse:
    """Answer with a scheme whose trial is over."""
    return service_pb.ReviewShareTrialResponse(scheme=scheme_message(one))


def got_scheme(one: Scheme) -> service_pb.GetShareSchemeResponse:
    """Answer with a scheme."""
    return service_pb.GetShareSchemeResponse(scheme=scheme_message(one))


def schemes(found: Slice[Scheme]) -> service_pb.ListShareSchemesResponse:
    """Answer with a page of schemes."""
    return service_pb.ListShareSchemesResponse(
        schemes=map(scheme_message, found.items), next_page_token=found.next_page_token
    )


def admitted(one: CapitalTable) -> service_pb.AdmitParticipantResponse:
    """Answer with the new version of a capital table."""
    return service_pb.AdmitParticipantResponse(capital_table=_table(one))


def table(one: CapitalTable) -> service_pb.GetCapitalTableResponse:
    """Answer with a capital table."""
    return service_pb.GetCapitalTableResponse(capital_table=_table(one))


def calculated(one: Distribution) -> service_pb.CalculateDistributionResponse:
    """Answer with a calculated distribution."""
    return service_pb.CalculateDistributionResponse(distribution=distribution_message(one))


def approved(one: Distribution) -> service_pb.ApproveDistributionResponse:
    """Answer with an approved distribution."""
    return service_pb.ApproveDistributionResponse(distribution=distribution_message(one))


def rejected(one: Distribution) -> service_pb.RejectDistributionResponse:
    """Answer with a rejected distribution."""
    return service_pb.RejectDistributionResponse(distribution=distribution_message(one))


def paid(one: Distribution) -> service_pb.PayDistributionResponse:
    """Answer with a paid distribution."""
    return service_pb.PayDistributionResponse(distribution=distribution_message(one))


def got_distribution(one: Distribution) -> service_pb.GetDistributionResponse:
    """Answer with a distribution."""
    return service_pb.GetDistributionResponse(distribution=distribution_message(one))


def distributions(found: Slice[Distribution]) -> service_pb.ListDistributionsResponse:
    """Answer with a page of distributions."""
    return service_pb.ListDistributionsResponse(
        distributions=map(distribution_message, found.items),
        next_page_token=found.next_page_token,
    )


def statement(found: domain.Statement) -> service_pb.GetShareStatementResponse:
    """Answer with what a participant got."""
    return service_pb.GetShareStatementResponse(
        statement=pb.ShareStatement(
            scheme_id=found.scheme_id,
            participant_id=found.participant_id,
            lines=map(_statement_line, found.lines),
            total=from_money(found.total(State.APPROVED, State.PAID)),
            paid=from_money(found.total(State.PAID)),
        )
    )


def scheme_message(one: Scheme) -> pb.ShareScheme:
    """Write a scheme."""
    weights = [
        pb.SharePoolWeight(pool=_POOLS[pool], weight=format_decimal(weight))
        for pool, weight in one.terms.weights.items()
    ]
    return pb.ShareScheme(
        scheme_id=one.scheme_id,
        unit_id=one.unit_id,
        title=one.title,
        steering_group=one.steering_group,
        state=_SCHEME_STATES[one.state],
        process_id=one.process_id,
        currency_code=one.currency_code,
        weights=weights,
        admission_score=format_decimal(one.terms.admission_score),
        policy_id=one.terms.policy_id,
        loss_carried=from_money(Money(one.currency_code, one.loss_minor)),
        created_by=one.created_by,
        create_time=from_time(one.create_time),
    )


def distribution_message(one: Distribution) -> pb.ShareDistribution:
    """Write a distribution."""
    found = one.result
    minors = {
        "income": found.income_minor,
        "cost": found.cost_minor,
        "net": found.net_minor,
        "loss_before": found.loss_before_minor,
        "distributable": found.distributable_minor,
        "loss_after": found.loss_after_minor,
    }
    amounts = {name: from_money(Money(one.currency_code, minor)) for name, minor in minors.items()}
    return pb.ShareDistribution(
        distribution_id=one.distribution_id,
        scheme_id=one.scheme_id,
        month=str(one.month),
        state=_STATES[one.state],
        capital_version=one.capital_version,
        lines=map(_line, one.lines),
        calculated_by=one.calculated_by,
        approved_by=one.approved_by,
        create_time=from_time(one.create_time),
        approve_date=one.approve_date.isoformat() if one.approve_date else "",
        pay_date=one.pay_date.isoformat() if one.pay_date else "",
        rejected_by=one.rejected_by,
        reject_date=one.reject_date.isoformat() if one.reject_date else "",
        reject_reason=one.reject_reason,
        **amounts,
    )


def _table(one: CapitalTable) -> pb.CapitalTable:
    return pb.CapitalTable(
        scheme_id=one.scheme_id,
        version=one.version,
        effective_date=one.effective_date.isoformat(),
        entries=map(_entry, one.entries),
        created_by=one.created_by,
        create_time=from_time(one.create_time),
    )


def _entry(one: CapitalEntry) -> pb.CapitalEntry:
    return pb.CapitalEntry(participant_id=one.participant_id, capital=from_money(one.capital))


def _line(one: Line) -> pb.ShareLine:
    return pb.ShareLine(
        pool=_POOLS[one.pool],
        participant_id=one.participant_id,
        weight=format_decimal(one.weight),
        amount=from_money(one.amount),
    )


def _statement_line(one: domain.StatementLine) -> pb.ShareStatementLine:
    return pb.ShareStatementLine(
        month=str(one.month),
        pool=_POOLS[one.pool],
        amount=from_money(one.amount),
        state=_STATES[one.state],
    )


def _shared(fact: RevenueShared) -> EventDraft:
    one = fact.distribution
    message = events_pb2.RevenueShared(
        scheme_id=one.scheme_id,
        distribution_id=one.distribution_id,
        month=str(one.month),
        amount=from_money(Money(one.currency_code, one.result.distributable_minor)),
    )
    return EventDraft(message, f"revenue_share/{one.scheme_id}")


FACTS: Final[FactTable] = {RevenueShared: _shared}
