"""The side door of campaigns: what was sold, posted and answered elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import product_pb2
from mantle.crm.v1 import events_pb2 as crm_pb
from mantle.crm.v1 import offer_pb2
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.wire import to_money
from planning.campaign import tracking
from planning.campaign.results import Act, ActualKind, Posting, Touch

ACTS: Final[Mapping[int, Act]] = {
    offer_pb2.ANSWER_ACCEPT: Act.ACCEPTED,
    offer_pb2.ANSWER_DECLINE: Act.DECLINED,
    offer_pb2.ANSWER_LATER: Act.POSTPONED,
}
KINDS: Final[Mapping[int, ActualKind]] = {
    settlement_pb.ActualPosted.KIND_REVENUE: ActualKind.REVENUE,
    settlement_pb.ActualPosted.KIND_COMMISSION: ActualKind.COMMISSION,
}


class ProductSubscriber:
    """Keep `product_copy` from what channels tell."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(channels_pb.ProductChanged, self.product_changed)]

    def product_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: channels_pb.ProductChanged
    ) -> Outcome[None]:
        """Take over whether a product is on sale."""
        tracking.copy_product(
            tx,
            product_id=fact.product.product_id,
            name=fact.product.name,
            on_sale=fact.product.state == product_pb2.Product.STATE_ON_SALE,
            version=fact.product.version,
        )
        return Outcome(None)


class ActualSubscriber:
    """Keep `campaign_actual` from what settlement posts."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(settlement_pb.ActualPosted, Many(self.actuals_posted))]

    def actuals_posted(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, settlement_pb.ActualPosted]]
    ) -> list[Outcome[None]]:
        """Count postings for their campaigns; most have none."""
        postings = [_posting(event, fact) for event, fact in received if fact.campaign_id]
        if postings:
            tracking.post_actuals(tx, postings)
        return [Outcome(None) for _ in received]


class AnswerSubscriber:
    """Keep `campaign_touch` from what customers did."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (crm_pb.OfferShown, Many(self.offers_shown)),
            (crm_pb.OfferAnswered, Many(self.offers_answered)),
        ]

    def offers_shown(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, crm_pb.OfferShown]]
    ) -> list[Outcome[None]]:
        """Count offers that were shown."""
        touches = [_touch(event, fact, Act.SHOWN) for event, fact in received]
        tracking.count_touches(tx, touches)
        return [Outcome(None) for _ in received]

    def offers_answered(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, crm_pb.OfferAnswered]]
    ) -> list[Outcome[None]]:
        """Count answers."""
        touches = [_touch(event, fact, ACTS[fact.answer]) for event, fact in received]
        tracking.count_touches(tx, touches)
        return [Outcome(None) for _ in received]


def _touch(event: ReceivedEvent, fact: crm_pb.OfferShown | crm_pb.OfferAnswered, act: Act) -> Touch:
    return Touch(fact.offer_id, act, fact.campaign_id, fact.touchpoint_kind, event.occur_time)


def _posting(event: ReceivedEvent, fact: settlement_pb.ActualPosted) -> Posting:
    return Posting(
        transfer_id=fact.transfer_id,
        # People enter it with an order, in any case; ours is written in lower case.
        campaign_id=fact.campaign_id.lower(),
        order_id=fact.order_id,
        product_id=fact.product_id,
        unit_id=fact.unit_id,
        kind=KINDS[fact.kind],
        amount=to_money(fact.amount),
        reversal=fact.reversal,
        at=event.occur_time,
    )
