"""Awards and rankings as messages, and which fact becomes which event."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.settlement.v1 import award_pb2 as pb
from mantle.settlement.v1 import award_service_pb2 as service_pb
from mantle.settlement.v1 import events_pb2

from chassis.events.domain import EventDraft, FactTable, ReceivedEvent
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_money, from_time, to_money
from settlement.award.domain import (
    Award,
    AwardBooked,
    AwardStatement,
    AwardSum,
    Beneficiary,
    BeneficiaryKind,
    Granted,
    Kind,
    Place,
    Ranking,
    State,
)

_KINDS: Final = {kind: pb.Award.Kind.Value(f"KIND_{kind}") for kind in Kind}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}
_STATES: Final = {state: pb.Award.State.Value(f"STATE_{state}") for state in State}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}
_WHO: Final = {
    kind: pb.BeneficiaryKind.Value(f"BENEFICIARY_KIND_{kind}") for kind in BeneficiaryKind
}
_WHO_READ: Final = {number: kind for kind, number in _WHO.items()}


def kind(request: service_pb.ProposeAwardRequest) -> Kind:
    """Read which way the money goes."""
    return _KINDS_READ[request.kind]


def beneficiary(
    request: service_pb.ProposeAwardRequest | service_pb.GetAwardStatementRequest,
) -> Beneficiary:
    """Read who gets or pays."""
    return Beneficiary(_WHO_READ[request.beneficiary_kind], request.beneficiary_id)


def state(request: service_pb.ListAwardsRequest) -> State | None:
    """Read which state is wanted; None is any."""
    return _STATES_READ.get(request.state)


def month(request: service_pb.ListAwardsRequest | service_pb.ListRankingsRequest) -> Month | None:
    """Read which month is wanted; None is any.

    Errors: PeriodInvalid.
    """
    return Month.parse(request.month) if request.HasField("month") else None


def scores(request: service_pb.CreateRankingRequest) -> Mapping[str, Decimal]:
    """Read the scores by person."""
    return {one.person_id: Decimal(one.score) for one in request.scores}


def granted(event: ReceivedEvent, fact: channels_pb.AwardGranted) -> Granted:
    """Read an award that channels granted."""
    return Granted(
        award_id=fact.award_id,
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        amount=to_money(fact.amount),
        reason=f"place {fact.rank} of {fact.year}",
        actor=event.actor,
        at=event.occur_time,
    )


def proposed(one: Award) -> service_pb.ProposeAwardResponse:
    """Answer with a proposed award."""
    return service_pb.ProposeAwardResponse(award=award_message(one))


def approved(one: Award) -> service_pb.ApproveAwardResponse:
    """Answer with an approved award."""
    return service_pb.ApproveAwardResponse(award=award_message(one))


def booked(one: Award) -> service_pb.BookAwardResponse:
    """Answer with a booked award."""
    return service_pb.BookAwardResponse(award=award_message(one))


def got(one: Award) -> service_pb.GetAwardResponse:
    """Answer with an award."""
    return service_pb.GetAwardResponse(award=award_message(one))


def listed(found: Slice[Award]) -> service_pb.ListAwardsResponse:
    """Answer with a page of awards."""
    return service_pb.ListAwardsResponse(
        awards=map(award_message, found.items), next_page_token=found.next_page_token
    )


def statement(found: AwardStatement) -> service_pb.GetAwardStatementResponse:
    """Answer with somebody's month."""
    made = pb.AwardStatement(
        beneficiary_kind=_WHO[found.beneficiary.kind],
        beneficiary_id=found.beneficiary.beneficiary_id,
        month=str(found.month),
        awards=map(award_message, found.awards),
        sums=map(_sum, found.sums),
    )
    if len(made.sums) == 1:
        [only] = made.sums
        made.award_amount.CopyFrom(only.award_amount)
        made.penalty_amount.CopyFrom(only.penalty_amount)
        made.net_amount.CopyFrom(only.net_amount)
    return service_pb.GetAwardStatementResponse(statement=made)


def ranked(one: Ranking) -> service_pb.CreateRankingResponse:
    """Answer with a ranking."""
    return service_pb.CreateRankingResponse(ranking=_ranking(one))


def rankings(found: Slice[Ranking]) -> service_pb.ListRankingsResponse:
    """Answer with a page of rankings."""
    return service_pb.ListRankingsResponse(
        rankings=map(_ranking, found.items), next_page_token=found.next_page_token
    )


def award_message(one: Award) -> pb.Award:
    """Write an award."""
    made = pb.Award(
        award_id=one.award_id,
        kind=_KINDS[one.kind],
        state=_STATES[one.state],
        beneficiary_kind=_WHO[one.beneficiary.kind],
        beneficiary_id=one.beneficiary.beneficiary_id,
        unit_id=one.unit_id,
        base_amount=from_money(one.base),
        factor=format_decimal(one.factor),
        amount=from_money(one.amount),
        reason=one.reason,
        award_date=one.award_date.isoformat(),
        proposed_by=one.proposed_by,
        approved_by=one.approved_by,
        booked_by=one.booked_by,
        create_time=from_time(one.create_time),
    )
    if one.approve_time is not None:
        made.approve_time.CopyFrom(from_time(one.approve_time))
    if one.book_time is not None:
        made.book_time.CopyFrom(from_time(one.book_time))
    return made


def _sum(one: AwardSum) -> pb.AwardSum:
    return pb.AwardSum(
        award_amount=from_money(one.awards),
        penalty_amount=from_money(one.penalties),
        net_amount=from_money(one.net),
    )


def _ranking(one: Ranking) -> pb.Ranking:
    return pb.Ranking(
        ranking_id=one.ranking_id,
        unit_id=one.unit_id,
        month=str(one.month),
        places=map(_place, one.places),
        review_percent=format_decimal(one.review_percent),
        policy_id=one.policy_id,
        created_by=one.created_by,
        create_time=from_time(one.create_time),
    )


def _place(one: Place) -> pb.RankingPlace:
    return pb.RankingPlace(
        place=one.place,
        person_id=one.person_id,
        score=format_decimal(one.score),
        under_review=one.under_review,
    )


def _booked(fact: AwardBooked) -> EventDraft:
    one = fact.award
    message = events_pb2.AwardBooked(
        award_id=one.award_id,
        beneficiary_id=one.beneficiary.beneficiary_id,
        unit_id=one.unit_id,
        amount=from_money(one.amount),
        penalty=one.kind is Kind.PENALTY,
        post_date=fact.post_date.isoformat(),
    )
    return EventDraft(message, f"award/{one.award_id}")


FACTS: Final[FactTable] = {AwardBooked: _booked}
