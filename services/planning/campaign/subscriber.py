"""The side door of campaigns: what was sold, posted and answered elsewhere."""

from collections.abc import Mapping
from typing import Final

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import product_pb2
from mantle.crm.v1 import events_pb2 as crm_pb
from mantle.crm.v1 import offer_pb2
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome
from chassis.wire import to_money
from planning.campaign import tracking
from planning.campaign.results import Act, ActualKind

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
        return [(settlement_pb.ActualPosted, self.actual_posted)]

    def actual_posted(
        self, tx: Transaction, event: ReceivedEvent, fact: settlement_pb.ActualPosted
    ) -> Outcome[None]:
        """Count a posting for its campaign; most have none."""
        if fact.campaign_id:
            tracking.post_actual(
                tx,
                transfer_id=fact.transfer_id,
                campaign_id=fact.campaign_id,
                order_id=fact.order_id,
                product_id=fact.product_id,
                unit_id=fact.unit_id,
                kind=KINDS[fact.kind],
                amount=to_money(fact.amount),
                reversal=fact.reversal,
                at=event.occur_time,
            )
        return Outcome(None)


class AnswerSubscriber:
    """Keep `campaign_touch` from what customers did."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (crm_pb.OfferShown, self.offer_shown),
            (crm_pb.OfferAnswered, self.offer_answered),
        ]

    def offer_shown(
        self, tx: Transaction, event: ReceivedEvent, fact: crm_pb.OfferShown
    ) -> Outcome[None]:
        """Count an offer that was shown."""
        tracking.count_touch(
            tx,
            offer_id=fact.offer_id,
            act=Act.SHOWN,
            campaign_id=fact.campaign_id,
            touchpoint_kind=fact.touchpoint_kind,
            at=event.occur_time,
        )
        return Outcome(None)

    def offer_answered(
        self, tx: Transaction, event: ReceivedEvent, fact: crm_pb.OfferAnswered
    ) -> Outcome[None]:
        """Count an answer."""
        tracking.count_touch(
            tx,
            offer_id=fact.offer_id,
            act=ACTS[fact.answer],
            campaign_id=fact.campaign_id,
            touchpoint_kind=fact.touchpoint_kind,
            at=event.occur_time,
        )
        return Outcome(None)
