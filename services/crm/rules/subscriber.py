"""The side door of the rules: campaigns of planning, products of channels."""

from mantle.channels.v1 import events_pb2 as channels
from mantle.planning.v1 import events_pb2 as planning

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from crm.rules import usecases, wire
from crm.rules.domain import CampaignState


class CampaignSubscriber:
    """Keep `campaign_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (planning.CampaignApproved, self.approved),
            (planning.CampaignStarted, self.live),
            (planning.CampaignPaused, self.paused),
            (planning.CampaignResumed, self.live),
            (planning.CampaignStopped, self.stopped),
            (planning.CampaignEnded, self.ended),
        ]

    def approved(
        self, tx: Transaction, _event: ReceivedEvent, fact: planning.CampaignApproved
    ) -> Outcome[None]:
        """Take a campaign over that is not live yet."""
        return usecases.keep_campaign(tx, wire.campaign(fact.campaign, CampaignState.APPROVED))

    def live(
        self,
        tx: Transaction,
        _event: ReceivedEvent,
        fact: planning.CampaignStarted | planning.CampaignResumed,
    ) -> Outcome[None]:
        """Let a campaign's offers be made."""
        return usecases.keep_campaign(tx, wire.campaign(fact.campaign, CampaignState.LIVE))

    def paused(
        self, tx: Transaction, _event: ReceivedEvent, fact: planning.CampaignPaused
    ) -> Outcome[None]:
        """Withhold a campaign's offers."""
        return usecases.keep_campaign(tx, wire.campaign(fact.campaign, CampaignState.PAUSED))

    def stopped(
        self, tx: Transaction, _event: ReceivedEvent, fact: planning.CampaignStopped
    ) -> Outcome[None]:
        """Make no more offers; a tick takes the open ones back."""
        return usecases.keep_campaign(tx, wire.campaign(fact.campaign, CampaignState.STOPPED))

    def ended(
        self, tx: Transaction, _event: ReceivedEvent, fact: planning.CampaignEnded
    ) -> Outcome[None]:
        """Make no more offers; a tick takes the open ones back."""
        return usecases.keep_campaign(tx, wire.campaign(fact.campaign, CampaignState.ENDED))


class ProductSubscriber:
    """Keep `product_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(channels.ProductChanged, self.product_changed)]

    def product_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: channels.ProductChanged
    ) -> Outcome[None]:
        """Take a product over."""
        return usecases.keep_product(tx, wire.product(fact))
