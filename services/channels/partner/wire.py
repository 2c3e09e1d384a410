"""Partners between the domain and the contract."""

from datetime import date
from typing import Final

from mantle.channels.v1 import events_pb2, partner_pb2
from mantle.channels.v1 import partner_service_pb2 as pb
from mantle.type.v1 import money_pb2

from channels.partner.domain import (
    Agreement,
    AgreementSigned,
    AgreementState,
    AgreementTerminated,
    Credit,
    CreditGradeChanged,
    Grade,
    Kind,
    Partner,
    PartnerActivated,
    PartnerFile,
    State,
    Terms,
    Territory,
)
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money

STATES: Final = {state: partner_pb2.Partner.State.Value(f"STATE_{state.name}") for state in State}
KINDS: Final = {kind: partner_pb2.PartnerKind.Value(f"PARTNER_KIND_{kind.name}") for kind in Kind}
GRADES: Final = {
    grade: partner_pb2.CreditGrade.Value(f"CREDIT_GRADE_{grade.name}") for grade in Grade
}
AGREEMENT_STATES: Final = {
    state: partner_pb2.Agreement.State.Value(f"STATE_{state.name}") for state in AgreementState
}
AGREEMENT_STATE_UNTOLD: Final = partner_pb2.Agreement.STATE_UNSPECIFIED
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


def to_terms(
    request: pb.SignAgreementRequest | partner_pb2.AgreementTerms, *, report_id: str = ""
) -> Terms:
    """Read what an agreement says beside its credit."""
    return Terms(
        target=to_money(request.target) if request.HasField("target") else None,
        rebate_policy=request.rebate_policy,
        price_policy=request.price_policy,
        territories=tuple(Territory(one.area, one.exclusive) for one in request.territories),
        report_id=report_id,
    )


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
        agreements=[from_agreement(one, on=file.on) for one in file.agreements],
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


def from_agreement(agreement: Agreement, *, on: date | None = None) -> partner_pb2.Agreement:
    """Write an agreement; without a day, as events have it, its state is left out."""
    terms = agreement.terms
    return partner_pb2.Agreement(
        agreement_id=agreement.agreement_id,
        year=agreement.year,
        credit_limit=from_money(agreement.credit.limit),
        credit_days=agreement.credit.days,
        territory=agreement.territory,
        sign_time=from_time(agreement.sign_time),
        target=from_money(terms.target) if terms.target else None,
        rebate_policy=terms.rebate_policy,
        price_policy=terms.price_policy,
        territories=[
            partner_pb2.Territory(area=one.area, exclusive=one.exclusive)
            for one in terms.territories
        ],
        start_date=agreement.year_range.start.isoformat(),
        end_date=agreement.end_date.isoformat(),
        report_id=terms.report_id,
        state=AGREEMENT_STATES[agreement.state(on)] if on else AGREEMENT_STATE_UNTOLD,
        end_reason=agreement.ending.reason if agreement.ending else "",
    )


def _activated_event(fact: PartnerActivated) -> EventDraft:
    partner, credit = fact.partner, _credit(fact.partner)
    payload = events_pb2.PartnerActivated(
        partner_id=partner.partner_id,
        unit_id=partner.unit_id,
        kind=KINDS[partner.kind],
        credit_limit=from_money(credit.limit),
        credit_days=credit.days,
        credit_grade=GRADES[partner.credit_grade],
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


def _signed_event(fact: AgreementSigned) -> EventDraft:
    partner = fact.partner
    payload = events_pb2.AgreementSigned(
        partner_id=partner.partner_id,
        partner_name=partner.name,
        kind=KINDS[partner.kind],
        unit_id=partner.unit_id,
        agreement=from_agreement(fact.agreement),
        selection_id=fact.selection_id,
    )
    return EventDraft(payload, f"partner/{partner.partner_id}")


def _terminated_event(fact: AgreementTerminated) -> EventDraft:
    partner, agreement = fact.partner, fact.agreement
    payload = events_pb2.AgreementTerminated(
        partner_id=partner.partner_id,
        unit_id=partner.unit_id,
        agreement_id=agreement.agreement_id,
        year=agreement.year,
        end_date=agreement.end_date.isoformat(),
        reason=agreement.ending.reason if agreement.ending else "",
    )
    return EventDraft(payload, f"partner/{partner.partner_id}")


FACTS: Final[FactTable] = {
    PartnerActivated: _activated_event,
    CreditGradeChanged: _grade_event,
    AgreementSigned: _signed_event,
    AgreementTerminated: _terminated_event,
}
