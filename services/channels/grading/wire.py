"""Grades and their changes between the domain and the contract."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import grading_pb2
from mantle.channels.v1 import grading_service_pb2 as pb

from channels.grading.domain import CreditChange, Rating, Score, State
from channels.partner.wire import GRADES
from chassis.paging import Slice
from chassis.wire import from_decimal, from_money, from_time

R = TypeVar("R", bound=Message)

STATES: Final = {
    state: grading_pb2.CreditChange.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_scores(messages: Iterable[grading_pb2.CriterionScore]) -> tuple[Score, ...]:
    """Read points; the contract has checked their spelling."""
    return tuple(Score(one.criterion, Decimal(one.points), one.source) for one in messages)


def wanted_state(request: pb.ListCreditChangesRequest) -> State | None:
    """Read the state that a list is limited to, or None."""
    return STATES_READ.get(int(request.state))


def from_rating(rating: Rating) -> grading_pb2.CreditRating:
    """Write what points are worth."""
    message = grading_pb2.CreditRating(
        points=from_decimal(rating.points),
        acceptable=rating.terms is not None,
        scores=[
            grading_pb2.CriterionScore(
                criterion=one.criterion, points=from_decimal(one.points), source=one.source
            )
            for one in rating.scores
        ],
        policy_ids=rating.policy_ids,
    )
    if rating.terms is not None:
        message.credit_grade = GRADES[rating.terms.grade]
        message.credit_limit.CopyFrom(from_money(rating.terms.credit.limit))
        message.credit_days = rating.terms.credit.days
        message.approver_role = rating.terms.approver_role
    return message


def from_change(change: CreditChange) -> grading_pb2.CreditChange:
    """Write a change."""
    return grading_pb2.CreditChange(
        change_id=change.change_id,
        partner_id=change.partner_id,
        unit_id=change.unit_id,
        state=STATES[change.state],
        from_grade=GRADES[change.from_grade],
        rating=from_rating(change.rating),
        reason=change.reason,
        proposed_by=change.proposed_by,
        reviewed_by=change.reviewed_by,
        decided_by=change.decided_by,
        create_time=from_time(change.create_time),
        version=change.version,
    )


def replied(response: Callable[..., R]) -> Callable[[CreditChange], R]:
    """Return what answers with a change."""

    def reply(change: CreditChange) -> R:
        return response(change=from_change(change))

    return reply


def listed(page: Slice[Any]) -> pb.ListCreditChangesResponse:
    """Answer with a page of changes."""
    return pb.ListCreditChangesResponse(
        changes=map(from_change, page.items), next_page_token=page.next_page_token
    )
