"""The side door of the cube: products as channels tell them, and what settlement posts."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.period import Month, local_date, parse_date
from chassis.wire import to_money
from planning.cube import actuals
from planning.cube.domain import Address

_KINDS: Final = settlement_pb.ActualPosted


class ProductSubscriber:
    """Keep the products that numbers can have."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(channels_pb.ProductChanged, self.product_changed)]

    def product_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: channels_pb.ProductChanged
    ) -> Outcome[None]:
        """Take over a product with its name; its group is planning's own."""
        actuals.know_product(tx, product_id=fact.product.product_id, name=fact.product.name)
        return Outcome(None)


class PostingSubscriber:
    """Write what settlement posts into the version of what came."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the zone whose months count."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(settlement_pb.ActualPosted, Many(self.actuals_posted))]

    def actuals_posted(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, settlement_pb.ActualPosted]]
    ) -> list[Outcome[None]]:
        """Count revenue with its quantity, and commission, each posting once."""
        actuals.post_all(tx, [self._posting(event, fact) for event, fact in received])
        return [Outcome(None) for _ in received]

    def _posting(self, event: ReceivedEvent, fact: settlement_pb.ActualPosted) -> actuals.Posting:
        # A posting of the time before that was told counts for the month in which it was made.
        at = event.occur_time
        day = parse_date(fact.post_date) if fact.post_date else local_date(at, self._zone)
        return actuals.Posting(
            address=Address(fact.unit_id, fact.product_id, "", fact.partner_id, Month.of(day)),
            amount=to_money(fact.amount),
            quantity=fact.quantity,
            revenue=fact.kind == _KINDS.KIND_REVENUE,
            reversal=fact.reversal,
            transfer_id=fact.transfer_id,
            at=at,
        )
