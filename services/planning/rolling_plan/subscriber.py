"""The side door of the rolling plan: what channels tells offices for their forecasts."""

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from planning.rolling_plan import market, wire_market


class MarketSubscriber:
    """Keep launch months, partners' stocks and quality risks."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.ProductChanged, self.product_changed),
            (pb.PartnerStockReported, self.stock_reported),
            (pb.QualityRiskRaised, self.risk_raised),
        ]

    def product_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.ProductChanged
    ) -> Outcome[None]:
        """Take over from which month on a product is sold."""
        market.note_launch(
            tx,
            fact.product.product_id,
            launch_month=fact.product.launch_month,
            version=fact.product.version,
        )
        return Outcome(None)

    def stock_reported(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerStockReported
    ) -> Outcome[None]:
        """Take over what a partner has and wants."""
        market.note_stocks(tx, wire_market.to_stocks(fact))
        return Outcome(None)

    def risk_raised(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.QualityRiskRaised
    ) -> Outcome[None]:
        """Take over of which product too much came back."""
        market.note_risk(tx, fact.quality_risk.risk_id, wire_market.to_risk(fact.quality_risk))
        return Outcome(None)
