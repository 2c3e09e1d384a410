"""The side door of the turnover: invoices that settlement issued, and their payment."""

from collections.abc import Sequence
from datetime import date, tzinfo

from mantle.settlement.v1 import events_pb2 as pb

from channels.turnover import usecases
from channels.turnover.domain import Invoice
from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.period import local_date
from chassis.wire import to_money


class TurnoverSubscriber:
    """Keep the copy of the invoices."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's time zone, in which an invoice has its day."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.InvoiceIssued, Many(self.invoices_issued)),
            (pb.InvoicePaid, Many(self.invoices_paid)),
            (pb.CreditNoteIssued, Many(self.credit_notes_issued)),
        ]

    def invoices_issued(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.InvoiceIssued]]
    ) -> list[Outcome[None]]:
        """Keep the invoices."""
        invoices = [
            Invoice(
                invoice_id=fact.invoice_id,
                order_id=fact.order_id,
                partner_id=fact.partner_id,
                amount=to_money(fact.amount),
                issue_date=local_date(event.occur_time, self._zone),
                due_date=date.fromisoformat(fact.due_date),
            )
            for event, fact in received
            if fact.invoice_id
        ]
        usecases.note_issued(tx, invoices)
        return [Outcome(None) for _ in received]

    def invoices_paid(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.InvoicePaid]]
    ) -> list[Outcome[None]]:
        """Keep the days on which they were paid."""
        usecases.note_paid(
            tx, [(fact.invoice_id, self._paid_date(event, fact)) for event, fact in received]
        )
        return [Outcome(None) for _ in received]

    def credit_notes_issued(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.CreditNoteIssued]]
    ) -> list[Outcome[None]]:
        """Take off what was taken back."""
        usecases.note_credited(
            tx,
            [(fact.credit_note_id, fact.invoice_id, to_money(fact.amount)) for _, fact in received],
        )
        return [Outcome(None) for _ in received]

    def _paid_date(self, event: ReceivedEvent, fact: pb.InvoicePaid) -> date:
        """Read the day that settlement told; facts from before it did have the day they became
        true."""
        if fact.paid_date:
            return date.fromisoformat(fact.paid_date)
        return local_date(event.occur_time, self._zone)
