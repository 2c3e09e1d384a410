"""The side door of timelines: settlement tells what became of the money of orders."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from google.protobuf.message import Message
from mantle.settlement.v1 import events_pb2 as pb

from channels.timeline import usecases
from channels.timeline.domain import Entry, Kind, RebatePaid, Told
from chassis.database import Transaction
from chassis.events.applier import Handler, Many, Received
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.wire import to_money

Reference = Callable[[Any], str]

# What each fact is, and which of its fields names it.
FACTS: Final[Sequence[tuple[type[Message], Kind, Reference]]] = (
    (pb.InvoiceIssued, Kind.INVOICE_ISSUED, lambda fact: fact.invoice_id),
    (pb.PaymentMatched, Kind.PAYMENT_MATCHED, lambda fact: fact.receipt_id),
    (pb.InvoicePaid, Kind.INVOICE_PAID, lambda fact: fact.invoice_id),
    (pb.CreditNoteIssued, Kind.CREDIT_NOTE_ISSUED, lambda fact: fact.credit_note_id),
    (pb.CommissionAccrued, Kind.COMMISSION_ACCRUED, lambda fact: fact.entry_id),
    (pb.CommissionReversed, Kind.COMMISSION_REVERSED, lambda fact: fact.entry_id),
)


class TimelineSubscriber:
    """Keep `order_fact_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        told: list[Handler] = [
            (message, Many(partial(self.told, kind=kind, reference=reference)))
            for message, kind, reference in FACTS
        ]
        return [
            *told,
            (pb.CreditConfirmRefused, self.credit_confirm_refused),
            (pb.RebatePaid, self.rebate_paid),
        ]

    def told(
        self, tx: Transaction, received: Sequence[Received], *, kind: Kind, reference: Reference
    ) -> list[Outcome[None]]:
        """Take note of facts of one kind."""
        found = [
            Told(
                fact.order_id,
                event.event_id,
                Entry(
                    event.occur_time,
                    kind,
                    event.source,
                    reference=reference(fact),
                    amount=to_money(fact.amount) if fact.HasField("amount") else None,
                ),
            )
            for event, fact in received
        ]
        usecases.keep(tx, found)
        return [Outcome(None) for _ in received]

    def credit_confirm_refused(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.CreditConfirmRefused
    ) -> Outcome[None]:
        """Take note that an order's credit was gone."""
        if fact.owner_kind == "order":
            entry = Entry(
                event.occur_time, Kind.CREDIT_REFUSED, event.source, reference=fact.reason
            )
            usecases.keep(tx, [Told(fact.owner_id, event.event_id, entry)])
        return Outcome(None)

    def rebate_paid(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.RebatePaid
    ) -> Outcome[None]:
        """Take note that a partner was paid its rebate of a year."""
        entry = Entry(
            event.occur_time,
            Kind.REBATE_PAID,
            event.source,
            reference=fact.payment_id,
            amount=to_money(fact.amount),
        )
        usecases.keep_rebate(tx, RebatePaid(fact.partner_id, event.event_id, fact.year, entry))
        return Outcome(None)
