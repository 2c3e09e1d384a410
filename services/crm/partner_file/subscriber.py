"""The side door of customer files: what partners of the channel sign."""

from datetime import date

from mantle.channels.v1 import events_pb2 as pb
from mantle.channels.v1 import partner_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from crm.partner_file import usecases
from crm.partner_file.domain import CustomerFile, FiledAgreement, FiledReview, State


class PartnerSubscriber:
    """Build the files of partners."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.AgreementSigned, self.agreement_signed),
            (pb.PartnerActivated, self.partner_activated),
            (pb.AgreementTerminated, self.agreement_terminated),
            (pb.PartnerReviewed, self.partner_reviewed),
        ]

    def agreement_signed(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.AgreementSigned
    ) -> Outcome[None]:
        """Put the agreement into the file."""
        told = CustomerFile(
            customer_id=fact.partner_id,
            unit_id=fact.unit_id,
            name=fact.partner_name,
            kind=partner_pb2.PartnerKind.Name(fact.kind).removeprefix("PARTNER_KIND_"),
            state=State.SIGNED,
            create_time=event.occur_time,
        )
        agreement = FiledAgreement(
            agreement_id=fact.agreement.agreement_id,
            year=fact.agreement.year,
            report_id=fact.agreement.report_id,
            selection_id=fact.selection_id,
        )
        usecases.take_agreement(tx, told, agreement)
        return Outcome(None)

    def partner_activated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerActivated
    ) -> Outcome[None]:
        """Note that the partner can order."""
        usecases.activate(tx, customer_id=fact.partner_id)
        return Outcome(None)

    def agreement_terminated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.AgreementTerminated
    ) -> Outcome[None]:
        """Note the end."""
        usecases.terminate(
            tx,
            customer_id=fact.partner_id,
            agreement_id=fact.agreement_id,
            on=date.fromisoformat(fact.end_date),
            reason=fact.reason,
        )
        return Outcome(None)

    def partner_reviewed(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerReviewed
    ) -> Outcome[None]:
        """Put the yearly evaluation into the file."""
        review = FiledReview(
            review_id=fact.review_id,
            year=fact.year,
            target_percent=fact.target_percent,
            late_percent=fact.late_percent,
            proposal=fact.proposal,
        )
        usecases.take_review(tx, customer_id=fact.partner_id, review=review)
        return Outcome(None)
