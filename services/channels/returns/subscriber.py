"""The side door of returns: settlement tells that a credit note was issued."""

from collections.abc import Sequence
from typing import Final

from mantle.settlement.v1 import events_pb2 as pb

from channels.returns import usecases
from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome

# Why settlement issued a note that belongs to a return.
RETURN: Final = "return"


class ReturnSubscriber:
    """Close returns when settlement has done its part."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.CreditNoteIssued, Many(self.credit_notes_issued))]

    def credit_notes_issued(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.CreditNoteIssued]]
    ) -> list[Outcome[None]]:
        """Take note of the credit notes, in the order of their orders."""
        notes = sorted(
            ((fact.order_id, fact.credit_note_id, event) for event, fact in received
             if fact.reason == RETURN),
            key=lambda one: one[:2],
        )  # fmt: skip
        for _, return_id, event in notes:
            usecases.note_credit_note(
                tx, return_id=return_id, source=event.source, at=event.occur_time
            )
        return [Outcome(None) for _ in received]
