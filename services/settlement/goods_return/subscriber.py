"""The side door of returned goods: what channels took back of partners."""

from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.wire import to_money
from settlement.goods_return import usecases
from settlement.ledger import usecases as ledger
from settlement.receivable.credit_note import Returned


class GoodsReturnSubscriber:
    """Take back what returned goods caused."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.ReturnCredited, self.return_credited)]

    def return_credited(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.ReturnCredited
    ) -> Outcome[None]:
        """Take it all back, in this one transaction.

        Shape: pieces are credited with what they had cost by the invoice; without pieces it is the
            difference that channels tells.
        """
        ledger.take_turn(tx)
        lines = [
            Returned(one.product_id, one.quantity, None if one.quantity else to_money(one.amount))
            for one in fact.lines
        ]
        done = usecases.take_back(
            tx,
            return_id=fact.return_id,
            order_id=fact.order_id,
            partner_id=fact.partner_id,
            lines=lines,
            at=event.occur_time,
            zone=self._zone,
        )
        return Outcome(None, facts=done.facts)
