"""Partners between the domain and the contract."""

from typing import Final

from mantle.channels.v1 import events_pb2, partner_pb2
from mantle.channels.v1 import partner_service_pb2 as pb
from mantle.type.v1 import money_pb2

from channels.partner.domain import (
    Agreement,
    Credit,
    CreditGradeChanged,
    Grade,
    Kind,
    Partner,
    PartnerActivated,
    PartnerFile,
    State,
)
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money

STATES: Final = {state: partner_pb2.Partner.State.Value(f"STATE_{state.name}") for state in State}
KINDS: Final = {kind: partner_pb2.PartnerKind.Value(f"PARTNER_KIND_{kind.name}") for kind in Kind}
GRADES: Final = {
    grade: partner_pb2.CreditGrade.Value(f"CREDIT_GRADE_{grade.name}") for grade in Grade
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}
GRADES_READ: Final = {int(number): grade for grade, number in GRADES.items()}


def to_kind(number: int) -> Kind:
    """Read a kind; the contract's rules let no other number in."""
    return KINDS_READ[number]


def to_grade(number: int) -> Grade:
    """Read a grade; the contract's rules let no other number in."""
    return GRADES_READ[number]


def to_credit(limit: money_pb2.Money, days: int) -> Credit:
    """Read credit terms."""
    return Credit(to_money(limit), days)


def wanted_kind(request: pb.ListPartnersRequest) -> Kind | None:
    """Read the kind that a list is limited to, or None."""
    return KINDS_READ.get(int(request.kind))


def wanted_state(request: pb.ListPartnersRequest) -> State | None:
    """Read the state that a list is limited to, or None."""
    return STATES_READ.get(int(request.state))


def from_file(file: PartnerFile) -> partner_pb2.Partner:
    """Write a partner."""
    partner = file.partner
    return partner_pb2.Partner(
        partner_id=partner.partner_id,
        name=partner.name,
        kind=KINDS[partner.kind],
        unit_id=partner.unit_id,
        state=STATES[partner.state],
        credit_grade=GRADES[partner.credit_grade],
        credit_limit=from_money(partner.credit.limit) if partner.credit else None,
        credit_days=partner.credit.days if partner.credit else 0,
        agreements=map(_from_agreement, file.agreements),
        purchases=[
            partner_pb2.YearPurchases(year=one.year, amount=from_money(one.amount))
            for one in file.purchases
        ],
        version=partner.version,
        create_time=from_time(partner.create_time),
    )


def created(file: PartnerFile) -> pb.CreatePartnerResponse:
    """Answer with the new partner."""
    return pb.CreatePartnerResponse(partner=from_file(file))


def signed(file: PartnerFile) -> pb.SignAgreementResponse:
    """Answer with the partner."""
    return pb.SignAgreementResponse(partner=from_file(file))


def activated(file: PartnerFile) -> pb.ActivatePartnerResponse:
    """Answer with the partner."""
    return pb.ActivatePartnerResponse(partner=from_file(file))


def grade_changed(file: PartnerFile) -> pb.ChangeCreditGradeResponse:
    """Answer with the partner."""
    return pb.ChangeCreditGradeResponse(partner=from_file(file))


def purchases_recorded(file: PartnerFile) -> pb.RecordPriorYearPurchasesResponse:
    """Answer with the partner."""
    return pb.RecordPriorYearPurchasesResponse(partner=from_file(file))


def got(file: PartnerFile) -> pb.GetPartnerResponse:
    """Answer with the partner."""
    return pb.GetPartnerResponse(partner=from_file(file))


def listed(page: Slice[PartnerFile]) -> pb.ListPartnersResponse:
    """Answer with a page of partners."""
    return pb.ListPartnersResponse(
        partners=map(from_file, page.items), next_page_token=page.next_page_token
    )


def _from_agreement(agreement: Agreement) -> partner_pb2.Agreement:
    return partner_pb2.Agreement(
        agreement_id=agreement.agreement_id,
        year=agreement.year,
        credit_limit=from_money(agreement.credit.limit),
        credit_days=agreement.credit.days,
        territory=agreement.territory,
        sign_time=from_time(agreement.sign_time),
    )


def _activated_event(fact: PartnerActivated) -> EventDraft:
    partner, credit = fact.partner, _credit(fact.partner)
    payload = events_pb2.PartnerActivated(
        partner_id=partner.partner_id,
        unit_id=partner.unit_id,
        kind=KINDS[partner.kind],
        credit_limit=from_money(credit.limit),
        credit_days=credit.days,
    )
    return EventDraft(payload, f"partner/{partner.partner_id}")


def _grade_event(fact: CreditGradeChanged) -> EventDraft:
    partner, credit = fact.partner, _credit(fact.partner)
    payload = events_pb2.CreditGradeChanged(
        partner_id=partner.partner_id,
        credit_grade=GRADES[partner.credit_grade],
        credit_limit=from_money(credit.limit),
        credit_days=credit.days,
    )
    return EventDraft(payload, f"partner/{partner.partner_id}")


def _credit(partner: Partner) -> Credit:
    assert partner.credit is not None, "facts are told of partners with an agreement alone"
    return partner.credit


FACTS: Final[FactTable] = {PartnerActivated: _activated_event, CreditGradeChanged: _grade_event}
