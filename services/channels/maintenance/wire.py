"""Maintenances, reviews and awards between the domain and the contract."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2, maintenance_pb2, partner_pb2
from mantle.channels.v1 import maintenance_service_pb2 as pb

from channels.maintenance.domain import (
    Award,
    AwardGranted,
    Cycle,
    CycleState,
    Decision,
    Granted,
    PartnerReviewed,
    Review,
    State,
)
from channels.partner.domain import Terms
from channels.partner.wire import GRADES, KINDS, to_terms
from channels.turnover.wire import from_year
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_decimal, from_money, from_time

R = TypeVar("R", bound=Message)

CYCLE_STATES: Final = {
    state: maintenance_pb2.Maintenance.State.Value(f"STATE_{state.name}") for state in CycleState
}
STATES: Final = {
    state: maintenance_pb2.PartnerReview.State.Value(f"STATE_{state.name}") for state in State
}
DECISIONS: Final = {
    one: maintenance_pb2.PartnerReview.Decision.Value(f"DECISION_{one.name}") for one in Decision
}
UNDECIDED: Final = maintenance_pb2.PartnerReview.DECISION_UNSPECIFIED
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
DECISIONS_READ: Final = {int(number): one for one, number in DECISIONS.items()}


def to_decision(message: maintenance_pb2.ReviewDecision) -> tuple[Decision, str, Terms | None]:
    """Read a decision with its reason and terms."""
    terms = to_terms(message.terms) if message.HasField("terms") else None
    return DECISIONS_READ[int(message.decision)], message.reason, terms


def wanted_state(request: pb.ListReviewsRequest) -> State | None:
    """Read the state that a list is limited to, or None."""
    return STATES_READ.get(int(request.state))


def from_cycle(cycle: Cycle) -> maintenance_pb2.Maintenance:
    """Write a maintenance."""
    one, counts = cycle.maintenance, cycle.counts
    return maintenance_pb2.Maintenance(
        cycle_id=one.cycle_id,
        unit_id=one.unit_id,
        year=one.year,
        state=CYCLE_STATES[one.state],
        run_id=one.run_id,
        reviews=counts.reviews,
        renewed=counts.renewed,
        adjusted=counts.adjusted,
        terminated=counts.terminated,
        open_reviews=counts.open_reviews,
        create_time=from_time(one.create_time),
    )


def from_review(review: Review) -> maintenance_pb2.PartnerReview:
    """Write a review."""
    return maintenance_pb2.PartnerReview(
        review_id=review.review_id,
        cycle_id=review.cycle_id,
        partner_id=review.partner_id,
        unit_id=review.unit_id,
        state=STATES[review.state],
        figures=from_year(review.figures),
        points="" if review.points is None else from_decimal(review.points),
        proposal=DECISIONS[review.proposal],
        from_grade=GRADES[review.from_grade],
        to_grade=GRADES[review.to_grade],
        decision=DECISIONS[review.decision] if review.decision else UNDECIDED,
        reason=review.reason,
        terms=_from_terms(review.terms) if review.terms else None,
        decided_by=review.decided_by,
        approved_by=review.approved_by,
    )


def from_award(award: Award) -> maintenance_pb2.PartnerAward:
    """Write an award."""
    return maintenance_pb2.PartnerAward(
        award_id=award.award_id,
        partner_id=award.partner_id,
        unit_id=award.unit_id,
        kind=KINDS[award.kind],
        year=award.year,
        rank=award.rank,
        purchases=from_money(award.purchases),
        amount=from_money(award.amount),
        grant_time=from_time(award.grant_time),
    )


def started(run_id: str, cycle: Cycle | None) -> pb.StartMaintenanceResponse:
    """Answer with the run, and the maintenance unless it is a dry run."""
    maintenance = from_cycle(cycle) if cycle else None
    return pb.StartMaintenanceResponse(maintenance=maintenance, run_id=run_id)


def decided(cycle: Cycle, count: int) -> pb.DecideReviewsResponse:
    """Answer with how many were decided."""
    return pb.DecideReviewsResponse(maintenance=from_cycle(cycle), decided=count)


def approved(cycle: Cycle, count: int) -> pb.ApproveReviewsResponse:
    """Answer with how many were approved."""
    return pb.ApproveReviewsResponse(maintenance=from_cycle(cycle), approved=count)


def cycle_in(response: Callable[..., R]) -> Callable[[Cycle], R]:
    """Return what answers with a maintenance."""
    return lambda cycle: response(maintenance=from_cycle(cycle))


def granted(done: Granted) -> pb.GrantAwardsResponse:
    """Answer with the awards."""
    return pb.GrantAwardsResponse(awards=map(from_award, done.awards), ranked=done.ranked)


def got_review(review: Review) -> pb.GetReviewResponse:
    """Answer with a review."""
    return pb.GetReviewResponse(review=from_review(review))


def listed_reviews(page: Slice[Any]) -> pb.ListReviewsResponse:
    """Answer with a page of reviews."""
    return pb.ListReviewsResponse(
        reviews=map(from_review, page.items), next_page_token=page.next_page_token
    )


def listed_awards(page: Slice[Any]) -> pb.ListAwardsResponse:
    """Answer with a page of awards."""
    return pb.ListAwardsResponse(
        awards=map(from_award, page.items), next_page_token=page.next_page_token
    )


def _from_terms(terms: Terms) -> partner_pb2.AgreementTerms:
    return partner_pb2.AgreementTerms(
        target=from_money(terms.target) if terms.target else None,
        rebate_policy=terms.rebate_policy,
        price_policy=terms.price_policy,
        territories=[
            partner_pb2.Territory(area=one.area, exclusive=one.exclusive)
            for one in terms.territories
        ],
    )


def _reviewed_event(fact: PartnerReviewed) -> EventDraft:
    payload = events_pb2.PartnerReviewed(
        review_id=fact.review_id,
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        year=fact.year,
        target_percent=fact.target_percent,
        late_percent=fact.late_percent,
        proposal=fact.proposal,
    )
    return EventDraft(payload, f"partner/{fact.partner_id}")


def _award_event(fact: AwardGranted) -> EventDraft:
    award = fact.award
    payload = events_pb2.AwardGranted(
        award_id=award.award_id,
        partner_id=award.partner_id,
        unit_id=award.unit_id,
        kind=KINDS[award.kind],
        year=award.year,
        rank=award.rank,
        amount=from_money(award.amount),
        grant_date=fact.grant_date,
    )
    return EventDraft(payload, f"partner/{award.partner_id}")


FACTS: Final[FactTable] = {PartnerReviewed: _reviewed_event, AwardGranted: _award_event}
