"""The side door of rebate: what channels agree with partners."""

from mantle.channels.v1 import events_pb2 as pb

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.period import parse_date
from chassis.process.definition import Definition
from settlement.rebate import runs, usecases, wire


class RebateSubscriber:
    """Follow grades and agreements, and finish the rebate of a partner that leaves."""

    def __init__(self, clock: Clock, *, definition: Definition) -> None:
        """Know the business time and the process of a run."""
        self._clock = clock
        self._definition = definition

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.PartnerActivated, self.partner_activated),
            (pb.CreditGradeChanged, self.credit_grade_changed),
            (pb.AgreementSigned, self.agreement_signed),
            (pb.AgreementTerminated, self.agreement_terminated),
        ]

    def partner_activated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerActivated
    ) -> Outcome[None]:
        """Take over the grade that the partner begins with."""
        usecases.regrade(tx, partner_id=fact.partner_id, credit_grade=wire.grade(fact.credit_grade))
        return Outcome(None)

    def credit_grade_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.CreditGradeChanged
    ) -> Outcome[None]:
        """Take over the grade."""
        usecases.regrade(tx, partner_id=fact.partner_id, credit_grade=wire.grade(fact.credit_grade))
        return Outcome(None)

    def agreement_signed(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.AgreementSigned
    ) -> Outcome[None]:
        """Take over the target and the rules of the year."""
        usecases.agree(
            tx,
            partner_id=fact.partner_id,
            year=fact.agreement.year,
            target=wire.target(fact),
            policy_scope=fact.agreement.rebate_policy,
        )
        return Outcome(None)

    def agreement_terminated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.AgreementTerminated
    ) -> Outcome[None]:
        """Compute the partner's last rebate, once."""
        done = runs.finish_partner(
            tx,
            self._definition,
            partner_id=fact.partner_id,
            unit_id=fact.unit_id,
            year=fact.year,
            at=self._clock.now(),
            today=parse_date(fact.end_date),
        )
        return Outcome(None, facts=done.facts)
